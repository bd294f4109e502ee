"""What progress and callbacks add to a run of steps of about 50 us, in turn with the run without.

    python -m benchmarks.callbacks --steps 200 2000 --output benchmarks/results/callbacks.json

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
import sys
import tempfile
import threading
import time
from typing import Any

import numpy as np

ROWS = 320  # a step's


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
        "TerminateOnNaN (watches batches)": (0, here, lambda: [cb.TerminateOnNaN()]),
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


def measure(steps: int, epochs: int, rounds: int, only: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS * steps, 20)).astype("float32")
    y = rng.integers(0, 2, len(x))
    plain, own = models()
    base: list[Any] = []
    ratios: dict[str, list[Any]] = {}

    def run(model: Any, verbose: int, where: Any, make: Any) -> Any:
        given = make()
        with where():
            begin = np.array([time.process_time(), time.perf_counter()])
            model.fit(x, y, batch_size=ROWS, epochs=epochs, verbose=verbose, callbacks=given)
            return np.array([time.process_time(), time.perf_counter()]) - begin

    with tempfile.TemporaryDirectory() as directory:
        chosen = {k: v for k, v in cases(pathlib.Path(directory)).items() if only in k}
        for turn in range(rounds + 1):
            for name, case in chosen.items():
                model = own if name.startswith("train_step") else plain
                pair = [run(plain, 0, contextlib.nullcontext, list), run(model, *case)]
                if turn:  # the first is not counted: imports
                    base.append(pair[0])
                    ratios.setdefault(name, []).append(pair[1] / pair[0])
    return {
        "steps": steps,
        "epochs": epochs,
        "step_seconds": np.median(base, axis=0)[0] / steps / epochs,
        "added": {name: (np.median(r, axis=0) - 1).tolist() for name, r in ratios.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[200, 2000], help="of an epoch")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each run, about")
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--output")
    given = parser.parse_args()
    results = []
    for steps in given.steps:
        epochs = max(2, round(given.seconds / 50e-6 / steps))
        result = measure(steps, epochs, given.rounds, given.only)
        results.append(result)
        step = result["step_seconds"]
        print(
            f"{steps} steps of {1e6 * step:.1f} us an epoch, {epochs} epochs; processor time added"
        )
        for name, added in result["added"].items():
            cpu, wall = added
            told = f"{1e6 * cpu * step * steps:8.0f} us an epoch; {100 * wall:+7.1f} % of time"
            print(f"  {name:42} {100 * cpu:+7.1f} %  {told}")
        sys.stdout.flush()
    if given.output:
        pathlib.Path(given.output).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(given.output).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
