"""NumPy twins of the activations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.reference.maths import Array, erfc, floating, give, sigmoid, softplus

if TYPE_CHECKING:
    from collections.abc import Callable

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

_DEFAULTS = {
    "relu": (0.0, math.inf, 0.0),
    "elu": (1.0, 0.0, 0.0),
    "squareplus": (4.0, 0.0, 0.0),
}


def _spec(act: Any) -> tuple[str, float, float, float]:
    if isinstance(act, tuple):
        return act
    return (act, *_DEFAULTS.get(act, (0.0, 0.0, 0.0)))


def _relu(x: Array, slope: float, greatest: float, threshold: float) -> Array:
    below = slope * (x - threshold) if slope else np.where(np.isnan(x), x, 0.0)
    return np.where(x > threshold, np.minimum(x, greatest), below)


def _relu_derivative(x: Array, slope: float, greatest: float, threshold: float) -> Array:
    return np.where(x > threshold, np.where(x < greatest, 1.0, 0.0), slope)


def _elu(x: Array, alpha: float, b: float = 0.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / (b or 1.0)))


def _elu_derivative(x: Array, alpha: float, b: float = 0.0) -> Array:
    return np.where(x > 0, 1.0, alpha / (b or 1.0) * np.exp(np.minimum(x, 0) / (b or 1.0)))


def _pieces(x: Array, a: float, b: float, kind: float) -> Array:
    near = np.abs(x) > a
    return (
        lambda: np.clip(x, -1.0, 1.0),
        lambda: np.where(near, x, 0.0),
        lambda: np.where(near, x - np.copysign(a, x), 0.0),
        lambda: np.where(x > a, x, b),
        lambda: np.where(x < 1, np.square(np.maximum(x + 1, 0)) / 4, x),
        lambda: np.clip(x / 2 + 0.5, 0.0, 1.0),
        # 0 below -3, at -inf too, where 0 * x would be NaN
        lambda: np.maximum(x, -3) * np.clip(x / 6 + 0.5, 0.0, 1.0),
    )[int(kind)]()


def _pieces_derivative(x: Array, a: float, b: float, kind: float) -> Array:
    ramp = np.clip(x / 2 + 0.5, 0.0, 1.0)
    silu = np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, x / 3 + 0.5))
    where = (np.abs(x) <= 1, np.abs(x) > a, np.abs(x) > a, x > a, ramp, (np.abs(x) <= 1) / 2, silu)
    return np.asarray(where[int(kind)], x.dtype)


def _mish_derivative(x: Array) -> Array:
    t = np.tanh(softplus(x))
    result: Array = t + x * (1 - t * t) * sigmoid(x)
    return result


def _gelu(x: Array) -> Array:
    return np.multiply(0.5 * x, erfc(-x / math.sqrt(2)))


def _gelu_derivative(x: Array) -> Array:
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return 0.5 * erfc(-x / math.sqrt(2)) + x * density


def _inner(x: Array) -> Array:
    return np.multiply(math.sqrt(2 / math.pi), x + 0.044715 * x**3)


def _gelu_tanh(x: Array) -> Array:
    return np.multiply(x, sigmoid(2 * _inner(x)))  # 0.5 (1 + tanh(u)) = sigmoid(2 u)


def _gelu_tanh_derivative(x: Array) -> Array:
    s, rest = sigmoid(2 * _inner(x)), sigmoid(-2 * _inner(x))  # 1 - s would cancel
    slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    result: Array = s + x * s * rest * 2 * slope
    return result


def _silu_derivative(x: Array) -> Array:
    result: Array = sigmoid(x) * (1 + x * sigmoid(-x))
    return result


def _squareplus(x: Array, a: float) -> Array:
    """Without the difference of almost equal numbers that (x + root) / 2 has below 0."""
    with np.errstate(invalid="ignore"):
        root = np.sqrt(x * x + a)
        y: Array = np.where(x < 0, a / (2 * (root - x)), (x + root) / 2)
    return y


_FORWARD: dict[str, Callable[[Array, float, float, float], Array]] = {
    "linear": lambda x, a, b, c: x,
    "binary_step": lambda x, a, b, c: np.where(np.isnan(x), x, np.where(x >= 0, 1.0, 0.0)),
    "relu": _relu,
    "sigmoid": lambda x, a, b, c: sigmoid(x),
    "tanh": lambda x, a, b, c: np.tanh(x),
    "softplus": lambda x, a, b, c: -softplus(-x) if a < 0 else softplus(x),
    "softsign": lambda x, a, b, c: x / (1 + np.abs(x)),
    "elu": lambda x, a, b, c: _elu(x, a, b),
    "selu": lambda x, a, b, c: SELU_SCALE * _elu(x, SELU_ALPHA),
    "gelu": lambda x, a, b, c: _gelu(x),
    "gelu_tanh": lambda x, a, b, c: _gelu_tanh(x),
    "silu": lambda x, a, b, c: x * sigmoid(x),
    "hard_sigmoid": lambda x, a, b, c: np.clip(x / 6 + 0.5, 0.0, 1.0),
    "exponential": lambda x, a, b, c: np.exp(x),
    "pieces": _pieces,
    "mish": lambda x, a, b, c: x * np.tanh(softplus(x)),
    "tanh_shrink": lambda x, a, b, c: x - np.tanh(x),
    "squareplus": lambda x, a, b, c: _squareplus(x, a),
}

_DERIVATIVE: dict[str, Callable[[Array, float, float, float], Array]] = {
    "linear": lambda x, a, b, c: np.ones_like(x),
    "binary_step": lambda x, a, b, c: np.zeros_like(x),
    "relu": _relu_derivative,
    "sigmoid": lambda x, a, b, c: sigmoid(x) * sigmoid(-x),
    "tanh": lambda x, a, b, c: 4 * sigmoid(2 * x) * sigmoid(-2 * x),
    "softplus": lambda x, a, b, c: sigmoid(-x if a < 0 else x),
    "softsign": lambda x, a, b, c: 1 / (1 + np.abs(x)) ** 2,
    "elu": lambda x, a, b, c: _elu_derivative(x, a, b),
    "selu": lambda x, a, b, c: SELU_SCALE * _elu_derivative(x, SELU_ALPHA),
    "gelu": lambda x, a, b, c: _gelu_derivative(x),
    "gelu_tanh": lambda x, a, b, c: _gelu_tanh_derivative(x),
    "silu": lambda x, a, b, c: _silu_derivative(x),
    "hard_sigmoid": lambda x, a, b, c: np.where(np.abs(x) < 3, 1 / 6, 0.0),
    "exponential": lambda x, a, b, c: np.exp(x),
    "pieces": _pieces_derivative,
    "mish": lambda x, a, b, c: _mish_derivative(x),
    "tanh_shrink": lambda x, a, b, c: np.square(np.tanh(x)),
    "squareplus": lambda x, a, b, c: (1 + x / np.sqrt(x * x + a)) / 2,
}

# The derivative by the output y, for those whose backward pass keeps y.
_FROM_OUTPUT: dict[str, Callable[[Array, float, float, float], Array]] = {
    "linear": lambda y, a, b, c: np.ones_like(y),
    "binary_step": lambda y, a, b, c: np.zeros_like(y),
    "relu": lambda y, a, b, c: np.where(y > 0, np.where(y < b, 1.0, 0.0), a),
    "sigmoid": lambda y, a, b, c: y * (1 - y),
    "tanh": lambda y, a, b, c: 1 - y * y,
    "softplus": lambda y, a, b, c: -np.expm1(-np.abs(y)),
    "elu": lambda y, a, b, c: np.where(y > 0, 1.0, y + a),
    "selu": lambda y, a, b, c: np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA),
    "hard_sigmoid": lambda y, a, b, c: np.where((y > 0) & (y < 1), 1 / 6, 0.0),
    "exponential": lambda y, a, b, c: y,
}


def activation(act: Any, x: Any, out: Array | None = None) -> Array:
    """`y = act(x)`."""
    x = floating(x)
    name, a, b, c = _spec(act)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return give(_FORWARD[name](x, a, b, c).astype(x.dtype, copy=name == "linear"), out)


def activation_derivative(act: Any, x: Any, out: Array | None = None) -> Array:
    """`act'(x)`."""
    x = floating(x)
    name, a, b, c = _spec(act)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return give(_DERIVATIVE[name](x, a, b, c).astype(x.dtype, copy=False), out)


def activation_reads_input(act: Any) -> bool:
    """Whether `activation_backward` wants x (True) or y."""
    name, a, b, c = _spec(act)
    if name == "relu":  # y says on which side x was unless the pieces overlap
        return c != 0.0 or a < 0.0
    if name == "elu":
        return a < 0.0 or b > 0.0
    return name not in _FROM_OUTPUT


def activation_backward(act: Any, saved: Any, dy: Any, out: Array | None = None) -> Array:
    """`dx = dy act'(x)`; saved is x or y, as `activation_reads_input` says."""
    saved, dy = floating(saved), floating(dy)
    name, a, b, c = _spec(act)
    table = _DERIVATIVE if activation_reads_input(act) else _FROM_OUTPUT
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return give((dy * table[name](saved, a, b, c)).astype(dy.dtype, copy=False), out)


def bias_activation_backward(
    act: Any, saved: Any, dy: Any, out: Array | None = None, db: Array | None = None
) -> tuple[Array, Array]:
    """`dx = dy act'(x)` and its sums over all axes but the last."""
    dx = activation_backward(act, saved, dy, out)
    sums = dx.reshape(-1, dx.shape[-1]).sum(0) if dx.shape[-1] else np.zeros(0, dx.dtype)
    return dx, give(sums, db)


def prelu(x: Any, alpha: Any, out: Array | None = None) -> Array:
    """`y = x if x > 0 else alpha x`."""
    x = floating(x)
    return give(np.where(x > 0, x, alpha * x).astype(x.dtype, copy=False), out)


def prelu_backward(x: Any, alpha: Any, dy: Any, out: Array | None = None) -> tuple[Array, Array]:
    """`dx = dy (1 if x > 0 else alpha)`, `dalpha[j] = sum_i dy min(x, 0)`."""
    x, alpha, dy = floating(x), floating(alpha), floating(dy)
    dx = np.where(x > 0, dy, alpha * dy)
    axes = tuple(range(x.ndim - alpha.ndim))
    return give(dx, out), (dy * np.minimum(x, 0)).sum(axes)
