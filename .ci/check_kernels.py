"""No object built for one instruction set may hold code that the linker could give to everybody.

A function that a shared header instantiates (std::sort, an inline helper) is a weak symbol in each
object that uses it, and the linker keeps one: perhaps the one compiled for AVX-512. Weak symbols
in the instruction set's own namespace are given to nobody else.

    python .ci/check_kernels.py build/asan
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

HARMLESS = ("DW.ref.__gxx_personality_v0",)  # a pointer, not code

objects = sorted(pathlib.Path(sys.argv[1]).rglob("*ranvier_kernels_*/**/*.o"))
assert objects, f"no kernel objects under {sys.argv[1]}"
wrong = []
for path in objects:
    listed = subprocess.run(["nm", "-C", path], check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        kind, name = line[17:18], line[19:]
        own = f"ranvier::{path.parts[-3].split('_')[2]}::"
        if kind in "WVu" and name not in HARMLESS and own not in name:
            wrong.append(f"{path.name} of {path.parts[-3]}: {name}")
assert not wrong, "weak symbols in kernels:\n" + "\n".join(wrong)
print(f"{len(objects)} kernel objects without weak code")
