"""Convolutions of each channel on its own, and those followed by a mixture of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import constraints, initializers, regularizers
from ranvier.layers._convolution import ConvolutionLayer
from ranvier.layers.layer import Shape, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder
    from ranvier.variables import Variable


class _Depthwise(ConvolutionLayer):
    """The depthwise step: each channel with `depth_multiplier` kernels."""

    depth_multiplier: int

    def _depthwise(
        self, builder: Builder, x: int, kernel: Variable, bias: Variable | None, fused: Any
    ) -> int:
        channels = kernel.shape[-2]
        # (..., C, m) lies in memory like the kernel (..., 1, C m) of C groups
        return int(
            builder.graph.conv(
                x,
                channels,
                channels * self.depth_multiplier,
                channels,
                self.kernel_size,
                self.strides,
                self.dilation_rate,
                self.padding,
                self._weight(builder, kernel),
                self._weight(builder, bias),
                *fused,
            )
        )


class _DepthwiseConv(_Depthwise):
    """What DepthwiseConv1D and DepthwiseConv2D share."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.depth_multiplier = positive_int(self, "depth_multiplier", depth_multiplier)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_activation(activation, use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self._add(
            "kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self._add_bias(channels * self.depth_multiplier)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = self._channels(input_shape)
        return self._output_shape(input_shape, channels * self.depth_multiplier)

    def _convolve(self, builder: Builder, x: int) -> tuple[int, Any]:
        fused, rest = builder.split_activation(self.label, self.activation)
        return self._depthwise(builder, x, self.kernel, self.bias, fused), rest


class DepthwiseConv1D(_DepthwiseConv):
    """Each channel of a sequence convolved on its own:
    `y_oi = activation(sum_t x_(o s + t d - p, c) w_tcj + b_i)`, `i = c m + j`.

    s is the stride, d the dilation rate, p the padding at the beginning, m the depth multiplier; x
    is 0 outside of the sequence.

    Args:
        kernel_size: length of the kernels, >= 1.
        strides: step from output to output, >= 1. Default 1.
        padding: "valid" (kernel inside the input only) or "same" (zeros at both ends,
            `ceil(W / strides)` outputs).
        depth_multiplier: m, the number of output channels for each input channel, >= 1. Default 1.
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).
        dilation_rate: distance of the kernel's taps, >= 1. Default 1; not with strides > 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        depthwise_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        depthwise_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        depthwise_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, W, C), output (N, W', C m), W' as in `Conv1D`; w is (kernel_size, C, m), b is
        (C m,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel longer
            than the input.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.DepthwiseConv1D(2, depthwise_initializer="ones")
    >>> layer(np.array([[[1.0, 10.0], [2.0, 20.0]]], "float32"))
    array([[[ 3., 30.]]], dtype=float32)
    """

    _axes = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Each channel of an image convolved on its own:
    `y_abi = activation(sum_kl x_(a s + k d - p, b s + l d - q, c) w_klcj + b_i)`, `i = c m + j`.

    s is the stride, d the dilation rate, p and q the padding above and on the left, m the depth
    multiplier; x is 0 outside of the image.

    Args:
        kernel_size: (height, width) of the kernels, or one integer for both; >= 1.
        strides: step from output to output, likewise. Default 1. (Keras' TensorFlow backend wants
            equal strides; here they may differ.)
        padding: "valid" (kernel inside the image only) or "same" (zeros around it,
            `ceil(extent / stride)` outputs along each axis).
        depth_multiplier: m, the number of output channels for each input channel, >= 1. Default 1.
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).
        dilation_rate: distance of the kernel's taps along each axis. Default 1; not with strides
            > 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        depthwise_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        depthwise_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        depthwise_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, H, W, C), output (N, H', W', C m), extents as in `Conv2D`; w is
        (*kernel_size, C, m), b is (C m,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel larger
            than the input.

    Reference: Howard et al., MobileNets, arXiv 1704.04861, eq. 3.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.DepthwiseConv2D(2, depthwise_initializer="ones")
    >>> layer(np.arange(8, dtype="float32").reshape(1, 2, 2, 2)).ravel()
    array([12., 16.], dtype=float32)
    """

    _axes = 2


class _SeparableConv(_Depthwise):
    """What SeparableConv1D and SeparableConv2D share."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive_int(self, "filters", filters)
        self.depth_multiplier = positive_int(self, "depth_multiplier", depth_multiplier)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_activation(activation, use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.depthwise_kernel = self._add(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self.pointwise_kernel = self._add(
            "pointwise_kernel",
            (*(1,) * self._axes, channels * self.depth_multiplier, self.filters),
            "pointwise",
        )
        self._add_bias(self.filters)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._output_shape(input_shape, self.filters)

    def _convolve(self, builder: Builder, x: int) -> tuple[int, Any]:
        one = (1,) * self._axes
        fused, rest = builder.split_activation(self.label, self.activation)
        linear, _ = builder.split_activation(self.label, None)
        x = self._depthwise(builder, x, self.depthwise_kernel, None, linear)
        y = builder.graph.conv(
            x,
            self.pointwise_kernel.shape[-2],
            self.filters,
            1,
            one,
            one,
            one,
            "valid",
            self._weight(builder, self.pointwise_kernel),
            self._weight(builder, self.bias),
            *fused,
        )
        return y, rest


class SeparableConv1D(_SeparableConv):
    """Each channel of a sequence convolved on its own, then channels mixed at each step:
    `y = activation(z w + b)`, `z_oi = sum_t x_(o s + t d - p, c) v_tcj`, `i = c m + j`.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: length of the depthwise kernels, >= 1.
        strides: step s from output to output, >= 1. Default 1.
        padding: "valid" (kernel inside the input only) or "same" (zeros at both ends,
            `ceil(W / strides)` outputs).
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).
        dilation_rate: distance d of the kernel's taps, >= 1. Default 1; not with strides > 1.
        depth_multiplier: m, how many channels of z come from each of x, >= 1. Default 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        depthwise_initializer, pointwise_initializer: for v and w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties added to the loss,
            or None.
        activity_regularizer: penalty on the output, or None.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections after each update,
            or None.

    Shapes:
        input (N, W, C), output (N, W', filters), W' as in `Conv1D`; v is (kernel_size, C, m), w is
        (1, C m, filters), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel longer
            than the input.

    >>> import numpy as np, ranvier
    >>> ones = {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
    >>> layer = ranvier.layers.SeparableConv1D(1, 2, **ones)
    >>> layer(np.array([[[1.0, 10.0], [2.0, 20.0]]], "float32"))
    array([[[33.]]], dtype=float32)
    """

    _axes = 1


class SeparableConv2D(_SeparableConv):
    """Each channel of an image convolved on its own, then channels mixed at each pixel:
    `z_abi = sum_kl x_(a s + k d - p, b s + l d - q, c) v_klcj`, `i = c m + j`,
    `y = activation(z w + b)`.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: (height, width) of the depthwise kernels, or one integer for both; >= 1.
        strides: step s from output to output, likewise. Default 1.
        padding: "valid" (kernel inside the image only) or "same" (zeros around it,
            `ceil(extent / stride)` outputs along each axis).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).
        dilation_rate: distance d of the kernel's taps along each axis. Default 1; not with strides
            > 1.
        depth_multiplier: m, how many channels of z come from each of x, >= 1. Default 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        depthwise_initializer, pointwise_initializer: for v and w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties added to the loss,
            or None.
        activity_regularizer: penalty on the output, or None.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections after each update,
            or None.

    Shapes:
        input (N, H, W, C), output (N, H', W', filters), extents as in `Conv2D`; v is
        (*kernel_size, C, m), w is (1, 1, C m, filters), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, a kernel larger
            than the input.

    Reference: Chollet, Xception, arXiv 1610.02357.

    >>> import numpy as np, ranvier
    >>> ones = {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
    >>> layer = ranvier.layers.SeparableConv2D(1, 2, **ones)
    >>> layer(np.arange(8, dtype="float32").reshape(1, 2, 2, 2)).ravel()
    array([28.], dtype=float32)
    """

    _axes = 2
