"""How much memory training holds, beside what it may.

    python -m benchmarks.memory --output benchmarks/results/memory.json

Each peer in a process of its own: how far the peak of its resident memory, over building the model
and ten steps, lies above what was resident before, with the framework imported and the data made.
PyTorch loads much of its code at its first step: the smallest network shows how much.
The bound is weights x (2 + the optimizer's slots) + 1.25 x activations of one batch + 64 MB.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import pathlib
import subprocess
import sys

from benchmarks import driver, networks

STEPS = 10


def resident(name: str) -> int:
    """Bytes: "VmRSS" now, "VmHWM" at the peak."""
    status = pathlib.Path("/proc/self/status").read_text().split()
    return 1024 * int(status[status.index(f"{name}:") + 1])


def grown(peer: str, case: networks.Case) -> int:
    """In a process that has done nothing before."""
    module = importlib.import_module(f"benchmarks.peers.{peer}_peer")
    module.versions()  # imports the framework
    networks.data(case), networks.weights(case)  # kept for `make`
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before = resident("VmRSS")
    _, run = module.make(case)
    run(STEPS)
    return resident("VmHWM") - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="+", default=["ranvier", "torch"])
    parser.add_argument(
        "--cases",
        nargs="+",
        default=["20-100-2", "CNN", "LSTM", "2 x LSTM"],
        help="beginnings of names",
    )
    parser.add_argument("--output", type=pathlib.Path, help="a JSON file")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        peer, name = options.child
        print(grown(peer, networks.CASES[name]))
        return
    results = {"machine": driver.machine(), "bytes": []}
    for case in networks.CASES.values():
        if case.kind != "train" or not case.name.startswith(tuple(options.cases)):
            continue
        for threads in options.threads:
            row = {"case": case.name, "threads": threads, "bound": networks.bound(case)}
            for peer in options.peers:
                told = subprocess.run(
                    [sys.executable, "-m", "benchmarks.memory", "--child", peer, case.name],
                    capture_output=True, text=True, cwd=driver.ROOT,
                    env=driver.environment(threads), check=True,
                )  # fmt: skip
                row[peer] = int(told.stdout.split()[-1])
            cells = [f"{k} {row[k] / 2**20:7.1f}" for k in ("bound", *options.peers)]
            print(f"{case.name:32} {threads} thread(s), MB: " + "  ".join(cells), flush=True)
            results["bytes"].append(row)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
