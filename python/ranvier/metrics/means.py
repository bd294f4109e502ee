"""Means of losses as metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ranvier.losses.native import integer, native_values, smoothing
from ranvier.metrics.counted import Counted

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _MeanLoss(Counted):
    _direction = "down"

    label_smoothing = 0.0
    axis = -1
    from_logits = False

    def _kind(self) -> str:
        return self.kind + ("_logits" if self.from_logits else "")

    def _arguments_of(self) -> dict[str, Any]:
        return {"is_loss": True, "label_smoothing": float(self.label_smoothing)}

    def _values(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> NDArray[Any]:
        if y_pred.ndim == 1:
            y_pred = y_pred[:, None]
            y_true = y_true if self.sparse else y_true[:, None]
        smoothed = float(self.label_smoothing)
        return native_values(self._kind(), y_true, y_pred, smoothed, self.ignore_class)


class MeanSquaredError(_MeanLoss):
    """The mean of `(y_pred - y_true)^2`.

    Args:
        name, dtype: see `Metric`.

    >>> MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]])
    5.0
    """

    kind = "mean_squared_error"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class RootMeanSquaredError(_MeanLoss):
    """The root of the mean of `(y_pred - y_true)^2`.

    Args:
        name, dtype: see `Metric`.

    >>> RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]])
    5.0
    """

    kind = "mean_squared_error"
    _masked = False  # Keras' is no mean of a function

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def result(self) -> float:
        return math.sqrt(super().result())


class MeanAbsoluteError(_MeanLoss):
    """The mean of `|y_pred - y_true|`.

    Args:
        name, dtype: see `Metric`.

    >>> MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]])
    2.0
    """

    kind = "mean_absolute_error"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class BinaryCrossentropy(_MeanLoss):
    """The mean of the loss `BinaryCrossentropy`.

    Args:
        name, dtype: see `Metric`.
        from_logits, label_smoothing: see the loss.

    >>> round(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]), 4)
    0.6931
    """

    kind = "binary_crossentropy"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = bool(from_logits)
        self.label_smoothing = smoothing("BinaryCrossentropy", label_smoothing)


class CategoricalCrossentropy(_MeanLoss):
    """The mean of the loss `CategoricalCrossentropy`.

    Args:
        name, dtype: see `Metric`.
        from_logits, label_smoothing: see the loss.
        axis: the axis of classes; only the last, -1.

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    kind = "categorical_crossentropy"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = bool(from_logits)
        self.label_smoothing = smoothing("CategoricalCrossentropy", label_smoothing)
        self.axis = _last("CategoricalCrossentropy", axis)


class SparseCategoricalCrossentropy(_MeanLoss):
    """The mean of the loss `SparseCategoricalCrossentropy`.

    Args:
        name, dtype: see `Metric`.
        from_logits: see the loss.
        ignore_class: a class whose samples count as 0 or, if there are weights, not at all (as in
            Keras); or None.
        axis: the axis of classes; only the last, -1.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    kind = "sparse_categorical_crossentropy"
    sparse = True

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = bool(from_logits)
        if ignore_class is not None:
            ignore_class = integer("SparseCategoricalCrossentropy", "ignore_class", ignore_class)
        self.ignore_class = ignore_class
        self.axis = _last("SparseCategoricalCrossentropy", axis)


def _last(owner: str, axis: Any) -> int:
    if integer(owner, "axis", axis) != -1:
        raise ValueError(f"{owner}: a metric's `axis` must be -1; got {axis}")
    return -1
