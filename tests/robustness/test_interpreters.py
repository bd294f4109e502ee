"""Interpreters that share a process, or have no GIL: refused, or given one, before anything hangs."""

from __future__ import annotations

import importlib.util
import sysconfig

import pytest

from .scripts import run_alone

# 3.11: the import hung, on the lock that its own thread held
CODE = """
import sys
told = '''
try:
    import ranvier
except ImportError as error:
    print("refused:", error, flush=True)
'''
if sys.argv[1] == "second":
    import ranvier
try:
    import _interpreters as module  # 3.13
except ImportError:
    import _xxsubinterpreters as module
if sys.version_info >= (3, 13):
    kind = {"isolated": "isolated", "shared": "legacy"}[sys.argv[2]]
    other = module.create(kind)
else:
    other = module.create(isolated=sys.argv[2] == "isolated")
module.run_string(other, told)
module.destroy(other)
import ranvier, numpy
one = numpy.ones((2, 2), "f4")
assert ranvier.ops.matmul(one, one).sum() == 8
"""


AT_HAND = any(map(importlib.util.find_spec, ("_interpreters", "_xxsubinterpreters")))


@pytest.mark.skipif(not AT_HAND, reason="this Python has no module for them")
@pytest.mark.parametrize("lock", ["isolated", "shared"])
@pytest.mark.parametrize("imported", ["first", "second"])
def test_a_subinterpreter_is_refused(imported: str, lock: str) -> None:
    told = run_alone(CODE, imported, lock)
    assert told.count("refused: ") == 1
    assert "does not support loading in subinterpreters" in told


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="always has its GIL")
def test_free_threaded_python_runs_ranvier_with_its_gil() -> None:
    # the module does not say that it can do without (docs/reliability.md), so that CPython puts it on
    code = "import sys; {} print(sys._is_gil_enabled())"
    assert run_alone(code.format("")) == "False\n"
    assert run_alone(code.format("import ranvier;")) == "True\n"
