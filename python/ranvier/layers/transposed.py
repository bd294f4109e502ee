"""Transposed convolutions: from the shape of a convolution's output to that of its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import constraints, initializers, regularizers
from ranvier.layers._convolution import ConvolutionLayer
from ranvier.layers._spatial import standardize_tuple
from ranvier.layers.layer import Shape, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _ConvTranspose(ConvolutionLayer):
    """What all transposed convolutions share."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.output_padding = self._checked_output_padding(output_padding)
        self._set_activation(activation, use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def _checked_output_padding(self, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        given = standardize_tuple(self, "output_padding", value, self._axes, low=0)
        if any(p >= s for p, s in zip(given, self.strides, strict=True)):
            raise ValueError(
                f"{self.label}: `output_padding` must be less than `strides` along each axis; got "
                f"output_padding={given}, strides={self.strides}"
            )
        return given

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._output_shape(input_shape, self.filters)

    def _extent(self, axis: int, extent: int | None) -> int | None:
        if extent is None:
            return None
        reach, stride = self._reach()[axis], self.strides[axis]
        more = None if self.output_padding is None else self.output_padding[axis]
        if self.padding == "valid":
            return (extent - 1) * stride + (max(reach, stride) if more is None else reach + more)
        return extent * stride if more is None else (extent - 1) * stride + reach % 2 + more

    def _convolve(self, builder: Builder, x: int) -> tuple[int, Any]:
        y = builder.graph.conv_transpose(
            x,
            self.kernel.shape[-1],
            self.filters,
            self.kernel_size,
            self.strides,
            self.dilation_rate,
            self.padding,
            () if self.output_padding is None else self.output_padding,
            self._weight(builder, self.kernel),
            self._weight(builder, self.bias),
        )
        return y, self.activation


class Conv1DTranspose(_ConvTranspose):
    """The transpose of a convolution along a sequence:
    `y_(o s + t d - p, j) += sum_c x_oc w_tjc`, over all o and t, then `activation(y + b)`.

    s is the stride, d the dilation rate, p how much is cut off at the beginning.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: length of the kernel, >= 1.
        strides: distance of the places to which neighbouring inputs go, >= 1. Default 1.
        padding: "valid" (nothing is cut off) or "same" (both ends are, so that the output is
            `strides` times as long as the input).
        output_padding: None (default: the lengths below), or how much is added at the end, in
            [0, strides).
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).
        dilation_rate: distance of the kernel's taps, >= 1. Default 1; not with strides > 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, W, C), output (N, W', filters). With `r = dilation_rate (kernel_size - 1) + 1`,
        "valid": `W' = (W - 1) strides + max(r, strides)`, or `... + r + output_padding`; "same":
        `W' = W strides`, or `(W - 1) strides + r % 2 + output_padding`. w is
        (kernel_size, filters, C), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, nothing left.

    Reference: Dumoulin and Visin, A guide to convolution arithmetic, arXiv 1603.07285, chapter 4.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv1DTranspose(1, 2, strides=2, kernel_initializer="ones")
    >>> layer(np.array([[[1.0], [2.0]]], "float32")).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """

    _axes = 1


class Conv2DTranspose(_ConvTranspose):
    """The transpose of a convolution over images:
    `y_(a s + k d - p, b s + l d - q, j) += sum_c x_abc w_kljc`, over all a, b, k and l, then
    `activation(y + b)`.

    s is the stride, d the dilation rate, p and q what is cut off above and on the left.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: (height, width) of the kernel, or one integer for both; >= 1.
        strides: distance of the places to which neighbouring inputs go, likewise. Default 1.
        padding: "valid" (nothing is cut off) or "same" (the edges are, so that the output is
            `strides` times as large as the input).
        output_padding: None (default: see `Conv1DTranspose`), or how much is added at the end of
            each axis, in [0, strides).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).
        dilation_rate: distance of the kernel's taps along each axis. Default 1; not with strides
            > 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, H, W, C), output (N, H', W', filters), extents as in `Conv1DTranspose`; w is
        (*kernel_size, filters, C), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, nothing left.

    Reference: Dumoulin and Visin, A guide to convolution arithmetic, arXiv 1603.07285, chapter 4.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv2DTranspose(1, 2, strides=2, kernel_initializer="ones")
    >>> layer(np.array([[[[1.0], [2.0]]]], "float32"))[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]], dtype=float32)
    """

    _axes = 2


class Conv3DTranspose(_ConvTranspose):
    """The transpose of a convolution over volumes, as `Conv2DTranspose` with one more axis.

    Args:
        filters: number of output channels, >= 1.
        kernel_size: (depth, height, width) of the kernel, or one integer for all; >= 1.
        strides: distance of the places to which neighbouring inputs go, likewise. Default 1.
        padding: "valid" (nothing is cut off) or "same" (the edges are, so that the output is
            `strides` times as large as the input).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).
        output_padding: None (default: see `Conv1DTranspose`), or how much is added at the end of
            each axis, in [0, strides). (In Keras' order it stands here, after `data_format`.)
        dilation_rate: distance of the kernel's taps along each axis. Default 1; not with strides
            > 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for w, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, D, H, W, C), output (N, D', H', W', filters), extents as in `Conv1DTranspose`; w
        is (*kernel_size, filters, C), b is (filters,).

    Raises:
        ValueError: bad arguments, input of another rank or number of channels, nothing left.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv3DTranspose(1, 2, kernel_initializer="ones")
    >>> layer(np.full((1, 1, 1, 1, 1), 3.0, "float32")).ravel()
    array([3., 3., 3., 3., 3., 3., 3., 3.], dtype=float32)
    """

    _axes = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
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
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
