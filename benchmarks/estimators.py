"""ranvier's MLPClassifier beside scikit-learn's: the same data, arguments and random_state.

    python -m benchmarks.estimators --threads 1 2 --output benchmarks/results/estimators.json

The grid search has two processes and so belongs to two threads; its first run starts them.
"""

from __future__ import annotations

from typing import Any

from benchmarks import driver
from benchmarks.estimator_cases import CASES

PEERS = ["ranvier", "sklearn"]


def show(result: dict[str, Any]) -> None:
    from ranvier import _core

    threads = result["threads"]
    for dtype in ("float32", "float64"):
        peak = result[f"fma_peak_{dtype}"] = _core.fma_peak(threads, 0.3, dtype)
        print(f"{threads} thread(s); fused multiply-add peak {peak:.0f} GFLOP/s of {dtype}")
    for name, row in result["seconds"].items():
        if len(row) == len(PEERS):
            own, other = row["ranvier"], row["sklearn"]
            print(f"  {name:46} {1e3 * own:10.3f} ms  {other / own:6.2f}x scikit-learn", flush=True)


if __name__ == "__main__":
    driver.main("estimators", __doc__, PEERS, list(CASES), show)
