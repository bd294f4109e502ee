"""One peer in a process of its own: reads cases from stdin, writes seconds a step to stdout.

python -m benchmarks.peer networks ranvier
"""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np

# Suite: the module of its cases, the ending of its peers' modules.
SUITES = {
    "networks": ("networks", "_peer"),
    "kernels": ("kernel_cases", "_kernels"),
    "layers": ("layer_cases", "_layers"),
    "estimators": ("estimator_cases", "_estimators"),
}


def main() -> None:
    suite, name = sys.argv[1:]
    cases, ending = SUITES[suite]
    module = importlib.import_module(f"benchmarks.{cases}")
    out, sys.stdout = sys.stdout, sys.stderr  # frameworks may print
    try:
        peer = importlib.import_module(f"benchmarks.peers.{name}{ending}")
        told = {"ready": peer.versions()}
    except ImportError as error:
        told = {"missing": str(error)}
    print(json.dumps(told), file=out, flush=True)
    made, prepared = None, None
    for line in sys.stdin:
        request = json.loads(line)
        if request["case"] != made:
            made, prepared = request["case"], None
            try:
                prepared = prepare(peer, module, module.CASES[made])
            except Exception as error:
                failed = f"{type(error).__name__}: {error}"
                print(json.dumps({"failed": failed}), file=out, flush=True)
                continue
        print(json.dumps(measure(prepared, request["seconds"])), file=out, flush=True)


def prepare(peer, module, case):
    """The peer's `run`, once its answer has been checked; and how many steps to time at once."""
    pair = peer.make(case)
    if pair is None:
        return None
    answer, run = pair
    check(module, case, answer)
    if case.kind == "train":
        check_training(peer, module, case, getattr(peer, "SAME_STEPS", 3))
    steps = getattr(case, "steps", 1)
    run(steps)  # compiles, warms up
    run(steps)
    while True:
        begin = time.perf_counter()
        run(steps)
        if time.perf_counter() - begin > 0.01:
            return run, steps
        steps *= 2


def check(module, case, answer):
    want = module.expected(case)
    scale = max(1e-30, float(np.abs(want).max()))
    np.testing.assert_allclose(answer() / scale, want / scale, rtol=2e-3, atol=2e-4)


def check_training(peer, module, case, steps):
    """A few steps, each on all of a few rows, must lead to the same loss."""
    small = case._replace(rows=8, batch=8)
    if not steps or not (pair := peer.make(small)):
        return
    answer, run = pair
    run(steps)
    at = (range(small.rows), module.data(small)[1])
    got, want = (
        -np.log(np.maximum(p[at], 1e-30)).mean() for p in (answer(), module.expected(small, steps))
    )
    np.testing.assert_allclose(got, want, rtol=2e-2)  # PyTorch's Adam has another epsilon


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
