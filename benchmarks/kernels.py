"""ranvier's kernels beside NumPy's and PyTorch's.

    python -m benchmarks.kernels --threads 1 2 --output benchmarks/results/kernels.json

Each peer writes into memory it already has. Matrix products are summed up by their geometric mean
and the slowest shapes; `percent of peak` counts 2 M N K operations against the machine's own fused
multiply-add peak, measured in the same run.
"""

from __future__ import annotations

from typing import Any

from benchmarks import driver
from benchmarks.kernel_cases import CASES

PEERS = ["ranvier", "numpy", "torch"]


def _ratios(result: dict[str, Any], other: str, beginning: str) -> dict[str, float]:
    rows = result["seconds"].items()
    return {
        name: row[other] / row["ranvier"]
        for name, row in rows
        if name.startswith(beginning) and other in row and "ranvier" in row
    }


def show(result: dict[str, Any]) -> None:
    threads = result["threads"]
    from ranvier import _core

    peak = result["fma_peak_gflops"] = _core.fma_peak(threads, 0.3, "float32")
    print(f"\n{threads} thread(s); fused multiply-add peak {peak:.0f} GFLOP/s")
    for other in ("numpy", "torch"):
        for group in ("gemm", "gemm nn", "gemm tn", "gemm nt"):
            ratios = _ratios(result, other, group)
            if ratios:
                slow = sorted(ratios, key=ratios.__getitem__)[:4]
                under = sum(r < 0.9 for r in ratios.values())
                told = ", ".join(f"{name[5:]} {ratios[name]:.2f}" for name in slow)
                mean = driver.geometric_mean(list(ratios.values()))
                print(f"  {group:8} {other:6} geometric mean {mean:.2f}x over {len(ratios)} shapes,"
                      f" {under} under 0.9x; slowest {told}")  # fmt: skip
    for name, row in result["seconds"].items():
        if "ranvier" not in row or (name.startswith("gemm") and not _is_square(name)):
            continue
        own = row["ranvier"]
        cells = [f"{p} {s / own:.2f}x" for p, s in row.items() if p != "ranvier"]
        if CASES[name].flops:
            cells.append(f"{100 * CASES[name].flops / own / 1e9 / peak:.0f} % of peak")
        print(f"  {name:28} {1e6 * own:9.2f} us  " + "  ".join(cells), flush=True)


def _is_square(name: str) -> bool:
    return len(set(CASES[name].shape)) == 1


if __name__ == "__main__":
    driver.main("kernels", __doc__, PEERS, list(CASES), show)
