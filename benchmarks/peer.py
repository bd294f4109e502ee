"""One peer in a process of its own: reads cases from stdin, writes seconds a step to stdout.

python -m benchmarks.peer ranvier
"""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np

from benchmarks import cases


def main() -> None:
    name = sys.argv[1]
    out, sys.stdout = sys.stdout, sys.stderr  # frameworks may print
    try:
        peer = importlib.import_module(f"benchmarks.peers.{name}_peer")
        told = {"ready": peer.versions()}
    except ImportError as error:
        told = {"missing": str(error)}
    print(json.dumps(told), file=out, flush=True)
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        case = cases.CASES[request["case"]]
        if case.name not in made:
            made[case.name] = prepare(peer, case)
        print(json.dumps(measure(made[case.name], request["seconds"])), file=out, flush=True)


def prepare(peer, case):
    """The peer's `run`, once its answer has been checked; and how many steps to time at once."""
    pair = peer.make(case)
    if pair is None:
        return None
    predict, run = pair
    x, _ = cases.data(case)
    np.testing.assert_allclose(predict(x), cases.expected(case), rtol=2e-3, atol=2e-4)
    steps = max(1, case.rows // case.batch)
    run(steps)  # compiles, warms up
    run(steps)
    while True:
        begin = time.perf_counter()
        run(steps)
        if time.perf_counter() - begin > 0.02:
            return run, steps
        steps *= 2


def measure(prepared, seconds):
    if prepared is None:
        return {"seconds": None}
    run, steps = prepared
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        begin = time.perf_counter()
        run(steps)
        times.append((time.perf_counter() - begin) / steps)
    return {"seconds": float(np.median(times))}


if __name__ == "__main__":
    main()
