"""A second interpreter in the process is refused, before anything can hang or be shared."""

from __future__ import annotations

import importlib.util

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
assert ranvier.ops.relu(numpy.ones(2, "f4")).sum() == 2
"""


AT_HAND = any(map(importlib.util.find_spec, ("_interpreters", "_xxsubinterpreters")))


@pytest.mark.skipif(not AT_HAND, reason="this Python has no module for them")
@pytest.mark.parametrize("lock", ["isolated", "shared"])
@pytest.mark.parametrize("imported", ["first", "second"])
def test_a_subinterpreter_is_refused(imported: str, lock: str) -> None:
    told = run_alone(CODE, imported, lock)
    assert told.count("refused: ") == 1
    assert "does not support loading in subinterpreters" in told
