"""Upsampling, zero padding and cropping of (N, ..., C)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all
from ranvier.ops._windows import interpolations, pairs, sizes, spatial_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]


def upsample(
    x: ArrayLike,
    size: int | tuple[int, ...],
    interpolation: str = "nearest",
    out: Array | None = None,
) -> Array:
    """Each spatial extent `size` times as long.

    Args:
        x: (N, W, C), (N, H, W, C) or (N, D, H, W, C).
        size: the factor of each spatial axis, or one integer for all; >= 1.
        interpolation: "nearest" repeats elements; "bilinear", of (N, H, W, C) only, mixes the
            nearest four, at half-pixel centres.
        out: where to write; None: a new array.

    Raises:
        ValueError: bad arguments, x of another rank.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> upsample(np.array([[[1.0], [2.0]]]), 2).ravel()
    array([1., 1., 2., 2.])
    """
    n = spatial_axes("upsample", "x", np.ndim(x))
    factors = sizes("upsample", "size", size, n)
    bilinear = interpolations("upsample", interpolation)
    try:
        return _core.upsample(False, bilinear, x, factors, out)
    except REFUSED:
        pass
    (x,) = fit_all("upsample", x=x)
    return _core.upsample(False, bilinear, x, factors, out)


def upsample_backward(
    dy: ArrayLike,
    size: int | tuple[int, ...],
    interpolation: str = "nearest",
    out: Array | None = None,
) -> Array:
    """dx of `upsample`: what each element of x gave to y, in the gradient dy.

    Args are those of `upsample`; dy has y's shape.

    >>> import numpy as np
    >>> upsample_backward(np.array([[[1.0], [2.0], [3.0], [4.0]]]), 2).ravel()
    array([3., 7.])
    """
    n = spatial_axes("upsample_backward", "dy", np.ndim(dy))
    factors = sizes("upsample_backward", "size", size, n)
    bilinear = interpolations("upsample_backward", interpolation)
    try:
        return _core.upsample(True, bilinear, dy, factors, out)
    except REFUSED:
        pass
    (dy,) = fit_all("upsample_backward", dy=dy)
    return _core.upsample(True, bilinear, dy, factors, out)


def zero_pad(x: ArrayLike, padding: Sequence[tuple[int, int]], out: Array | None = None) -> Array:
    """Zeros around the spatial axes.

    Args:
        x: (N, W, C), (N, H, W, C) or (N, D, H, W, C).
        padding: (before, after) for each spatial axis; >= 0.
        out: where to write; None: a new array.

    Raises:
        ValueError: bad arguments, x of another rank.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> zero_pad(np.array([[[1.0], [2.0]]]), [(1, 2)]).ravel()
    array([0., 1., 2., 0., 0.])
    """
    n = spatial_axes("zero_pad", "x", np.ndim(x))
    before, after = pairs("zero_pad", "padding", padding, n)
    try:
        return _core.frame(True, x, before, after, out)
    except REFUSED:
        pass
    (x,) = fit_all("zero_pad", x=x)
    return _core.frame(True, x, before, after, out)


def crop(x: ArrayLike, cropping: Sequence[tuple[int, int]], out: Array | None = None) -> Array:
    """The spatial axes without their ends: the opposite of `zero_pad`, and its gradient.

    Args:
        x: (N, W, C), (N, H, W, C) or (N, D, H, W, C).
        cropping: (before, after) for each spatial axis; >= 0, something must be left.
        out: where to write; None: a new array.

    Raises:
        ValueError: bad arguments, x of another rank, nothing left.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> crop(np.array([[[0.0], [1.0], [2.0], [3.0]]]), [(1, 0)]).ravel()
    array([1., 2., 3.])
    """
    n = spatial_axes("crop", "x", np.ndim(x))
    before, after = pairs("crop", "cropping", cropping, n)
    try:
        return _core.frame(False, x, before, after, out)
    except REFUSED:
        pass
    (x,) = fit_all("crop", x=x)
    return _core.frame(False, x, before, after, out)
