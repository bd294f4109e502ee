"""Convolution, pooling and normalization beside PyTorch's, all channels last.

    python -m benchmarks.layers --threads 1 2 --output benchmarks/results/layers.json
    python -m benchmarks.layers --threads 1 --cases more  # convolutions of less common shapes

`percent of peak` counts the operations of direct convolution against the machine's own fused
multiply-add peak, measured in the same run: Winograd's algorithm can exceed 100. GB/s counts each
array read or written once; small ones stay in caches. PyTorch's operators allocate their results.
"""

from __future__ import annotations

from typing import Any

from benchmarks import driver
from benchmarks.layer_cases import CASES

PEERS = ["ranvier", "torch"]


def _group(name: str) -> str:
    return f"{CASES[name].kind} {CASES[name].what}"


def show(result: dict[str, Any]) -> None:
    threads = result["threads"]
    from ranvier import _core

    peak = result["fma_peak_gflops"] = _core.fma_peak(threads, 0.3, "float32")
    print(f"\n{threads} thread(s); fused multiply-add peak {peak:.0f} GFLOP/s")
    for group in dict.fromkeys(map(_group, result["seconds"])):
        driver.show_ratios(result, "torch", f"{group:21}", [n for n in CASES if _group(n) == group])
    for name, row in result["seconds"].items():
        if "ranvier" not in row:
            continue
        own, case = row["ranvier"], CASES[name]
        cells = [f"{p} {s / own:5.2f}x" for p, s in row.items() if p != "ranvier"]
        if case.flops:
            cells.append(f"{100 * case.flops / own / 1e9 / peak:3.0f} % of peak")
        if case.bytes:
            cells.append(f"{case.bytes / own / 1e9:5.1f} GB/s")
        print(f"  {name:52} {1e6 * own:9.1f} us  " + "  ".join(cells), flush=True)


if __name__ == "__main__":
    usual = tuple({case.kind for case in CASES.values()})
    driver.main("layers", __doc__, PEERS, list(CASES), show, usual)
