"""Losses of distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.formula import EPSILON, ElementLoss, FormulaLoss, passes, real

if TYPE_CHECKING:
    from numpy.typing import NDArray


class KLDivergence(FormulaLoss):
    """`sum(y_true log(y_true / y_pred))` over the last axis, both clipped to [1e-7, 1].

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.KLDivergence()
    >>> round(loss(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])), 4)
    0.6931
    """

    kind = "kl_divergence"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        t, p = np.clip(t, EPSILON, 1), np.clip(p, EPSILON, 1)
        return np.sum(t * np.log(t / p), axis=-1)

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return -np.clip(t, EPSILON, 1) / np.clip(p, EPSILON, 1) * passes(p, EPSILON, 1)


class Poisson(ElementLoss):
    """`mean(y_pred - y_true log(y_pred + 1e-7))` over the last axis, y_pred the expected counts.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.Poisson()
    >>> round(loss(np.array([[1.0]]), np.array([[2.0]])), 4)
    1.3069
    """

    kind = "poisson"
    has_kernel = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return p - t * np.log(p + p.dtype.type(EPSILON))

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return 1 - t / (p + p.dtype.type(EPSILON))


class CategoricalGeneralizedCrossEntropy(FormulaLoss):
    """`(1 - p_k^q) / q`, p_k the predicted probability of the class k: robust to false labels.

    Args:
        q: in (0, 1); towards 0 it is the cross-entropy, towards 1 the absolute error. Default 0.5.
        reduction, name, dtype: see `Loss`.

    Labels are class numbers.

    Raises:
        ValueError: q out of (0, 1), or a label that is no class number.

    Reference: Zhang and Sabuncu, arXiv 1805.07836.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.CategoricalGeneralizedCrossEntropy(q=0.5)
    >>> loss(np.array([1]), np.array([[0.75, 0.25]]))
    1.0
    """

    kind = "categorical_generalized_cross_entropy"
    sparse = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.q = real("CategoricalGeneralizedCrossEntropy", "q", q)
        if not 0 < q < 1:
            raise ValueError(
                f"CategoricalGeneralizedCrossEntropy: `q` must be in (0, 1); got {q!r}"
            )

    def _fit(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Class numbers with an axis of one, and predictions."""
        true, pred = np.asarray(y_true), np.asarray(y_pred)
        if true.ndim + 1 == pred.ndim:
            true = true[..., None]
        label = f"{type(self).__name__} '{self.name}'"
        if pred.ndim < 1 or true.shape != (*pred.shape[:-1], 1):
            raise ValueError(
                f"{label}: y_true must have shape {pred.shape[:-1]} for y_pred of shape "
                f"{pred.shape}; got {np.shape(y_true)}"
            )
        classes = true.astype(np.int64)
        bad = (classes < 0) | (classes >= pred.shape[-1]) | (classes != true)
        if bad.any():
            raise ValueError(
                f"{label}: y_true must hold class numbers in 0..{pred.shape[-1] - 1}; got "
                f"{true[bad][0]}"
            )
        return classes, pred

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return ((1 - np.take_along_axis(p, t, axis=-1) ** self.q) / self.q)[..., 0]

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        slope = np.zeros_like(p)
        own = -(np.take_along_axis(p, t, axis=-1) ** (self.q - 1))
        np.put_along_axis(slope, t, own, axis=-1)
        return slope
