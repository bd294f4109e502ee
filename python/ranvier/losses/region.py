"""Losses of overlap, for segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.formula import EPSILON, FormulaLoss, real
from ranvier.losses.native import integer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _axes(owner: str, axis: Any) -> Any:
    if axis is None:
        return None
    if isinstance(axis, (list, tuple)):
        return tuple(integer(owner, "axis", a) for a in axis)
    return integer(owner, "axis", axis)


class _Overlap(FormulaLoss):
    def _pull_back(self, y_true: Any, y_pred: Any, weights: Any) -> NDArray[Any]:
        if self.axis is None and not isinstance(weights, float):
            weights = float(np.sum(weights))
        return super()._pull_back(y_true, y_pred, weights)

    def _sum(self, x: NDArray[Any], keepdims: bool = True) -> Any:
        return np.sum(x, axis=self.axis, keepdims=keepdims)

    def _drop(self, x: NDArray[Any]) -> Any:
        return x.reshape(()) if self.axis is None else np.squeeze(x, axis=self.axis)


class Dice(_Overlap):
    """`1 - 2 sum(t p) / (sum t + sum p + 1e-7)`.

    Args:
        reduction, name, dtype: see `Loss`.
        axis: the axis or axes of the sums; None: all, the batch's too, so that there is one value.

    >>> import numpy as np, ranvier
    >>> round(ranvier.losses.Dice()(np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])), 4)
    0.3333
    """

    kind = "dice"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = _axes("Dice", axis)

    def _parts(self, t: NDArray[Any], p: NDArray[Any]) -> tuple[Any, Any]:
        return self._sum(t * p), self._sum(t) + self._sum(p) + p.dtype.type(EPSILON)

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        common, total = self._parts(t, p)
        return self._drop(1 - 2 * common / total)

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        common, total = self._parts(t, p)
        return 2 * (common / total - t) / total


class Tversky(_Overlap):
    """`1 - c / (c + alpha sum((1 - p) t) + beta sum(p (1 - t)) + 1e-7)`, `c = sum(t p)`.

    Args:
        alpha: of what the predictions miss. Default 0.5.
        beta: of what they have too much. Default 0.5: with both at 0.5 it is `Dice`.
        reduction, name, dtype: see `Loss`.
        axis: the axis or axes of the sums; None: all, the batch's too, so that there is one value.

    Reference: Salehi et al., arXiv 1706.05721.

    >>> import numpy as np, ranvier
    >>> round(ranvier.losses.Tversky()(np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])), 4)
    0.3333
    """

    kind = "tversky"

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha = real("Tversky", "alpha", alpha)
        self.beta = real("Tversky", "beta", beta)
        self.axis = _axes("Tversky", axis)

    def _parts(self, t: NDArray[Any], p: NDArray[Any]) -> tuple[Any, Any]:
        common = self._sum(t * p)
        missed, excess = self._sum((1 - p) * t), self._sum(p * (1 - t))
        return common, common + missed * self.alpha + excess * self.beta + p.dtype.type(EPSILON)

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        common, total = self._parts(t, p)
        return self._drop(1 - common / total)

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        common, total = self._parts(t, p)
        d_total = t - self.alpha * t + self.beta * (1 - t)
        return (common / total * d_total - t) / total
