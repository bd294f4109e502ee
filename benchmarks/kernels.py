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


def show(result: dict[str, Any]) -> None:
    threads = result["threads"]
    from ranvier import _core

    peak = result["fma_peak_gflops"] = _core.fma_peak(threads, 0.3, "float32")
    print(f"\n{threads} thread(s); fused multiply-add peak {peak:.0f} GFLOP/s")
    for other in ("numpy", "torch"):
        for group in ("gemm", "gemm nn", "gemm tn", "gemm nt"):
            driver.show_ratios(result, other, group, [n for n in CASES if n.startswith(group)])
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
