"""Convolutions over sequences, images and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import constraints, initializers, regularizers
from ranvier.layers._convolution import ConvolutionLayer
from ranvier.layers.layer import Shape, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _Conv(ConvolutionLayer):
    """What Conv1D, Conv2D and Conv3D share."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive_int(self, "filters", filters)
        self.groups = positive_int(self, "groups", groups)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_activation(activation, use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        if self.filters % self.groups:
            raise ValueError(
                f"{self.label}: `groups` must divide `filters`; got groups={self.groups}, "
                f"filters={self.filters}"
            )

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{self.label}: `groups` must divide the number of input channels; got "
                f"groups={self.groups}, input of shape {tuple(input_shape)}"
            )
        self.compute_output_shape(input_shape)
        self.kernel = self._add(
            "kernel", (*self.kernel_size, channels // self.groups, self.filters)
        )
        self._add_bias(self.filters)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._output_shape(input_shape, self.filters)

    def _convolve(self, builder: Builder, x: int) -> tuple[int, Any]:
        fused, rest = builder.split_activation(self.label, self.activation)
        y = builder.graph.conv(
            x,
            self.kernel.shape[-2] * self.groups,
            self.filters,
            self.groups,
            self.kernel_size,
            self.strides,
            self.dilation_rate,
            self.padding,
            self._weight(builder, self.kernel),
            self._weight(builder, self.bias),
            *fused,
        )
        return y, rest


class Conv1D(_Conv):
    """A convolution along a sequence:
    `y_oj = activation(sum_tc x_(o s + t d - p, c) w_tcj + b_j)`.

    s is the stride, d the dilation rate, p the padding at the beginning; x is 0 outside of the
    sequence.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: length of the kernel, >= 1.
        strides: step from output to output, >= 1. Default 1.
        padding: "valid" (kernel inside the input only), "same" (zeros at both ends,
            `ceil(W / strides)` outputs) or "causal" (zeros before the beginning: output o sees
            nothing after `o strides`).
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).
        dilation_rate: distance of the kernel's taps, >= 1. Default 1; not with strides > 1.
        groups: into so many parts the channels are divided, each convolved with `filters / groups`
            filters of its own; divides both. Default 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, W, C), output (N, W', filters) with
        `W' = (W - dilation_rate (kernel_size - 1) - 1) // strides + 1` if "valid"; w is
        (kernel_size, C / groups, filters), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel longer
            than the input.

    Reference: causal and dilated: van den Oord et al., WaveNet, arXiv 1609.03499.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv1D(1, 2, padding="causal", kernel_initializer="ones")
    >>> layer(np.array([[[1.0], [2.0], [3.0]]], "float32")).ravel()
    array([1., 3., 5.], dtype=float32)
    """

    _axes = 1
    _paddings = ("valid", "same", "causal")


class Conv2D(_Conv):
    """A convolution over images:
    `y_abj = activation(sum_klc x_(a s + k d - p, b s + l d - q, c) w_klcj + b_j)`.

    s is the stride, d the dilation rate, p and q the padding above and on the left; x is 0 outside
    of the image.
    In float32, square kernels with stride 1 or 2 may be computed by Winograd's algorithms, see
    `ranvier.config.set_winograd`.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: (height, width) of the kernel, or one integer for both; >= 1.
        strides: step from output to output, likewise. Default 1.
        padding: "valid" (kernel inside the image only) or "same" (zeros around it,
            `ceil(extent / stride)` outputs along each axis).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).
        dilation_rate: distance of the kernel's taps along each axis. Default 1; not with strides
            > 1.
        groups: into so many parts the channels are divided, each convolved with `filters / groups`
            filters of its own; divides both. Default 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, H, W, C), output (N, H', W', filters) with
        `H' = (H - dilation_rate (kernel_size - 1) - 1) // strides + 1` if "valid", W' likewise; w
        is (*kernel_size, C / groups, filters), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel larger
            than the input.

    Reference: LeCun et al., Gradient-based learning applied to document recognition, Proceedings of
    the IEEE 86 (1998).

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv2D(1, (2, 2), kernel_initializer="ones")
    >>> layer(np.arange(9, dtype="float32").reshape(1, 3, 3, 1))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]], dtype=float32)
    """

    _axes = 2


class Conv3D(_Conv):
    """A convolution over volumes, as `Conv2D` with one more axis.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: (depth, height, width) of the kernel, or one integer for all; >= 1.
        strides: step from output to output, likewise. Default 1.
        padding: "valid" (kernel inside the volume only) or "same" (zeros around it,
            `ceil(extent / stride)` outputs along each axis).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).
        dilation_rate: distance of the kernel's taps along each axis. Default 1; not with strides
            > 1.
        groups: into so many parts the channels are divided, each convolved with `filters / groups`
            filters of its own; divides both. Default 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, D, H, W, C), output (N, D', H', W', filters), extents as in `Conv2D`; w is
        (*kernel_size, C / groups, filters), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel larger
            than the input.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv3D(1, 2, kernel_initializer="ones")
    >>> layer(np.arange(8, dtype="float32").reshape(1, 2, 2, 2, 1)).ravel()
    array([28.], dtype=float32)
    """

    _axes = 3
