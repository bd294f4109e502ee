"""The base class of losses, and how values become one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._config import Configurable
from ranvier._serialize import snake
from ranvier._suggest import suggestion

if TYPE_CHECKING:
    from numpy.typing import NDArray

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def same_rank(y_true: NDArray[Any], y_pred: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Adds or drops a trailing axis of 1 where one array has an axis more, as Keras does."""
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        return (y_true, y_pred[:, None]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        return (y_true[:, None], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
    return y_true, y_pred


class Loss(Configurable):
    """Base class of losses.

    A loss of your own writes `call(y_true, y_pred)`, one value for each sample, and
    `gradient_call(y_true, y_pred)`, the derivative of a sample's value in its predictions:

    >>> import numpy as np, ranvier
    >>> class Cubic(ranvier.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return np.mean(np.abs(y_pred - y_true) ** 3, axis=-1)
    ...     def gradient_call(self, y_true, y_pred):
    ...         d = y_pred - y_true
    ...         return 3 * d * np.abs(d) / d.shape[-1]
    >>> Cubic()(np.zeros((2, 1)), np.array([[1.0], [2.0]]))
    4.5

    Args:
        name: of the loss.
        reduction: "sum_over_batch_size" (default; also "mean"), "sum", "mean_with_sample_weight"
            (the divisor is the sum of the weights), or "none" / None: no reduction.
        dtype: "float32" (default: `ranvier.config.floatx()`) or "float64".
    """

    # Of the value that is reported, and of the gradient.
    factors = (1.0, 1.0)

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        self.name = snake(type(self).__name__) if name is None else name
        if reduction is not None and reduction not in REDUCTIONS:
            raise ValueError(
                f"{type(self).__name__}: `reduction` must be one of {', '.join(REDUCTIONS)} or "
                f"None; got {reduction!r}." + suggestion(reduction, REDUCTIONS)
            )
        self.reduction = reduction
        self._dtype = _dtypes.standardize(dtype)

    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def native(self) -> tuple[str, float, int | None] | None:
        """(kind, label smoothing, ignored class) if the engine has this loss, else None."""
        return None

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("dtype", None)
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    # -- what subclasses write --------------------------------------------------------------

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value for each sample."""
        raise NotImplementedError(f"{type(self).__name__} must write call(y_true, y_pred)")

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        """The derivative of each sample's value in its predictions, of y_pred's shape."""
        raise NotImplementedError(
            f"{type(self).__name__} '{self.name}' has no gradient, so nothing can be trained with "
            "it: write gradient_call(y_true, y_pred), or give the function a `gradient`"
        )

    def mask(self, y_true: Any, y_pred: Any) -> NDArray[Any] | None:
        """Which values count (of the values' shape), or None: all."""
        return None

    def check_labels(
        self, owner: str, labels: NDArray[Any], output_shape: tuple[int | None, ...]
    ) -> NDArray[Any]:
        """`labels` in the shape the loss takes for outputs of `output_shape`, or ValueError."""
        return labels

    def check_values(self, owner: str, labels: NDArray[Any], classes: int | None) -> None:
        """Once a `fit`, before its first step: labels that the loss has no meaning for."""

    # -- use --------------------------------------------------------------------------------

    def _arrays(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        label = f"{type(self).__name__} '{self.name}'"
        pred = _dtypes.as_numeric(label, y_pred, "y_pred")
        kind = _dtypes.of_predictions(y_pred, self.dtype)
        true = _dtypes.as_numeric(label, y_true, "y_true")
        return true.astype(kind, copy=False), pred.astype(kind, copy=False)

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> Any:
        """The loss: a number, or one value a sample if there is no reduction.

        Args:
            y_true: labels.
            y_pred: predictions (N, ...).
            sample_weight: weights of the samples, or None.
            mask: which of the values count (of their shape), or None. What Keras takes from y_pred.
        """
        true, pred = self._arrays(y_true, y_pred)
        values = np.asarray(self.call(true, pred))
        counts = self._mask(values.shape, true, pred, mask)
        if self.reduction in (None, "none"):
            weights = self._weights(values.shape, sample_weight, counts)
            return values if weights is None else values * weights
        weights = self._coefficients(values.shape, sample_weight, counts)
        if isinstance(weights, float):
            return float(np.sum(values, dtype=np.float64)) * weights
        return float(np.sum(values * weights, dtype=np.float64))

    def gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> NDArray[Any]:
        """The derivative of the loss in the predictions (of the sum, if there is no reduction).

        Returns:
            An array of y_pred's shape.
        """
        true, pred = self._arrays(y_true, y_pred)
        shape = self._values_shape(true, pred)
        weights = self._coefficients(shape, sample_weight, self._mask(shape, true, pred, mask))
        dy = self._pull_back(true, pred, weights)
        return np.reshape(dy, pred.shape).astype(pred.dtype, copy=False)

    def _values_shape(self, y_true: Any, y_pred: Any) -> tuple[int, ...]:
        """Of what `call` gives."""
        return np.shape(self.call(y_true, y_pred))

    def _pull_back(self, y_true: Any, y_pred: Any, weights: Any) -> NDArray[Any]:
        """The derivative of `sum(weights * call(y_true, y_pred))`."""
        dy = np.asarray(self.gradient_call(y_true, y_pred))
        if not isinstance(weights, float):
            weights = weights.reshape(weights.shape + (1,) * (dy.ndim - weights.ndim))
        return np.asarray(dy * weights)

    def _mask(
        self, shape: tuple[int, ...], y_true: Any, y_pred: Any, given: Any
    ) -> NDArray[Any] | None:
        """Which values count: those that the loss and the given mask let count."""
        own = self.mask(y_true, y_pred)
        if given is None:
            return own
        mask = np.asarray(given) != 0
        if shape and mask.shape != shape:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': a mask of shape {mask.shape} does not fit "
                f"loss values of shape {shape}"
            )
        return mask if own is None else mask & own

    def _weights(
        self, shape: tuple[int, ...], sample_weight: Any, mask: NDArray[Any] | None
    ) -> NDArray[Any] | None:
        """Weights and mask as one array of the values' shape, or None: all 1."""
        if sample_weight is None and mask is None:
            return None
        weights: Any = np.ones(shape) if mask is None else np.asarray(mask, np.float64)
        if mask is not None and self.reduction in ("mean", "sum_over_batch_size"):
            weights = weights * (mask.size / max(1, int(np.count_nonzero(mask))))
        if sample_weight is not None:
            given = np.asarray(sample_weight, np.float64)
            if given.ndim == len(shape) + 1 and given.shape[-1] == 1:
                given = given[..., 0]
            given = given.reshape(given.shape + (1,) * max(0, len(shape) - given.ndim))
            if not shape:  # one value for all samples, and yet a weight a sample: as in Keras
                return weights * given
            try:
                weights = weights * np.broadcast_to(given, shape)
            except ValueError:
                raise ValueError(
                    f"{type(self).__name__} '{self.name}': `sample_weight` of shape "
                    f"{np.shape(sample_weight)} does not fit loss values of shape {shape}"
                ) from None
        return weights

    def _coefficients(
        self, shape: tuple[int, ...], sample_weight: Any, mask: NDArray[Any] | None
    ) -> Any:
        """The derivative of the loss in each sample's value: a float if all are equal."""
        weights = self._weights(shape, sample_weight, mask)
        if not shape and weights is not None:
            total = float(np.sum(weights))
            if self.reduction in ("mean", "sum_over_batch_size"):
                return total / max(1, np.size(weights))
            return float(total != 0) if self.reduction == "mean_with_sample_weight" else total
        divisor = 1.0
        if self.reduction in ("mean", "sum_over_batch_size"):
            divisor = float(max(1, int(np.prod(shape))))
        elif self.reduction == "mean_with_sample_weight":
            divisor = float(np.prod(shape) if weights is None else np.sum(weights))
        scale = 1.0 / divisor if divisor else 0.0
        return scale if weights is None else weights * scale
