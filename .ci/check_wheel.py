"""Checks the wheel in a directory: small, stripped, typed, licensed."""

from __future__ import annotations

import pathlib
import sys
import zipfile

LIMIT = 1_500_000

(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
size = wheel.stat().st_size
with zipfile.ZipFile(wheel) as archive:
    names = archive.namelist()
    (extension,) = [n for n in names if n.startswith("ranvier/_core.") and n.endswith(".so")]
    binary = archive.read(extension)
assert size <= LIMIT, f"{wheel.name} has {size} bytes, more than {LIMIT}"
assert b".symtab" not in binary, f"{extension} is not stripped"
assert "ranvier/py.typed" in names and "ranvier/_core.pyi" in names
assert any(n.endswith("licenses/LICENSE") for n in names)
print(f"{wheel.name}: {size / 1e6:.2f} MB, extension {len(binary) / 1e6:.2f} MB")
