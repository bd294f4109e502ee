"""Metrics of what is reached over all thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.losses.formula import real
from ranvier.losses.native import integer
from ranvier.metrics.confusion import Confusion, divide, evenly_spread, thresholds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CURVES = ("ROC", "PR", "PRGAIN")
# A list of them is kept: more are a mistake.
_MOST = 1_000_000
_SUMS = ("interpolation", "majoring", "minoring")


def _spread(owner: str, n: Any, least: int) -> tuple[int, list[float]]:
    """The number of thresholds, and those between 0 and 1."""
    if not least <= integer(owner, "num_thresholds", n) <= _MOST:
        raise ValueError(f"{owner}: `num_thresholds` must be in {least}..{_MOST}; got {n}")
    return int(n), [(i + 1) / (n - 1) for i in range(n - 2)]


class _AtConstraint(Confusion):
    """The greatest `_wanted` over the thresholds where `_held` is at least a value."""

    _direction = "up"
    _held: tuple[str, str]
    _wanted: tuple[str, str]

    def _prepare(self, value: float, num_thresholds: int, class_id: int | None) -> None:
        owner = type(self).__name__
        self.num_thresholds, inner = _spread(owner, num_thresholds, 1)
        self.class_id = None if class_id is None else integer(owner, "class_id", class_id)
        self._value = value
        one = self.num_thresholds == 1
        self._start([0.5] if one else [0.0, *inner, 1.0], not one)

    def result(self) -> float:
        """The number, 0 if no threshold will do."""
        met = self._share(*self._held) >= self._value
        return float(np.max(np.where(met, self._share(*self._wanted), 0.0)))


_SENSITIVITY = ("true_positives", "false_negatives")
_SPECIFICITY = ("true_negatives", "false_positives")
_PRECISION = ("true_positives", "false_positives")


class SensitivityAtSpecificity(_AtConstraint):
    """The greatest `tp / (tp + fn)` where `tn / (tn + fp) >= specificity`.

    Args:
        specificity: in [0, 1].
        num_thresholds: >= 1, spread evenly over [0, 1]. Default 200.
        class_id: the only class (index on the last axis) that counts; None: all.
        name, dtype: see `Metric`.

    >>> metric = SensitivityAtSpecificity(0.5)
    >>> metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    _held, _wanted = _SPECIFICITY, _SENSITIVITY

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self.specificity = real("SensitivityAtSpecificity", "specificity", specificity, 0.0, 1.0)
        self._prepare(specificity, num_thresholds, class_id)


class SpecificityAtSensitivity(_AtConstraint):
    """The greatest `tn / (tn + fp)` where `tp / (tp + fn) >= sensitivity`.

    Args:
        sensitivity: in [0, 1].
        num_thresholds, class_id, name, dtype: see `SensitivityAtSpecificity`.

    >>> metric = SpecificityAtSensitivity(0.5)
    >>> round(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]), 4)
    0.6667
    """

    _held, _wanted = _SENSITIVITY, _SPECIFICITY

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self.sensitivity = real("SpecificityAtSensitivity", "sensitivity", sensitivity, 0.0, 1.0)
        self._prepare(sensitivity, num_thresholds, class_id)


class PrecisionAtRecall(_AtConstraint):
    """The greatest `tp / (tp + fp)` where `tp / (tp + fn) >= recall`.

    Args:
        recall: in [0, 1].
        num_thresholds, class_id, name, dtype: see `SensitivityAtSpecificity`.

    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    _held, _wanted = _SENSITIVITY, _PRECISION

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self.recall = real("PrecisionAtRecall", "recall", recall, 0.0, 1.0)
        self._prepare(recall, num_thresholds, class_id)


class RecallAtPrecision(_AtConstraint):
    """The greatest `tp / (tp + fn)` where `tp / (tp + fp) >= precision`.

    Args:
        precision: in [0, 1].
        num_thresholds, class_id, name, dtype: see `SensitivityAtSpecificity`.

    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.5
    """

    _held, _wanted = _PRECISION, _SENSITIVITY

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self.precision = real("RecallAtPrecision", "precision", precision, 0.0, 1.0)
        self._prepare(precision, num_thresholds, class_id)


def _choice(argument: str, value: Any, choices: tuple[str, ...]) -> str:
    for choice in choices:
        if isinstance(value, str) and value.lower() == choice.lower():
            return choice
    raise ValueError(f"AUC: `{argument}` must be one of {', '.join(choices)}; got {value!r}")


class AUC(Confusion):
    """The area under a curve over thresholds, by a sum of num_thresholds - 1 terms.

    Args:
        num_thresholds: >= 2, spread evenly over [0, 1]. Default 200.
        curve: "ROC" (default: true over false positive rate), "PR" (precision over recall) or
            "PRGAIN" (their gains).
        summation_method: "interpolation" (default), "minoring" or "majoring": trapezoids, or
            rectangles below or above. For PR it interpolates the counts, not the precision.
        name, dtype: see `Metric`.
        thresholds: between those at 0 and 1, instead of num_thresholds.
        multi_label: whether to average the areas of the labels (last axis) instead of taking all
            predictions as one.
        num_labels: of multi_label; known from the first batch if None.
        label_weights: one for each label, or None.
        from_logits: whether predictions are logits.

    Reference: Davis and Goadrich, The relationship between Precision-Recall and ROC curves, 2006.

    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        self.curve = _choice("curve", curve, _CURVES)
        self.summation_method = _choice("summation_method", summation_method, _SUMS)
        if thresholds is None:
            self.num_thresholds, inner = _spread("AUC", num_thresholds, 2)
            even = True
        else:
            inner = sorted(thresholds_of("AUC", thresholds, 0.5)) if len(thresholds) else []
            self.num_thresholds = len(inner) + 2
            even = evenly_spread([0.0, *inner, 1.0])
        self._given = thresholds is not None
        self.thresholds = [-1e-7, *inner, 1.0 + 1e-7]
        self.multi_label = bool(multi_label)
        self.from_logits = bool(from_logits)
        if num_labels is not None and not multi_label:
            raise ValueError("AUC: `num_labels` is needed only when `multi_label` is True")
        self.num_labels = None if num_labels is None else integer("AUC", "num_labels", num_labels)
        self.label_weights = None if label_weights is None else [float(w) for w in label_weights]
        self._is_even = even
        self._ready = False
        if not multi_label or num_labels is not None:
            self._build(self.num_labels)

    def _build(self, labels: int | None) -> None:
        n = self.num_thresholds
        shape = (n,) if labels is None else (n, labels)
        # the counts of evenly spread thresholds begin at 1: all predictions pass the first
        self._start(self.thresholds, self._is_even and n > 2, shape)
        self._ready = True

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["thresholds"] = self.thresholds[1:-1]
        if not self._given:
            del config["thresholds"]
        return config

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch of labels (0 or not) and predictions, with weights of samples or None."""
        true, pred, weights = self._arrays(y_true, y_pred, sample_weight)
        label = f"AUC '{self.name}'"
        if self.multi_label:
            if pred.ndim != 2 or pred.shape[1] != (self.num_labels or pred.shape[1]):
                raise ValueError(
                    f"{label}: with `multi_label`, y_pred must have shape (N, "
                    f"{self.num_labels or 'labels'}); got {pred.shape}"
                )
            if not self._ready:
                self._build(pred.shape[1])
        if self.label_weights is not None:
            if len(self.label_weights) != pred.shape[-1]:
                raise ValueError(
                    f"{label}: `label_weights` has {len(self.label_weights)} weights for "
                    f"predictions of shape {pred.shape}"
                )
            if not self.multi_label:
                weights = weights * np.asarray(self.label_weights)
        self._add(true, ops.activation("sigmoid", pred) if self.from_logits else pred, weights)

    def _points(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """x and y of the curve at each threshold."""
        tp, fp, tn, fn = (
            self._count(name)
            for name in ("true_positives", "false_positives", "true_negatives", "false_negatives")
        )
        recall = divide(tp, tp + fn)
        if self.curve == "ROC":
            return divide(fp, fp + tn), recall
        if self.curve == "PR":
            return recall, divide(tp, tp + fp)
        odds = divide(tp + fn, tn + fp)
        gain = np.where(tp == 0, 0.0, 1 - odds * divide(fn, tp))
        return np.maximum(gain, 0.0), np.where(tp == 0, 1.0, 1 - odds * divide(fp, tp))

    def _interpolated(self) -> NDArray[Any]:
        """The terms of PR: true positives grow in proportion with all positives."""
        tp = self._count("true_positives")
        positives = tp + self._count("false_positives")
        more, all_more = tp[:-1] - tp[1:], positives[:-1] - positives[1:]
        slope = divide(more, np.maximum(all_more, 0))
        intercept = tp[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        ratio = np.where(both, divide(positives[:-1], np.maximum(positives[1:], 0)), 1.0)
        of = np.maximum(tp[1:] + self._count("false_negatives")[1:], 0)
        return divide(slope * (more + intercept * np.log(ratio)), of)

    def _terms(self) -> NDArray[Any]:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated()
        x, y = self._points()
        heights = {
            "interpolation": (y[:-1] + y[1:]) / 2,
            "minoring": np.minimum(y[:-1], y[1:]),
            "majoring": np.maximum(y[:-1], y[1:]),
        }[self.summation_method]
        return np.asarray((x[:-1] - x[1:]) * heights)

    def result(self) -> float:
        """The area."""
        if not self._ready:
            return 0.0
        areas = self._terms().sum(axis=0)
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean())
        weights = np.asarray(self.label_weights)
        return float(divide(np.sum(areas * weights), np.sum(weights)))
