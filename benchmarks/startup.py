"""What it costs to import ranvier: time and memory beside NumPy's alone, and other frameworks'.

python -m benchmarks.startup
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks import driver

CODE = """
import time
begin = time.perf_counter()
import {module}
took = time.perf_counter() - begin
for line in open("/proc/self/status"):
    if line.startswith("VmRSS"):
        print(took, line.split()[1])
"""
MODULES = ["numpy", "ranvier", "torch", "jax", "keras", "sklearn.neural_network"]


def main() -> None:
    figures: dict[str, list[tuple[float, float]]] = {m: [] for m in MODULES}
    for _ in range(11):
        for module in MODULES:
            told = subprocess.run(
                [sys.executable, "-c", CODE.format(module=module)],
                capture_output=True, text=True,
                env={**driver.environment(1), "KERAS_BACKEND": "jax"},
            )  # fmt: skip
            if told.returncode == 0:
                seconds, kib = map(float, told.stdout.split()[-2:])
                figures[module].append((seconds, kib / 1024))
    base = [statistics.median(column) for column in zip(*figures["numpy"], strict=True)]
    for module, rows in figures.items():
        if rows:
            time, memory = (statistics.median(column) for column in zip(*rows, strict=True))
            print(f"import {module:24} {1e3 * time:7.1f} ms ({time / base[0]:.2f}x NumPy)  "
                  f"{memory:6.1f} MB ({memory - base[1]:+.1f} over NumPy)")  # fmt: skip


if __name__ == "__main__":
    main()
