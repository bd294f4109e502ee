"""Layers around another layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._serialize import deserialize_keras_object
from ranvier.layers._nested import Nested
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder


class Wrapper(Nested):
    """Base of layers around another: its weights are those of the layer inside.

    Args:
        layer: the layer inside.
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(f"{self.label}: `layer` must be a layer; got {layer!r}")
        if layer.outside_models is not None:
            raise ValueError(f"{self.label}: {layer.label} {layer.outside_models}")
        if kwargs.get("dtype") is not None and self._dtype != layer.dtype:
            raise ValueError(
                f"{self.label}: `dtype` must be that of the layer inside, {layer.dtype}; "
                f"got {self._dtype}"
            )
        self.layer = layer

    def inner_layers(self) -> list[Layer]:
        return [self.layer]

    def build(self, input_shape: Shape) -> None:
        self.layer.ensure_built(input_shape)

    @property
    def dtype(self) -> str:
        return self.layer.dtype

    @property
    def is_native(self) -> bool:
        return self.layer.is_native

    # -- configuration ----------------------------------------------------------------------

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Wrapper:
        layer = config["layer"]
        if not isinstance(layer, Layer):
            layer = deserialize_keras_object(layer, custom_objects=custom_objects)
        return cls(**{**config, "layer": layer})


class TimeDistributed(Wrapper):
    """Applies a layer to each step of a sequence: `y_t = layer(x_t)`, with the same weights.

    All steps of all samples are one batch of the layer inside. A BatchNormalization inside takes
    its statistics over them together (Keras: of one step after the other); its predictions are the
    same. A mask passes on, and the layer inside does not see it, unless it is a BatchNormalization.

    Args:
        layer: any layer with one input and one output, or a Sequential.

    Shapes:
        input (N, T, ...), output (N, T, ...) with what the layer makes of the rest; T may vary.

    Raises:
        ValueError: `layer` is no layer; an input of fewer than three axes; an activity regularizer
            on a layer within a model inside (one of `layer` itself is not applied, as in Keras).

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> layers.TimeDistributed(layers.Dense(4))(np.zeros((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    supports_masking = True

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        for inner in getattr(layer, "layers", ()):
            if inner.activity_regularizer is not None:
                raise ValueError(
                    f"{self.label}: {inner.label} has an `activity_regularizer`, which has no "
                    "meaning for single steps; give it to TimeDistributed"
                )

    def _step_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 3:
            raise ValueError(
                f"{self.label}: expected input of three axes or more, (N, T, ...); "
                f"got shape {tuple(input_shape)}"
            )
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape: Shape) -> None:
        super().build(self._step_shape(input_shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        inner = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (inner[0], input_shape[1], *inner[1:])

    def lower(self, builder: Builder, x: int) -> int:
        from ranvier.layers.batch_normalization import BatchNormalization

        steps = int(builder.graph.sequence("fold", [x], [], [False]))
        mask = builder.masks.get(x)
        if mask is not None and isinstance(self.layer, BatchNormalization):
            builder.masks[steps] = builder.graph.sequence("fold", [mask], [], [True])
        y = builder.lower(self.layer, steps)
        builder.graph.label(self.layer.label)
        return int(builder.graph.sequence("unfold", [y, x], [], []))

    # -- a layer inside that is written in Python -------------------------------------------

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        y, cache = self.layer.forward(x.reshape(-1, *x.shape[2:]), training=training)
        return y.reshape(*x.shape[:2], *y.shape[1:]), (cache, x.shape, y.shape)

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        inner, x_shape, y_shape = cache
        dx, gradients = self.layer.backward(inner, dy.reshape(y_shape))
        return dx.reshape(x_shape), gradients
