"""Losses for numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.formula import EPSILON, ElementLoss, FormulaLoss, passes, real
from ranvier.losses.native import NativeLoss, integer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MeanSquaredError(NativeLoss):
    """`mean((y_pred - y_true)^2)` over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.MeanSquaredError()(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    5.0
    """

    kind = "mean_squared_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanAbsoluteError(NativeLoss):
    """`mean(|y_pred - y_true|)` over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.MeanAbsoluteError()(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    2.0
    """

    kind = "mean_absolute_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanAbsolutePercentageError(ElementLoss):
    """`100 mean(|y_pred - y_true| / max(|y_true|, 1e-7))` over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.MeanAbsolutePercentageError()(np.array([[2.0]]), np.array([[1.0]]))
    50.0
    """

    kind = "mean_absolute_percentage_error"
    has_kernel = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return 100.0 * np.abs((p - t) / np.maximum(np.abs(t), t.dtype.type(EPSILON)))

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return 100.0 * np.sign(p - t) / np.maximum(np.abs(t), t.dtype.type(EPSILON))


class MeanSquaredLogarithmicError(ElementLoss):
    """`mean((log(1 + y_pred) - log(1 + y_true))^2)` over the last axis, both at least 1e-7.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.MeanSquaredLogarithmicError()
    >>> round(loss(np.array([[0.0]]), np.array([[np.e - 1]])), 4)
    1.0
    """

    kind = "mean_squared_logarithmic_error"
    has_kernel = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _difference(self, t: NDArray[Any], p: NDArray[Any]) -> tuple[Any, Any]:
        least = p.dtype.type(EPSILON)
        above = np.maximum(p, least) + 1
        return np.log(above) - np.log(np.maximum(t, least) + 1), above

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return np.square(self._difference(t, p)[0])

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        difference, above = self._difference(t, p)
        return 2 * difference / above * passes(p, EPSILON)


class Huber(ElementLoss):
    """`mean(h(y_pred - y_true))`, `h(e) = e^2 / 2` or, where that is flatter, a tangent of it.

    `h(e) = delta |e| - delta^2 / 2` where `|e| > delta`.

    Args:
        delta: where the parabola becomes a line, >= 0. Default 1.
        reduction, name, dtype: see `Loss`.

    Reference: Huber, Robust Estimation of a Location Parameter, 1964.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.Huber()(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    1.5
    """

    kind = "huber"
    has_kernel = True

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = real("Huber", "delta", delta, 0.0)

    def _parameter(self) -> float:
        return float(self.delta)

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        off = np.abs(p - t)
        delta = off.dtype.type(self.delta)
        return np.where(off <= delta, 0.5 * off * off, delta * off - 0.5 * delta * delta)

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return np.clip(p - t, -self.delta, self.delta)


class LogCosh(ElementLoss):
    """`mean(log cosh(y_pred - y_true))` over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> round(ranvier.losses.LogCosh()(np.zeros((1, 1)), np.array([[1.0]])), 4)
    0.4338
    """

    kind = "log_cosh"
    has_kernel = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        off = np.abs(p - t)  # even in its argument
        return off + np.log1p(np.exp(-2 * off)) - off.dtype.type(math.log(2))

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return np.tanh(p - t)


class CosineSimilarity(FormulaLoss):
    """`-sum(u v)`, u and v the labels and predictions divided by their lengths.

    Args:
        axis: of the vectors. Default -1.
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.CosineSimilarity()
    >>> round(loss(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 0.0], [2.0, 2.0]])), 4)
    -0.5
    """

    kind = "cosine_similarity"

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = integer("CosineSimilarity", "axis", axis)

    def _unit(self, x: NDArray[Any]) -> tuple[Any, Any, Any]:
        """x divided by its length, one over the length, and whether that depends on x."""
        squares = np.sum(x * x, axis=self.axis, keepdims=True)
        least = EPSILON**2
        inverse = 1 / np.sqrt(np.maximum(squares, x.dtype.type(least)))
        return x * inverse, inverse, squares > least

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return -np.sum(self._unit(t)[0] * self._unit(p)[0], axis=self.axis)

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        u = self._unit(t)[0]
        v, inverse, free = self._unit(p)
        along = np.sum(u * v, axis=self.axis, keepdims=True)
        return inverse * (free * along * v - u)
