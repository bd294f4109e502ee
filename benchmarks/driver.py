"""Times peers: each in a process of its own, in turn, several rounds, answers checked first."""

from __future__ import annotations

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent


def environment(threads: int) -> dict[str, str]:
    """What a child process is given."""
    variables = dict(os.environ)
    # they slow NumPy's own OpenBLAS on some machines
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "RANVIER_NUM_THREADS"):
        variables.pop(name, None)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        variables[name] = str(threads)
    if threads == 1:
        variables["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return variables


# Threads of the peer before spin on for some milliseconds after their last work (libgomp about 5,
# OpenBLAS about 20), and whoever needs both cores meanwhile waits a time slice at every barrier.
SETTLE = 0.05


class Peer:
    """A child process that times cases when asked."""

    def __init__(self, suite: str, name: str, threads: int) -> None:
        self.name = name
        self.settle = SETTLE if threads > 1 else 0.0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer", suite, name],
            cwd=ROOT,
            env=environment(threads),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=(lambda: os.sched_setaffinity(0, {0})) if threads == 1 else None,
        )
        self.version: str | None = self._read().get("ready")

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"missing": "the process ended"}

    def seconds(self, case: str, budget: float) -> float | None:
        assert self.process.stdin is not None
        time.sleep(self.settle)
        try:
            self.process.stdin.write(json.dumps({"case": case, "seconds": budget}) + "\n")
            self.process.stdin.flush()
            told = self._read()
            if "failed" in told:
                print(f"{self.name}, {case}: {told['failed']}", file=sys.stderr, flush=True)
            return told.get("seconds")
        except BrokenPipeError:
            return None

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def measure(
    suite: str, threads: int, peers: list[str], rounds: int, budget: float, names: list[str]
) -> dict[str, Any]:
    """{case: {peer: median seconds}}: one round takes every peer in turn."""
    running = [p for p in (Peer(suite, name, threads) for name in peers) if p.version]
    times: dict[str, dict[str, list[float]]] = {}
    for name in names:
        times[name] = {}
        for peer in running:  # builds, checks and warms up
            peer.seconds(name, 0.0)
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


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values))) if values else float("nan")


def show_ratios(result: dict[str, Any], other: str, group: str, names: list[str]) -> None:
    """One line on how much slower than ranvier the other is in these cases."""
    rows = {name: result["seconds"].get(name, {}) for name in names}
    both = {n: row for n, row in rows.items() if other in row and "ranvier" in row}
    ratios = {n: row[other] / row["ranvier"] for n, row in both.items()}
    if ratios:
        slow = sorted(ratios, key=ratios.__getitem__)[:4]
        under = sum(r < 0.9 for r in ratios.values())
        told = "; ".join(f"{name.split(' ', 1)[1]} {ratios[name]:.2f}" for name in slow)
        mean = geometric_mean(list(ratios.values()))
        print(f"  {group:8} {other:6} geometric mean {mean:.2f}x over {len(ratios)} shapes,"
              f" {under} under 0.9x; slowest {told}")  # fmt: skip


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import ranvier
    from ranvier import _core
    from ranvier.ops.bench import cpu_name

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "cpu": cpu_name(),
        "commit": commit,
        "config": ranvier.show_config("dicts"),
        "load_average": os.getloadavg(),
        # twice the one-thread peak on two threads, or the machine was not quiet
        "fma_peak_gflops": {str(n): _core.fma_peak(n, 0.2, "float32") for n in (1, 2)},
        "date": time.strftime("%Y-%m-%d"),
    }


def main(
    suite: str,
    doc: str,
    peers: list[str],
    cases: list[str],
    show: Any,
    usual: tuple[str, ...] = ("",),
) -> None:
    """The command line that all suites share; `usual` begin the names of what is timed unasked."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="+", default=peers, choices=peers)
    parser.add_argument("--cases", nargs="+", default=usual, help="beginnings of names")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1, help="per peer, case and round")
    parser.add_argument("--output", type=pathlib.Path, help="a JSON file")
    options = parser.parse_args()
    chosen = [name for name in cases if name.startswith(tuple(options.cases))]
    results: dict[str, Any] = {"machine": machine(), "runs": []}
    for threads in options.threads:
        run = measure(suite, threads, options.peers, options.rounds, options.seconds, chosen)
        show(run)
        results["runs"].append(run)
    print(json.dumps(results["machine"]))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")
