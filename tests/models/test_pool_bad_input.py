"""Pooling and its relatives refuse what does not fit, and say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier import ops

LINE = np.zeros((2, 5, 3), "float32")
IMAGE = np.zeros((2, 5, 6, 3), "float32")
VOLUME = np.zeros((2, 3, 4, 5, 2), "float32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.MaxPooling2D(0), r"MaxPooling2D 'max_pooling2d\w*': `pool_size` must be an integer >= 1 or a tuple of 2; got 0"),
        (lambda: L.MaxPooling2D((2, 2, 2)), r"`pool_size` .* tuple of 2; got \(2, 2, 2\)"),
        (lambda: L.MaxPooling2D((2, 2.5)), r"got \(2, 2.5\)"),
        (lambda: L.MaxPooling2D(True), "got True"),
        (lambda: L.MaxPooling2D("2"), "got '2'"),
        (lambda: L.MaxPooling2D(2**40), "got 1099511627776"),
        (lambda: L.MaxPooling1D(pool_size=(2, 2)), r"`pool_size` must be an integer >= 1; got \(2, 2\)"),
        (lambda: L.MaxPooling2D(2, 0), "`strides` must be .*; got 0"),
        (lambda: L.AveragePooling3D(2, (1, -1, 1)), r"`strides` .*got \(1, -1, 1\)"),
        (lambda: L.MaxPooling2D(2, padding="full"), "`padding` must be 'valid' or 'same'; got 'full'"),
        (lambda: L.MaxPooling2D(2, padding=1), "`padding` .* got 1"),
        (lambda: L.MaxPooling2D(2, data_format="NCHW"), "`data_format` must be 'channels_last' or 'channels_first'; got 'NCHW'"),
        (lambda: L.MaxPooling2D(6, name="p")(IMAGE), r"MaxPooling2D 'p': `pool_size` \(6, 6\) with padding 'valid' does not fit into input of shape \(None, 5, 6, 3\)"),
        (lambda: L.AveragePooling1D(6, name="p")(LINE), r"AveragePooling1D 'p': .*\(6,\).*\(None, 5, 3\)"),
        (lambda: L.MaxPooling2D(3, data_format="channels_first")(np.zeros((1, 9, 2, 9))), r"does not fit into input of shape \(None, 9, 2, 9\)"),
        (lambda: L.MaxPooling2D(2, name="p")(LINE), r"MaxPooling2D 'p': expected input \(N, H, W, C\); got shape \(None, 5, 3\)"),
        (lambda: L.MaxPooling1D(2)(IMAGE), r"expected input \(N, W, C\); got shape"),
        (lambda: L.MaxPooling3D(2, data_format="channels_first")(IMAGE), r"expected input \(N, C, D, H, W\)"),
        (lambda: L.GlobalMaxPooling2D(name="g")(LINE), r"GlobalMaxPooling2D 'g': expected input \(N, H, W, C\)"),
        (lambda: L.GlobalAveragePooling1D()(VOLUME), r"expected input \(N, W, C\)"),
        (lambda: L.GlobalMaxPooling2D()(IMAGE[:, :0]), "nothing to pool"),
        (lambda: L.MaxPooling2D(2, padding="same")(IMAGE[:, :0]), "does not fit"),
        (lambda: L.GlobalMaxPooling2D(keepdims="yes"), "`keepdims` must be True or False; got 'yes'"),
        (lambda: L.UpSampling1D(0), "`size` must be an integer >= 1; got 0"),
        (lambda: L.UpSampling1D((2,)), r"got \(2,\)"),
        (lambda: L.UpSampling2D((2, 0)), r"`size` .*got \(2, 0\)"),
        (lambda: L.UpSampling2D(interpolation="bicubic"), "'bicubic' of Keras is not in ranvier, which has 'nearest' and 'bilinear'"),
        (lambda: L.UpSampling2D(interpolation="Lanczos5"), "'lanczos5' of Keras is not in ranvier"),
        (lambda: L.UpSampling2D(interpolation="linear"), "`interpolation` must be 'nearest' or 'bilinear'; got 'linear'"),
        (lambda: L.UpSampling3D()(IMAGE), r"expected input \(N, D, H, W, C\)"),
        (lambda: L.ZeroPadding1D(-1), "`padding` must be an integer >= 0 or a tuple of 2; got -1"),
        (lambda: L.ZeroPadding1D((1, 2, 3)), r"got \(1, 2, 3\)"),
        (lambda: L.ZeroPadding2D((1, 2, 3)), r"`padding` must be an integer >= 0, a tuple of 2 integers or a tuple of 2 pairs; got \(1, 2, 3\)"),
        (lambda: L.ZeroPadding2D(((1, 2), (3, -4))), "got"),
        (lambda: L.ZeroPadding3D("abc"), "got 'abc'"),
        (lambda: L.ZeroPadding2D()(LINE), r"expected input \(N, H, W, C\)"),
        (lambda: L.Cropping1D((3, 2), name="c")(LINE), r"Cropping1D 'c': `cropping` \(3, 2\) leaves nothing of input of shape \(None, 5, 3\)"),
        (lambda: L.Cropping2D(((0, 0), (3, 3)))(IMAGE), r"\(\(0, 0\), \(3, 3\)\) leaves nothing"),
        (lambda: L.Cropping3D(2.5), "got 2.5"),
        (lambda: L.Cropping3D()(LINE), r"expected input \(N, D, H, W, C\)"),
        (lambda: ops.max_pool(IMAGE, 6), r"max_pool: a window of \(6, 6\) does not fit into input of shape \(2, 5, 6, 3\)"),
        (lambda: ops.max_pool(IMAGE[0, 0], 2), "must have 3, 4 or 5 axes"),
        (lambda: ops.max_pool(IMAGE, (2, 2, 2)), "`pool_size`"),
        (lambda: ops.max_pool(IMAGE, 2, 0), "`strides`"),
        (lambda: ops.max_pool(IMAGE, 2, padding="SAME"), "`padding`"),
        (lambda: ops.max_pool(IMAGE, 2, out=np.zeros((2, 2, 2, 3), "float32")), r"`out` must have shape \(2, 2, 3, 3\)"),
        (lambda: ops.max_pool(IMAGE, 1, out=IMAGE), "overlap|share"),
        (lambda: ops.average_pool_backward(LINE, (2, 5, 3), 2), r"`dy` must have shape \(2, 2, 3\)"),
        (lambda: ops.average_pool_backward(LINE, (2, -5, 3), 2), "`x_shape`"),
        (lambda: ops.max_pool_backward(LINE[:, :2], np.zeros((2, 2, 3), "int64"), (2, 5, 3), 2), "dtype uint8"),
        (lambda: ops.max_pool_backward(LINE[:, :2], np.zeros((2, 1, 3), "uint8"), (2, 5, 3), 2), r"`index` must have shape \(2, 2, 3\)"),
        (lambda: ops.global_max_pool(LINE[0]), "at least 3 axes"),
        (lambda: ops.global_average_pool(LINE[:, :0]), "nothing to pool"),
        (lambda: ops.global_max_pool_backward(LINE, LINE[:, 0], LINE[:, :2]), r"`dy` must have shape \(2, 3\)"),
        (lambda: ops.upsample(LINE, 2, "bilinear"), "two spatial axes"),
        (lambda: ops.upsample(LINE, 2, "cubic"), "`interpolation`"),
        (lambda: ops.upsample_backward(LINE, 2), "not a multiple of size"),
        (lambda: ops.zero_pad(LINE, [(1, -1)]), "`padding`"),
        (lambda: ops.zero_pad(LINE, 1), "`padding`"),
        (lambda: ops.crop(LINE, [(3, 2)]), "leaves nothing"),
    ],
)  # fmt: skip
def test_message(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_what_does_not_fit_shows_at_run_time_too() -> None:
    """The extents are unknown until an image comes."""
    for layer, message in (
        (L.MaxPooling2D(4, name="p"), r"MaxPooling2D 'p': a window of \(4, 4\) does not fit"),
        (L.Cropping2D(2, name="p"), r"Cropping2D 'p': cropping .* leaves nothing"),
    ):
        model = ranvier.Sequential([ranvier.Input((None, None, 3)), layer])
        assert model(np.zeros((1, 8, 8, 3))).size
        with pytest.raises(ValueError, match=message):
            model(np.zeros((1, 3, 8, 3)))
        with pytest.raises(ValueError, match=message):
            model.predict(np.zeros((1, 8, 3, 3)), verbose=0)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.UpSampling2D(2**30),
        lambda: L.UpSampling3D(2**31 - 1),
        lambda: L.ZeroPadding2D(2**31 - 1),
        lambda: L.UpSampling2D((2**20, 2**20), interpolation="bilinear"),
    ],
)
def test_sizes_that_cannot_be_allocated_are_a_memory_error(layer: Any) -> None:
    made = layer()
    with pytest.raises(MemoryError):
        made(np.zeros((1,) + (2,) * (made._axes + 1), "float32"))


def test_windows_far_beyond_the_input() -> None:
    """Only what they cover is looked at."""
    x = np.arange(24, dtype="float32").reshape(1, 4, 6, 1)
    for stride in (1, 3, 2**31 - 1):
        y = L.MaxPooling2D(2**31 - 1, stride, "same")(x)
        assert (y == 23).all()
        y = L.AveragePooling2D(2**31 - 1, stride, "same")(x)
        np.testing.assert_allclose(y, 11.5)
    assert L.MaxPooling2D(2, 2**31 - 1)(x).ravel().tolist() == [7.0]


def test_a_foreign_index_is_never_followed_out_of_the_window() -> None:
    for channels in (1, 20):
        dy = np.ones((1, 2, 2, channels), "float32")
        index = np.full(dy.shape, 255, "uint8")
        assert not ops.max_pool_backward(dy, index, (1, 4, 4, channels), 2).any()
        dy = np.ones((1, 1, 1, channels), "float32")
        wide = np.full(dy.shape, 2**32 - 1, "uint32")
        assert not ops.max_pool_backward(dy, wide, (1, 17, 17, channels), 17).any()


@pytest.mark.parametrize("empty", [(0, 5, 6, 3), (2, 5, 6, 0)])
def test_no_images_and_no_channels(empty: Any) -> None:
    x = np.zeros(empty, "float32")
    n, c = empty[0], empty[-1]
    y, index = ops.max_pool_indexed(x, 2)
    assert y.shape == index.shape == (n, 2, 3, c)
    assert ops.average_pool(x, 3, 1, "same").shape == empty
    assert ops.max_pool_backward(y, index, empty, 2).shape == empty
    assert ops.average_pool_backward(y, empty, 2).shape == empty
    assert ops.global_max_pool(x).shape == ops.global_average_pool(x).shape == (n, c)
    assert ops.global_max_pool_backward(x, x[:, 0, 0], x[:, 0, 0]).shape == empty
    assert ops.global_average_pool_backward(x[:, 0, 0], empty).shape == empty
    for way in ("nearest", "bilinear"):
        big = ops.upsample(x, 2, way)
        assert big.shape == (n, 10, 12, c)
        assert ops.upsample_backward(big, 2, way).shape == empty
    assert ops.zero_pad(x, [(1, 1), (0, 2)]).shape == (n, 7, 8, c)
    assert ops.crop(x, [(1, 1), (0, 2)]).shape == (n, 3, 4, c)


def test_any_dtype_and_layout() -> None:
    x = np.arange(60).reshape(2, 5, 6)
    wanted = ops.max_pool(x.astype("float32"), 2)
    for given in (x, x.astype("float16"), x.astype(">f4"), np.asfortranarray(x), x.tolist()):
        np.testing.assert_array_equal(ops.max_pool(given, 2), wanted)
    assert ops.average_pool(x.astype("float64"), 2).dtype == np.float64
