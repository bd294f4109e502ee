"""Copies of models with weights of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Any = None,
    recursive: bool = False,
) -> Any:
    """A model of the same layers, with new weights; compiled if `model` is.

    Args:
        model: a Sequential.
        input_tensors: of Keras; only None.
        clone_function: makes the new layer of a layer; by default one of the same config.
        call_function: of Keras' functional models; only None.
        recursive: whether `clone_function` is called on the layers of models inside, instead of on
            these models.

    Raises:
        TypeError: `model` is no Sequential.
        ValueError: `input_tensors` or `call_function` are given.

    >>> import ranvier
    >>> model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    >>> ranvier.models.clone_model(model).output_shape
    (None, 2)
    """
    from ranvier.models import Sequential

    if not isinstance(model, Sequential):
        raise TypeError(f"clone_model: `model` must be a Sequential; got {model!r}")
    for argument, value in (("input_tensors", input_tensors), ("call_function", call_function)):
        if value is not None:
            raise ValueError(f"clone_model: `{argument}` is not in ranvier; got {value!r}")
    if clone_function is not None and not callable(clone_function):
        raise ValueError(
            f"clone_model: `clone_function` must be a function; got {clone_function!r}"
        )

    def copied(layer: Any) -> Any:
        if recursive and isinstance(layer, Sequential):
            return clone_model(layer, None, clone_function, None, True)
        if clone_function is not None:
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    source = model._input
    layers = [] if source is None else [type(source).from_config(source.get_config())]
    layers += [copied(layer) for layer in model.layers]
    clone = Sequential(layers, name=model.name, trainable=model.trainable)
    if model.input_shape is not None and clone.input_shape is None:
        clone.build(model.input_shape)
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone
