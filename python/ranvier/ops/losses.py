"""Losses fused with their gradient, and the metrics that count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core
from ranvier.ops._arrays import REFUSED, common_dtype, fit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

KINDS = (
    "mean_squared_error",
    "mean_absolute_error",
    "binary_crossentropy",
    "binary_crossentropy_logits",
    "half_poisson_logits",
    "huber",
    "log_cosh",
    "hinge",
    "squared_hinge",
    "poisson",
    "mean_squared_logarithmic_error",
    "mean_absolute_percentage_error",
    "categorical_crossentropy",
    "categorical_crossentropy_logits",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_logits",
)

COUNTS = (
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
)


def _check(op: str, kind: str, kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        raise ValueError(f"{op}: `kind` must be one of {', '.join(kinds)}; got {kind!r}")


def loss(
    kind: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    scale: float = 1.0,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
    gradient: bool = False,
    *,
    epsilon: float = 1e-7,
    probabilities: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """One loss value for each row of `y_pred`, and its gradient in the same pass.

    With t = y_true, p = y_pred and means over the last axis (`cols` long):

    - mean_squared_error `mean((p - t)^2)`, mean_absolute_error `mean(|p - t|)`;
    - binary_crossentropy `-mean(t log p + (1 - t) log(1 - p))`;
    - half_poisson_logits `mean(exp(p) - t p + (t log t - t))`, half the Poisson deviance of a mean
      of `exp(p)`;
    - huber (delta = label_smoothing), log_cosh, hinge, squared_hinge, poisson,
      mean_squared_logarithmic_error, mean_absolute_percentage_error: as in `ranvier.losses`;
    - categorical_crossentropy `-sum(t log(p / sum p))`; the sparse one with t a class number.

    The crossentropies clip probabilities to `[epsilon, 1 - epsilon]`; those whose kind ends with
    `_logits` take logits, and compute sigmoid or softmax and the logarithm as one.

    Args:
        kind: one of `ranvier.ops.losses.KINDS`.
        y_true: y_pred's shape, or for the sparse kinds one class number in [0, cols) a row.
        y_pred: shape (..., cols).
        sample_weight: one weight a row, or None: all 1. Scales the gradient only.
        scale: factor of the gradient (1 / rows for a mean).
        label_smoothing: s in [0, 1]: t becomes `t (1 - s) + s / 2`, or `+ s / cols` if
            categorical.
        ignore_class: for the sparse kinds, the class whose rows count nothing; or None.
        gradient: whether to compute it.
        epsilon: see above.
        probabilities: for the kinds on logits, an array like y_pred that receives the sigmoid or
            softmax; or None.

    Returns:
        (row_loss, dy): row_loss of shape (rows,), where rows is the product of y_pred's axes but
        the last, without weights; dy, like y_pred, is `scale * w_i * d row_loss_i / d y_pred`, or
        None. Their dtype is y_pred's if that is float32 or float64.

    Raises:
        ValueError: shapes that do not fit, or a class number out of range.
        TypeError: an input is not numeric.

    >>> import numpy as np
    >>> loss("mean_squared_error", np.array([[0.0, 0.0]]), np.array([[1.0, 3.0]]), gradient=True)
    (array([5.]), array([[1., 3.]]))
    """
    _check("loss", kind, KINDS)
    rest = (scale, label_smoothing, ignore_class, gradient, epsilon, probabilities)
    try:
        return _core.loss(kind, y_true, y_pred, sample_weight, *rest)
    except REFUSED:
        pass
    y_true, y_pred, sample_weight = fit(
        "loss", common_dtype(y_pred), y_true=y_true, y_pred=y_pred, sample_weight=sample_weight
    )
    return _core.loss(kind, y_true, y_pred, sample_weight, *rest)


def count(
    kind: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    threshold: float = 0.5,
    k: int = 5,
) -> NDArray[Any]:
    """Whether each row of predictions matches the truth: 1, 0, or a mean over its columns.

    - accuracy `mean(t == p)`, binary_accuracy `mean(t == (p > threshold))` over the last axis;
    - categorical_accuracy `argmax t == argmax p`, sparse_categorical_accuracy `t == argmax p`;
    - (sparse_)top_k_categorical_accuracy: the true class is among the k most probable.

    Args:
        kind: one of `ranvier.ops.losses.COUNTS`.
        y_true: y_pred's shape, or for the sparse kinds one class number a row.
        y_pred: shape (..., cols).
        sample_weight: checked for its length; matches are returned without weights.
        threshold: of binary_accuracy.
        k: of the top-k kinds, >= 1.

    Returns:
        Matches, shape (rows,); dtype y_pred's if that is float32 or float64.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: an input is not numeric.

    >>> count("sparse_categorical_accuracy", [1, 0], [[0.1, 0.9], [0.2, 0.8]])
    array([1., 0.], dtype=float32)
    """
    _check("count", kind, COUNTS)
    try:
        return _core.count(kind, y_true, y_pred, sample_weight, threshold, k)
    except REFUSED:
        pass
    y_true, y_pred, sample_weight = fit(
        "count", common_dtype(y_pred), y_true=y_true, y_pred=y_pred, sample_weight=sample_weight
    )
    return _core.count(kind, y_true, y_pred, sample_weight, threshold, k)
