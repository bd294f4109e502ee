"""Parts of models, as models of their own on the same layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._suggest import suggestion
from ranvier.layers.input import InputLayer
from ranvier.models.sequential import Sequential

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ranvier.layers.layer import Layer


def up_to(model: Sequential, layer: Layer | str | int) -> Sequential:
    """The part of `model` from its input to `layer`: `y = layer(...(first layer(x)))`.

    The layers are the model's own, not copies: training one trains both, and no weight is made or
    renamed. What Keras writes as `Model(model.inputs, model.get_layer(name).output)`.

    Args:
        model: a Sequential whose weights exist.
        layer: the last layer of the part: itself, its name, or its place (an integer, negative
            ones from the end). One inside a model inside is found too, by itself or its name.

    Returns:
        A Sequential, not compiled, named `<model>_up_to_<layer>`.

    Raises:
        TypeError: `model` is no Sequential.
        ValueError: the model is not built, or has no such layer.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential(
    ...     [ranvier.Input((8, 8, 1)), layers.Conv2D(4, 3, name="edges"), layers.Flatten()])
    >>> part = ranvier.models.up_to(model, "edges")
    >>> part(np.zeros((1, 8, 8, 1))).shape, part.layers[0] is model.layers[0]
    ((1, 6, 6, 4), True)
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"up_to: `model` must be a Sequential; got {model!r}")
    if not model.built or model.input_shape is None:
        raise ValueError(
            f"{model.label}: the shape of the input is not known yet, so no part can be made; "
            "call build(input_shape) or fit first"
        )
    return _cut(path_to(model, layer))


def find(model: Sequential, kinds: Any) -> Layer | None:
    """The first layer of a class in `kinds`, models inside included; None if there is none."""
    return next((layer for layer, _ in _walk(model) if isinstance(layer, kinds)), None)


def _cut(path: list[Any]) -> Sequential:
    """The part of `path[0]` that ends with the last of `path`, which are one inside the other."""
    whole, inner = path[:2]
    before = whole.layers[: next(i for i, own in enumerate(whole.layers) if own is inner)]
    # a model inside stays a model: layers of two of them may have the same name
    last = inner if len(path) == 2 else _cut(path[1:])
    name = f"{whole.name}_up_to_{path[-1].name}"
    source = InputLayer(whole.input_shape[1:], dtype=whole.dtype, name=f"{name}_input")
    return Sequential([source, *before, last], name=name)


def _walk(model: Sequential) -> Iterator[tuple[Layer, list[Any]]]:
    """All layers in the order in which they run, each with the models that it is in."""
    for layer in model.layers:
        if isinstance(layer, Sequential):
            for inner, models in _walk(layer):
                yield inner, [model, *models]
        yield layer, [model]


def path_to(model: Sequential, layer: Layer | str | int) -> list[Any]:
    """The models that `layer` is in, from `model` inwards, and the layer itself."""
    if isinstance(layer, (int, np.integer)) and not isinstance(layer, bool):
        return [model, model.get_layer(index=int(layer))]
    for own, models in _walk(model):
        if own is layer or own.name == layer:
            return [*models, own]
    names = [own.name for own, _ in _walk(model)]
    hint = suggestion(layer, names) if isinstance(layer, str) else ""
    raise ValueError(f"{model.label}: no layer {layer!r};{hint} there are {names}")
