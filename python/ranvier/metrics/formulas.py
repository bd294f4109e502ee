"""Means of functions of labels and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ranvier import _dtypes, losses
from ranvier.losses.loss import same_rank
from ranvier.losses.native import integer
from ranvier.metrics.metric import Mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_EPSILON = 1e-7


class _MeanOf(Mean):
    """The mean of `_function(y_true, y_pred)`, one or more values a sample."""

    _masked = True
    _function: ClassVar[Callable[..., Any]]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Adds a batch of labels and predictions, with weights of samples or None."""
        owner = f"{type(self).__name__} '{self.name}'"
        kind = _dtypes.of_predictions(y_pred, self.dtype)
        pred = _dtypes.as_numeric(owner, y_pred, "y_pred").astype(kind, copy=False)
        true = _dtypes.as_numeric(owner, y_true, "y_true").astype(kind, copy=False)
        true, pred = same_rank(true, pred)
        if true.shape != pred.shape:
            raise ValueError(
                f"{owner}: y_true must have shape {pred.shape} for y_pred of shape "
                f"{np.shape(y_pred)}; got {np.shape(y_true)}"
            )
        values = type(self)._function(true, pred, **self._options())
        super().update_state(np.atleast_1d(values), sample_weight)

    def _options(self) -> dict[str, Any]:
        return {}


class _Down(_MeanOf):
    _direction = "down"


class MeanAbsolutePercentageError(_Down):
    """The mean of the loss `MeanAbsolutePercentageError`.

    Args:
        name, dtype: see `Metric`.

    >>> round(MeanAbsolutePercentageError()([[2.0]], [[1.0]]), 4)
    50.0
    """

    _function = staticmethod(losses.mean_absolute_percentage_error)

    def __init__(
        self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)


class MeanSquaredLogarithmicError(_Down):
    """The mean of the loss `MeanSquaredLogarithmicError`.

    Args:
        name, dtype: see `Metric`.

    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[1.0]]), 4)
    0.4805
    """

    _function = staticmethod(losses.mean_squared_logarithmic_error)

    def __init__(
        self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)


class LogCoshError(_Down):
    """The mean of the loss `LogCosh`.

    Args:
        name, dtype: see `Metric`.

    >>> round(LogCoshError()([[0.0]], [[1.0]]), 4)
    0.4338
    """

    _function = staticmethod(losses.log_cosh)

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class Hinge(_Down):
    """The mean of the loss `Hinge`.

    Args:
        name, dtype: see `Metric`.

    >>> round(Hinge()([[-1.0, 1.0]], [[0.5, 0.5]]), 4)
    1.0
    """

    _function = staticmethod(losses.hinge)

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class SquaredHinge(_Down):
    """The mean of the loss `SquaredHinge`.

    Args:
        name, dtype: see `Metric`.

    >>> round(SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.5]]), 4)
    1.25
    """

    _function = staticmethod(losses.squared_hinge)

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class CategoricalHinge(_Down):
    """The mean of the loss `CategoricalHinge`.

    Args:
        name, dtype: see `Metric`.

    >>> round(CategoricalHinge()([[0.0, 1.0]], [[0.75, 0.25]]), 4)
    1.5
    """

    _function = staticmethod(losses.categorical_hinge)

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class KLDivergence(_MeanOf):
    """The mean of the loss `KLDivergence`.

    Args:
        name, dtype: see `Metric`.

    >>> round(KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    _function = staticmethod(losses.kl_divergence)

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(name, dtype)


class Poisson(_MeanOf):
    """The mean of the loss `Poisson`.

    Args:
        name, dtype: see `Metric`.

    >>> round(Poisson()([[1.0]], [[2.0]]), 4)
    1.3069
    """

    _function = staticmethod(losses.poisson)

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(name, dtype)


def _cosine(y_true: NDArray[Any], y_pred: NDArray[Any], axis: int) -> NDArray[Any]:
    return -losses.cosine_similarity(y_true, y_pred, axis)


def _pair(owner: str, y_true: Any, y_pred: Any, axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both less their means along an axis."""
    pred = np.asarray(y_pred, _dtypes.of_predictions(y_pred, _dtypes.floatx()))
    true, pred = same_rank(np.asarray(y_true, pred.dtype), pred)
    if true.shape != pred.shape or not -pred.ndim <= axis < pred.ndim:
        raise ValueError(
            f"{owner}: y_true and y_pred must have one shape with an axis {axis}; got "
            f"{np.shape(y_true)} and {np.shape(y_pred)}"
        )
    return true, pred


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> NDArray[Any]:
    """The correlation of labels and predictions along an axis; NaN where one is constant.

    >>> pearson_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]]).round(4)
    array([1.], dtype=float32)
    """
    true, pred = _pair("pearson_correlation", y_true, y_pred, axis)
    t = true - true.mean(axis=axis, keepdims=True)
    p = pred - pred.mean(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        t /= t.std(axis=axis, keepdims=True)
        p /= p.std(axis=axis, keepdims=True)
        return np.asarray((t * p).mean(axis=axis))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> NDArray[Any]:
    """`2 cov / (var t + var p + (mean t - mean p)^2)` of labels t and predictions p along an axis.

    >>> concordance_correlation([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]]).round(4)
    array([1.], dtype=float32)
    """
    true, pred = _pair("concordance_correlation", y_true, y_pred, axis)
    means = true.mean(axis=axis, keepdims=True), pred.mean(axis=axis, keepdims=True)
    covariance = (true - means[1]) * (pred - means[1])
    spread = true.var(axis=axis, keepdims=True) + pred.var(axis=axis, keepdims=True)
    spread = spread + (means[0] - means[1]) ** 2 + pred.dtype.type(_EPSILON)
    return np.asarray((2 * covariance / spread).mean(axis=axis))


class _Along(_MeanOf):
    _direction = "up"
    axis: int

    def _options(self) -> dict[str, Any]:
        return {"axis": self.axis}


class CosineSimilarity(_Along):
    """The mean cosine of the angle between labels and predictions.

    Args:
        name, dtype: see `Metric`.
        axis: of the vectors. Default -1.

    >>> round(CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]), 4)
    0.5
    """

    _function = staticmethod(_cosine)

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype)
        self.axis = integer("CosineSimilarity", "axis", axis)


class PearsonCorrelation(_Along):
    """The mean of `pearson_correlation`.

    Args:
        name, dtype: see `Metric`.
        axis: along which to correlate. Default -1.

    >>> round(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[3.0, 2.0, 1.0]]), 4)
    -1.0
    """

    _function = staticmethod(pearson_correlation)

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype)
        self.axis = integer("PearsonCorrelation", "axis", axis)


class ConcordanceCorrelation(_Along):
    """The mean of `concordance_correlation`.

    Args:
        name, dtype: see `Metric`.
        axis: along which to correlate. Default -1.

    >>> round(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[3.0, 2.0, 1.0]]), 4)
    -1.0
    """

    _function = staticmethod(concordance_correlation)

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype)
        self.axis = integer("ConcordanceCorrelation", "axis", axis)
