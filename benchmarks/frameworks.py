"""ranvier beside other frameworks: each in a process of its own, in turn, several rounds.

    python -m benchmarks.frameworks --threads 1 2 --output benchmarks/results/frameworks.json

Prints a table of medians and ratios, and writes both with CPU, instruction set, threads, the fused
multiply-add peak of the same run, and the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

from benchmarks import cases

PEERS = ["ranvier", "torch", "torch_compiled", "jax", "keras", "sklearn", "onnxruntime"]
ROOT = pathlib.Path(__file__).resolve().parent.parent


class Peer:
    """A child process that times cases when asked."""

    def __init__(self, name: str, threads: int) -> None:
        environment = dict(os.environ)
        # they slow NumPy's own OpenBLAS on some machines
        for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "RANVIER_NUM_THREADS"):
            environment.pop(variable, None)
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[variable] = str(threads)
        if threads == 1:
            environment["XLA_FLAGS"] = (
                "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
            )
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer", name],
            cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=(lambda: os.sched_setaffinity(0, {0})) if threads == 1 else None,
        )  # fmt: skip
        hello = self._read()
        self.version: str | None = hello.get("ready")

    def _read(self) -> dict:
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"missing": "the process ended"}

    def seconds(self, case: str, budget: float) -> float | None:
        try:
            self.process.stdin.write(json.dumps({"case": case, "seconds": budget}) + "\n")
            self.process.stdin.flush()
            return self._read().get("seconds")
        except BrokenPipeError:
            return None

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


def measure(threads: int, peers: list[str], rounds: int, budget: float, names: list[str]) -> dict:
    """{case: {peer: median seconds}}: one round takes every peer in turn."""
    running = [p for p in (Peer(name, threads) for name in peers) if p.version]
    times: dict[str, dict[str, list[float]]] = {}
    for name in names:
        times[name] = {}
        for peer in running:  # builds, checks and warms up
            peer.seconds(name, 0.01)
        for _ in range(rounds):
            for peer in running:
                seconds = peer.seconds(name, budget)
                if seconds is not None:
                    times[name].setdefault(peer.name, []).append(seconds)
    versions = {p.name: p.version for p in running}
    for peer in running:
        peer.close()
    medians = {c: {p: statistics.median(t) for p, t in row.items()} for c, row in times.items()}
    return {"threads": threads, "versions": versions, "seconds": medians}


def show(result: dict) -> None:
    print(f"\n{result['threads']} thread(s): microseconds a step (times as slow as ranvier)")
    for case, row in result["seconds"].items():
        own = row.get("ranvier")
        cells = [
            f"{p} {1e6 * s:.1f}" + (f" ({s / own:.1f}x)" if own else "") for p, s in row.items()
        ]
        print(f"  {case:32} " + "  ".join(cells))


def machine() -> dict:
    import ranvier
    from ranvier import _core

    cpu = platform.processor()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "cpu": cpu,
        "commit": commit,
        "config": ranvier.show_config("dicts"),
        "load_average": os.getloadavg(),
        "fma_peak_gflops": {str(n): _core.fma_peak(n, 0.2, "float32") for n in (1, 2)},
        "date": time.strftime("%Y-%m-%d"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--cases", nargs="+", default=list(cases.CASES), choices=list(cases.CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="per peer, case and round")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    results = {"machine": machine(), "runs": []}
    for threads in options.threads:
        run = measure(threads, options.peers, options.rounds, options.seconds, options.cases)
        show(run)
        results["runs"].append(run)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
