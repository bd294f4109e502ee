"""The table once more under every instruction set that runs here.

RANVIER_ISA is read once by a process, so each set is another process.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ranvier import _core

PRIVATE = ("-p", "no:cacheprovider")
OTHERS = [isa for isa in _core.isas_available() if isa != _core.isa()]


@pytest.mark.parametrize("isa", OTHERS)
def test_table_under_instruction_set(isa: str) -> None:
    here = os.path.dirname(__file__)
    files = [os.path.join(here, name) for name in ("test_table.py", "test_vector_math.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--noconftest", *PRIVATE, *files],
        env={**os.environ, "RANVIER_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_unknown_instruction_set_is_refused_at_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import ranvier._core"],
        env={**os.environ, "RANVIER_ISA": "mmx"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "RANVIER_ISA=mmx cannot run here" in done.stderr


def test_number_of_threads_from_environment() -> None:
    code = "import ranvier._core as c; print(c.num_threads())"

    def run(n: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "RANVIER_NUM_THREADS": n},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("3").stdout.strip() in ("3", "1")  # 1: a build without OpenMP
    if _core.threading_layer() != "none":
        assert "RANVIER_NUM_THREADS must be an integer" in run("many").stderr
