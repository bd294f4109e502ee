"""Backward ops against central differences of the forward op, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ranvier import ops, reference
from ranvier.ops.table import ACTIVATIONS

Array = np.ndarray
STEP = 1e-6


def numeric_gradient(f: Callable[[Array], Array], x: Array, dy: Array) -> Array:
    """d sum(f(x) dy) / dx by central differences."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        keep = x[i]
        x[i] = keep + STEP
        up = np.sum(f(x) * dy)
        x[i] = keep - STEP
        down = np.sum(f(x) * dy)
        x[i] = keep
        gradient[i] = (up - down) / (2 * STEP)
    return gradient


def assert_gradient(analytic: Array, f: Callable[[Array], Array], x: Array, dy: Array) -> None:
    np.testing.assert_allclose(analytic, numeric_gradient(f, x, dy), rtol=2e-6, atol=2e-7)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def away_from_kinks(rng: np.random.Generator, *shape: int) -> Array:
    """Values at least 1e-3 from 0, 0.25, 1.5, 3 and -3, where some activations have no slope."""
    x = 2 * rng.standard_normal(shape)
    for kink in (0.0, 0.25, 1.5, 3.0, -3.0):
        x = np.where(np.abs(x - kink) < 1e-3, x + 0.01, x)
    return x


@pytest.mark.parametrize("act", ACTIVATIONS, ids=str)
def test_activation(act, rng: np.random.Generator) -> None:
    x, dy = away_from_kinks(rng, 5, 7), rng.standard_normal((5, 7))
    saved = x if ops.activation_reads_input(act) else ops.activation(act, x)

    def f(v: Array) -> Array:
        return ops.activation(act, v)

    assert_gradient(ops.activation_backward(act, saved, dy), f, x, dy)
    assert_gradient(ops.activation_derivative(act, x), f, x, np.ones_like(x))
    dx, db = ops.bias_activation_backward(act, saved, dy)
    assert_gradient(dx, f, x, dy)
    assert_gradient(db, lambda b: ops.activation(act, x + b), np.zeros(7), dy)


@pytest.mark.parametrize("act", ACTIVATIONS, ids=str)
def test_reference_of_activation(act, rng: np.random.Generator) -> None:
    """The twin is held to the same, or it would prove nothing."""
    x, dy = away_from_kinks(rng, 35), rng.standard_normal(35)
    saved = x if reference.activation_reads_input(act) else reference.activation(act, x)
    dx = reference.activation_backward(act, saved, dy)
    assert_gradient(dx, lambda v: reference.activation(act, v), x, dy)
    assert reference.activation_reads_input(act) == ops.activation_reads_input(act)


def test_prelu(rng: np.random.Generator) -> None:
    x, alpha = away_from_kinks(rng, 3, 2, 5), rng.standard_normal((2, 5))
    dy = rng.standard_normal(x.shape)
    dx, dalpha = ops.prelu_backward(x, alpha, dy)
    assert dalpha.shape == alpha.shape
    assert_gradient(dx, lambda v: ops.prelu(v, alpha), x, dy)
    assert_gradient(dalpha, lambda a: ops.prelu(x, a), alpha, dy)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmax(axis: int, rng: np.random.Generator) -> None:
    x, dy = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 4, 5))
    for forward, backward in (
        (ops.softmax, ops.softmax_backward),
        (ops.log_softmax, ops.log_softmax_backward),
    ):
        dx = backward(forward(x, axis), dy, axis)
        assert_gradient(dx, lambda v, forward=forward: forward(v, axis), x, dy)


@pytest.mark.parametrize("kind", ops.losses.KINDS)
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_loss(kind: str, label_smoothing: float, rng: np.random.Generator) -> None:
    cols = 4
    y_pred = rng.standard_normal((6, cols))
    if "crossentropy" in kind and not kind.endswith("_logits"):
        y_pred = rng.uniform(0.1, 0.9, (6, cols))
    smoothing = 0.0
    if kind.startswith("sparse_"):
        y_true = rng.integers(0, cols, 6).astype(float)
    elif "crossentropy" in kind:
        y_true, smoothing = rng.uniform(0, 1, (6, cols)), label_smoothing
    else:
        y_true = rng.standard_normal((6, cols))
    if "poisson" in kind:  # counts, and for the one of no logits their means
        y_true = np.abs(y_true)
        y_pred = y_pred if kind.endswith("_logits") else np.abs(y_pred) + 0.1
    if kind == "huber":
        smoothing = label_smoothing  # its delta
    weights = rng.uniform(0.5, 2, 6)

    def value(p: Array) -> Array:
        return ops.loss(kind, y_true, p, label_smoothing=smoothing)[0]

    _, dy = ops.loss(kind, y_true, y_pred, weights, 0.3, smoothing, gradient=True)
    assert_gradient(dy, value, y_pred, 0.3 * weights)


def test_clipped_probabilities_have_no_gradient() -> None:
    y_pred = np.array([[0.0, 1.0, 0.5]])
    _, dy = ops.loss("binary_crossentropy", np.array([[1.0, 0.0, 1.0]]), y_pred, gradient=True)
    np.testing.assert_allclose(dy, [[0.0, 0.0, -2 / 3]])


@pytest.mark.parametrize("act", ["linear", "relu", "gelu"])
def test_dense_layer_by_ops(act: str, rng: np.random.Generator) -> None:
    x, w, b = (rng.standard_normal(s) for s in ((5, 3), (3, 4), (4,)))
    dy = rng.standard_normal((5, 4))
    pre = np.empty((5, 4))
    y = ops.matmul(x, w, b, act, pre=pre)
    dz, db = ops.bias_activation_backward(act, pre if ops.activation_reads_input(act) else y, dy)
    dx, dw = ops.matmul(dz, w, transpose_b=True), ops.matmul(x, dz, transpose_a=True)
    assert_gradient(dx, lambda v: ops.matmul(v, w, b, act), x, dy)
    assert_gradient(dw, lambda v: ops.matmul(x, v, b, act), w, dy)
    assert_gradient(db, lambda v: ops.matmul(x, w, v, act), b, dy)


def test_dropout_is_its_own_backward_pass(rng: np.random.Generator) -> None:
    x, dy = rng.standard_normal((4, 9)), rng.standard_normal((4, 9))
    dx = ops.dropout(dy, 0.4, seed=3, stream=8)
    assert_gradient(dx, lambda v: ops.dropout(v, 0.4, seed=3, stream=8), x, dy)
