"""Metrics of right and wrong decisions at thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.losses.loss import same_rank
from ranvier.losses.native import integer
from ranvier.metrics.metric import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a prediction is that is not among the top k, and the threshold it does not pass.
_LOWEST = -1e10

OUTCOMES = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def thresholds_of(owner: str, given: Any, default: float) -> list[float]:
    """One threshold or several, each in [0, 1]; `default` if None."""
    if given is None:
        return [default]
    values = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
    for value in values:
        real = isinstance(value, (int, float, np.integer, np.floating))
        if not real or isinstance(value, bool) or not 0 <= value <= 1:
            raise ValueError(f"{owner}: `thresholds` must be numbers in [0, 1]; got {given!r}")
    if not values:
        raise ValueError(f"{owner}: `thresholds` must not be empty")
    return [float(value) for value in values]


def evenly_spread(thresholds: Any) -> bool:
    """Whether they are 0, 1 / n, 2 / n, ..., 1."""
    n = len(thresholds)
    return n >= 3 and bool(np.allclose(thresholds, np.arange(n) / (n - 1), atol=1e-7))


def divide(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """`a / b`, 0 where b is."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def _passed(pred: NDArray[Any], thresholds: NDArray[Any], even: bool) -> NDArray[Any]:
    """How many of the ascending thresholds each prediction is greater than."""
    if not even:
        count = np.searchsorted(thresholds, pred.reshape(-1), side="left").reshape(pred.shape)
        return np.where(np.isnan(pred), 0, count)
    # as Keras counts, so that predictions on a threshold round alike
    steps = pred.dtype.type(len(thresholds) - 1)
    count = np.ceil(np.clip(np.nan_to_num(pred), 0, 1) * steps).astype(np.int64)
    return np.maximum(count, 1) if thresholds[0] < 0 else count


class Confusion(Metric):
    """Counts outcomes at thresholds; subclasses say which of OUTCOMES they need."""

    outcomes: tuple[str, ...] = OUTCOMES
    top_k: int | None = None
    class_id: int | None = None
    multi_label = False

    def _start(self, thresholds: Any, even: bool, shape: tuple[int, ...] | None = None) -> None:
        """Makes the counts, all 0."""
        self._levels = np.asarray(thresholds, np.float64)
        self._even = even
        self._counts = {
            name: self.add_variable(shape or (len(self._levels),), name=name)
            for name in self.outcomes
        }

    def _count(self, outcome: str) -> NDArray[Any]:
        return np.asarray(self._counts[outcome].value)

    def _share(self, part: str, rest: str) -> NDArray[Any]:
        return divide(self._count(part), self._count(part) + self._count(rest))

    def _one(self, values: NDArray[Any]) -> Any:
        return float(values[0]) if len(values) == 1 else values

    def _arrays(
        self, y_true: Any, y_pred: Any, sample_weight: Any
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Labels, predictions and weights of one shape."""
        owner = f"{type(self).__name__} '{self.name}'"
        kind = _dtypes.of_predictions(y_pred, self.dtype)
        pred = _dtypes.as_numeric(owner, y_pred, "y_pred").astype(kind, copy=False)
        true = _dtypes.as_numeric(owner, y_true, "y_true")
        pred, true = same_rank(pred, true)
        if true.shape != pred.shape or pred.ndim == 0:
            raise ValueError(
                f"{owner}: y_true must have shape {pred.shape} for y_pred of shape "
                f"{np.shape(y_pred)}; got {np.shape(y_true)}"
            )
        weights = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        if weights.ndim == pred.ndim + 1 and weights.shape[-1] == 1:
            weights = weights[..., 0]
        if 0 < weights.ndim < pred.ndim:
            weights = weights.reshape(weights.shape + (1,) * (pred.ndim - weights.ndim))
        if self.top_k is not None:
            pred = _only_top(pred, self.top_k)
        if self.class_id is not None:
            if pred.ndim < 2 or not -pred.shape[-1] <= self.class_id < pred.shape[-1]:
                raise ValueError(
                    f"{owner}: `class_id` {self.class_id} is not among the classes of y_pred of "
                    f"shape {pred.shape}"
                )
            wide = weights.ndim == pred.ndim and weights.shape[-1] == pred.shape[-1] > 1
            weights = weights[..., self.class_id, None] if wide else weights
            true, pred = true[..., self.class_id, None], pred[..., self.class_id, None]
        try:
            return true != 0, pred, np.broadcast_to(weights, pred.shape)
        except ValueError:
            raise ValueError(
                f"{owner}: `sample_weight` of shape {np.shape(sample_weight)} does not fit "
                f"predictions of shape {np.shape(y_pred)}"
            ) from None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch of labels (0 or not) and predictions, with weights of samples or None."""
        true, pred, weights = self._arrays(y_true, y_pred, sample_weight)
        self._add(true, pred, weights)

    def _add(self, true: NDArray[Any], pred: NDArray[Any], weights: NDArray[Any]) -> None:
        order = np.argsort(self._levels, kind="stable")
        passed = _passed(pred, self._levels[order].astype(pred.dtype), self._even)
        labels = pred.shape[-1] if self.multi_label else 1
        passed, true, weights = (a.reshape(-1, labels) for a in (passed, true, weights))
        bins = len(order) + 1
        where = (passed * labels + np.arange(labels)).reshape(-1)
        found = {}
        for sign, of in (("positives", true), ("negatives", ~true)):
            sums = np.bincount(where, (weights * of).reshape(-1), bins * labels)
            total = np.cumsum(sums.reshape(bins, labels)[::-1], axis=0)[::-1]
            above = np.empty((len(order), labels))
            above[order] = total[1:]
            rest = total[0] - above
            if sign == "positives":
                found["true_positives"], found["false_negatives"] = above, rest
            else:
                found["false_positives"], found["true_negatives"] = above, rest
        for name, variable in self._counts.items():
            variable.assign(variable.value + found[name].reshape(variable.shape))


def _only_top(pred: NDArray[Any], k: int) -> NDArray[Any]:
    first = np.argsort(-pred, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(pred, _LOWEST)
    np.put_along_axis(kept, first, np.take_along_axis(pred, first, axis=-1), axis=-1)
    return kept


class _Outcome(Confusion):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        levels = thresholds_of(type(self).__name__, thresholds, 0.5)
        self._start(levels, evenly_spread(levels))

    def result(self) -> Any:
        """The count: a number, or an array of one for each threshold."""
        return self._one(self._count(self.outcomes[0]))


class TruePositives(_Outcome):
    """How many labels are 1 and predicted so: `y_pred > threshold`.

    Args:
        thresholds: one or several in [0, 1]; None: 0.5.
        name, dtype: see `Metric`.

    >>> TruePositives()([0, 1, 1], [0.9, 0.8, 0.3])
    1.0
    """

    outcomes = ("true_positives",)


class FalsePositives(_Outcome):
    """How many labels are 0 and predicted as 1. Arguments as of `TruePositives`.

    >>> FalsePositives()([0, 1, 1], [0.9, 0.8, 0.3])
    1.0
    """

    outcomes = ("false_positives",)


class TrueNegatives(_Outcome):
    """How many labels are 0 and predicted so. Arguments as of `TruePositives`.

    >>> TrueNegatives()([0, 1, 1], [0.9, 0.8, 0.3])
    0.0
    """

    outcomes = ("true_negatives",)


class FalseNegatives(_Outcome):
    """How many labels are 1 and predicted as 0. Arguments as of `TruePositives`.

    >>> FalseNegatives()([0, 1, 1], [0.9, 0.8, 0.3])
    1.0
    """

    outcomes = ("false_negatives",)


class _Ratio(Confusion):
    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        owner = type(self).__name__
        if top_k is not None and integer(owner, "top_k", top_k) < 1:
            raise ValueError(f"{owner}: `top_k` must be >= 1; got {top_k}")
        if class_id is not None:
            class_id = integer(owner, "class_id", class_id)
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        levels = thresholds_of(owner, thresholds, 0.5 if top_k is None else _LOWEST)
        self._start(levels, evenly_spread(levels))

    def result(self) -> Any:
        """The ratio: a number, or an array of one for each threshold."""
        return self._one(self._share(*self.outcomes))


class Precision(_Ratio):
    """`true positives / (true positives + false positives)`; 0 if there are none.

    Args:
        thresholds: one or several in [0, 1], above which a prediction is 1; None: 0.5, or with
            top_k no threshold.
        top_k: only the k greatest predictions of a row count as 1; None: all.
        class_id: the only class (index on the last axis) that counts; None: all.
        name, dtype: see `Metric`.

    >>> Precision()([0, 1, 1], [0.9, 0.8, 0.3])
    0.5
    """

    outcomes = ("true_positives", "false_positives")


class Recall(_Ratio):
    """`true positives / (true positives + false negatives)`; 0 if there are none.

    Arguments as of `Precision`.

    >>> Recall()([0, 1, 1], [0.9, 0.8, 0.3])
    0.5
    """

    outcomes = ("true_positives", "false_negatives")
