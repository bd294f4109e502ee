"""Errors of the layers and ops on images say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier import ops

X = np.zeros((2, 4, 5, 3), "float32")
T = np.tile(np.array([1.0, 0, 0, 0, 1, 0, 0, 0]), (2, 1))
PERSPECTIVE = np.array([1.0, 0, 0, 0, 1, 0, 0.1, 0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L.RandomFlip("sideways", name="f"), ValueError, r"RandomFlip 'f': `mode` must be one of 'horizontal', .* got 'sideways'"),
        (lambda: L.RandomFlip(seed=1.5), ValueError, "`seed` must be an integer or None; got 1.5"),
        (lambda: L.RandomFlip(data_format="NCHW"), ValueError, "`data_format` must be one of 'channels_last', 'channels_first'; got 'NCHW'"),
        (lambda: L.RandomFlip(bounding_box_format="xyxy"), ValueError, "`bounding_box_format` is not in ranvier"),
        (lambda: L.RandomRotation(1.5), ValueError, r"`factor` must be a number in \[-1, 1\] .* got 1.5"),
        (lambda: L.RandomRotation((1.1, 2)), ValueError, r"`factor` must be .* got \(1.1, 2\)"),
        (lambda: L.RandomRotation((0.1, 0.2, 0.3)), ValueError, "`factor` must be"),
        (lambda: L.RandomRotation("big"), ValueError, "`factor` must be a finite number; got 'big'"),
        (lambda: L.RandomRotation(float("nan")), ValueError, "`factor` must be a finite number"),
        (lambda: L.RandomRotation(0.1, fill_mode="mirror"), ValueError, "`fill_mode` must be one of 'reflect', .* got 'mirror'"),
        (lambda: L.RandomRotation(0.1, interpolation="bicubic"), ValueError, "`interpolation` must be one of 'nearest', 'bilinear'; got 'bicubic'"),
        (lambda: L.RandomRotation(0.1, fill_value=None), ValueError, "`fill_value` must be a finite number"),
        (lambda: L.RandomTranslation(1.2, 0), ValueError, r"`height_factor` must be a number in \[-1, 1\] .* got 1.2"),
        (lambda: L.RandomTranslation(0, (0, 2)), ValueError, r"`width_factor` must be .* got \(0, 2\)"),
        (lambda: L.RandomZoom(-1), ValueError, r"`height_factor` must be a number in \(-1, 1\] .* got -1"),
        (lambda: L.RandomZoom(0.1, (-1.0, 0)), ValueError, "`width_factor` must be"),
        (lambda: L.RandomContrast(-0.1), ValueError, r"`factor` must be a number in \[0, 1\]"),
        (lambda: L.RandomContrast(0.1, value_range=3), ValueError, "`value_range` must be two numbers"),
        (lambda: L.RandomBrightness(0.1, value_range=(0, 1, 2)), ValueError, "`value_range` must be two numbers"),
        (lambda: L.RandomBrightness(0.1, value_range=(0, "a")), ValueError, "`value_range` must be a finite number; got 'a'"),
        (lambda: L.RandomCrop(0, 3), ValueError, "`height` must be a positive integer; got 0"),
        (lambda: L.CenterCrop(3, 2.5), ValueError, "`width` must be a positive integer; got 2.5"),
        (lambda: L.Resizing(-1, 3), ValueError, "`height` must be a positive integer; got -1"),
        (lambda: L.Resizing(3, 3, "area"), ValueError, "`interpolation` must be one of .* got 'area'"),
        (lambda: L.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "only one of"),
        (lambda: L.Resizing(3, 3, fill_mode="reflect"), ValueError, "`fill_mode` must be one of 'constant'; got 'reflect'"),
        (lambda: L.Resizing(3, 3, name="r")(X[0, 0]), ValueError, r"Resizing 'r': expected images \(N, H, W, C\); got shape \(None, 3\)"),
        (lambda: L.RandomFlip(data_format="channels_first")(np.zeros((1, 2, 3, 4, 5))), ValueError, r"expected images \(N, C, H, W\); got shape"),
        (lambda: L.Resizing(3, 3)([["a"]]), TypeError, "must hold numbers"),
        (lambda: L.Resizing(3, 3)(X[:, :0]), ValueError, "no pixels"),
        (lambda: L.CenterCrop(3, 3)(X[:, :, :0]), ValueError, "no pixels"),
        (lambda: L.Resizing(2**62, 3)(X), ValueError, "at most 536870912 pixels a side"),
        (lambda: L.Resizing(2**28, 2**28)(X), MemoryError, None),
        (lambda: ranvier.Sequential([ranvier.Input((4, 4)), L.RandomFlip()]), ValueError, r"expected images \(N, H, W, C\); got shape \(None, 4, 4\)"),
        (lambda: ops.resize_images(X, 3), ValueError, r"`size` must be two positive integers \(height, width\); got 3"),
        (lambda: ops.resize_images(X, (0, 3)), ValueError, "`size` must be two positive integers"),
        (lambda: ops.resize_images(X, (3, 3), "area"), ValueError, "resize_images: `interpolation` must be one of nearest, .* got 'area'"),
        (lambda: ops.resize_images(X, (3, 3), fill_mode="wrap"), ValueError, "`fill_mode` must be one of constant"),
        (lambda: ops.resize_images(X, (3, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "only one of"),
        (lambda: ops.resize_images(X[0, 0], (3, 3)), ValueError, r"`x` must be an image \(3 axes\) or a batch of them \(4\); got shape \(5, 3\)"),
        (lambda: ops.resize_images(X[:, :0], (3, 3)), ValueError, "no pixels"),
        (lambda: ops.resize_images(X, (3, 3), out=np.zeros((2, 3, 4, 3), "float32")), ValueError, "`out`"),
        (lambda: ops.resize_images(X, (3, 3), data_format="nchw"), ValueError, "`data_format` must be"),
        (lambda: ops.resize_images(X.astype(complex), (3, 3)), TypeError, "`x` must hold"),
        (lambda: ops.affine_transform(X, T[:1]), ValueError, "`transforms`"),
        (lambda: ops.affine_transform(X, T[:, :6]), ValueError, "`transforms`"),
        (lambda: ops.affine_transform(X, T * np.nan), ValueError, "`transforms` must be finite"),
        (lambda: ops.affine_transform(X, PERSPECTIVE), ValueError, "perspective is not in ranvier"),
        (lambda: ops.affine_transform(X, T, "bicubic"), ValueError, "`interpolation` must be one of nearest, bilinear; got 'bicubic'"),
        (lambda: ops.affine_transform(X, T, fill_mode="edge"), ValueError, "`fill_mode` must be one of"),
        (lambda: ops.affine_transform(X, T, out=X), ValueError, "`out`"),
        (lambda: ops.affine_transform(X, T, out=np.zeros(X.shape)), (TypeError, ValueError), "`out`"),
    ],
)  # fmt: skip
def test_error(call: Any, error: Any, message: str | None) -> None:
    with pytest.raises(error, match=message):
        call()


def test_far_away_and_huge_numbers_are_safe() -> None:
    """Places beyond any integer: every fill mode gives pixels or the fill value."""
    x = np.arange(1, 7, dtype="float32").reshape(1, 2, 3, 1)
    allowed = [*x.reshape(-1), 9.0]
    for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        for size in (1e6, -3e9, 1e20, -1e38, 1e300):
            t = np.array([1, 0, size, 0, 1, -size, 0, 0])
            for how in ("nearest", "bilinear"):
                y = ops.affine_transform(x, t, how, mode, 9.0)
                assert set(y.reshape(-1).tolist()) <= set(allowed)
        ops.affine_transform(np.zeros((1, 1, 1, 1)), t, "bilinear", mode)


def test_empty_batches() -> None:
    none = np.zeros((0, 4, 5, 3), "float32")
    assert ops.resize_images(none, (2, 2)).shape == (0, 2, 2, 3)
    assert ops.affine_transform(none, np.zeros((0, 8))).shape == (0, 4, 5, 3)
    assert L.RandomRotation(0.1)(none).shape == (0, 4, 5, 3)
    assert L.Resizing(2, 2)(none).shape == (0, 2, 2, 3)
    no_channels = np.zeros((2, 4, 5, 0), "float32")
    assert L.RandomZoom(0.1)(no_channels).shape == (2, 4, 5, 0)
    assert L.RandomContrast(0.1)(no_channels).shape == (2, 4, 5, 0)
    assert L.Resizing(2, 2)(no_channels).shape == (2, 2, 2, 0)
    assert L.RandomFlip()(np.zeros((2, 0, 5, 3))).shape == (2, 0, 5, 3)
