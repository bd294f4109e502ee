"""What users hand in as data: it works with the right result, or ValueError or TypeError."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import ranvier

from ..ops.test_arguments import misaligned, read_only
from ..saving.cases import CASES

L = ranvier.layers
X = (np.arange(48, dtype=np.float32).reshape(12, 4) % 7) - 3
Y = np.arange(12, dtype=np.float32).reshape(12, 1) % 3

# Each gives numbers equal to x's.
SAME: dict[str, Any] = {
    "sliced": lambda x: np.repeat(x, 2, 0)[::2],
    "columns of a wider one": lambda x: np.concatenate([x, x], 1)[:, : x.shape[1]],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "reversed columns": lambda x: x[:, ::-1].copy()[:, ::-1],
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "swapped": lambda x: x.astype(">f4"),
    "swapped integers": lambda x: x.astype(">i2"),
    "float16": lambda x: x.astype("f2"),
    "float64": lambda x: x.astype("f8"),
    "int8": lambda x: x.astype("i1"),
    "long double": lambda x: x.astype(np.longdouble),
    "misaligned": misaligned,
    "subclass": lambda x: x.view(type("Own", (np.ndarray,), {"__len__": lambda self: 10**9})),
    "matrix": lambda x: x.view(np.matrix),
    "unmasked": np.ma.asarray,
    "memoryview": lambda x: memoryview(np.ascontiguousarray(x)),
    "list": lambda x: x.tolist(),
    "rows": list,
    "objects that are numbers": lambda x: x.astype(object),
}
# None is an array of real numbers with rows that fit.
WRONG: dict[str, Any] = {
    "complex": X.astype("c8"),
    "objects": np.array([[object()] * 4] * 12),
    "text": np.full((12, 4), "a"),
    "dates": np.zeros((12, 4), "datetime64[D]"),
    "records": np.zeros(12, [("a", "f4")]),
    "ragged": [[1.0, 2.0, 3.0, 4.0], [1.0]],
    "number": np.float32(3),
    "0-d": np.zeros((), "f4"),
    "wide": np.zeros((12, 5), "f4"),
    "deep": np.zeros((12, 4, 2), "f4"),
    "33 axes": np.zeros((1,) * 33, "f4"),
    "masked": np.ma.masked_less(X, 0),
    "bytes": b"abcd",
    "no columns": np.zeros((12, 0), "f4"),
    "huge columns": np.broadcast_to(np.float32(1), (12, 2**40)),
    "huge number of rows that do not fit": np.broadcast_to(np.float32(1), (2**40, 3)),
}


def model() -> Any:
    ranvier.utils.set_random_seed(1)
    made = ranvier.Sequential([ranvier.Input((4,)), L.Dense(3, "tanh"), L.Dense(1)])
    made.compile("adam", "mse")
    return made


@pytest.mark.parametrize("kind", SAME)
def test_any_layout_and_dtype_gives_the_same(kind: str) -> None:
    one, other = model(), model()
    x, y = SAME[kind](X), SAME[kind](np.broadcast_to(Y, (12, 1)).copy())
    np.testing.assert_array_equal(other(x), one(X))
    np.testing.assert_array_equal(other.predict(x, verbose=0), one.predict(X, verbose=0))
    assert other.evaluate(x, y, verbose=0) == one.evaluate(X, Y, verbose=0)
    one.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    other.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(L.ReLU()(x), L.ReLU()(X))
    np.testing.assert_array_equal(L.Permute((1,))(x), X)


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_such_data_is_refused(kind: str) -> None:
    made, x = model(), WRONG[kind]
    before = made.get_weights()
    with pytest.raises((ValueError, TypeError)):
        made(x)
    for act in (made.fit, made.evaluate, made.train_on_batch, made.test_on_batch):
        with pytest.raises((ValueError, TypeError)):
            act(x, Y)
    for act in (made.predict, made.predict_on_batch, L.Dense(2)):
        if isinstance(act, L.Layer) and kind in ("wide", "deep", "huge columns", "33 axes"):
            continue  # this layer makes itself fit them
        with contextlib.suppress(MemoryError) if "huge" in kind else contextlib.nullcontext():
            if kind in ("no columns", "huge number of rows that do not fit") and act not in (
                made.predict, made.predict_on_batch,
            ):  # fmt: skip
                continue
            with pytest.raises((ValueError, TypeError)):
                act(x)
    for a, b in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "int8", ">f4", "float64"])
def test_rows_beyond_32_bits(dtype: str) -> None:
    made = model()
    rows = 2**33 + 5
    x = np.broadcast_to(X[:1].astype(dtype), (rows, 4))
    y = np.broadcast_to(Y[:1], (rows, 1))
    want = made.evaluate(X[:1], Y[:1], verbose=0)
    assert made.evaluate(x, y, steps=2, verbose=0) == pytest.approx(want)
    assert made.predict(x, steps=2, batch_size=7, verbose=0).shape == (14, 1)
    made.fit(x, y, steps_per_epoch=3, shuffle=False, verbose=0)
    last = ranvier.ops.gather_rows(x, [rows - 1, 0])
    np.testing.assert_array_equal(last, X[[0, 0]])
    np.testing.assert_array_equal(ranvier.ops.gather_rows(x, start=rows - 2, n=2), X[[0, 0]])


def test_nan_and_infinities_go_through() -> None:
    made = model()
    x = X.copy()
    x[3, 1], x[4, 2] = np.nan, np.inf
    y = made(x)
    assert np.isnan(y[3]).all() and np.isfinite(np.delete(y, [3, 4], 0)).all()
    np.testing.assert_array_equal(np.delete(y, [3, 4], 0), np.delete(made(X), [3, 4], 0))
    with pytest.warns(RuntimeWarning, match="NaN"):
        made.fit(x, Y, verbose=0)


def test_data_that_are_the_weights_themselves() -> None:
    made = model()
    kernel = made.layers[0].kernel.value  # (4, 3)
    made.fit(np.ascontiguousarray(kernel.T), np.ones((3, 1)), epochs=5, verbose=0)
    square = ranvier.Sequential([ranvier.Input((4,)), L.Dense(4)])
    square.compile("sgd", "mse")
    own = square.layers[0].kernel.value
    square.fit(own, own, epochs=5, verbose=0)
    assert np.isfinite(own).all()


@pytest.mark.parametrize("name", CASES)
def test_axes_of_no_extent(name: str) -> None:
    # a convolution over no channels divided by zero, which ended the process
    case = CASES[name]
    for axis in range(len(case.shape)):
        for rows in (0, case.batch or 1):
            shape = [*case.shape]
            shape[axis] = 0
            layers = case.make(ranvier.layers, ranvier.Sequential)
            batch = None if rows != case.batch else rows
            with contextlib.suppress(ValueError, TypeError):
                made = ranvier.Sequential([ranvier.Input(batch_shape=(batch, *shape)), *layers])
                y = made(np.ones((rows, *shape), "f4"))
                made.compile("sgd", "mse")
                made.fit(np.ones((rows, *shape), "f4"), y, verbose=0)


def test_convolutions_refuse_input_without_channels() -> None:
    for layer, x in (
        (L.Conv2D(4, 3), np.ones((1, 8, 8, 0))),
        (L.Conv1DTranspose(2, 3), np.ones((1, 5, 0))),
    ):
        with pytest.raises(ValueError, match=r"Conv.*there is no channel in input of shape"):
            layer(x)
    with pytest.raises(ValueError, match="channel"):
        ranvier.ops.conv(np.ones((1, 8, 8, 0), "f4"), np.ones((3, 3, 0, 2), "f4"))
    with pytest.raises(ValueError, match="Rescaling 'r': `scale` is empty"):
        L.Rescaling([], name="r")
