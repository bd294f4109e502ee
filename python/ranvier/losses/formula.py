"""What losses written in NumPy share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.loss import same_rank
from ranvier.losses.native import LabelledLoss

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPSILON = 1e-7  # Keras' backend epsilon


class FormulaLoss(LabelledLoss):
    """A loss of labels like the predictions: `_loss` and `_slope` on arrays of one shape.

    The values lack the axes `axis`; None: there is one value for the whole batch.
    """

    axis: Any = -1

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        raise NotImplementedError

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        raise NotImplementedError

    def _fit(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Labels and predictions of one shape."""
        true, pred = same_rank(np.asarray(y_true), np.asarray(y_pred))
        if true.shape != pred.shape or pred.ndim == 0:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': y_true must have shape {pred.shape} for "
                f"y_pred of shape {np.shape(y_pred)}; got {np.shape(y_true)}"
            )
        self._check_axis(pred.ndim)
        return true, pred

    def _check_axis(self, ndim: int) -> None:
        axes = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        if any(a is not None and not -ndim <= a < ndim for a in axes):
            raise ValueError(
                f"{type(self).__name__} '{self.name}': axis {self.axis} is not among the {ndim} "
                "axes of y_pred"
            )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        with np.errstate(all="ignore"):
            return self._loss(*self._fit(y_true, y_pred))

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        with np.errstate(all="ignore"):
            return self._slope(*self._fit(y_true, y_pred))

    def _pull_back(self, y_true: Any, y_pred: Any, weights: Any) -> NDArray[Any]:
        if not isinstance(weights, float):
            weights = np.expand_dims(weights, self.axis)
        return np.asarray(self.gradient_call(y_true, y_pred) * weights)


class ElementLoss(FormulaLoss):
    """The mean over an axis of a loss of elements."""

    # Whether training may leave it to the engine's kernel of that name, with `_parameter`.
    has_kernel = False

    @property
    def native(self) -> tuple[str, float, int | None] | None:
        # what a user has written anew is not what the engine would compute
        if not self.has_kernel or not type(self).__module__.startswith("ranvier."):
            return None
        return self.kind, self._parameter(), None

    def _parameter(self) -> float:
        return 0.0

    def _element(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        raise NotImplementedError

    def _element_slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        raise NotImplementedError

    def _loss(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return self._element(t, p).mean(axis=self.axis)

    def _slope(self, t: NDArray[Any], p: NDArray[Any]) -> Any:
        return self._element_slope(t, p) * (1.0 / max(1, p.shape[self.axis]))


def passes(x: NDArray[Any], low: float, high: float = math.inf) -> NDArray[Any]:
    """The derivative of `clip(x, low, high)`: one half where it just binds, as in JAX."""
    low, high = x.dtype.type(low), x.dtype.type(high)
    inside = ((x >= low) & (x <= high)).astype(x.dtype) + ((x > low) & (x < high))
    return np.asarray(inside * x.dtype.type(0.5))


def real(
    owner: str, argument: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> float:
    """An argument that must be a finite number in [low, high]."""
    good = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        where = "" if math.isinf(low) and math.isinf(high) else f" in [{low:g}, {high:g}]"
        raise ValueError(f"{owner}: `{argument}` must be a finite number{where}; got {value!r}")
    return value
