"""What convolutions of every kind share: arguments, shapes, weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import activations
from ranvier.layers._spatial import (
    check_rank,
    from_channels_last,
    join_shape,
    shape_letters,
    split_shape,
    standardize_data_format,
    standardize_padding,
    standardize_tuple,
    to_channels_last,
    window_extent,
)
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder
    from ranvier.variables import Variable

# Arguments of Keras' convolutions that add weights of their own.
_NOT_HERE = ("lora_rank", "lora_alpha")


class ConvolutionLayer(Layer):
    """Base class of convolutions."""

    _axes: int
    _paddings: tuple[str, ...] = ("valid", "same")

    bias: Variable | None

    def __init__(self, *, activity_regularizer: Any = None, **kwargs: Any) -> None:
        given = {name: kwargs.pop(name) for name in _NOT_HERE if name in kwargs}
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for name, value in given.items():
            if value is not None:
                raise ValueError(
                    f"{self.label}: `{name}` is not in ranvier; it must be None; got {value!r}"
                )

    def _set_window(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        n = self._axes
        self.kernel_size = standardize_tuple(self, "kernel_size", kernel_size, n)
        self.strides = standardize_tuple(self, "strides", strides, n)
        self.dilation_rate = standardize_tuple(self, "dilation_rate", dilation_rate, n)
        self.padding = standardize_padding(self, padding, self._paddings)
        self.data_format = standardize_data_format(self, data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self.label}: `strides` > 1 cannot be combined with `dilation_rate` > 1; "
                f"got strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    def _set_activation(self, activation: Any, use_bias: bool) -> None:
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)

    def get_config(self) -> dict[str, Any]:
        # of these layers Keras writes it even if it is None
        return {"activity_regularizer": None, **super().get_config()}

    # -- shapes -----------------------------------------------------------------------------

    def _channels(self, input_shape: Shape) -> int:
        """How many channels come in; refuses shapes of another rank or without that number."""
        check_rank(self, input_shape, self._axes, self.data_format)
        channels = split_shape(input_shape, self.data_format)[1]
        if channels is None:
            raise ValueError(
                f"{self.label}: the number of channels must be known, C of "
                f"{shape_letters(self._axes, self.data_format)}; got shape {tuple(input_shape)}"
            )
        return channels

    def _reach(self) -> tuple[int, ...]:
        """How far the kernel reaches along each axis, dilation included."""
        return tuple(
            (k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)
        )

    def _extent(self, axis: int, extent: int | None) -> int | None:
        """How long the output is along a spatial axis: 0 or less if nothing would be left."""
        return window_extent(extent, self._reach()[axis], self.strides[axis], self.padding)

    def _output_shape(self, input_shape: Shape, channels: int | None) -> Shape:
        check_rank(self, input_shape, self._axes, self.data_format)
        extents, _ = split_shape(input_shape, self.data_format)
        left = tuple(self._extent(axis, extent) for axis, extent in enumerate(extents))
        if any(n is not None and n < 1 for n in (*extents, *left)):
            raise ValueError(
                f"{self.label}: `kernel_size` {self.kernel_size} with dilation_rate "
                f"{self.dilation_rate} and padding '{self.padding}' leaves nothing of input of "
                f"shape {tuple(input_shape)}"
            )
        return join_shape(input_shape[0], left, channels, self.data_format)

    # -- weights ----------------------------------------------------------------------------

    def _add(self, name: str, shape: tuple[int, ...], role: str | None = None) -> Variable:
        """A weight, made and held as the arguments `<role>_initializer`, ... say."""
        role = role or name
        return self.add_weight(
            shape,
            initializer=getattr(self, f"{role}_initializer"),
            regularizer=getattr(self, f"{role}_regularizer"),
            constraint=getattr(self, f"{role}_constraint"),
            name=name,
        )

    def _add_bias(self, channels: int) -> None:
        self.bias = self._add("bias", (channels,)) if self.use_bias else None

    # -- the graph --------------------------------------------------------------------------

    def _weight(self, builder: Builder, variable: Variable | None) -> int:
        return -1 if variable is None else builder.weight(variable, self.trainable)

    def _convolve(self, builder: Builder, x: int) -> tuple[int, Any]:
        """Adds the nodes for channels last; returns the value, and the activation left to do."""
        raise NotImplementedError

    def lower(self, builder: Builder, x: int) -> int:
        x = to_channels_last(builder.graph, x, self._axes, self.data_format)
        x, activation = self._convolve(builder, x)
        # softmax is over the last axis, whatever that is
        x = from_channels_last(builder.graph, x, self._axes, self.data_format)
        return builder.activation(self.label, activation, x)
