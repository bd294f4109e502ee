"""Every constructor with each argument hostile, and every op with each argument hostile.

    python -m tests.fuzz.arguments constructors ops

Allowed are success, ValueError, TypeError, MemoryError for sizes that are asked for, and what
`ALLOWED` lists. The process may take 5 GB, a case 20 seconds. Ends with 1 and a list of what else came.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import faulthandler
import inspect
import io
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ranvier

MEMORY, SECONDS = 5 << 30, 20
NAN = float("nan")
QUICK = [
    None, -1, 0, 2**31, 2**62, 10**30, NAN, float("inf"), 1e300, -0.5, "", "x", b"x", [], [-1],
    [2**62], ["a"], (), (0, 0), (2**31, 2**31), (2**62, 2**62), (NAN, NAN), ((2**62,) * 2,) * 2, {},
    {"class_name": "x"}, object(), True, 1j, np.array([1.0, 2.0]), np.array([]), np.array(["a"]),
    np.int64(2**62), int, set(), ...,
]  # fmt: skip
MORE = [
    1, 2, 3, 2**64, -float("inf"), 0.5, 1.5, "relu", "same", [1], [1, 2], [None], (1, 1), (-1, -1),
    (0.5, 0.5), ((1, 1), (1, 1)), {"a": 1}, {"class_name": "Dense", "config": {}}, np.float32(1),
    np.array(3), np.zeros((2, 2)), range(3), slice(None), abs,
]  # fmt: skip

# What arguments without a default are unless they are the hostile one.
USUAL: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(
        ["units", "filters", "kernel_size", "size", "n", "num_classes", "num_bins", "output_dim",
         "target_height", "decay_steps", "first_decay_steps", "height", "width"], lambda: 2,
    ),
    **dict.fromkeys(
        ["rate", "stddev", "factor", "height_factor", "width_factor", "recall", "precision",
         "sensitivity", "specificity", "initial_learning_rate", "decay_rate", "scale", "learning_rate"],
        lambda: 0.1,
    ),
    "activation": lambda: "relu", "layer": lambda: ranvier.layers.Dense(2), "dims": lambda: (2, 1),
    "cell": lambda: ranvier.layers.LSTMCell(2), "cells": lambda: [ranvier.layers.LSTMCell(2)],
    "target_shape": lambda: (-1,), "input_dim": lambda: 5, "boundaries": lambda: [1],
    "fn": lambda: (lambda y_true, y_pred: np.zeros(len(y_true))), "values": lambda: [0.1, 0.2],
    "target_class_ids": lambda: [0], "batch_shape": lambda: (None, 3),
    "schedule": lambda: (lambda epoch: 0.1),
}  # fmt: skip

# Not of numbers: files and addresses may fail as files and addresses do, parts to be written by the
# user say so, lookups without a vocabulary raise RuntimeError as Keras' do.
ALLOWED = (ValueError, TypeError, MemoryError, OSError, NotImplementedError)
LEFT_OUT = {"BackupAndRestore", "CSVLogger", "ModelCheckpoint", "RemoteMonitor", "TensorBoard"}
LABELS = [np.array([[0, 1], [1, 0]]), np.array([0, 1]), np.array([[5, -1], [1, 0]])]
BATCHES = [np.ones((2, 4), "f4"), np.ones((2, 5, 3), "f4"), np.ones((2, 6, 6, 3), "f4"),
           np.ones((1, 4, 4, 4, 2), "f4")]  # fmt: skip


def small() -> Any:
    return ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Dense(1)])


def use(room: str, made: Any) -> Iterator[Callable[[], Any]]:
    """What is done with an object that was made."""
    predictions = np.array([[0.2, 0.8], [0.5, 0.5]], "f4")
    model = small()
    if room == "layers":
        yield from (lambda x=x: made(x) for x in BATCHES)
    elif room == "losses":
        yield from (lambda y=y: made(y, predictions) for y in LABELS)
        yield from (lambda y=y: made.gradient(y, predictions) for y in LABELS)
    elif room == "metrics":
        yield from (lambda y=y: made(y, predictions) for y in LABELS)
    elif room == "schedules":
        yield from (lambda s=s: made(s) for s in (0, 1, 10**9))
    elif room in ("optimizers", "callbacks"):
        model.compile(made if room == "optimizers" else "sgd", "mse")
        calls = [made] if room == "callbacks" else None
        yield lambda: model.fit(BATCHES[0][:, :2], np.ones(2), verbose=0, callbacks=calls)
    elif room == "initializers":
        yield from (lambda s=s: made(s) for s in ((3, 3), (2, 2, 3, 4)))
    else:
        yield lambda: made(np.ones((3, 3), "f4"))
    if hasattr(made, "get_config"):
        yield made.get_config


def constructors(values: list[Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    rooms = {"schedules": ranvier.optimizers.schedules}
    names = [
        "layers",
        "losses",
        "metrics",
        "optimizers",
        "callbacks",
        "initializers",
        "regularizers",
    ]
    rooms |= {name: getattr(ranvier, name) for name in [*names, "constraints"]}
    for room, module in rooms.items():
        for name in module.__all__:
            cls = getattr(module, name)
            if not isinstance(cls, type) or name in LEFT_OUT:
                continue
            parameters = inspect.signature(cls.__init__).parameters
            usual = {
                n: USUAL[n] for n, p in parameters.items() if p.default is p.empty and n in USUAL
            }
            own = getattr(cls, "constructor_arguments", lambda p=parameters: [*p][1:])()
            for argument in own:
                for value in values:

                    def case(cls: Any = cls, argument: str = argument, value: Any = value,
                             usual: Any = usual, room: str = room) -> None:  # fmt: skip
                        given = {n: make() for n, make in usual.items()} | {argument: value}
                        made = cls(**given)
                        for act in use(room, made):
                            with contextlib.suppress(*ALLOWED):
                                act()

                    yield f"{room}.{name}({argument}={value!r:.50})", case


def like(given: Any) -> Iterator[Any]:
    """Arrays of the argument's shape with hostile numbers, and of shapes near to it."""
    if not isinstance(given, np.ndarray) or not given.size:
        return
    for number in (NAN, np.inf, -np.inf, 1e38, -1, 2**31, 1e-40):
        with contextlib.suppress(ValueError, OverflowError):
            yield np.full_like(given, number)
    yield from (given[:-1], given[:0], given[None], given[0], given[..., :-1], given[::-1])
    yield np.broadcast_to(given[:1], (2**40, *given.shape[1:]))
    yield np.broadcast_to(given[..., :1], (*given.shape[:-1], 2**40))


def calls(values: list[Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    from ranvier.ops.table import table

    for op in table():
        if op.name.startswith("optimizer_step"):  # the row's own function takes them apart
            continue
        for dtype in ("float32", "float64"):
            places: Any = op.make_inputs(np.random.default_rng(1), dtype, 7)
            for place in [*range(len(places[0])), *places[1]]:
                given = places[isinstance(place, str)][place]
                for value in [*values, *like(given)]:

                    def case(op: Any = op, place: Any = place, value: Any = value,
                             dtype: str = dtype) -> None:  # fmt: skip
                        args, kwargs = op.make_inputs(np.random.default_rng(1), dtype, 7)
                        args, kwargs = list(args), dict(kwargs)  # rows keep theirs
                        (kwargs if isinstance(place, str) else args)[place] = value
                        op.native(*args, **kwargs)

                    shown = value.shape if isinstance(value, np.ndarray) else repr(value)[:50]
                    yield f"{op.name}[{dtype}]({place}={shown})", case


def on_alarm(*_: Any) -> None:
    raise RuntimeError(f"took more than {SECONDS} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["constructors", "ops"])
    parser.add_argument("--quick", action="store_true", help="fewer values")
    options = parser.parse_args()
    faulthandler.enable()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    with contextlib.suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, on_alarm)
    values = QUICK if options.quick else [*QUICK, *MORE]
    tried, wrong = 0, collections.Counter[str]()
    for what in options.what:
        for name, case in {"constructors": constructors, "ops": calls}[what](values):
            tried += 1
            signal.alarm(SECONDS)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    case()
            except (*ALLOWED, IndexError) as error:
                if isinstance(error, IndexError) and what == "constructors":
                    wrong[f"{name}: {error!r:.100}"] += 1
            except RuntimeError as error:
                if "vocabulary" not in str(error):
                    wrong[f"{name}: {error!r:.100}"] += 1
            except Exception as error:
                wrong[f"{name}: {error!r:.100}"] += 1
            finally:
                signal.alarm(0)
    print(json.dumps({"cases": tried, "wrong": len(wrong)}))
    for text in wrong:
        print(text)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
