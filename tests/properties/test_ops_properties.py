"""Ops on shapes, strides, dtypes and values that Hypothesis thinks of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ranvier import ops, reference
from ranvier.ops.table import ACTIVATIONS

settings.register_profile("ops", deadline=None, max_examples=30)
settings.load_profile("ops")

DTYPES = st.sampled_from(["float32", "float64"])
EXTENT = st.integers(0, 20)
SEED = st.integers(0, 2**32 - 1)


@st.composite
def strided(draw: st.DrawFn, dtype: str, shape: tuple[int, ...], special: bool = False):
    """An array of the shape with any strides: sliced, reversed, transposed, repeated."""
    rng = np.random.default_rng(draw(SEED))
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 2, -1, -3])) for _ in shape]
    big = tuple(shape[axis] * abs(step) for axis, step in zip(order, steps, strict=True))
    memory = rng.standard_normal(big).astype(dtype)
    view = memory[tuple(slice(None, None, step) for step in steps)]
    view = view[tuple(slice(0, shape[axis]) for axis in order)]
    x = np.asarray(view).transpose(np.argsort(order))
    assert x.shape == shape
    if special and x.size and draw(st.booleans()):
        x[np.unravel_index(draw(st.integers(0, x.size - 1)), shape)] = draw(
            st.sampled_from([np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).tiny, 1e4, -1e4])
        )
    return x


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


@given(st.data(), DTYPES, EXTENT, EXTENT, EXTENT, st.booleans(), st.booleans(), st.booleans())
def test_matmul(data, dtype, m, n, k, ta, tb, with_bias) -> None:
    a = data.draw(strided(dtype, (k, m) if ta else (m, k)))
    b = data.draw(strided(dtype, (n, k) if tb else (k, n)))
    bias = data.draw(strided(dtype, (n,))) if with_bias else None
    got = ops.matmul(a, b, bias, "tanh", transpose_a=ta, transpose_b=tb)
    op_a, op_b = np.float64(a.T if ta else a), np.float64(b.T if tb else b)
    want = np.tanh(op_a @ op_b + (0 if bias is None else np.float64(bias)))
    bound = np.abs(op_a) @ np.abs(op_b) + 3
    assert got.shape == (m, n) and got.dtype == dtype
    assert (np.abs(got - want) <= (k + 8) * eps(dtype) * bound).all()


@given(st.data(), DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
@pytest.mark.parametrize("act", ACTIVATIONS, ids=str)
def test_activation(act, data, dtype, shape) -> None:
    x = data.draw(strided(dtype, shape, special=True))
    got = ops.activation(act, x)
    want = reference.activation(act, np.asarray(x, np.float64))
    assert got.shape == shape and got.dtype == dtype
    with np.errstate(over="ignore"):
        want = want.astype(dtype)  # an overflow of float32 is infinite there, too
    np.testing.assert_allclose(got, want, rtol=8 * eps(dtype), atol=8 * eps(dtype))


@given(st.data(), DTYPES, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9))
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name, data, dtype, shape) -> None:
    x = 10 * data.draw(strided(dtype, shape))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    got = getattr(ops, name)(x, axis)
    want = getattr(reference, name)(np.float64(x), axis)
    np.testing.assert_allclose(got, want, rtol=1e3 * eps(dtype), atol=64 * eps(dtype))
    if name == "softmax" and x.size:
        np.testing.assert_allclose(got.sum(axis), 1, rtol=16 * eps(dtype))
    dy = data.draw(strided(dtype, shape))
    back = getattr(ops, name + "_backward")(got, dy, axis)
    twin = getattr(reference, name + "_backward")(np.float64(got), np.float64(dy), axis)
    np.testing.assert_allclose(back, twin, rtol=0, atol=200 * eps(dtype))


@given(st.data(), DTYPES, st.integers(0, 6), st.integers(1, 12), st.floats(0, 1))
@pytest.mark.parametrize("kind", ops.losses.KINDS)
def test_loss(kind, data, dtype, rows, cols, smoothing) -> None:
    rng = np.random.default_rng(data.draw(SEED))
    y_pred = data.draw(strided(dtype, (2, rows, cols)))
    if kind == "poisson" or ("crossentropy" in kind and not kind.endswith("_logits")):
        y_pred = reference.sigmoid(y_pred).astype(dtype)
    y_true = rng.uniform(0, 1, (2, rows, cols)).astype(dtype)
    if kind.startswith("sparse"):
        y_true, smoothing = rng.integers(0, cols, (2, rows)), 0.0
    weights = rng.uniform(0, 2, 2 * rows)
    call = {"sample_weight": weights, "scale": 0.5, "label_smoothing": smoothing, "gradient": True}
    value, dy = ops.loss(kind, y_true, y_pred, **call)
    want, want_dy = reference.loss(kind, np.float64(y_true), np.float64(y_pred), **call)
    assert value.shape == (2 * rows,) and dy.shape == y_pred.shape and value.dtype == dtype
    limit = 64 * eps(dtype) * np.sqrt(cols)
    np.testing.assert_allclose(value, want, rtol=limit, atol=limit)
    np.testing.assert_allclose(dy, want_dy, rtol=limit, atol=limit)


@given(st.data(), DTYPES, st.integers(0, 6), st.integers(1, 9), st.integers(1, 12))
@pytest.mark.parametrize("kind", ops.losses.COUNTS)
def test_count(kind, data, dtype, rows, cols, k) -> None:
    rng = np.random.default_rng(data.draw(SEED))
    y_pred = (rng.integers(0, 4, (rows, cols)) / 4).astype(dtype)  # with ties
    y_true = rng.integers(0, 2, (rows, cols)).astype(dtype)
    if kind.startswith("sparse"):
        y_true = rng.integers(0, cols, rows)
    got = ops.count(kind, y_true, y_pred, k=k)
    np.testing.assert_allclose(got, reference.count(kind, y_true, y_pred, k=k), rtol=2 * eps(dtype))


@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=7))
@pytest.mark.parametrize(
    "source", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4", ">i2"]
)
def test_gather_rows(source, data, shape) -> None:
    x = data.draw(strided("float64", shape))
    x = (np.abs(30 * x) if source[0] in "u?" else 30 * x).astype(source, order="K")
    row = st.integers(0, max(shape[0] - 1, 0))
    rows = data.draw(st.lists(row, max_size=9 if shape[0] else 0))
    for dtype in ("float32", "float64"):
        got = ops.gather_rows(x, rows, dtype=dtype)
        np.testing.assert_array_equal(got, x[np.array(rows, int)].astype(dtype))
        np.testing.assert_array_equal(ops.gather_rows(x, dtype=dtype), x.astype(dtype))


@given(st.data(), DTYPES, hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=8))
def test_permute(data, dtype, shape) -> None:
    x = data.draw(strided(dtype, shape))
    perm = data.draw(st.permutations(range(len(shape))))
    got = ops.permute(x, perm)
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got, x.transpose(perm))


@given(st.data(), DTYPES, st.integers(0, 300))
def test_sums_are_near_the_exact_sum(data, dtype, n) -> None:
    x = data.draw(strided(dtype, (n,)))
    exact = reference.data.exact_sum(x)
    size = float(np.abs(x).astype(np.float64).sum())
    assert abs(ops.reduce_sum(x) - exact) <= n * eps("float64") * size
    assert ops.reduce_sumabs(x) == pytest.approx(size, rel=1e-12)
    assert ops.reduce_sumsq(x) == pytest.approx(reference.data.exact_sum(np.float64(x) ** 2))
    rows = x[: n // 5 * 5].reshape(-1, 5)
    bound = (n + 1) * eps(dtype) * (np.abs(rows).sum(0) + 1)
    assert (np.abs(ops.column_sums(rows) - np.float64(rows).sum(0)) <= bound).all()


@given(st.integers(0, 300), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), DTYPES)
def test_random_numbers_are_those_of_the_twin(n, seed, stream, dtype) -> None:
    got = ops.random_uniform(n, seed, stream, dtype)
    np.testing.assert_array_equal(got, reference.random_uniform(n, seed, stream, dtype))
    assert ((got >= 0) & (got < 1)).all()
    normal = ops.random_normal(n, 1.0, 2.0, seed, stream, dtype)
    twin = reference.random_normal(n, 1.0, 2.0, seed, stream, dtype)
    np.testing.assert_allclose(normal, twin, rtol=32 * eps(dtype), atol=64 * eps(dtype))


@given(st.integers(0, 300), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_permutation_is_that_of_the_twin(n, seed, stream) -> None:
    got = ops.permutation(n, seed, stream)
    np.testing.assert_array_equal(got, reference.permutation(n, seed, stream))
    np.testing.assert_array_equal(np.sort(got), np.arange(n))


def test_permutations_are_equally_probable() -> None:
    found: dict[tuple[int, ...], int] = {}
    for stream in range(12_000):
        order = tuple(ops.permutation(4, 3, stream).tolist())
        found[order] = found.get(order, 0) + 1
    assert len(found) == 24
    # 500 each; five standard deviations
    assert all(abs(count - 500) < 5 * 500**0.5 for count in found.values())


@given(st.integers(1, 300), SEED, st.floats(0, 1), DTYPES)
def test_dropout_keeps_or_drops(n, seed, rate, dtype) -> None:
    x = np.arange(1, n + 1).astype(dtype)
    y = ops.dropout(x, rate, seed)
    mask = ops.dropout_mask(n, rate, seed, dtype=dtype)
    np.testing.assert_array_equal(y, np.where(mask > 0, x * mask, 0))
    factor = 0.0 if rate == 1 else np.dtype(dtype).type(1 / (1 - rate))
    assert set(np.unique(mask)) <= {0.0, factor}
