"""Checks the wheel in a directory: small, stripped, typed, licensed.

A wheel that auditwheel has repaired holds libgomp too, 0.13 MB of it.

    python .ci/check_wheel.py DIRECTORY [--repaired]
"""

from __future__ import annotations

import pathlib
import sys
import zipfile

LIMIT = 1_500_000
LIBGOMP = 150_000

repaired = "--repaired" in sys.argv
(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
size = wheel.stat().st_size
limit = LIMIT + LIBGOMP if repaired else LIMIT
with zipfile.ZipFile(wheel) as archive:
    names = archive.namelist()
    (extension,) = [n for n in names if n.startswith("ranvier/_core.") and n.endswith(".so")]
    binary = archive.read(extension)
bundled = [n for n in names if n.startswith("ranvier.libs/")]
assert size <= limit, f"{wheel.name} has {size} bytes, more than {limit}"
assert b".symtab" not in binary, f"{extension} is not stripped"
assert "ranvier/py.typed" in names and "ranvier/_core.pyi" in names
assert any(n.endswith("licenses/LICENSE") for n in names)
if repaired:
    assert "-manylinux" in wheel.name or "-musllinux" in wheel.name, f"{wheel.name}: no platform"
    assert len(bundled) == 1 and "libgomp" in bundled[0], f"bundled: {bundled}"
print(f"{wheel.name}: {size / 1e6:.3f} MB, extension {len(binary) / 1e6:.2f} MB", *bundled)
