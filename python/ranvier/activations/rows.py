"""Activations in NumPy: those that work on rows, and the one that has no default arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, ops
from ranvier.activations.function import Activation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _array(name: str, x: Any) -> NDArray[Any]:
    given = _dtypes.as_numeric(name, x)
    return given if given.dtype == np.float64 else given.astype(np.float32, copy=False)


class RowActivation(Activation):
    """A function of rows that no kernel computes: `layers.Activation` runs it in Python.

    Attributes:
        backward: (x, dy) to dx, along the last axis.
        width: of a row's output, from that of its input.
    """

    def __init__(
        self,
        function: Callable[..., NDArray[Any]],
        backward: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]],
        width: Callable[[int], int],
    ) -> None:
        super().__init__(function, None)
        self.backward = backward
        self.width = width

    def derivative(self, x: Any) -> NDArray[Any]:
        """`d y_i / d x_j` along the last axis, as matrices [..., i, j]."""
        x = _array(self.__name__, x)
        width = self.width(x.shape[-1])
        rows = np.broadcast_to(x[..., None, :], (*x.shape[:-1], width, x.shape[-1]))
        return self.backward(
            rows, np.broadcast_to(np.eye(width, dtype=x.dtype), (*rows.shape[:-1], width))
        )


def _halves(x: NDArray[Any], axis: int = -1) -> tuple[NDArray[Any], NDArray[Any]]:
    if not -x.ndim <= axis < x.ndim or x.shape[axis] % 2:
        raise ValueError(
            f"glu: axis {axis} must be one of x, of an even extent; got x of shape {x.shape}"
        )
    first, second = np.split(x, 2, axis=axis)
    return first, second


def _glu(x: Any, axis: int = -1) -> NDArray[Any]:
    """`a sigmoid(b)`, a and b the halves of x along an axis.

    Reference: Dauphin et al., arXiv 1612.08083.
    """
    a, b = _halves(_array("glu", x), axis)
    return a * ops.activation("sigmoid", b)


def _glu_backward(x: NDArray[Any], dy: NDArray[Any]) -> NDArray[Any]:
    a, b = _halves(x)
    gate = ops.activation("sigmoid", b)
    return np.concatenate([dy * gate, dy * a * gate * (1 - gate)], axis=-1)


def _sparsemax(x: Any, axis: int = -1) -> NDArray[Any]:
    """The point of the probability simplex nearest to x along an axis: `max(x - tau, 0)`.

    Keras 3.15 adds up running sums to get tau, so that its rows do not sum to 1 where two or more
    are positive; this is the paper's.

    Reference: Martins and Astudillo, arXiv 1602.02068.
    """
    given = _array("sparsemax", x)
    if not -given.ndim <= axis < given.ndim:
        raise ValueError(f"sparsemax: axis {axis} is not among the {given.ndim} axes of x")
    rows = np.moveaxis(given, axis, -1)
    down = -np.sort(-rows, axis=-1)
    above = np.cumsum(down, axis=-1) - 1
    counts = np.arange(1, rows.shape[-1] + 1, dtype=given.dtype)
    kept = np.maximum((down * counts > above).sum(axis=-1, keepdims=True), 1)
    tau = np.take_along_axis(above, kept - 1, axis=-1) / kept.astype(given.dtype)
    return np.moveaxis(np.maximum(rows - tau, 0), -1, axis)


def _sparsemax_backward(x: NDArray[Any], dy: NDArray[Any]) -> NDArray[Any]:
    kept = (_sparsemax(x) > 0).astype(dy.dtype)
    mean = np.sum(dy * kept, axis=-1, keepdims=True) / kept.sum(axis=-1, keepdims=True)
    return np.asarray(kept * (dy - mean))


def _threshold(x: Any, threshold: float, default_value: float) -> NDArray[Any]:
    """`x` if `x > threshold`, else `default_value`.

    Both have no defaults, so that a layer cannot take it by name: use
    `ranvier.layers.ReLU(threshold=...)` there.
    """
    return ops.activation(("pieces", float(threshold), float(default_value), 3.0), x)


class _Threshold(Activation):
    def derivative(
        self, x: Any, threshold: float = 0.0, default_value: float = 0.0
    ) -> NDArray[Any]:
        """1 where `x > threshold`, else 0."""
        return ops.activation_derivative(("pieces", float(threshold), float(default_value), 3.0), x)


def _named(name: str, function: Any) -> Any:
    function.__name__ = function.__qualname__ = name
    return function


glu = RowActivation(_named("glu", _glu), _glu_backward, lambda n: n // 2)
sparsemax = RowActivation(_named("sparsemax", _sparsemax), _sparsemax_backward, lambda n: n)
threshold = _Threshold(_named("threshold", _threshold), None)
