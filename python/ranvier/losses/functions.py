"""Losses as plain functions: one value a sample, no reduction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.losses.circle import compare
from ranvier.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from ranvier.losses.ctc import CTC
from ranvier.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from ranvier.losses.hinge import CategoricalHinge, Hinge, SquaredHinge
from ranvier.losses.probabilistic import (
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
)
from ranvier.losses.region import Dice, Tversky
from ranvier.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)

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


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `MeanAbsolutePercentageError`.

    >>> mean_absolute_percentage_error([[2.0]], [[1.0]]).round(4)
    array([50.], dtype=float32)
    """
    return _values(MeanAbsolutePercentageError(), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `MeanSquaredLogarithmicError`.

    >>> mean_squared_logarithmic_error([[0.0]], [[1.0]]).round(4)
    array([0.4805], dtype=float32)
    """
    return _values(MeanSquaredLogarithmicError(), y_true, y_pred)


def log_cosh(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `LogCosh`.

    >>> log_cosh([[0.0]], [[1.0]]).round(4)
    array([0.4338], dtype=float32)
    """
    return _values(LogCosh(), y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `Hinge`.

    >>> hinge([[-1.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([1.], dtype=float32)
    """
    return _values(Hinge(), y_true, y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `SquaredHinge`.

    >>> squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([1.25], dtype=float32)
    """
    return _values(SquaredHinge(), y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `CategoricalHinge`.

    >>> categorical_hinge([[0.0, 1.0]], [[0.75, 0.25]]).round(4)
    array([1.5], dtype=float32)
    """
    return _values(CategoricalHinge(), y_true, y_pred)


def kl_divergence(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `KLDivergence`.

    >>> kl_divergence([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    return _values(KLDivergence(), y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `Poisson`.

    >>> poisson([[1.0]], [[2.0]]).round(4)
    array([1.3069], dtype=float32)
    """
    return _values(Poisson(), y_true, y_pred)


def ctc(y_true: Any, y_pred: Any) -> NDArray[Any]:
    """See `CTC`.

    >>> ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]]).round(4)
    array([0.2877], dtype=float32)
    """
    return _values(CTC(), y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> NDArray[Any]:
    """See `Huber`.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    array([1.5], dtype=float32)
    """
    return _values(Huber(delta), y_true, y_pred)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> NDArray[Any]:
    """See `CosineSimilarity`: -1 where labels and predictions point the same way.

    >>> cosine_similarity([[0.0, 1.0]], [[0.0, 2.0]])
    array([-1.], dtype=float32)
    """
    return _values(CosineSimilarity(axis), y_true, y_pred)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> NDArray[Any]:
    """See `BinaryFocalCrossentropy`.

    >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
    array([0.1733], dtype=float32)
    """
    loss = BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
    )
    return _values(loss, y_true, y_pred)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> NDArray[Any]:
    """See `CategoricalFocalCrossentropy`.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.0433], dtype=float32)
    """
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return _values(loss, y_true, y_pred)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float = 0.5) -> NDArray[Any]:
    """See `CategoricalGeneralizedCrossEntropy`.

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5)
    array([1.], dtype=float32)
    """
    return _values(CategoricalGeneralizedCrossEntropy(q), y_true, y_pred)


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> NDArray[Any]:
    """See `Dice`.

    >>> dice([[1.0, 1.0]], [[1.0, 0.0]], axis=1).round(4)
    array([0.3333], dtype=float32)
    """
    return _values(Dice(axis=axis), y_true, y_pred)


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> NDArray[Any]:
    """See `Tversky`.

    >>> tversky([[1.0, 1.0]], [[1.0, 0.0]], axis=1).round(4)
    array([0.3333], dtype=float32)
    """
    return _values(Tversky(alpha, beta, axis=axis), y_true, y_pred)


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> NDArray[Any]:
    """See `Circle`; samples are compared with the references, if there are any.

    >>> circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], gamma=1.0).round(4)
    array([0.5459, 0.5459, 0.    ], dtype=float32)
    """
    pred = np.asarray(y_pred, _dtypes.of_predictions(y_pred, _dtypes.floatx()))
    labels = np.asarray(y_true)
    refs = pred if ref_embeddings is None else np.asarray(ref_embeddings, pred.dtype)
    ref_labels = labels if ref_labels is None else np.asarray(ref_labels)
    shapes = [(np.size(labels), len(pred)), (np.size(ref_labels), len(refs))]
    if pred.ndim != 2 or refs.ndim != 2 or any(a != b for a, b in shapes):
        raise ValueError(
            "circle: there must be one label for each row of the embeddings (N, D); got "
            f"{labels.shape} for {pred.shape} and {ref_labels.shape} for {refs.shape}"
        )
    values, _ = compare(labels, pred, ref_labels, refs, gamma, margin, remove_diagonal)
    return np.asarray(values)
