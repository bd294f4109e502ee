"""NumPy twins of resizing and affine sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.reference.maths import Array, floating, give

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _triangle(x: Array) -> Array:
    return np.maximum(0, 1 - x)


def _keys(x: Array) -> Array:
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda x: np.where(x >= radius, 0, np.sinc(x) * np.sinc(x / radius))


_KERNELS = {
    "bilinear": _triangle,
    "bicubic": _keys,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}


def _weights(old: int, new: int, interpolation: str, antialias: bool) -> Array:
    """The matrix [new, old] that resizes one axis."""
    if old == new:
        return np.eye(new)
    if interpolation == "nearest":
        # in float32, as Keras (JAX) finds the pixel
        places = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(old)
        return np.eye(old)[np.floor(places / np.float32(new)).astype(int)]
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    distance = np.abs(centres[:, None] - np.arange(old))
    weights = _KERNELS[interpolation](distance / (max(old / new, 1) if antialias else 1))
    return weights / weights.sum(axis=1, keepdims=True)


def _cropped(x: Array, height: int, width: int) -> Array:
    h, w = x.shape[1:3]
    rows = max(min(h, int(w * height / width)), 1)
    columns = max(min(w, int(h * width / height)), 1)
    top, left = (h - rows) // 2, (w - columns) // 2
    return x[:, top : top + rows, left : left + columns]


def _padded(x: Array, height: int, width: int, value: float) -> Array:
    h, w = x.shape[1:3]
    rows = (max(h, int(w * height / width)) - h) // 2
    columns = 0 if rows else (max(w, int(h * width / height)) - w) // 2
    pad = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    return np.pad(x, pad, constant_values=value)


def _channels_last(x: Any, data_format: str | None) -> tuple[Array, Callable[[Array], Array]]:
    """A batch (N, H, W, C), and what brings a result back to the layout that was given."""
    array = floating(x)
    single = array.ndim == 3
    batch = array[None] if single else array
    first = data_format == "channels_first"
    if first:
        batch = np.moveaxis(batch, 1, -1)

    def back(y: Array) -> Array:
        y = np.moveaxis(y, -1, 1) if first else y
        return np.ascontiguousarray(y[0] if single else y).astype(array.dtype)

    return batch, back


def resize_images(
    x: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
    out: Array | None = None,
) -> Array:
    """`R x C^T`, a matrix of weights for each axis."""
    height, width = size
    batch, back = _channels_last(x, data_format)
    if crop_to_aspect_ratio:
        batch = _cropped(batch, height, width)
    if pad_to_aspect_ratio:
        batch = _padded(batch, height, width, fill_value)
    rows = _weights(batch.shape[1], height, interpolation, antialias)
    columns = _weights(batch.shape[2], width, interpolation, antialias)
    y = np.einsum("ik,nklc->nilc", rows, batch)
    return give(back(np.einsum("jl,nilc->nijc", columns, y)), out)


def _stand_ins(fill_mode: str, i: Array, n: int) -> tuple[Array, Array]:
    """The pixels that stand for pixels i of n, and whether they are pixels of the image."""
    inside = (i >= 0) & (i < n)
    if fill_mode == "constant":
        return np.where(inside, i, 0), inside
    everywhere = np.ones_like(inside)
    if fill_mode == "nearest" or n == 1:
        return np.clip(i, 0, n - 1), everywhere
    if fill_mode == "wrap":
        return i % n, everywhere
    # one period of the image there and back
    pixels = np.arange(n)
    back = pixels[::-1] if fill_mode == "reflect" else pixels[-2:0:-1]
    there_and_back = np.concatenate([pixels, back])
    return there_and_back[i % len(there_and_back)], everywhere


def _sampled(batch: Array, rows: Array, columns: Array, fill_mode: str, fill_value: float) -> Array:
    """Pixels (rows, columns), [N, H, W] each, of each image."""
    i, row_inside = _stand_ins(fill_mode, rows, batch.shape[1])
    j, column_inside = _stand_ins(fill_mode, columns, batch.shape[2])
    images = np.arange(len(batch))[:, None, None]
    return np.where((row_inside & column_inside)[..., None], batch[images, i, j], fill_value)


def affine_transform(
    x: Any,
    transforms: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
    out: Array | None = None,
) -> Array:
    """y at (i, j) is x at `(b0 j + b1 i + b2, a0 j + a1 i + a2)`."""
    batch, back = _channels_last(x, data_format)
    n, h, w = batch.shape[:3]
    matrices = np.broadcast_to(np.asarray(transforms, np.float64), (n, 8))
    a0, a1, a2, b0, b1, b2 = (matrices[:, k, None, None] for k in range(6))
    i, j = np.mgrid[:h, :w]
    column = a0 * j + a1 * i + a2
    row = b0 * j + b1 * i + b2
    if interpolation == "nearest":
        i, j = ((np.sign(v) * np.floor(np.abs(v) + 0.5)).astype(int) for v in (row, column))
        return give(back(_sampled(batch, i, j, fill_mode, fill_value)), out)
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = (row - top)[..., None], (column - left)[..., None]
    y = np.zeros(batch.shape, batch.dtype)
    for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (down if di else 1 - down) * (right if dj else 1 - right)
        y += weight * _sampled(batch, top + di, left + dj, fill_mode, fill_value)
    return give(back(y), out)
