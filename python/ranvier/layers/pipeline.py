"""Layers one after the other, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._serialize import deserialize_keras_object
from ranvier.layers._nested import Nested
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder


class Pipeline(Nested):
    """Layers one after the other: `y = layer_n(... layer_1(x))`; mostly to prepare data.

    Called on its own it acts as in training unless training=False, and takes whatever its first
    layer takes, text too.

    Args:
        layers: a list of layers.

    Raises:
        ValueError: not a list of layers.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> pipeline = layers.Pipeline([layers.AutoContrast(), layers.Rescaling(1 / 255)])
    >>> pipeline(np.array([[[10.0], [20.0]]]))[0, :, 0]
    array([0., 1.], dtype=float32)
    """

    supports_masking = True

    def __init__(self, layers: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        good = isinstance(layers, (list, tuple)) and len(layers) > 0
        if not good or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(f"{self.label}: `layers` must be a list of layers; got {layers!r}")
        self.layers: list[Layer] = list(layers)

    def inner_layers(self) -> list[Layer]:
        return self.layers

    @property
    def dtype(self) -> str:
        return self.layers[0].dtype

    @property
    def outside_models(self) -> str | None:  # type: ignore[override]
        """Why it cannot be in a model, if one of its layers cannot."""
        for layer in self.layers:
            if layer.outside_models is not None:
                return f"has {layer.label}, which {layer.outside_models}"
        return None

    def __call__(self, x: Any, training: bool = True, mask: Any = None) -> NDArray[Any]:
        """What the layers make of `x`."""
        for layer in self.layers:
            y = layer(x, training=training, mask=mask)
            mask = layer.compute_mask(x, mask) if layer.supports_masking else None
            x = y
        return y

    # -- within a model ---------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        for layer in self.layers:
            layer.ensure_built(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self._prefix_paths()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        for layer in self.layers:
            input_shape = tuple(layer.compute_output_shape(input_shape))
        return input_shape

    @property
    def is_native(self) -> bool:
        return all(layer.is_native for layer in self.layers)

    def in_turn(self) -> list[Layer]:
        if self.is_native:
            return [self]
        return [inner for layer in self.layers for inner in layer.in_turn()]

    def lower(self, builder: Builder, x: int) -> int:
        for layer in self.layers:
            x = builder.add(layer, x)
        return x

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        return builder.masks.get(y)

    # -- configuration ----------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {key: config[key] for key in ("layers", "name")}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Pipeline:
        layers = [
            layer
            if isinstance(layer, Layer)
            else deserialize_keras_object(layer, custom_objects=custom_objects)
            for layer in config["layers"]
        ]
        return cls(**{**config, "layers": layers})
