"""What a network's last layer must be for a target, and what its outputs mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import losses
from ranvier.layers import Activation, Dense, Flatten, Layer, Softmax
from ranvier.metrics import BinaryAccuracy
from ranvier.models import Sequential

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROBABILITIES = ("softmax", "sigmoid")


def last_activation(layer: Layer) -> str | None:
    """The name of the function that a layer ends with; None if that is not known."""
    if isinstance(layer, Sequential):
        return last_activation(layer.layers[-1]) if layer.layers else None
    if isinstance(layer, Softmax):
        return "softmax"
    if isinstance(layer, (Activation, Dense)) or hasattr(layer, "kernel_size"):
        return getattr(layer.activation, "__name__", None)  # type: ignore[attr-defined]
    return None


def size_of(model: Sequential) -> int | None:
    """How many numbers the model gives for a sample; None if that varies."""
    shape = model.output_shape[1:]
    return None if None in shape else math.prod(n or 0 for n in shape)


def _free_name(model: Sequential, name: str) -> str:
    taken = {layer.name for layer in model.layers}
    return next(n for n in (name, *(f"{name}_{i}" for i in range(1, 99))) if n not in taken)


def add_dense(model: Sequential, units: int, activation: str) -> None:
    """Puts an output layer on top."""
    dtype = model.dtype
    if len(model.output_shape) > 2:
        model.add(Flatten(name=_free_name(model, "flatten"), dtype=dtype))
    name = _free_name(model, "output")
    model.add(Dense(units, activation, name=name, dtype=dtype))


def complete(owner: str, model: Sequential, wanted: dict[int, tuple[str, ...]], add: Any) -> None:
    """Adds the output layer if it was left out.

    Args:
        wanted: the numbers of outputs that will do, the first of which is made, each with the
            activations that give it a meaning; () takes any.
        add: True, False, or "auto": if the last layer is no output layer.

    Raises:
        ValueError: there is an output layer, and it is of another size or kind.
    """
    (units, kinds), *_ = wanted.items()
    activation = kinds[0] if kinds else "linear"
    if add is True or not model.layers:
        return add_dense(model, units, activation)
    last, size = model.layers[-1], size_of(model)
    ends_in = last_activation(last)
    if size in wanted and (not wanted[size] or ends_in in wanted[size]):
        return None
    is_output = ends_in == "linear" or (kinds and ends_in in _PROBABILITIES)
    if add is False and size in wanted and ends_in is None:
        return None
    if add == "auto" and not is_output:
        return add_dense(model, units, activation)
    or_else = " or ".join(f"{n} with {'/'.join(a) if a else 'any'}" for n, a in wanted.items())
    raise ValueError(
        f"{owner}: the model ends with {last.label}, {size} outputs with activation {ends_in}; "
        f"`y` needs {or_else}. Change that layer, or leave the output layer out: it is then added "
        "(add_output=True adds one in any case)"
    )


def wanted_for(kind: str, classes: int) -> dict[int, tuple[str, ...]]:
    """The output layers that will do for a target of scikit-learn's kinds."""
    if kind == "multilabel-indicator":
        return {classes: ("sigmoid", "linear")}
    if kind == "binary":
        return {1: ("sigmoid", "linear"), 2: ("softmax", "linear", "sigmoid")}
    return {classes: ("softmax", "linear", "sigmoid")}


class Meaning:
    """How classes become labels for the loss, and outputs become probabilities.

    Args:
        owner: the estimator's name.
        model: with its output layer.
        loss: as the estimator was given it.
        kind: scikit-learn's type of target.
        classes: how many.
    """

    def __init__(self, owner: str, model: Sequential, loss: Any, kind: str, classes: int) -> None:
        self.units = size_of(model) or 0
        self.classes = classes
        self.multilabel = kind == "multilabel-indicator"
        self.activation = last_activation(model.layers[-1])
        # the loss "auto" looks at it
        self.logits = self.activation == "linear"
        self.loss = self._auto() if isinstance(loss, str) and loss == "auto" else losses.get(loss)
        if self.loss is None:
            raise ValueError(f"{owner}: `loss` must be 'auto', a name or a loss; got {loss!r}")
        from_logits = bool(getattr(self.loss, "from_logits", False))
        if self.activation is not None and from_logits != self.logits:
            wants = "a linear output layer" if from_logits else "an output layer of probabilities"
            raise ValueError(
                f"{owner}: `loss` {self.loss!r} with from_logits={from_logits} needs {wants}; the "
                f"model ends with {self.activation} (loss='auto' takes either)"
            )
        self.logits = from_logits or self.logits
        self.sparse = bool(getattr(self.loss, "sparse", False))
        if self.sparse and (self.units == 1 or self.multilabel):
            raise ValueError(
                f"{owner}: `loss` {self.loss!r} needs one output for each of several classes, of "
                "which one is right"
            )

    def _auto(self) -> Any:
        if self.units == 1 or self.multilabel or self.activation == "sigmoid":
            return losses.BinaryCrossentropy(from_logits=self.logits)
        return losses.SparseCategoricalCrossentropy(from_logits=self.logits)

    def metrics(self, given: Any) -> Any:
        """Metrics, where "accuracy" counts labels one by one if each has an output of its own."""
        if self.units > 1 and not self.multilabel:
            return given
        if isinstance(given, str):
            given = [given]
        if not isinstance(given, (list, tuple)):
            return given
        threshold = 0.0 if self.logits else 0.5
        return [
            BinaryAccuracy(m, threshold=threshold) if m in ("accuracy", "acc") else m for m in given
        ]

    def labels(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Class numbers (N,), or an indicator matrix, as the loss takes them."""
        if self.multilabel:
            return numbers.astype(np.float32)
        if self.sparse:
            return numbers
        if self.units == 1:
            return numbers.astype(np.float32)[:, None]
        return np.eye(self.classes, dtype=np.float32)[numbers]

    def probabilities(self, y: NDArray[Any]) -> NDArray[Any]:
        """(N, classes) from the model's outputs."""
        if y.ndim != 2:
            y = y.reshape(len(y), -1)
        if self.logits:
            y = _sigmoid(y) if self.units == 1 or self.multilabel else _softmax(y)
        elif self.activation == "sigmoid" and self.units > 1 and not self.multilabel:
            y = y / np.maximum(y.sum(axis=1, keepdims=True), np.finfo(y.dtype).tiny)
        if self.units != 1 or self.multilabel:
            return y
        both = np.empty((len(y), 2), y.dtype)
        both[:, 1] = y[:, 0]
        np.subtract(1, y[:, 0], out=both[:, 0])
        return both


def _sigmoid(z: NDArray[Any]) -> NDArray[Any]:
    from ranvier import ops

    return np.asarray(ops.sigmoid(np.ascontiguousarray(z)))


def _softmax(z: NDArray[Any]) -> NDArray[Any]:
    from ranvier import ops

    return np.asarray(ops.softmax(np.ascontiguousarray(z)))
