"""Which recurrent layer is meant, and where in the model it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ranvier.layers import Bidirectional, LSTMCell
from ranvier.layers.cells import NativeCell
from ranvier.layers.rnn import RNN
from ranvier.models import Sequential
from ranvier.models.parts import path_to

if TYPE_CHECKING:
    from ranvier.layers import Layer


class Place(NamedTuple):
    """A recurrent layer in a chain of layers."""

    layers: list[Layer]  # models inside taken apart, in the order in which they run
    at: int
    layer: RNN  # layers[at], or one of the two in a Bidirectional there


def recurrent_in(layer: Layer) -> list[RNN]:
    """The layer itself if it is recurrent, or the two of a Bidirectional."""
    inner = layer.inner_layers() if isinstance(layer, Bidirectional) else [layer]
    return [one for one in inner if isinstance(one, RNN)]


# What a function takes, and how its errors call it.
_WANTED = {
    "lstm": "an LSTM",
    "native": "a SimpleRNN, LSTM or GRU",
    "any": "a recurrent layer of one cell",
}


def place_of(function: str, model: Any, layer: Any, kind: str) -> Place:
    """Where `layer` is, or the first that fits if it is None; `kind`: one of _WANTED."""
    if not isinstance(model, (Sequential, RNN, Bidirectional)):
        raise TypeError(
            f"inspect.{function}: `model` must be a Sequential or a recurrent layer; got {model!r}"
        )
    chain = _taken_apart(model)
    places = [Place(chain, i, one) for i, own in enumerate(chain) for one in recurrent_in(own)]
    if layer is None:
        for place in places:
            if _fits(place, kind):
                return place
        found = ", ".join(own.label for own in chain)
        raise ValueError(
            f"inspect.{function}: {model.label} must have {_WANTED[kind]}; it has {found or 'none'}"
        )
    found_place = _named(model, layer, places)
    if found_place is None or not _fits(found_place, kind):
        raise ValueError(
            f"inspect.{function}: `layer` must be {_WANTED[kind]} in {model.label}; got {layer!r}"
        )
    return found_place


def _taken_apart(layer: Any) -> list[Layer]:
    if not isinstance(layer, Sequential):
        return [layer]
    return [own for inner in layer.layers for own in _taken_apart(inner)]


def _fits(place: Place, kind: str) -> bool:
    cells = place.layer.cells
    if kind == "native":  # its neighbour in a Bidirectional is walked too
        near = recurrent_in(place.layers[place.at])
        return all(len(one.cells) == 1 and isinstance(one.cells[0], NativeCell) for one in near)
    return len(cells) == 1 and (kind == "any" or isinstance(cells[0], LSTMCell))


def _named(model: Any, layer: Any, places: list[Place]) -> Place | None:
    for place in places:  # also those in a Bidirectional, which only this room looks into
        if place.layer is layer or place.layer.name == layer:
            return place
    if isinstance(model, Sequential):
        own = path_to(model, layer)[-1]
    else:
        own = model if layer is model or layer == model.name else None
    return next((place for place in places if place.layers[place.at] is own), None)
