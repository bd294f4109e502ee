"""Intersections over unions, for segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.losses.formula import real
from ranvier.losses.native import integer
from ranvier.metrics.metric import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPSILON = 1e-7
# Their matrix has room for the squares of so many.
_MOST = 100_000


def _float(dtype: Any) -> Any:
    """Keras counts in integers by default, which cut weights off; here in floats."""
    whole = isinstance(dtype, str) and dtype.startswith(("int", "uint"))
    return None if whole else dtype


class IoU(Metric):
    """`tp / (tp + fp + fn)` of each target class, and the mean over those that occur.

    Args:
        num_classes: of the confusion matrix; other class numbers are left out.
        target_class_ids: the classes of the mean.
        name, dtype: see `Metric`.
        ignore_class: a class whose labels are left out, or None.
        sparse_y_true, sparse_y_pred: whether labels and predictions are class numbers; else they
            are one for each class along `axis`, the greatest counts.
        axis: the axis of classes. Default -1.

    >>> round(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(_float(dtype), name)
        owner = type(self).__name__
        self.num_classes = integer(owner, "num_classes", num_classes)
        if not 1 <= self.num_classes <= _MOST:
            raise ValueError(f"{owner}: `num_classes` must be in 1..{_MOST}; got {num_classes}")
        self.target_class_ids = [integer(owner, "target_class_ids", i) for i in target_class_ids]
        if not all(0 <= i < num_classes for i in self.target_class_ids):
            raise ValueError(
                f"{owner}: `target_class_ids` must be in 0..{num_classes - 1}; got "
                f"{target_class_ids!r}"
            )
        self.ignore_class = ignore_class
        self.sparse_y_true, self.sparse_y_pred = bool(sparse_y_true), bool(sparse_y_pred)
        self.axis = integer(owner, "axis", axis)
        self._matrix = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def _classes(self, argument: str, given: Any, sparse: bool) -> NDArray[Any]:
        x = _dtypes.as_numeric(f"{type(self).__name__} '{self.name}'", given, argument)
        if not sparse:
            if not -x.ndim <= self.axis < x.ndim:
                raise ValueError(
                    f"{type(self).__name__} '{self.name}': axis {self.axis} is not among those of "
                    f"{argument} of shape {x.shape}"
                )
            x = np.argmax(x, axis=self.axis)
        return x.reshape(-1).astype(np.int64)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch of labels and predictions, with weights of their elements or None."""
        true = self._classes("y_true", y_true, self.sparse_y_true)
        pred = self._classes("y_pred", y_pred, self.sparse_y_pred)
        weights = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        weights = weights.reshape(-1)
        if true.shape != pred.shape or weights.size not in (1, true.size):
            raise ValueError(
                f"{type(self).__name__} '{self.name}': labels, predictions and weights must be "
                f"equally many; got shapes {np.shape(y_true)}, {np.shape(y_pred)} and "
                f"{np.shape(sample_weight)}"
            )
        n = self.num_classes
        counts = (true >= 0) & (true < n) & (pred >= 0) & (pred < n)
        if self.ignore_class is not None:
            counts &= true != self.ignore_class
        weights = np.broadcast_to(weights, true.shape)[counts]
        found = np.bincount(true[counts] * n + pred[counts], weights, n * n)
        self._matrix.assign(self._matrix.value + found.reshape(n, n))

    def result(self) -> float:
        """The mean, 0 if no target class occurs."""
        matrix = np.asarray(self._matrix.value)
        both = np.diag(matrix)
        union = (matrix.sum(axis=0) + matrix.sum(axis=1) - both)[self.target_class_ids]
        share = np.where(union > 1e-9, both[self.target_class_ids] / (union + _EPSILON), 0.0)
        return float(share.sum() / (np.count_nonzero(union > 1e-9) + _EPSILON))


class BinaryIoU(IoU):
    """`IoU` of labels 0 and 1 and predictions of which `y_pred >= threshold` are 1.

    Args:
        target_class_ids: among 0 and 1. Default both.
        threshold: default 0.5.
        name, dtype: see `Metric`.

    >>> round(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Any = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = real("BinaryIoU", "threshold", threshold)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        pred = _dtypes.as_numeric(f"BinaryIoU '{self.name}'", y_pred, "y_pred")
        if pred.dtype != np.float64:
            pred = pred.astype(np.float32)
        super().update_state(y_true, pred >= pred.dtype.type(self.threshold), sample_weight)


class MeanIoU(IoU):
    """`IoU`, the mean over all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    >>> round(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(integer(type(self).__name__, "num_classes", num_classes))
        super().__init__(
            num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


class OneHotIoU(IoU):
    """`IoU` of one-hot labels.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`;
            sparse_y_pred is False by default.

    >>> import numpy as np
    >>> round(OneHotIoU(2, [0])(np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 0, 1]]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot labels.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`; sparse_y_pred is
            False by default.

    >>> import numpy as np
    >>> round(OneHotMeanIoU(2)(np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 0, 1]]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
