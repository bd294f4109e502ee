"""Networks, trained and run, beside other frameworks.

    python -m benchmarks.frameworks --threads 1 2 --output benchmarks/results/frameworks.json

Prints a table of medians and ratios, and writes both with CPU, instruction set, threads, the fused
multiply-add peak of the same run, and the commit.
"""

from __future__ import annotations

from typing import Any

from benchmarks import driver, networks

PEERS = ["ranvier", "torch", "torch_compiled", "jax", "keras", "sklearn", "onnxruntime"]


def show(result: dict[str, Any]) -> None:
    print(f"\n{result['threads']} thread(s): microseconds a step (times as slow as ranvier)")
    for case, row in result["seconds"].items():
        own = row.get("ranvier")
        cells = [
            f"{p} {1e6 * s:.1f}" + (f" ({s / own:.1f}x)" if own else "") for p, s in row.items()
        ]
        print(f"  {case:32} " + "  ".join(cells), flush=True)


if __name__ == "__main__":
    driver.main("networks", __doc__, PEERS, list(networks.CASES), show)
