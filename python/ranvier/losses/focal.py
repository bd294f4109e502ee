"""Cross-entropies that count what is already right for less.

Reference: Lin et al., Focal Loss for Dense Object Detection, arXiv 1708.02002.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.losses.formula import EPSILON, ElementLoss, FormulaLoss, passes, real
from ranvier.losses.native import integer, smoothing

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _power_slope(base: NDArray[Any], gamma: float) -> Any:
    """The derivative of `base ** gamma`."""
    return gamma * base ** (gamma - 1) if gamma else np.zeros_like(base)


class BinaryFocalCrossentropy(ElementLoss):
    """`mean((1 - p_t)^gamma bce(t, p))`, `p_t = t p + (1 - t) (1 - p)`, over an axis.

    Args:
        apply_class_balancing: whether to weigh by `t alpha + (1 - t) (1 - alpha)`. Default False.
        alpha: weight of class 1. Default 0.25.
        gamma: focusing exponent, >= 0. Default 2.
        from_logits: whether y_pred holds logits. Default False.
        label_smoothing: s in [0, 1]: t becomes `t (1 - s) + s / 2`. Default 0.
        axis: the axis of the mean. Default -1.
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.BinaryFocalCrossentropy()
    >>> round(loss(np.array([[1.0]]), np.array([[0.5]])), 4)
    0.1733
    """

    kind = "binary_focal_crossentropy"

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha = real("BinaryFocalCrossentropy", "alpha", alpha)
        self.gamma = real("BinaryFocalCrossentropy", "gamma", gamma, 0.0)
        self.from_logits = bool(from_logits)
        self.label_smoothing = smoothing("BinaryFocalCrossentropy", label_smoothing)
        self.axis = integer("BinaryFocalCrossentropy", "axis", axis)

    def _parts(self, t: NDArray[Any], p: NDArray[Any]) -> tuple[Any, Any, Any, Any, Any]:
        """Smoothed labels, probabilities, the clipped ones, `1 - p_t` and the weight."""
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        if self.from_logits:
            p = ops.activation("sigmoid", p)
        weight = t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1.0
        missing = 1 - (t * p + (1 - t) * (1 - p))
        return t, p, np.clip(p, EPSILON, 1 - EPSILON), missing, weight

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        t, p, c, missing, weight = self._parts(t, p)
        entropy = -(t * np.log(c) + (1 - t) * np.log(1 - c))
        return weight * (missing**self.gamma * entropy)

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        t, p, c, missing, weight = self._parts(t, p)
        entropy = -(t * np.log(c) + (1 - t) * np.log(1 - c))
        own = (c - t) / (c * (1 - c)) * passes(p, EPSILON, 1 - EPSILON)
        focus = _power_slope(missing, self.gamma) * (1 - 2 * t)
        slope = weight * (missing**self.gamma * own + focus * entropy)
        return slope * (p * (1 - p)) if self.from_logits else slope


class CategoricalFocalCrossentropy(FormulaLoss):
    """`-sum_k alpha_k (1 - p_k)^gamma t_k log p_k`, labels one-hot.

    Args:
        alpha: a weight, or a list of one for each class. Default 0.25.
        gamma: focusing exponent, >= 0. Default 2.
        from_logits: whether y_pred holds logits, p = softmax(y_pred); else p is y_pred divided by
            its sum. Both are clipped to [1e-7, 1 - 1e-7]. Default False.
        label_smoothing: s in [0, 1]: t becomes `t (1 - s) + s / classes`. Default 0.
        axis: the axis of classes. Default -1.
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.CategoricalFocalCrossentropy()
    >>> round(loss(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])), 4)
    0.0433
    """

    kind = "categorical_focal_crossentropy"

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        owner = "CategoricalFocalCrossentropy"
        for number in alpha if isinstance(alpha, (list, tuple, np.ndarray)) else (alpha,):
            real(owner, "alpha", number)
        self.alpha = alpha.tolist() if isinstance(alpha, np.ndarray) else alpha
        self.gamma = real(owner, "gamma", gamma, 0.0)
        self.from_logits = bool(from_logits)
        self.label_smoothing = smoothing(owner, label_smoothing)
        self.axis = integer(owner, "axis", axis)

    def _parts(self, t: NDArray[Any], p: NDArray[Any]) -> tuple[Any, Any, Any, Any]:
        """`alpha t`, probabilities, their sums and the normalised ones."""
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[-1]
        if self.from_logits:
            p = ops.softmax(p, self.axis)
        alpha = np.asarray(self.alpha, p.dtype)
        if alpha.ndim and alpha.shape[0] not in (1, p.shape[-1]):
            raise ValueError(
                f"CategoricalFocalCrossentropy '{self.name}': `alpha` must have one weight for "
                f"each of the {p.shape[-1]} classes; got {alpha.shape[0]}"
            )
        total = p.sum(axis=self.axis, keepdims=True)
        return alpha * t, p, total, p / total

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        t, p, _, share = self._parts(t, p)
        c = np.clip(share, EPSILON, 1 - EPSILON)
        return -np.sum((1 - c) ** self.gamma * (t * np.log(c)), axis=self.axis)

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        t, p, total, share = self._parts(t, p)
        c = np.clip(share, EPSILON, 1 - EPSILON)
        slope = t * (_power_slope(1 - c, self.gamma) * np.log(c) - (1 - c) ** self.gamma / c)
        slope = slope * passes(share, EPSILON, 1 - EPSILON)
        slope = (slope - np.sum(slope * share, axis=self.axis, keepdims=True)) / total
        if self.from_logits:
            slope = p * (slope - np.sum(slope * p, axis=self.axis, keepdims=True))
        return slope
