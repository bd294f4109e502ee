"""Losses of margins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.formula import ElementLoss, FormulaLoss

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _signs(t: NDArray[Any]) -> NDArray[Any]:
    """Labels that are all 0 or 1 as -1 or 1; others as they are."""
    return 2 * t - 1 if bool(np.all((t == 0) | (t == 1))) else t


def _half_at_zero(x: NDArray[Any]) -> Any:
    """The derivative of `max(x, 0)`; one half at 0, as in JAX."""
    return np.heaviside(x, x.dtype.type(0.5))


class Hinge(ElementLoss):
    """`mean(max(1 - y_true y_pred, 0))` over the last axis.

    Labels are -1 or 1; a batch whose labels are all 0 or 1 is taken as -1 or 1.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.Hinge()(np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]]))
    1.0
    """

    kind = "hinge"
    has_kernel = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return np.maximum(1 - _signs(t) * p, 0)

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        signs = _signs(t)
        return -signs * _half_at_zero(1 - signs * p)


class SquaredHinge(ElementLoss):
    """`mean(max(1 - y_true y_pred, 0)^2)` over the last axis; labels as for `Hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.SquaredHinge()(np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]]))
    1.25
    """

    kind = "squared_hinge"
    has_kernel = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return np.square(np.maximum(1 - _signs(t) * p, 0))

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        signs = _signs(t)
        return -2 * signs * np.maximum(1 - signs * p, 0)


class CategoricalHinge(FormulaLoss):
    """`max(neg - pos + 1, 0)`, `pos = sum_k t_k y_k`, `neg = max_k (1 - t_k) y_k`; t one-hot.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.CategoricalHinge()
    >>> round(loss(np.array([[0.0, 1.0]]), np.array([[0.6, 0.4]])), 4)
    1.2
    """

    kind = "categorical_hinge"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _margin(self, t: NDArray[Any], p: NDArray[Any]) -> tuple[Any, Any, Any]:
        others = (1 - t) * p
        most = others.max(axis=-1, keepdims=True)
        return most - np.sum(t * p, axis=-1, keepdims=True) + 1, others, most

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return np.maximum(self._margin(t, p)[0], 0)[..., 0]

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        margin, others, most = self._margin(t, p)
        ties = (others == most).astype(p.dtype)
        ties /= np.maximum(ties.sum(axis=-1, keepdims=True), 1)
        return _half_at_zero(margin) * (ties * (1 - t) - t)
