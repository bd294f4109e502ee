"""F scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier import _dtypes
from ranvier.metrics.metric import Metric

_AVERAGES = (None, "micro", "macro", "weighted")
_EPSILON = 1e-7


class FBetaScore(Metric):
    """`(1 + beta^2) precision recall / (beta^2 precision + recall)`, class by class.

    Args:
        average: None (default): an array with one score a class; "micro": of all decisions
            together; "macro": the mean over classes; "weighted": that weighted by their labels.
        beta: weight of the recall, > 0. Default 1.
        threshold: in (0, 1], above which a prediction is 1; None: a row's greatest.
        name, dtype: see `Metric`.

    Shapes:
        labels and predictions (N, classes); weights (N,).

    >>> import numpy as np
    >>> y_true = np.array([[1, 0], [0, 1], [0, 1]])
    >>> score = FBetaScore(average="micro", beta=2.0)(y_true, np.eye(2)[[0, 1, 0]])
    >>> round(score, 4)
    0.6667
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        owner = type(self).__name__
        if average not in _AVERAGES:
            raise ValueError(f"{owner}: `average` must be one of {_AVERAGES}; got {average!r}")
        for argument, value in (("beta", beta), ("threshold", threshold)):
            wrong = not isinstance(value, (int, float, np.floating)) or not 0 < value < 1e100
            if value is not None and (wrong or isinstance(value, bool)):
                raise ValueError(f"{owner}: `{argument}` must be a number > 0; got {value!r}")
        if threshold is not None and threshold > 1:
            raise ValueError(f"{owner}: `threshold` must be in (0, 1]; got {threshold!r}")
        self.average, self.beta, self.threshold = average, beta, threshold
        self._counts: list[Any] = []

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch of labels and predictions (N, classes)."""
        owner = f"{type(self).__name__} '{self.name}'"
        pred = _dtypes.as_numeric(owner, y_pred, "y_pred")
        pred = pred.astype(_dtypes.of_predictions(y_pred, self.dtype), copy=False)
        true = _dtypes.as_numeric(owner, y_true, "y_true").astype(np.float64)
        weights = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        weights = weights.reshape(-1, 1)
        classes = self._counts[0].size if self._counts and self.average != "micro" else None
        good = pred.ndim == 2 and true.shape == pred.shape and len(weights) in (1, len(pred))
        if not good or pred.shape[1] != (classes or pred.shape[1]):
            raise ValueError(
                f"{owner}: labels and predictions must have shape (N, {classes or 'classes'}), "
                f"weights (N,); got {np.shape(y_true)}, {np.shape(y_pred)} and "
                f"{np.shape(sample_weight)}"
            )
        if not self._counts:
            shape = () if self.average == "micro" else (pred.shape[1],)
            names = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
            self._counts = [self.add_variable(shape, name=name) for name in names]
        if self.threshold is None:
            chosen = (pred >= pred.max(axis=-1, keepdims=True)) & (np.abs(pred) > 1e-9)
        else:
            chosen = pred > pred.dtype.type(self.threshold)
        found = (chosen * true, chosen * (1 - true), ~chosen * true, true)
        axis = None if self.average == "micro" else 0
        for variable, one in zip(self._counts, found, strict=True):
            variable.assign(variable.value + np.sum(one * weights, axis=axis))

    def result(self) -> Any:
        """The score: a number, or an array of one for each class."""
        if not self._counts:
            return 0.0
        tp, fp, fn, weights = (np.asarray(v.value) for v in self._counts)
        precision, recall = tp / (tp + fp + _EPSILON), tp / (tp + fn + _EPSILON)
        square = self.beta**2
        score = precision * recall / (square * precision + recall + _EPSILON) * (1 + square)
        if self.average == "weighted":
            return float(np.sum(score * weights / (np.sum(weights) + _EPSILON)))
        return score if self.average is None else float(np.mean(score))


class F1Score(FBetaScore):
    """`2 precision recall / (precision + recall)`: `FBetaScore` with beta = 1.

    Args:
        average, threshold, name, dtype: see `FBetaScore`.

    >>> import numpy as np
    >>> round(F1Score("macro")(np.array([[1, 0], [0, 1], [0, 1]]), np.eye(2)[[0, 1, 0]]), 4)
    0.6667
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
