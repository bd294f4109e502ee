"""How much a training step slows down when every core has a busy process of somebody else's.

    python -m benchmarks.busy --output benchmarks/results/busy.json

Each peer is measured on the idle machine and beside one busy process a core, in turn: training and
prediction of dense, convolutional and recurrent networks. Cases are left out once `--limit` seconds
are over (110 by default).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from benchmarks import driver, networks

SPIN = "while True: pass"
CASES = [
    case.name
    for case in (
        *networks.TRAIN, *networks.PREDICT, networks.RNN_TRAIN[0], networks.RNN_PREDICT[0],
        networks.CONV_TRAIN[1], networks.CONV_PREDICT[0],
    )
]  # fmt: skip


def crowd() -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(os.cpu_count() or 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="+", default=["ranvier", "torch"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--limit", type=float, default=110.0, help="seconds for all of it")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    threads = os.cpu_count() or 1
    results: dict[str, object] = {"machine": driver.machine(), "threads": threads, "slower": {}}
    end = time.monotonic() + options.limit
    for case in CASES:
        if time.monotonic() > end:
            print(f"{case:32} left out: the time is over")
            continue
        for name in options.peers:
            peer = driver.Peer("networks", name, threads)
            peer.seconds(case, 0.0)
            idle, busy = [], []
            for _ in range(options.rounds):
                idle.append(peer.seconds(case, options.seconds))
                others = crowd()
                try:
                    busy.append(peer.seconds(case, options.seconds))
                finally:
                    for other in others:
                        other.kill()
                        other.wait()
            peer.close()
            a, b = statistics.median(idle), statistics.median(busy)
            print(
                f"{case:32} {name:8} idle {1e6 * a:9.1f} us  busy {1e6 * b:10.1f} us  {b / a:.2f}x"
            )
            results["slower"][f"{case} {name}"] = [a, b]
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
