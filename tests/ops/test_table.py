"""Every row of the table of ops: the kernel against its NumPy twin."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from ranvier import _core
from ranvier.ops.table import Op, table

TABLE = table()
SIZES = (1, 7, 64, 1000)


def results(value):
    """The arrays that a call returned, whatever it returned."""
    if value is None:
        return []
    if isinstance(value, tuple):
        return [array for part in value for array in results(part)]
    return [np.asarray(value)]


def in_float64(value):
    """Arguments as the twin gets them: float64, so that its own rounding does not count."""
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return value.astype(np.float64)
    if isinstance(value, (tuple, list)) and any(isinstance(v, np.ndarray) for v in value):
        return type(value)(in_float64(v) for v in value)
    return value


def arguments(op: Op, dtype: str, size: int):
    return op.make_inputs(np.random.default_rng(size), dtype, size)


def assert_close(op: Op, dtype: str, size: int, got, wanted) -> None:
    got, wanted = results(got), results(wanted)
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted, strict=True):
        assert g.shape == w.shape
        scale = max(1.0, float(np.abs(w).max(initial=0)))
        np.testing.assert_allclose(g, w, rtol=0, atol=op.tolerance(dtype, size) * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_kernel_agrees_with_its_twin(op: Op, dtype: str) -> None:
    for size in SIZES:
        if op.name.startswith("matmul") and size > 100:
            size = 130
        args, kwargs = arguments(op, dtype, size)
        given = copy.deepcopy((args, kwargs))
        got = op.native(*args, **kwargs)
        # random numbers and conversions are defined by dtype, everything else by real numbers
        same_dtype = not op.fair or op.name.startswith("gather_rows")
        twin = op.reference(*(args if same_dtype else [in_float64(a) for a in args]), **kwargs)
        assert_close(op, dtype, size, got, twin)
        for before, after in zip(given[0], args, strict=True):
            if isinstance(before, np.ndarray):
                np.testing.assert_array_equal(before, after, err_msg="an input was changed")


@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_floating_results_have_the_inputs_dtype(op: Op) -> None:
    for dtype in ("float32", "float64"):
        args, kwargs = arguments(op, dtype, 7)
        value = op.native(*args, **kwargs)
        if isinstance(value, (float, bool)):
            return
        assert {r.dtype.name for r in results(value) if r.dtype.kind == "f"} <= {dtype}


@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_any_number_of_threads_gives_the_same_bits(op: Op) -> None:
    size = 300 if op.name.startswith("matmul") else 300_000
    args, kwargs = arguments(op, "float32", size)
    before = _core.num_threads()
    try:
        _core.set_num_threads(1)
        one = [r.copy() for r in results(op.native(*args, **kwargs))]
        for threads in (2, 3, 4):
            _core.set_num_threads(threads)
            for a, b in zip(one, results(op.native(*args, **kwargs)), strict=True):
                np.testing.assert_array_equal(a, b)
    finally:
        _core.set_num_threads(before)


def test_names_are_unique() -> None:
    names = [op.name for op in TABLE]
    assert len(set(names)) == len(names)


def test_every_op_has_a_row() -> None:
    from ranvier import ops

    rows = {op.name.partition("/")[0] for op in TABLE}
    # these two say something about other ops and compute nothing
    assert set(ops.__all__) - rows == {"activation_reads_input", "optimizer_slots"}
