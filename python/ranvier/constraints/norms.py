"""Constraints on signs and norms of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.constraints.constraint import Constraint

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Keras' backend epsilon.
_EPSILON = 1e-7


def _float_array(w: Any) -> NDArray[Any]:
    array = np.asarray(w)
    return array if array.dtype.kind == "f" else array.astype("float32")


def _norms(w: NDArray[Any], axis: Any) -> NDArray[Any]:
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    try:
        return np.sqrt(np.sum(np.square(w), axis=axes, keepdims=True))
    except OverflowError:
        raise ValueError(f"weights of {w.shape} have no axis {axis}") from None


class NonNeg(Constraint):
    """Weights are not negative: `max(w, 0)`.

    >>> import numpy as np, ranvier
    >>> ranvier.constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Any) -> NDArray[Any]:
        return np.maximum(_float_array(w), 0)


class UnitNorm(Constraint):
    """Weights have norm 1: `w / (1e-7 + |w|)`.

    Args:
        axis: along which norms are taken; for a Dense kernel 0 (default) is each unit's inputs.

    >>> import numpy as np, ranvier
    >>> ranvier.constraints.UnitNorm()(np.array([[3.0], [4.0]])).round(3)
    array([[0.6],
           [0.8]])
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> NDArray[Any]:
        w = _float_array(w)
        return w / (_EPSILON + _norms(w, self.axis))


class MaxNorm(Constraint):
    """Norms are at most `max_value`: longer ones are scaled down to it.

    Args:
        max_value: >= 0, default 2.
        axis: along which norms are taken; for a Dense kernel 0 (default) is each unit's inputs.

    Reference: Srivastava et al., JMLR 15 (2014), section 5.1.

    >>> import numpy as np, ranvier
    >>> ranvier.constraints.MaxNorm(1.0)(np.array([[3.0], [4.0]])).round(3)
    array([[0.6],
           [0.8]])
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value = number("MaxNorm", "max_value", max_value, 0.0)
        self.axis = axis

    def __call__(self, w: Any) -> NDArray[Any]:
        w = _float_array(w)
        norms = _norms(w, self.axis)
        return w * (np.clip(norms, 0, self.max_value) / (_EPSILON + norms))


class MinMaxNorm(Constraint):
    """Norms lie in [min_value, max_value], or move towards it.

    `w (rate clip(|w|, min, max) + (1 - rate) |w|) / (1e-7 + |w|)`

    Args:
        min_value: >= 0, default 0.
        max_value: >= min_value, default 1.
        rate: in [0, 1]: how much of the way is made at once. Default 1.
        axis: along which norms are taken. Default 0.

    >>> import numpy as np, ranvier
    >>> ranvier.constraints.MinMaxNorm(2.0, 3.0)(np.array([[0.6], [0.8]])).round(3)
    array([[1.2],
           [1.6]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Any = 0,
    ) -> None:
        self.min_value = number("MinMaxNorm", "min_value", min_value, 0.0)
        self.max_value = number("MinMaxNorm", "max_value", max_value, 0.0)
        if max_value < min_value:
            raise ValueError(
                f"MinMaxNorm: `max_value` must be >= `min_value` = {min_value!r}; got {max_value!r}"
            )
        if number("MinMaxNorm", "rate", rate, 0.0) > 1:
            raise ValueError(f"MinMaxNorm: `rate` must lie in [0, 1]; got {rate!r}")
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> NDArray[Any]:
        w = _float_array(w)
        norms = _norms(w, self.axis)
        desired = self.rate * np.clip(norms, self.min_value, self.max_value)
        desired = desired + (1 - self.rate) * norms
        return w * (desired / (_EPSILON + norms))
