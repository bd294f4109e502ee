"""Convolution over one to three spatial axes, and its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all
from ranvier.ops._windows import shape, sizes, spatial_axes
from ranvier.ops.activations import spec

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ranvier.ops.activations import Native

    Array = NDArray[Any]


def _arguments(
    op: str, n: int, strides: Any, padding: Any, dilation_rate: Any, groups: Any
) -> tuple[tuple[int, ...], str, tuple[int, ...], int]:
    """As the extension takes them, for n spatial axes."""
    if not isinstance(groups, (int, np.integer)) or not 1 <= groups < 2**31:
        raise ValueError(f"{op}: `groups` must be an integer >= 1; got {groups!r}")
    steps = sizes(op, "strides", strides, n)
    distances = sizes(op, "dilation_rate", dilation_rate, n)
    if padding not in ("valid", "same", "causal"):
        raise ValueError(f"{op}: `padding` must be 'valid', 'same' or 'causal'; got {padding!r}")
    if max(steps) > 1 and max(distances) > 1:
        raise ValueError(
            f"{op}: `strides` > 1 cannot be combined with `dilation_rate` > 1; "
            f"got strides={strides!r}, dilation_rate={dilation_rate!r}"
        )
    return steps, padding, distances, int(groups)


def conv(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    activation: str | Native | None = None,
    *,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """`y_oj = activation(sum_tc x_(o strides + t dilation_rate - p, c) kernel_tcj + bias_j)`.

    Positions o and taps t run along one, two or three spatial axes; p is the padding.

    Args:
        x: (N, W, C), (N, H, W, C) or (N, D, H, W, C).
        kernel: (W, C / groups, F), (H, W, C / groups, F) or (D, H, W, C / groups, F).
        bias: (F,), or None.
        activation: as in `ranvier.ops.activation`, or None.
        strides: the step from output to output along each spatial axis, or one integer for all;
            >= 1.
        padding: "valid" (the kernel stays inside x), "same" (zeros around x,
            `ceil(extent / stride)` outputs) or "causal" (zeros before x only).
        dilation_rate: the distance of the kernel's taps, likewise; not with strides > 1.
        groups: into so many parts the channels of x and y are divided, each convolved on its own;
            divides C and F. With `groups = C` each channel has kernels of its own (depthwise).
        out: where to write; None: a new array.

    Returns:
        y, (N, ..., F); float64 if x or kernel is, else float32. The same bits for any number of
        threads.

    Raises:
        ValueError: bad arguments, shapes that do not fit, a kernel that does not fit into x.
        TypeError: an input is not numeric, or `out` has another dtype.

    >>> import numpy as np
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv(x, np.ones((2, 2, 1, 1)))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    op = "conv"
    act = None if activation is None else spec(op, activation)
    n = spatial_axes(op, "x", np.ndim(x))
    arguments = _arguments(op, n, strides, padding, dilation_rate, groups)
    try:
        return _core.conv(x, kernel, bias, act, *arguments, out)
    except REFUSED:
        pass
    x, kernel, bias = fit_all(op, x=x, kernel=kernel, bias=bias)
    return _core.conv(x, kernel, bias, act, *arguments, out)


def conv_backward_input(
    dy: ArrayLike,
    kernel: ArrayLike,
    x_shape: tuple[int, ...],
    *,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """dx of `conv`, its transpose: `dx_(o strides + t dilation_rate - p, c) += dy_oj kernel_tcj`.

    Args:
        dy: gradient with respect to y (before the activation).
        kernel: that of `conv`.
        x_shape: the shape of x.
        strides, padding, dilation_rate, groups: as in `conv`.
        out: where to write dx; None: a new array.

    >>> import numpy as np
    >>> conv_backward_input(np.array([[[1.0], [10.0]]]), np.ones((2, 1, 1)), (1, 3, 1)).ravel()
    array([ 1., 11., 10.])
    """
    op = "conv_backward_input"
    x_shape = shape(op, x_shape)
    n = spatial_axes(op, "x_shape", len(x_shape))
    arguments = (x_shape, *_arguments(op, n, strides, padding, dilation_rate, groups), out)
    try:
        return _core.conv_backward_input(dy, kernel, *arguments)
    except REFUSED:
        pass
    dy, kernel = fit_all(op, dy=dy, kernel=kernel)
    return _core.conv_backward_input(dy, kernel, *arguments)


def conv_backward_kernel(
    x: ArrayLike,
    dy: ArrayLike,
    kernel_shape: tuple[int, ...],
    *,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """dw of `conv`: `dw_tcj = sum_o x_(o strides + t dilation_rate - p, c) dy_oj`.

    Args:
        x: that of `conv`.
        dy: gradient with respect to y (before the activation).
        kernel_shape: the shape of the kernel.
        strides, padding, dilation_rate, groups: as in `conv`.
        out: where to write; None: a new array.

    Returns:
        dw, summed over batch and positions in an order that does not depend on the number of
        threads.

    >>> import numpy as np
    >>> x, dy = np.array([[[1.0], [2.0], [3.0]]]), np.array([[[1.0], [10.0]]])
    >>> conv_backward_kernel(x, dy, (2, 1, 1)).ravel()
    array([21., 32.])
    """
    op = "conv_backward_kernel"
    kernel_shape = shape(op, kernel_shape, "kernel_shape")
    n = spatial_axes(op, "x", np.ndim(x))
    arguments = (kernel_shape, *_arguments(op, n, strides, padding, dilation_rate, groups), out)
    try:
        return _core.conv_backward_kernel(x, dy, *arguments)
    except REFUSED:
        pass
    x, dy = fit_all(op, x=x, dy=dy)
    return _core.conv_backward_kernel(x, dy, *arguments)
