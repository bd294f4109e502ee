"""Rows of the table: image augmentation and resizing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, elementwise, normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _images(rng: np.random.Generator, dtype: str, n: int) -> Array:
    """Images of about n elements in all: one of 1 to 300 pixels a side, and two channels if odd."""
    channels = 3 if n >= 48 else 1
    side = min(300, max(1, math.isqrt(max(n // channels, 1) // (4 if n >= 192 else 1))))
    return normal(rng, dtype, max(1, n // (channels * side * side)), side, side, channels)


def _rotations(rng: np.random.Generator, n: int, side: int) -> Array:
    """About the middle, by up to a fifth of a turn."""
    angle = rng.uniform(-0.4 * math.pi, 0.4 * math.pi, n)
    cos, sin, middle = np.cos(angle), np.sin(angle), (side - 1) / 2
    x, y = middle - middle * cos + middle * sin, middle - middle * sin - middle * cos
    return np.stack([cos, -sin, x, sin, cos, y, 0 * x, 0 * x], axis=1)


def _affine(mode: str) -> Any:
    def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x = _images(rng, dtype, n)
        return Inputs((x, _rotations(rng, len(x), x.shape[1]), "bilinear", mode, 0.5))

    return inputs


def _nearest(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    # no place is nearly as far from one pixel as from the next
    x = _images(rng, dtype, n)
    shift = rng.integers(-9, 9, (len(x), 2)) + rng.uniform(-0.3, 0.3, (len(x), 2))
    one, none = np.ones(len(x)), np.zeros(len(x))
    rows = [one, none, shift[:, 0], none, one, shift[:, 1], none, none]
    return Inputs((x, np.stack(rows, axis=1), "nearest", "reflect"))


def _resize(ratio: float, **more: Any) -> Any:
    def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x = _images(rng, dtype, n)
        size = max(1, round(x.shape[1] * ratio)), max(1, round(x.shape[2] * ratio * 1.1))
        return Inputs((x, size), more)

    return inputs


def image_ops() -> list[Op]:
    """The rows of this file."""

    def affine(name: str, make: Any, doc: str) -> Op:
        full = f"affine_transform/{name}"
        # the place of a pixel is rounded too: an error of up to its number of pixels
        return elementwise(
            full, ops.affine_transform, reference.affine_transform, make, doc, 2, ulps=400.0
        )

    def resize(name: str, make: Any, doc: str) -> Op:
        full = f"resize_images/{name}"
        return elementwise(
            full, ops.resize_images, reference.resize_images, make, doc, 2, ulps=16.0
        )

    return [
        *[
            affine(mode, _affine(mode), f"rotated, {mode} outside")
            for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
        ],
        affine("shifted", _nearest, "moved, nearest pixel"),
        resize("up", _resize(1.7), "bilinear, larger"),
        resize("down", _resize(0.4), "bilinear, smaller"),
        resize("nearest", _resize(1.7, interpolation="nearest"), "nearest pixel, larger"),
        resize("antialias", _resize(0.4, antialias=True), "bilinear over all pixels, smaller"),
        resize("bicubic", _resize(1.7, interpolation="bicubic"), "Keys' cubic, larger"),
        resize("lanczos3", _resize(0.6, interpolation="lanczos3"), "windowed sinc, smaller"),
    ]
