"""Losses as plain functions: one value a sample, no reduction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from ranvier.losses.regression import MeanAbsoluteError, MeanSquaredError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.losses.loss import Loss


def _values(loss: Loss, y_true: Any, y_pred: Any) -> NDArray[Any]:
    return np.asarray(loss.call(*loss._arrays(y_true, y_pred)))


def mean_squared_error(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """`mean((y_pred - y_true)^2)` over the last axis.

    >>> mean_squared_error([[0.0, 0.0]], [[1.0, 3.0]])
    array([5.], dtype=float32)
    """
    return _values(MeanSquaredError(), y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """`mean(|y_pred - y_true|)` over the last axis.

    >>> mean_absolute_error([[0.0, 0.0]], [[1.0, 3.0]])
    array([2.], dtype=float32)
    """
    return _values(MeanAbsoluteError(), y_true, y_pred)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> NDArray[Any]:
    """See `BinaryCrossentropy`.

    >>> binary_crossentropy([[1.0]], [[0.0]], from_logits=True).round(4)
    array([0.6931], dtype=float32)
    """
    return _values(BinaryCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> NDArray[Any]:
    """See `CategoricalCrossentropy`.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    return _values(CategoricalCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> NDArray[Any]:
    """See `SparseCategoricalCrossentropy`.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    loss = SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
    return _values(loss, y_true, y_pred)
