"""Templates of models: their arguments by layer, and fresh copies of them."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np

from ranvier._suggest import suggestion
from ranvier.layers import Dense, Flatten, Layer, Normalization
from ranvier.layers.input import InputLayer
from ranvier.models import Sequential

# The layers of the default model; only copies are used.
_DEFAULT: list[Layer] = [Dense(100, activation="relu", name="hidden")]
# Of a layer's config: what is not changed through a parameter.
_FIXED = ("name", "dtype")


def as_layers(owner: str, model: Any) -> list[Layer]:
    """The layers of a template, in order (the Input is not among them)."""
    if model is None:
        return _DEFAULT
    if isinstance(model, Sequential):
        return model.layers
    if isinstance(model, Layer):
        return [model]
    if isinstance(model, (list, tuple)) and all(isinstance(item, Layer) for item in model):
        return [item for item in model if not isinstance(item, InputLayer)]
    raise TypeError(
        f"{owner}: `model` must be a ranvier.Sequential, a list of layers, a function that returns "
        f"one, or None; got {model!r}"
    )


def is_function(model: Any) -> bool:
    """Whether `model` makes a model, rather than being a template."""
    return callable(model) and not isinstance(model, Layer)


def _source(model: Any) -> Layer | None:
    """The Input that a template begins with, or None."""
    if isinstance(model, Sequential):
        return model._input
    first = model[0] if isinstance(model, (list, tuple)) and model else model
    if isinstance(first, Layer) and first._given_input_shape is not None:
        return InputLayer(first._given_input_shape)
    return first if isinstance(first, InputLayer) else None


# -- arguments by name --------------------------------------------------------------------------


def arguments(owner: str, model: Any) -> dict[str, Any]:
    """`layer__argument` of all layers, and their values; of a function, `argument`."""
    if is_function(model):
        return {
            name: p.default
            for name, p in own_parameters(model).items()
            if p.default is not p.empty and not name.startswith("_")
        }
    return {
        f"{layer.name}__{name}": value
        for layer in as_layers(owner, model)
        for name, value in _describe(layer).items()
    }


def _describe(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Sequential):
        return arguments(layer.label, layer)
    found: dict[str, Any] = {}
    for name, value in layer.get_config().items():
        if name in _FIXED or (name == "backward_layer" and _mirrored(layer)):
            continue
        if isinstance(value, dict):  # the object itself is what people want to see
            value = layer._config_value(name)
        found[name] = value
        if isinstance(value, Layer):
            found.update({f"{name}__{k}": v for k, v in _describe(value).items()})
    return found


def _mirrored(layer: Layer) -> bool:
    """Whether a Bidirectional makes its backward layer from the forward one."""
    return layer._arguments.get("backward_layer") is None


def takes(owner: str, model: Any, path: str) -> bool:
    """Whether a template or function has such an argument."""
    if is_function(model):
        parameters = own_parameters(model)
        return path in parameters or any(
            p.kind is p.VAR_KEYWORD for p in inspect.signature(model).parameters.values()
        )
    name, _, argument = path.partition("__")
    for layer in as_layers(owner, model):
        if layer.name == name:
            return argument in layer.constructor_arguments() or argument in _describe(layer)
    return False


# -- functions that make models -----------------------------------------------------------------

_META = ("n_features_in_", "X_shape_", "n_classes_", "n_outputs_", "target_type_")


def own_parameters(function: Any) -> dict[str, inspect.Parameter]:
    """The parameters of a function that makes models, but for what an estimator knows itself."""
    return {
        name: p
        for name, p in inspect.signature(function).parameters.items()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and name not in ("meta", *_META)
    }


def call(owner: str, function: Any, meta: dict[str, Any], given: dict[str, Any]) -> Any:
    """What the function makes of those of `meta` that it names, and of parameters of its own."""
    parameters = inspect.signature(function).parameters
    known = {"meta": meta, **meta}
    arguments = {name: known[name] for name in parameters if name in known}
    for name, p in own_parameters(function).items():
        if p.default is p.empty and name not in given:
            raise TypeError(
                f"{owner}: the function `model` has a parameter `{name}` without a default: give "
                f"`model__{name}`, or name one of {', '.join(['meta', *_META])}"
            )
    return function(**arguments, **given)


# -- copies -------------------------------------------------------------------------------------


def fresh(owner: str, model: Any, changes: dict[str, Any], x: Any) -> Sequential:
    """A new model like the template, with new weights and with changed arguments.

    Args:
        changes: new values by `layer__argument`.
        x: the data; the default model follows their axes and precision.
    """
    layers = as_layers(owner, model)
    before: list[Layer] = []
    if model is None:
        dtype = "float64" if x.dtype == np.float64 else None
        before = [Flatten(dtype=dtype, name="flatten")] if x.ndim > 2 else []
        changes = {"hidden__dtype": dtype, **changes}
    made = [_copy(layer, part) for layer, part in _by_layer(owner, layers, changes)]
    source = _source(model)
    if source is not None:
        before.append(type(source).from_config(source.get_config()))
    return Sequential([*before, *made], name=getattr(model, "name", None))


def _by_layer(
    owner: str, layers: list[Layer], changes: dict[str, Any]
) -> list[tuple[Layer, dict[str, Any]]]:
    """Each layer with the changes to its arguments."""
    parts: dict[str, dict[str, Any]] = {layer.name: {} for layer in layers}
    for path, value in changes.items():
        name, _, argument = path.partition("__")
        if name not in parts or not argument:
            raise ValueError(
                f"{owner}: parameter `{path}`: no layer is named '{name}'; there are {list(parts)}."
                + suggestion(name, parts)
            )
        parts[name][argument] = value
    return [(layer, parts[layer.name]) for layer in layers]


def _copy(layer: Layer, changes: dict[str, Any]) -> Layer:
    if isinstance(layer, Sequential):
        inner = [_copy(own, part) for own, part in _by_layer(layer.label, layer.layers, changes)]
        source = [] if layer._input is None else [layer._input.clone()]
        return Sequential([*source, *inner], layer.trainable, layer.name)
    if hasattr(layer, "adapt") and not changes:  # what it has learned of data is in no config
        return copy.deepcopy(layer)
    config = layer.get_config()
    for path, value in changes.items():
        _put(layer, config, path, value)
    return type(layer).from_config(config)


def _put(layer: Layer, config: dict[str, Any], path: str, value: Any) -> None:
    """Writes a value into a layer's config, or into that of a layer inside."""
    name, _, rest = path.partition("__")
    if not rest:
        config[name] = value
        return
    inner = config.get(name)
    for entry in config.get("layers", ()) if inner is None else ():
        if entry["config"].get("name") == name:
            inner = entry
    if not isinstance(inner, dict) or "config" not in inner:
        raise ValueError(f"{layer.label}: there is no layer `{name}` inside, to set `{rest}` of it")
    _put(layer, inner["config"], rest, value)
    if name == "layer" and "backward_layer" in config and _mirrored(layer):
        config["backward_layer"] = None


def keep_frozen(template: Any, model: Sequential) -> None:
    """Layers that are not trainable keep the template's weights: fresh ones would mean nothing."""
    olds = {layer.name: layer for layer in as_layers("", template)}
    for new in model.layers:
        old = olds.get(new.name)
        if old is None or not old.built or hasattr(old, "adapt"):
            continue
        if isinstance(old, Sequential) and isinstance(new, Sequential):
            keep_frozen(old, new)
        elif not old.trainable and [v.shape for v in old.weights] == [v.shape for v in new.weights]:
            new.set_weights(old.get_weights())


def adapt(model: Sequential, x: Any) -> None:
    """A Normalization that comes first and has no statistics takes those of the data."""
    first = model.layers[0] if model.layers else None
    if isinstance(first, Normalization) and first.mean is None and first._statistics is None:
        first.adapt(x)
