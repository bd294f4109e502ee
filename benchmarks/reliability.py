"""Memory over many steps and many files: it must stay flat.

    python -m benchmarks.reliability --output benchmarks/results/reliability.json

100,000 training steps, 100,000 predictions, 1,000 cycles of saving and loading, 1,000 models made
and thrown away, 10,000 inputs that are refused; each in a process of its own. What is told is how
far resident memory lies above that after the first tenth.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks import driver
from benchmarks.memory import resident

# How often, by default, and how much it may have grown by: pages that the allocator keeps.
CASES = {
    "steps": 100_000,
    "predictions": 100_000,
    "files": 1_000,
    "models": 1_000,
    "refusals": 10_000,
}
MOST = 4 << 20


def model() -> Any:
    import ranvier

    L = ranvier.layers
    made = ranvier.Sequential(
        [ranvier.Input((5, 3)), L.Conv1D(8, 3), L.LSTM(8), L.BatchNormalization(), L.Dense(2)]
    )
    made.compile("adam", "mse", metrics=["mae"])
    return made


def work(case: str, directory: str) -> Callable[[int], Any]:
    """What is done n times."""
    import numpy as np

    import ranvier

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 5, 3)), rng.normal(size=(64, 2))
    made, path = model(), pathlib.Path(directory) / "m.keras"

    def files(n: int) -> None:
        nonlocal made
        for _ in range(n):
            made.save(path)
            made = ranvier.saving.load_model(path)
            made.train_on_batch(x, y)

    def models(n: int) -> None:
        for _ in range(n):
            ranvier.models.clone_model(made)(x)
            model().train_on_batch(x, y)

    def refusals(n: int) -> None:
        for i in range(n):
            with contextlib.suppress(ValueError, TypeError):
                made.fit(x[:, : i % 4 + 1, : i % 2 + 1], y, verbose=0)
            with contextlib.suppress(ValueError, TypeError):
                made.predict("x" * (i % 50), verbose=0)

    def predictions(n: int) -> None:
        for i in range(n):
            made.predict(x[: i % 64 + 1], verbose=0)

    def steps(n: int) -> None:
        made.fit(x, y, batch_size=16, epochs=max(1, n // 4), verbose=0)

    return {f.__name__: f for f in (files, models, refusals, predictions, steps)}[case]


def grown(case: str, times: int) -> int:
    """Bytes, between the first tenth and the end."""
    with tempfile.TemporaryDirectory() as directory:
        run = work(case, directory)
        run(times // 10)
        gc.collect()
        before = resident("VmRSS")
        run(times - times // 10)
        gc.collect()
        return resident("VmRSS") - before


def measured(case: str, times: int) -> int:
    """`grown`, in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.reliability", "--child", case, str(times)],
        capture_output=True, text=True, cwd=driver.ROOT, check=True,
    )  # fmt: skip
    return int(told.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the numbers of times")
    parser.add_argument("--output", type=pathlib.Path, help="a JSON file")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(grown(options.child[0], int(options.child[1])))
        return
    results: dict[str, Any] = {"machine": driver.machine(), "bytes": {}}
    for case, times in CASES.items():
        n = max(10, int(times * options.share))
        bytes_ = measured(case, n)
        results["bytes"][case] = {"times": n, "grown": bytes_, "flat": bytes_ < MOST}
        verdict = "flat" if bytes_ < MOST else "GROWS"
        print(f"{n:8} {case:12} {bytes_ / 1024:+9.0f} KB  {verdict}", flush=True)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    sys.exit(not all(row["flat"] for row in results["bytes"].values()))


if __name__ == "__main__":
    main()
