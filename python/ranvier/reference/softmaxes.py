"""NumPy twins of softmax and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.reference.maths import Array, floating, give


def softmax(x: Any, axis: int = -1, out: Array | None = None) -> Array:
    """`y_i = exp(x_i) / sum_j exp(x_j)`."""
    x = floating(x)
    if x.size == 0:
        return give(x.copy(), out)
    with np.errstate(under="ignore", invalid="ignore"):
        e = np.exp(x - x.max(axis, keepdims=True))
        return give(e / e.sum(axis, keepdims=True), out)


def softmax_backward(y: Any, dy: Any, axis: int = -1, out: Array | None = None) -> Array:
    """`dx_i = y_i (dy_i - sum_j y_j dy_j)`."""
    y, dy = np.asarray(y), np.asarray(dy)
    return give(y * (dy - (y * dy).sum(axis, keepdims=True)), out)


def log_softmax(x: Any, axis: int = -1, out: Array | None = None) -> Array:
    """`y_i = x_i - log(sum_j exp(x_j))`."""
    x = floating(x)
    if x.size == 0:
        return give(x.copy(), out)
    with np.errstate(under="ignore", invalid="ignore"):
        shifted = x - x.max(axis, keepdims=True)
        return give(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)), out)


def log_softmax_backward(y: Any, dy: Any, axis: int = -1, out: Array | None = None) -> Array:
    """`dx_i = dy_i - exp(y_i) sum_j dy_j`."""
    y, dy = np.asarray(y), np.asarray(dy)
    return give(dy - np.exp(y) * dy.sum(axis, keepdims=True), out)
