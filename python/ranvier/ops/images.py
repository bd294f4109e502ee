"""Images: resizing and affine sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core
from ranvier.ops._arrays import common_dtype, fit, numeric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

RESIZE_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
AFFINE_INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _one_of(op: str, argument: str, value: Any, known: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{op}: `{argument}` must be one of {', '.join(known)}; got {value!r}")


def _channels_first(op: str, data_format: str | None) -> bool:
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f"{op}: `data_format` must be 'channels_last' or 'channels_first'; got {data_format!r}"
        )
    return data_format == "channels_first"


def _batch(op: str, x: ArrayLike) -> tuple[NDArray[Any], bool]:
    """Images with a batch axis, and whether that was added."""
    array: NDArray[Any] = x if isinstance(x, np.ndarray) else numeric(op, "x", x)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"{op}: `x` must be an image (3 axes) or a batch of them (4); got shape {array.shape}"
        )
    (array,) = fit(op, common_dtype(array), x=array)
    return (array[None], True) if array.ndim == 3 else (array, False)


def _size(op: str, size: Sequence[int]) -> tuple[int, int]:
    sides = tuple(size) if isinstance(size, (tuple, list, np.ndarray)) else ()
    if len(sides) == 2 and all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and 0 < n < 2**29
        for n in sides
    ):
        return int(sides[0]), int(sides[1])
    raise ValueError(f"{op}: `size` must be two positive integers (height, width); got {size!r}")


def resize_images(
    x: ArrayLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Images of another size: `y_ij = sum_kl R_ik C_jl x_kl`, R and C from the interpolation.

    Pixel i of n lies at `(i + 1/2) / n` of the image's height; weights are normalised at the edges.

    Args:
        x: images (N, H, W, C), or one (H, W, C); channels first if `data_format` says so.
        size: (height, width), positive.
        interpolation: "nearest", "bilinear", "bicubic" (Keys, a = -1/2), "lanczos3", "lanczos5".
        antialias: when an image shrinks, weigh as many pixels as fall on one. Not for "nearest".
        crop_to_aspect_ratio: resize the greatest part in the middle that has the ratio of `size`.
        pad_to_aspect_ratio: first widen the image to the ratio of `size`.
        fill_mode: how it is widened; only "constant".
        fill_value: the constant.
        data_format: "channels_last" (None too) or "channels_first".
        out: where to write, sharing no memory with x. None: a new array.

    Returns:
        The images; float64 if x is, else float32.

    Raises:
        ValueError: arguments out of range, images without pixels, or an `out` that does not fit.
        TypeError: x is not numeric.

    Reference: Keys, Cubic convolution interpolation for digital image processing (1981).

    >>> import numpy as np
    >>> resize_images(np.array([[[0.0], [4.0]]]), (1, 4))[0, :, 0]
    array([0., 1., 3., 4.])
    """
    op = "resize_images"
    _one_of(op, "interpolation", interpolation, RESIZE_INTERPOLATIONS)
    _one_of(op, "fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            f"{op}: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True"
        )
    height, width = _size(op, size)
    first = _channels_first(op, data_format)
    images, single = _batch(op, x)
    aspect = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "stretch"
    target = out[None] if single and out is not None else out
    y = _core.resize_images(
        images, height, width, interpolation, bool(antialias), aspect, float(fill_value), first,
        target,
    )  # fmt: skip
    return out if out is not None else y[0] if single else y


def affine_transform(
    x: ArrayLike,
    transforms: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """`y` at (row i, column j) is `x` at row `b0 j + b1 i + b2`, column `a0 j + a1 i + a2`.

    Args:
        x: images (N, H, W, C), or one (H, W, C); channels first if `data_format` says so.
        transforms: (N, 8), or (8,) for all images: a0, a1, a2, b0, b1, b2, 0, 0. From output to
            input, in pixels, (0, 0) the middle of the first one.
        interpolation: "bilinear", or "nearest" (halves away from zero).
        fill_mode: what lies outside of a b c d: "constant", "nearest" (a a|a b c d|d d), "wrap"
            (c d|a b c d|a b), "mirror" (c b|a b c d|c b), "reflect" (b a|a b c d|d c).
        fill_value: the constant.
        data_format: "channels_last" (None too) or "channels_first".
        out: where to write, of x's shape, sharing no memory with x. None: a new array.

    Returns:
        y, of x's shape; float64 if x is, else float32.

    Raises:
        ValueError: unknown modes, transforms that do not fit, are not finite or have a perspective
            part (the last two numbers not 0), or an `out` that does not fit.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> shift = [1, 0, -1, 0, 1, 0, 0, 0]
    >>> affine_transform(np.array([[[1.0], [2.0], [3.0]]]), shift)[0, :, 0]
    array([0., 1., 2.])
    """
    op = "affine_transform"
    _one_of(op, "interpolation", interpolation, AFFINE_INTERPOLATIONS)
    _one_of(op, "fill_mode", fill_mode, FILL_MODES)
    first = _channels_first(op, data_format)
    images, single = _batch(op, x)
    (matrices,) = fit(op, "float64", transforms=numeric(op, "transforms", transforms))
    if matrices.ndim == 1:
        matrices = np.ascontiguousarray(np.broadcast_to(matrices, (len(images), len(matrices))))
    target = out[None] if single and out is not None else out
    y = _core.affine_transform(
        images, matrices, interpolation, fill_mode, float(fill_value), first, target
    )
    return out if out is not None else y[0] if single else y
