"""Max and average pooling over windows and over all positions, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all
from ranvier.ops._windows import shape, spatial_axes, windows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]


def _pool(
    average: bool, x: Any, pool_size: Any, strides: Any, padding: str, out: Array | None
) -> Array:
    op = "average_pool" if average else "max_pool"
    n = spatial_axes(op, "x", np.ndim(x))
    arguments = windows(op, n, pool_size, strides, padding)
    try:
        return _core.pool(average, x, *arguments, out)
    except REFUSED:
        pass
    (x,) = fit_all(op, x=x)
    return _core.pool(average, x, *arguments, out)


def max_pool(
    x: ArrayLike,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """The largest element of each window, NaN if there is one.

    Args:
        x: (N, W, C), (N, H, W, C) or (N, D, H, W, C).
        pool_size: of the window along each spatial axis, or one integer for all; >= 1.
        strides: the step from window to window, likewise; None: `pool_size`.
        padding: "valid" (windows inside x) or "same" (`ceil(extent / stride)` of them; those over
            an edge hold fewer elements).
        out: where to write; None: a new array.

    Returns:
        y, with the spatial extents' place taken by the number of windows; float64 if x is, else
        float32.

    Raises:
        ValueError: bad arguments, x of another rank, a window that does not fit into x.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> max_pool(np.array([[[1.0], [3.0], [2.0], [0.0]]]), 2).ravel()
    array([3., 2.])
    """
    return _pool(False, x, pool_size, strides, padding, out)


def average_pool(
    x: ArrayLike,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """The mean over each window: of the elements of x in it, without padding.

    Args and errors are those of `max_pool`.

    >>> import numpy as np
    >>> average_pool(np.array([[[1.0], [3.0], [5.0]]]), 2, padding="same").ravel()
    array([2., 5.])
    """
    return _pool(True, x, pool_size, strides, padding, out)


def max_pool_indexed(
    x: ArrayLike,
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    out: Array | None = None,
) -> tuple[Array, Array]:
    """`max_pool`, and where each maximum was, for `max_pool_backward`.

    Args and errors are those of `max_pool`.

    Returns:
        y, and the number of the first maximum among the window's elements of x in C order: uint8,
        or uint32 if windows have more than 256 elements. In windows with NaN it is the element at
        which a walk ends that goes on to the next unless what it has is >= it (XLA's rule).

    >>> import numpy as np
    >>> max_pool_indexed(np.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)[1].ravel()
    array([1, 0], dtype=uint8)
    """
    n = spatial_axes("max_pool_indexed", "x", np.ndim(x))
    arguments = windows("max_pool_indexed", n, pool_size, strides, padding)
    try:
        return _core.max_pool_indexed(x, *arguments, out)
    except REFUSED:
        pass
    (x,) = fit_all("max_pool_indexed", x=x)
    return _core.max_pool_indexed(x, *arguments, out)


def max_pool_backward(
    dy: ArrayLike,
    index: Array,
    x_shape: tuple[int, ...],
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """dx of `max_pool`: each dy goes to the element of its window that `index` names.

    Args:
        dy: gradient with respect to y.
        index: what `max_pool_indexed` returned.
        x_shape: the shape of x.
        pool_size, strides, padding: as in `max_pool`.
        out: where to write dx; None: a new array.

    >>> import numpy as np
    >>> _, index = max_pool_indexed(np.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)
    >>> max_pool_backward(np.array([[[5.0], [7.0]]]), index, (1, 4, 1), 2).ravel()
    array([0., 5., 7., 0.])
    """
    op = "max_pool_backward"
    x_shape = shape(op, x_shape)
    n = spatial_axes(op, "x_shape", len(x_shape))
    arguments = (index, x_shape, *windows(op, n, pool_size, strides, padding))
    try:
        return _core.max_pool_backward(dy, *arguments, out)
    except REFUSED:
        pass
    (dy,) = fit_all(op, dy=dy)
    return _core.max_pool_backward(dy, np.ascontiguousarray(index), *arguments[1:], out)


def average_pool_backward(
    dy: ArrayLike,
    x_shape: tuple[int, ...],
    pool_size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """dx of `average_pool`: each element of a window gets an equal share of its dy.

    Args are those of `max_pool_backward`.

    >>> import numpy as np
    >>> average_pool_backward(np.array([[[4.0]]]), (1, 3, 1), 2).ravel()
    array([2., 2., 0.])
    """
    op = "average_pool_backward"
    x_shape = shape(op, x_shape)
    n = spatial_axes(op, "x_shape", len(x_shape))
    arguments = (x_shape, *windows(op, n, pool_size, strides, padding))
    try:
        return _core.average_pool_backward(dy, *arguments, out)
    except REFUSED:
        pass
    (dy,) = fit_all(op, dy=dy)
    return _core.average_pool_backward(dy, *arguments, out)


def _global_pool(average: bool, x: Any, out: Array | None) -> Array:
    try:
        return _core.global_pool(average, x, out)
    except REFUSED:
        pass
    (x,) = fit_all("global_average_pool" if average else "global_max_pool", x=x)
    return _core.global_pool(average, x, out)


def global_max_pool(x: ArrayLike, out: Array | None = None) -> Array:
    """The largest element of each channel of each sample, NaN if there is one.

    Args:
        x: (N, ..., C), at least three axes.
        out: where to write; None: a new array.

    Returns:
        y, (N, C).

    Raises:
        ValueError: x has fewer axes, or no positions.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> global_max_pool(np.array([[[1.0, 5.0], [3.0, 2.0]]]))
    array([[3., 5.]])
    """
    return _global_pool(False, x, out)


def global_average_pool(x: ArrayLike, out: Array | None = None) -> Array:
    """The mean of each channel of each sample.

    Args and errors are those of `global_max_pool`.

    >>> import numpy as np
    >>> global_average_pool(np.array([[[1.0, 5.0], [3.0, 2.0]]]))
    array([[2. , 3.5]])
    """
    return _global_pool(True, x, out)


def global_max_pool_backward(
    x: ArrayLike, y: ArrayLike, dy: ArrayLike, out: Array | None = None
) -> Array:
    """dx of `global_max_pool`: dy divided among the elements that equal y; NaN where y is NaN.

    Args:
        x, y: what `global_max_pool` took and returned.
        dy: gradient with respect to y.
        out: where to write dx; None: a new array.

    >>> import numpy as np
    >>> x = np.array([[[3.0], [1.0], [3.0]]])
    >>> global_max_pool_backward(x, global_max_pool(x), np.array([[4.0]])).ravel()
    array([2., 0., 2.])
    """
    try:
        return _core.global_max_pool_backward(x, y, dy, out)
    except REFUSED:
        pass
    x, y, dy = fit_all("global_max_pool_backward", x=x, y=y, dy=dy)
    return _core.global_max_pool_backward(x, y, dy, out)


def global_average_pool_backward(
    dy: ArrayLike, x_shape: tuple[int, ...], out: Array | None = None
) -> Array:
    """dx of `global_average_pool`: `dy / positions` everywhere.

    Args:
        dy: gradient with respect to y, (N, C).
        x_shape: the shape of x.
        out: where to write dx; None: a new array.

    >>> import numpy as np
    >>> global_average_pool_backward(np.array([[4.0]]), (1, 2, 1)).ravel()
    array([2., 2.])
    """
    x_shape = shape("global_average_pool_backward", x_shape)
    try:
        return _core.global_average_pool_backward(dy, x_shape, out)
    except REFUSED:
        pass
    (dy,) = fit_all("global_average_pool_backward", dy=dy)
    return _core.global_average_pool_backward(dy, x_shape, out)
