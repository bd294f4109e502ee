"""What progress and callbacks add to a run of steps of about 50 us, in turn with the run without.

    python -m benchmarks.callbacks --steps 200 2000 --output benchmarks/results/callbacks.json

`--rows` makes steps of that length: 320 on one core with AVX-512, 120 on one with AVX2.
Each case is `fit` of a few epochs, run right after the same `fit` with `verbose=0` and nothing
else; the figures are medians of the ratios of such pairs: of processor time (of all threads, the
system's part too), which a busy machine hardly changes, and of time. Files go to a temporary
directory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import tempfile
import threading
import time
from typing import Any

import numpy as np


@contextlib.contextmanager
def terminal() -> Any:
    """Standard output is a terminal whose other end somebody reads."""
    ours, theirs = os.openpty()

    def drain() -> None:
        with contextlib.suppress(OSError):
            while os.read(ours, 65536):
                pass

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    with os.fdopen(theirs, "w") as stream, contextlib.redirect_stdout(stream):
        yield
    os.close(ours)


@contextlib.contextmanager
def a_file() -> Any:
    with tempfile.TemporaryFile("w") as stream, contextlib.redirect_stdout(stream):
        yield


def cases(directory: pathlib.Path) -> dict[str, tuple[int, Any, Any]]:
    """Name: verbose, where standard output goes, a maker of the callbacks."""
    from ranvier import callbacks as cb

    here, none = contextlib.nullcontext, list
    where = str(directory)
    return {
        "verbose=1, terminal": (1, terminal, none),
        "verbose=1, file": (1, a_file, none),
        "verbose=2, terminal": (2, terminal, none),
        "verbose=2, file": (2, a_file, none),
        "EarlyStopping": (0, here, lambda: [cb.EarlyStopping("loss", patience=99)]),
        "EarlyStopping, restore_best_weights": (
            0, here, lambda: [cb.EarlyStopping("loss", patience=99, restore_best_weights=True)],
        ),
        "ReduceLROnPlateau": (0, here, lambda: [cb.ReduceLROnPlateau("loss", patience=99)]),
        "LearningRateScheduler": (
            0, here, lambda: [cb.LearningRateScheduler(lambda epoch, rate: rate)],
        ),
        "CSVLogger": (0, here, lambda: [cb.CSVLogger(f"{where}/log.csv")]),
        "TensorBoard": (0, here, lambda: [cb.TensorBoard(f"{where}/logs")]),
        "ModelCheckpoint, best only, none better": (
            0, here,
            lambda: [cb.ModelCheckpoint(f"{where}/best.keras", "loss", save_best_only=True,
                                        mode="min", initial_value_threshold=-1.0)],
        ),
        "ModelCheckpoint, weights, each epoch": (
            0, here,
            lambda: [cb.ModelCheckpoint(f"{where}/m.weights.h5", save_weights_only=True)],
        ),
        "ModelCheckpoint, .keras, each epoch": (
            0, here, lambda: [cb.ModelCheckpoint(f"{where}/m.keras")],
        ),
        "BackupAndRestore, each epoch": (0, here, lambda: [cb.BackupAndRestore(f"{where}/backup")]),
        "TerminateOnNaN": (0, here, lambda: [cb.TerminateOnNaN()]),
        "on_train_batch_end that does nothing": (
            0, here, lambda: [cb.LambdaCallback(on_train_batch_end=lambda batch, logs: None)],
        ),
        "train_step overridden": (0, here, none),
    }  # fmt: skip


def models() -> tuple[Any, Any]:
    import ranvier
    from ranvier import layers

    class Own(ranvier.Sequential):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    made = []
    for kind in (ranvier.Sequential, Own):
        model = kind([ranvier.Input((20,)), layers.Dense(100, "relu"), layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        made.append(model)
    return made[0], made[1]


def measure(rows: int, steps: int, epochs: int, rounds: int, only: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows * steps, 20)).astype("float32")
    y = rng.integers(0, 2, len(x))
    plain, own = models()

    def run(model: Any, verbose: int, where: Any, make: Any) -> Any:
        given = make()
        with where():
            begin = np.array([time.process_time(), time.perf_counter()])
            model.fit(x, y, batch_size=rows, epochs=epochs, verbose=verbose, callbacks=given)
            return np.array([time.process_time(), time.perf_counter()]) - begin

    silent = (plain, 0, contextlib.nullcontext, list)
    base: list[Any] = []
    added: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, case in cases(pathlib.Path(directory)).items():
            if only not in name:
                continue
            tried = (own if name.startswith("train_step") else plain, *case)
            run(*tried)  # imports
            ratios = []
            for turn in range(rounds):
                pair = [run(*which) for which in ((silent, tried), (tried, silent))[turn % 2]]
                pair = pair[:: 1 - 2 * (turn % 2)]
                base.append(pair[0][0])
                ratios.append(pair[1] / pair[0])
            cpu, wall = added[name] = (np.median(ratios, axis=0) - 1).tolist()
            each = np.median(base) / epochs
            told = f"{1e6 * cpu * each:8.0f} us an epoch; {100 * wall:+7.1f} % of time"
            print(f"  {name:42} {100 * cpu:+7.1f} %, {told}", flush=True)
    each = float(np.median(base)) / epochs
    print(f"  steps of {1e6 * each / steps:.1f} us")
    return {"steps": steps, "epochs": epochs, "step_seconds": each / steps, "added": added}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[200, 2000], help="of an epoch")
    parser.add_argument("--rows", type=int, default=320, help="of a step")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each run, about")
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--output")
    given = parser.parse_args()
    results = []
    for steps in given.steps:
        epochs = max(2, round(given.seconds / 50e-6 / steps))
        print(f"{steps} steps an epoch, {epochs} epochs; processor time added")
        results.append(measure(given.rows, steps, epochs, given.rounds, given.only))
    if given.output:
        pathlib.Path(given.output).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(given.output).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
