"""The accuracy family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.metrics.counted import Counted

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Accuracy(Counted):
    _direction = "up"

    def _values(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> NDArray[Any]:
        if y_pred.ndim == 1:  # rows of one element
            y_pred = y_pred[:, None]
            y_true = y_true if self.sparse else y_true[:, None]
        return ops.count(self.kind, y_true, y_pred, None, **self._arguments_of())


class Accuracy(_Accuracy):
    """How often `y_true == y_pred`.

    Args:
        name, dtype: see `Metric`.

    >>> Accuracy()([[1], [2]], [[1], [0]])
    0.5
    """

    kind = "accuracy"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class BinaryAccuracy(_Accuracy):
    """How often `y_true == (y_pred > threshold)`.

    Args:
        name, dtype: see `Metric`.
        threshold: in [0, 1]. Default 0.5.

    >>> BinaryAccuracy()([[1], [1]], [[0.8], [0.3]])
    0.5
    """

    kind = "binary_accuracy"

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name, dtype)
        real = isinstance(threshold, (int, float, np.integer, np.floating))
        if not real or isinstance(threshold, bool) or not 0 <= threshold <= 1:
            raise ValueError(
                f"BinaryAccuracy: `threshold` must be a number in [0, 1]; got {threshold!r}"
            )
        self.threshold = threshold

    def _arguments_of(self) -> dict[str, Any]:
        return {"threshold": float(self.threshold)}


class CategoricalAccuracy(_Accuracy):
    """How often the greatest of y_pred is where the greatest of y_true (one-hot) is.

    Args:
        name, dtype: see `Metric`.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "categorical_accuracy"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """How often the greatest of y_pred has the number y_true.

    Args:
        name, dtype: see `Metric`.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    kind = "sparse_categorical_accuracy"
    sparse = True

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """How often the true class (one-hot) is among the k greatest of y_pred.

    Args:
        k: >= 1. Default 5.
        name, dtype: see `Metric`.

    >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1]], [[0.1, 0.5, 0.4]])
    1.0
    """

    kind = "top_k_categorical_accuracy"

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)
        self.k = _at_least_one("TopKCategoricalAccuracy", k)

    def _arguments_of(self) -> dict[str, Any]:
        return {"k": self.k}


class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often the class y_true is among the k greatest of y_pred.

    Args:
        k: >= 1. Default 5.
        name, dtype: see `Metric`.
        from_sorted_ids: whether y_pred holds class numbers, the most probable first. Default False.

    >>> SparseTopKCategoricalAccuracy(k=2)([2], [[0.1, 0.5, 0.4]])
    1.0
    """

    kind = "sparse_top_k_categorical_accuracy"
    sparse = True

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.k = _at_least_one("SparseTopKCategoricalAccuracy", k)
        self.from_sorted_ids = bool(from_sorted_ids)

    @property
    def native(self) -> tuple[str, dict[str, Any]] | None:
        return None if self.from_sorted_ids else super().native

    def _values(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> NDArray[Any]:
        if not self.from_sorted_ids:
            return super()._values(y_true, y_pred)
        found = np.any(y_pred[..., : self.k] == y_true[..., None], axis=-1)
        return found.astype(y_pred.dtype)

    def _arguments_of(self) -> dict[str, Any]:
        return {"k": self.k}


def _at_least_one(owner: str, k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"{owner}: `k` must be an integer >= 1; got {k!r}")
    return int(k)
