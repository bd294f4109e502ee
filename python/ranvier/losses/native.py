"""What the losses computed by the engine share."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.losses.loss import Loss, same_rank

# Rows of labels that are enough to see that they are of another kind.
_LOOKED_AT = 4096

if TYPE_CHECKING:
    from numpy.typing import NDArray


def native_values(
    kind: str,
    y_true: NDArray[Any],
    y_pred: NDArray[Any],
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
) -> NDArray[Any]:
    """One value for each row of y_pred, in the shape of y_pred without its last axis."""
    values, _ = ops.loss(
        kind, y_true, y_pred, label_smoothing=label_smoothing, ignore_class=ignore_class
    )
    return values.reshape(y_pred.shape[:-1])


def _shape(shape: Any) -> str:
    return "(" + ", ".join("N" if n is None else str(n) for n in shape) + ")"


class LabelledLoss(Loss):
    """A loss whose labels have the outputs' shape or, if it is sparse, are class numbers."""

    kind: str
    sparse = False

    def check_labels(
        self, owner: str, labels: NDArray[Any], output_shape: tuple[int | None, ...]
    ) -> NDArray[Any]:
        want = output_shape[1:-1] if self.sparse else output_shape[1:]
        got = labels.shape[1:]
        if _fits(got, want):
            return labels
        if len(got) == len(want) + 1 and got[-1] == 1 and _fits(got[:-1], want):
            return labels[..., 0]
        if not self.sparse and want and want[-1] == 1 and _fits(got, want[:-1]):
            return labels[..., None]
        hint = ""
        if self.sparse and len(got) == len(want) + 1:
            hint = " (labels that are one-hot need categorical_crossentropy)"
        elif self.kind == "categorical_crossentropy" and len(got) <= len(want):
            hint = " (labels that are class numbers need sparse_categorical_crossentropy)"
        raise ValueError(
            f"{owner}: {self.name} takes labels of shape {_shape((None, *want))} for outputs of "
            f"shape {_shape(output_shape)}; got {_shape((None, *got))}{hint}"
        )


class NativeLoss(LabelledLoss):
    """A loss that is a kernel: values and gradient in one pass."""

    axis: Any = -1

    @property
    def native(self) -> tuple[str, float, int | None] | None:
        own = type(self)
        if self.axis != -1 or own.call is not NativeLoss.call:
            return None
        return (self._kind(), self._smoothing(), self._ignored())

    def _kind(self) -> str:
        return self.kind + ("_logits" if getattr(self, "from_logits", False) else "")

    def _smoothing(self) -> float:
        return float(getattr(self, "label_smoothing", 0.0))

    def _ignored(self) -> int | None:
        return getattr(self, "ignore_class", None)

    def _fit(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Labels and predictions with classes on the last axis."""
        true, pred = np.asarray(y_true), np.asarray(y_pred)
        if self.axis != -1 and not -pred.ndim <= self.axis < pred.ndim:
            raise ValueError(f"{self.name}: predictions of {pred.shape} have no axis {self.axis}")
        if self.sparse:
            if true.ndim == pred.ndim and true.shape[self.axis] == 1:
                true = np.squeeze(true, self.axis)
            if self.axis != -1:
                pred = np.moveaxis(pred, self.axis, -1)
            expected = pred.shape[:-1]
        else:
            true, pred = same_rank(true, pred)
            if self.axis != -1:
                true, pred = np.moveaxis(true, self.axis, -1), np.moveaxis(pred, self.axis, -1)
            expected = pred.shape
        if true.shape != expected:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': y_true must have shape {expected} for "
                f"y_pred of shape {np.shape(y_pred)}; got {np.shape(y_true)}"
            )
        return true, pred

    def call(self, y_true: Any, y_pred: Any) -> Any:
        true, pred = self._fit(y_true, y_pred)
        return native_values(self._kind(), true, pred, self._smoothing(), self._ignored())

    def mask(self, y_true: Any, y_pred: Any) -> NDArray[Any] | None:
        ignored = self._ignored()
        return None if ignored is None else self._fit(y_true, y_pred)[0] != ignored

    def gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> NDArray[Any]:
        if type(self).call is not NativeLoss.call:
            return super().gradient(y_true, y_pred, sample_weight, mask)
        true, pred = self._arrays(y_true, y_pred)
        fit_true, fit_pred = self._fit(true, pred)
        shape = fit_pred.shape[:-1]
        weights = self._coefficients(shape, sample_weight, self._mask(shape, true, pred, mask))
        scale = 1.0
        if isinstance(weights, float):
            scale, weights = weights, None
        else:
            weights = weights.reshape(-1).astype(fit_pred.dtype)
        _, dy = ops.loss(
            self._kind(), fit_true, fit_pred, weights, scale, self._smoothing(), self._ignored(),
            True,
        )  # fmt: skip
        assert dy is not None
        if self.axis != -1:
            dy = np.moveaxis(dy, -1, self.axis)
        return dy.reshape(pred.shape)

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        true, pred = self._fit(y_true, y_pred)
        _, dy = ops.loss(
            self._kind(), true, pred, None, 1.0, self._smoothing(), self._ignored(), True
        )
        assert dy is not None
        return dy if self.axis == -1 else np.moveaxis(dy, -1, self.axis)

    def check_values(self, owner: str, labels: NDArray[Any], classes: int | None) -> None:
        if self.sparse and classes is not None:
            _check_class_numbers(owner, labels, classes, self._ignored())
        elif self.kind.endswith("crossentropy"):
            first = labels[:_LOOKED_AT]
            if first.min() < 0 or first.max() > 1:
                warnings.warn(
                    f"{owner}: {self.name} takes labels in [0, 1]; `y` goes from "
                    f"{first.min():g} to {first.max():g}, for which the loss means nothing",
                    RuntimeWarning,
                    stacklevel=5,
                )


def _check_class_numbers(
    owner: str, labels: NDArray[Any], classes: int, ignored: int | None
) -> None:
    if labels.size == 0 or (
        labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < classes
    ):
        return
    good = (labels >= 0) & (labels < classes) & (labels == np.trunc(labels))
    if ignored is not None:
        good |= labels == ignored
    if not good.all():
        raise ValueError(
            f"{owner}: `y` must hold class numbers in 0..{classes - 1}, as the model has {classes} "
            f"outputs; got {labels[~good][0]} in row {int(np.argwhere(~good)[0, 0])}"
        )


def _fits(got: tuple[int, ...], want: tuple[int | None, ...]) -> bool:
    return len(got) == len(want) and all(
        w is None or g == w for g, w in zip(got, want, strict=True)
    )


def smoothing(owner: str, value: Any) -> float:
    """A label smoothing: a number in [0, 1]."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not real or not 0 <= value <= 1:
        raise ValueError(f"{owner}: `label_smoothing` must be a number in [0, 1]; got {value!r}")
    return value


def integer(owner: str, argument: str, value: Any) -> int:
    """An argument that must be an integer, of the 32 bits that the engine has for it."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not -(1 << 31) <= value < 1 << 31:
        raise ValueError(f"{owner}: `{argument}` must be an integer of 32 bits; got {value!r}")
    return int(value)
