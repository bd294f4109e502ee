"""Batch normalization merged into the layer before it, for prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import layers as L
from ranvier.models.sequential import Sequential

if TYPE_CHECKING:
    from ranvier.layers.layer import Layer

# The axis of the last kernel that its outputs are counted along.
_OUTPUTS: dict[type[Layer], int] = {
    **dict.fromkeys((L.Dense, L.Conv1D, L.Conv2D, L.Conv3D), -1),
    **dict.fromkeys((L.SeparableConv1D, L.SeparableConv2D), -1),
    **dict.fromkeys((L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose), -2),
    **dict.fromkeys((L.DepthwiseConv1D, L.DepthwiseConv2D), -1),
}
_DEPTHWISE = (L.DepthwiseConv1D, L.DepthwiseConv2D)


def fold(model: Sequential) -> Sequential:
    """A copy of `model` for prediction whose batch normalizations are part of the layer before.

    In inference a BatchNormalization is `y = x * scale + offset` for each channel; after a linear
    layer `x = conv(u, W) + b` that is `conv(u, W * scale) + (b * scale + offset)`. Predictions are
    those of `model` but for rounding; an Activation or ReLU that follows moves into the layer too.
    BatchNormalization after anything else stays as it is.

    Args:
        model: a Sequential whose weights exist; it is not changed.

    Returns:
        A new, independent Sequential, not compiled.

    Raises:
        TypeError: `model` is no Sequential.
        ValueError: the model is not built.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential([ranvier.Input((8, 8, 3)), layers.Conv2D(4, 3),
    ...     layers.BatchNormalization(), layers.Activation("relu")])
    >>> small = ranvier.models.fold(model)
    >>> [type(layer).__name__ for layer in small.layers]
    ['Conv2D']
    >>> x = np.ones((1, 8, 8, 3), "float32")
    >>> bool(np.allclose(small(x), model(x), atol=1e-6))
    True
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"fold: `model` must be a Sequential; got {model!r}")
    if not model.built or model.input_shape is None:
        raise ValueError(
            f"{model.label}: the shape of the input is not known yet, so nothing can be folded; "
            "call build(input_shape) or fit first"
        )
    made: list[tuple[Layer, list[Any]]] = []
    rest, shape = list(model.layers), tuple(model.input_shape)
    while rest:
        layer = rest.pop(0)
        shape = layer.compute_output_shape(shape)
        if rest and _folds(layer, rest[0], len(shape)):
            made.append(_merged(layer, rest))
        elif isinstance(layer, Sequential):
            inner = fold(layer)
            made.append((inner, inner.get_weights()))
        else:
            made.append((type(layer).from_config(layer.get_config()), layer.get_weights()))
    folded = Sequential(
        [L.Input(model.input_shape[1:], dtype=model.dtype), *(layer for layer, _ in made)],
        name=f"{model.name}_folded",
    )
    for layer, weights in made:
        layer.set_weights(weights)
    return folded


def _folds(layer: Any, after: Layer, rank: int) -> bool:
    """Whether `after` is a normalization over the channels of `layer`, a linear map of `rank` axes
    with the batch's."""
    if type(layer) not in _OUTPUTS or type(after) is not L.BatchNormalization:
        return False
    if getattr(layer.activation, "__name__", "") != "linear" or layer.activity_regularizer:
        return False
    channels = 1 if getattr(layer, "data_format", "") == "channels_first" else rank - 1
    return after.axis % rank == channels and after.activity_regularizer is None


def _merged(layer: Any, rest: list[Layer]) -> tuple[Layer, list[Any]]:
    """The layer with the normalization at the head of `rest`, and its weights; takes that layer,
    and an activation behind it, from `rest`."""
    normalization = rest.pop(0)
    assert isinstance(normalization, L.BatchNormalization)
    config = {**layer.get_config(), "use_bias": True}
    if rest and type(rest[0]) is L.Activation and rest[0].activity_regularizer is None:
        config["activation"] = rest.pop(0).get_config()["activation"]
    elif rest and type(rest[0]) is L.ReLU and rest[0].get_config() == {
        **rest[0].get_config(), "max_value": None, "negative_slope": 0.0, "threshold": 0.0
    }:  # fmt: skip
        rest.pop(0)
        config["activation"] = "relu"
    scale, offset = normalization.inference_scale_offset()
    weights = [w.astype(np.float64) for w in layer.get_weights()]
    bias = weights.pop() if layer.bias is not None else 0.0
    kernel = weights.pop()
    if isinstance(layer, _DEPTHWISE):
        kernel *= scale.reshape(kernel.shape[-2:])
    else:
        axes = [1] * kernel.ndim
        axes[_OUTPUTS[type(layer)]] = -1
        kernel *= scale.reshape(axes)
    return type(layer).from_config(config), [*weights, kernel, bias * scale + offset]
