"""Metrics as functions of labels and predictions: one value a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.metrics.accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _values(metric: Any, y_true: Any, y_pred: Any) -> NDArray[Any]:
    pred = np.asarray(y_pred, _dtypes.of_predictions(y_pred, metric.dtype))
    true = np.asarray(y_true, pred.dtype)
    if metric.sparse and true.ndim == pred.ndim and true.shape[-1] == 1:
        true = true[..., 0]
    return metric._values(true, pred).reshape(pred.shape[:-1])


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> NDArray[Any]:
    """Whether `y_true == (y_pred > threshold)`, element by element.

    >>> binary_accuracy([[1.0, 0.0]], [[0.8, 0.7]])
    array([[1., 0.]], dtype=float32)
    """
    metric = BinaryAccuracy(threshold=threshold)
    pred = np.asarray(y_pred, _dtypes.of_predictions(y_pred, metric.dtype))
    return _values(metric, np.asarray(y_true)[..., None], pred[..., None])


def categorical_accuracy(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `CategoricalAccuracy`.

    >>> categorical_accuracy([[0, 1]], [[0.1, 0.9]])
    array([1.], dtype=float32)
    """
    return _values(CategoricalAccuracy(), y_true, y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `SparseCategoricalAccuracy`.

    >>> sparse_categorical_accuracy([1], [[0.1, 0.9]])
    array([1.], dtype=float32)
    """
    return _values(SparseCategoricalAccuracy(), y_true, y_pred)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> NDArray[Any]:
    """See `TopKCategoricalAccuracy`.

    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.5, 0.4]], k=1)
    array([0.], dtype=float32)
    """
    return _values(TopKCategoricalAccuracy(k), y_true, y_pred)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> NDArray[Any]:
    """See `SparseTopKCategoricalAccuracy`.

    >>> sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=2)
    array([1.], dtype=float32)
    """
    metric = SparseTopKCategoricalAccuracy(k, from_sorted_ids=from_sorted_ids)
    return _values(metric, y_true, y_pred)
