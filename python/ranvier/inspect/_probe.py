"""What a recurrent layer inside a model is given, and what comes back to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.inspect._find import Place, recurrent_in
from ranvier.inspect._walk import walk, walk_back
from ranvier.layers import Bidirectional, Layer
from ranvier.layers._recurrent import mask_array
from ranvier.models import Sequential
from ranvier.models.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ranvier.layers.layer import Shape

    Array = NDArray[Any]


class Probe(Layer):
    """Stands in a network for a recurrent layer (or a Bidirectional), and keeps what it sees."""

    supports_masking = True

    def __init__(self, place: Place) -> None:
        self.outer: Any = place.layers[place.at]
        super().__init__(name=self.outer.name, dtype=self.outer.dtype)
        self.watched = place.layer
        self.x: Array | None = None
        self.mask: Array | None = None
        self.gradient: Array | None = None  # in the watched layer's hidden states

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.outer.compute_output_shape(input_shape)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return previous_mask if self.outer.return_sequences else None

    def forward(self, x: Array, training: bool = False, mask: Any = None) -> tuple[Array, Any]:
        self.x, self.mask = x, mask_array(self.outer, mask, x.shape[:2])
        outputs, kept = [], []
        for layer in recurrent_in(self.outer):
            y, _, steps = walk(layer, x, self.mask)
            outputs.append(y)
            kept.append(steps)
        y = self.outer._merge(*outputs) if isinstance(self.outer, Bidirectional) else outputs[0]
        return y, (outputs, kept)

    def backward(self, cache: Any, dy: Array) -> tuple[Array, list[Array]]:
        outputs, kept = cache
        parts = [dy]
        if isinstance(self.outer, Bidirectional):
            parts = list(self.outer._split(dy, *outputs))
        total = np.zeros_like(self.x)
        for steps, part in zip(kept, parts, strict=True):
            dx, dhidden = walk_back(steps, part)
            total += dx
            if steps.layer is self.watched:
                self.gradient = dhidden
        return total, []


class _Seen(Exception):
    """The probe has been reached: nothing after it need run."""


class Listener(Probe):
    """A probe that ends the run."""

    def forward(self, x: Array, training: bool = False, mask: Any = None) -> tuple[Array, Any]:
        self.x, self.mask = x, mask_array(self.outer, mask, x.shape[:2])
        raise _Seen


def seen_by(
    function: str, model: Any, place: Place, x: Any, mask: Any
) -> tuple[Array, Array | None]:
    """(input, mask) of the layer when the model (or the layer alone) gets `x`."""
    if not isinstance(model, Sequential):
        array = _dtypes.as_input(model.label, x, model.dtype)
        model.ensure_built(array.shape)
        require_rows(function, array)
        kernel = getattr(place.layer.cells[0], "kernel", None)
        if kernel is not None and array.shape[2] != kernel.shape[0]:
            raise ValueError(
                f"{model.label}: expected input of shape (batch, steps, {kernel.shape[0]}); got "
                f"{array.shape}"
            )
        return array, mask_array(model, mask, array.shape[:2])
    if mask is not None:
        raise ValueError(
            f"inspect.{function}: `mask` is for a recurrent layer alone; in {model.label} masks "
            "come from the layers before"
        )
    array = np.ascontiguousarray(model._inputs(x), model.dtype)
    require_rows(function, array)
    model.network()  # refuses what cannot run
    listener = Listener(place)
    with states_kept(place.layers), contextlib.suppress(_Seen):
        before = [*place.layers[: place.at], listener]
        Network(before, array.shape[1:], model.dtype).run(array)
    assert listener.x is not None
    return listener.x, listener.mask


def require_rows(function: str, x: Array) -> None:
    """Refuses an input without sequences or without steps."""
    if x.size == 0:
        raise ValueError(
            f"inspect.{function}: `x` must have one sequence or more, of one step or more; got "
            f"shape {x.shape}"
        )


@contextlib.contextmanager
def states_kept(layers: list[Layer]) -> Iterator[None]:
    """Stateful layers are afterwards as they were."""
    states = [v for own in layers for layer in recurrent_in(own) for v in layer.states or ()]
    before = [v.numpy() for v in states]
    try:
        yield
    finally:
        for variable, value in zip(states, before, strict=True):
            variable.assign(value)
