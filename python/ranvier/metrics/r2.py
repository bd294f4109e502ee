"""The coefficient of determination."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ranvier import _dtypes
from ranvier.losses.loss import same_rank
from ranvier.metrics.metric import Metric

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """`1 - sum (t - p)^2 / sum (t - mean t)^2`, for each output and then averaged.

    Args:
        class_aggregation: "uniform_average" (default), "variance_weighted_average", or None: an
            array with one score an output.
        num_regressors: number of independent variables for the adjusted score; 0: not adjusted.
        name, dtype: see `Metric`.

    >>> import numpy as np
    >>> round(R2Score()(np.array([[1.0], [4.0], [3.0]]), np.array([[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"R2Score: `class_aggregation` must be one of {_AGGREGATIONS}; "
                f"got {class_aggregation!r}"
            )
        if num_regressors < 0:
            raise ValueError(f"R2Score: `num_regressors` must be >= 0; got {num_regressors}")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.reset_state()

    def reset_state(self) -> None:
        self._samples = 0
        # of each output: weights, weighted labels, their squares, squared residuals
        self._sums: Any = np.zeros((4, 1))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch of labels and predictions (N, outputs)."""
        owner = f"R2Score '{self.name}'"
        true = _dtypes.as_numeric(owner, y_true, "y_true").astype(np.float64)
        pred = _dtypes.as_numeric(owner, y_pred, "y_pred").astype(np.float64)
        true, pred = same_rank(true, pred)
        if true.ndim != 2 or true.shape != pred.shape:
            raise ValueError(
                f"{owner}: y_true and y_pred must have the same shape (N, outputs); got "
                f"{np.shape(y_true)} and {np.shape(y_pred)}"
            )
        weights = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        if weights.ndim == 1:
            weights = weights[:, None]
        try:
            weights = np.broadcast_to(weights, true.shape)
        except ValueError:
            raise ValueError(
                f"{owner}: `sample_weight` of shape {np.shape(sample_weight)} does not fit labels "
                f"of shape {true.shape}"
            ) from None
        residual = (true - pred) ** 2
        parts = (weights, weights * true, weights * true * true, weights * residual)
        self._sums = self._sums + np.stack([part.sum(axis=0) for part in parts])
        self._samples += true.size

    def result(self) -> Any:
        """The score: a number, or an array if there is no aggregation."""
        if not self._samples:
            return 0.0
        count, total, squares, residual = self._sums
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares - total * (total / count)
            scores = 1 - residual / variance
            scores = np.where(np.isinf(scores), 0.0, scores)
            if self.class_aggregation == "uniform_average":
                score: Any = float(scores.mean())
            elif self.class_aggregation == "variance_weighted_average":
                score = float((variance * scores).sum() / variance.sum())
            else:
                score = scores
        return self._adjusted(score)

    def _adjusted(self, score: Any) -> Any:
        p, n = self.num_regressors, self._samples
        if p == 0:
            return score
        if p >= n - 1:
            warnings.warn(
                f"R2Score '{self.name}': {p} regressors are too many for {n} samples; the score "
                "is not adjusted",
                RuntimeWarning,
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (n - 1) / (n - p - 1)
