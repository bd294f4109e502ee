"""What convolutions refuse, and that they say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier import ops

X = np.zeros((2, 5, 6, 3), "float32")
S = np.zeros((2, 5, 3), "float32")
K = np.zeros((3, 3, 3, 4), "float32")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L.Conv2D(0, 3, name="c"), ValueError, "Conv2D 'c': `filters` must be a positive integer; got 0"),
        (lambda: L.Conv2D(2.5, 3), ValueError, "`filters` must be a positive integer; got 2.5"),
        (lambda: L.Conv2D(4, 0), ValueError, "`kernel_size` must be an integer >= 1 or a tuple of 2; got 0"),
        (lambda: L.Conv2D(4, (3, 3, 3)), ValueError, r"`kernel_size` must be .* got \(3, 3, 3\)"),
        (lambda: L.Conv2D(4, (3, -1)), ValueError, r"`kernel_size` must be"),
        (lambda: L.Conv1D(4, "3"), ValueError, "`kernel_size` must be an integer >= 1; got '3'"),
        (lambda: L.Conv2D(4, 2**40), ValueError, "`kernel_size`"),
        (lambda: L.Conv2D(4, 3, strides=0), ValueError, "`strides` must be an integer >= 1"),
        (lambda: L.Conv2D(4, 3, dilation_rate=(1, 0)), ValueError, "`dilation_rate` must be an integer >= 1"),
        (lambda: L.Conv2D(4, 3, padding="causal"), ValueError, "`padding` must be 'valid' or 'same'; got 'causal'"),
        (lambda: L.Conv1D(4, 3, padding="full"), ValueError, "'valid' or 'same' or 'causal'; got 'full'"),
        (lambda: L.Conv2D(4, 3, padding=1), ValueError, "`padding` must be .* got 1"),
        (lambda: L.Conv2D(4, 3, data_format="NHWC"), ValueError, "`data_format` must be"),
        (lambda: L.Conv2D(4, 3, strides=2, dilation_rate=2, name="c"), ValueError,
         r"Conv2D 'c': `strides` > 1 cannot be combined with `dilation_rate` > 1; got strides=\(2, 2\)"),
        (lambda: L.DepthwiseConv2D(3, strides=2, dilation_rate=2), ValueError, "cannot be combined"),
        (lambda: L.SeparableConv2D(4, 3, strides=(1, 2), dilation_rate=(2, 1)), ValueError, "cannot be combined"),
        (lambda: L.Conv2DTranspose(4, 3, strides=2, dilation_rate=2), ValueError, "cannot be combined"),
        (lambda: L.Conv2D(4, 3, groups=0), ValueError, "`groups` must be a positive integer; got 0"),
        (lambda: L.Conv2D(4, 3, groups=3), ValueError, "`groups` must divide `filters`; got groups=3, filters=4"),
        (lambda: L.Conv2D(4, 3, groups=2, name="c")(X), ValueError,
         r"Conv2D 'c': `groups` must divide the number of input channels; got groups=2, .*\(None, 5, 6, 3\)"),
        (lambda: L.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "`depth_multiplier` must be a positive integer"),
        (lambda: L.SeparableConv1D(0, 3), ValueError, "`filters`"),
        (lambda: L.SeparableConv1D(4, 3, padding="causal"), ValueError, "'valid' or 'same'; got 'causal'"),
        (lambda: L.Conv1DTranspose(4, 3, padding="causal"), ValueError, "'valid' or 'same'; got 'causal'"),
        (lambda: L.Conv2DTranspose(4, 3, strides=2, output_padding=2), ValueError,
         r"`output_padding` must be less than `strides` along each axis; got output_padding=\(2, 2\), strides=\(2, 2\)"),
        (lambda: L.Conv2DTranspose(4, 3, output_padding=-1), ValueError, "`output_padding` must be an integer >= 0"),
        (lambda: L.Conv3DTranspose(4, 3, strides=2, output_padding=(1, 1)), ValueError, "`output_padding` must be"),
        (lambda: L.Conv2D(4, 3, lora_rank=2, name="c"), ValueError, "Conv2D 'c': `lora_rank` is not in ranvier.* got 2"),
        (lambda: L.Conv2D(4, 3, lora_alpha=2.0), ValueError, "`lora_alpha` is not in ranvier"),
        (lambda: L.Conv2D(4, 3, stride=2), TypeError, "unknown argument `stride`. Did you mean 'strides'"),
        (lambda: L.Conv2D(4, 3, activation="rellu"), ValueError, "relu"),
        # shapes
        (lambda: L.Conv2D(4, 3, name="c")(X[0]), ValueError, r"Conv2D 'c': expected input \(N, H, W, C\); got shape \(None, 6, 3\)"),
        (lambda: L.Conv2D(4, 3, data_format="channels_first")(S), ValueError, r"expected input \(N, C, H, W\)"),
        (lambda: L.Conv1D(4, 3)(X), ValueError, r"expected input \(N, W, C\)"),
        (lambda: L.Conv3D(4, 3)(X), ValueError, r"expected input \(N, D, H, W, C\)"),
        (lambda: L.DepthwiseConv1D(3)(X), ValueError, r"DepthwiseConv1D .* expected input \(N, W, C\)"),
        (lambda: L.SeparableConv2D(4, 3)(S), ValueError, r"SeparableConv2D .* expected input \(N, H, W, C\)"),
        (lambda: L.Conv2DTranspose(4, 3)(S), ValueError, r"Conv2DTranspose .* expected input \(N, H, W, C\)"),
        (lambda: L.Conv2D(4, 6, name="c")(X), ValueError, r"Conv2D 'c': `kernel_size` \(6, 6\) .* leaves nothing of input of shape \(None, 5, 6, 3\)"),
        (lambda: L.Conv1D(4, 3, dilation_rate=3)(S), ValueError, r"dilation_rate \(3,\) and padding 'valid' leaves nothing"),
        (lambda: L.DepthwiseConv2D((6, 1))(X), ValueError, "leaves nothing"),
        (lambda: L.SeparableConv2D(2, (6, 1))(X), ValueError, "leaves nothing"),
        (lambda: L.Conv2DTranspose(2, 2, padding="same", output_padding=0)(X[:, :1]), ValueError, "leaves nothing"),
        (lambda: L.Conv2D(4, 3, padding="same")(X[:, :0]), ValueError, "leaves nothing"),
        (lambda: L.Conv2DTranspose(4, 3)(X[:, :0]), ValueError, "leaves nothing"),
        (lambda: L.Conv2D(4, 3, name="c").build((None, 5, 6, None)), ValueError, r"Conv2D 'c': the number of channels must be known"),
        (lambda: L.Conv2D(4, 3, data_format="channels_first").build((None, None, 6, 5)), ValueError, r"C of \(N, C, H, W\)"),
        (lambda: L.DepthwiseConv2D(3).compute_output_shape((None, 5, 6, None)), ValueError, "channels must be known"),
        # sizes that cannot be held
        (lambda: L.Conv2D(2**40, 2**30, padding="same")(X), MemoryError, "cannot allocate a weight"),
        (lambda: L.Conv1DTranspose(2**20, 1, strides=2**31 - 1)(S), MemoryError, "allocate"),
        # ops
        (lambda: ops.conv(X[0, 0], K), ValueError, "conv: `x` must have 3, 4 or 5 axes"),
        (lambda: ops.conv(X, K[0]), ValueError, "conv: the kernel must have 4 axes; got shape"),
        (lambda: ops.conv(X, K[:, :, :2]), ValueError, r"conv: expected 2 input channels; got shape \(2, 5, 6, 3\)"),
        (lambda: ops.conv(X, K, strides=0), ValueError, "conv: `strides` must be an integer >= 1 or a tuple of 2; got 0"),
        (lambda: ops.conv(X, K, strides=(1, 2, 1)), ValueError, "`strides` must be"),
        (lambda: ops.conv(X, K, dilation_rate=True), ValueError, "`dilation_rate` must be"),
        (lambda: ops.conv(X, K, groups=0), ValueError, "`groups` must be an integer >= 1; got 0"),
        (lambda: ops.conv(X, K, groups=3), ValueError, "groups must divide the number of filters"),
        (lambda: ops.conv(X, K, padding="SAME"), ValueError, "`padding` must be"),
        (lambda: ops.conv(X, K, strides=2, dilation_rate=2), ValueError, "cannot be combined"),
        (lambda: ops.conv(X, K, dilation_rate=3), ValueError, "does not fit into input"),
        (lambda: ops.conv(X, K, np.zeros(3, "f4")), ValueError, "`bias`"),
        (lambda: ops.conv(X, K.astype(complex)), TypeError, "conv: `kernel` must hold"),
        (lambda: ops.conv(X, K, out=np.zeros((2, 3, 4, 3), "f4")), ValueError, r"`out` must have shape \(2, 3, 4, 4\)"),
        (lambda: ops.conv(X, K, out=np.zeros((2, 3, 4, 4))), TypeError, "`out` must have dtype float32"),
        (lambda: ops.conv_backward_input(X, K, (2, 5, 6, 3)), ValueError,
         r"conv_backward_input: `dy` must have shape \(2, 3, 4, 4\); got \(2, 5, 6, 3\)"),
        (lambda: ops.conv_backward_input(X, K, 3), ValueError, "`x_shape` must be a tuple of integers >= 0; got 3"),
        (lambda: ops.conv_backward_input(X, K, (2, 5, -6, 3)), ValueError, "`x_shape` must be"),
        (lambda: ops.conv_backward_kernel(X, X, (3, 3, 3, 4)), ValueError, r"`dy` must have shape \(2, 3, 4, 4\)"),
        (lambda: ops.conv_backward_kernel(X, X, (3, 3, 3)), ValueError, "the kernel must have 4 axes"),
        (lambda: ranvier.config.set_winograd(1), TypeError, "`enabled` must be True or False; got 1"),
    ],
)  # fmt: skip
def test_message(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Conv2D(4, 3, name="c"),
        lambda: L.DepthwiseConv2D(3, name="c"),
        lambda: L.SeparableConv2D(4, 3, name="c"),
        lambda: L.Conv2DTranspose(4, 3, name="c"),
    ],
)
def test_another_number_of_channels_later(make: Any) -> None:
    layer = make()
    layer(X)
    with pytest.raises(
        ValueError, match=r"'c': expected 3 input channels; got shape \(2, 5, 6, 2\)"
    ):
        layer(X[..., :2])
    with pytest.raises(ValueError, match="'c'"):
        layer(S)


def test_a_picture_that_is_too_small_for_a_network_of_any_size() -> None:
    model = ranvier.Sequential([ranvier.Input((None, None, 3)), L.Conv2D(4, 4, name="c")])
    assert model(X).shape == (2, 2, 3, 4)
    with pytest.raises(
        ValueError, match=r"Conv2D 'c': the kernel.* does not fit into .*\(2, 3, 6, 3\)"
    ):
        model(X[:, :3])


def test_lora_arguments_may_be_none() -> None:
    """As Keras' own configs have them."""
    layer = L.Conv2D(4, 3, lora_rank=None, lora_alpha=None, name="c")
    assert layer.get_config() == L.Conv2D(4, 3, name="c").get_config()


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Conv2D(4, 3),
        lambda: L.Conv2D(6, 3, groups=3),
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2),
        lambda: L.SeparableConv2D(4, 3),
        lambda: L.Conv2DTranspose(4, 3, 2),
    ],
)
def test_an_empty_batch_is_an_empty_result(make: Any) -> None:
    layer = make()
    y = layer(X[:0])
    assert y.shape == (0, *layer.compute_output_shape(X.shape)[1:])


def test_nan_and_infinity_go_where_the_kernel_reaches() -> None:
    x = np.zeros((1, 7, 7, 1), "float32")
    x[0, 3, 3, 0] = np.nan
    y = L.Conv2D(3, 3, padding="same")(x)
    assert np.isnan(y[0, 2:5, 2:5]).all()
    assert np.isfinite(y).sum() == y.size - 27
    x[0, 3, 3, 0] = np.inf
    y = L.Conv2D(3, 3, padding="same", kernel_initializer="ones")(x)
    assert (y[0, 2:5, 2:5] == np.inf).all()
    assert np.isfinite(y).sum() == y.size - 27
