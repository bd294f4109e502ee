"""Softmax and its logarithm along one axis, forward and backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def softmax(x: ArrayLike, axis: int = -1, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`y_i = exp(x_i) / sum_j exp(x_j)` along `axis`, computed without overflow.

    Args:
        x: array with at least one axis.
        axis: the axis along which y sums to 1.
        out: where to write, of x's shape and dtype; may be x itself. None: a new array.

    Returns:
        y, of x's shape; float64 if x is, else float32.

    Raises:
        ValueError: an axis that x does not have, or an `out` that does not fit.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    try:
        return _core.softmax(x, axis, out)
    except REFUSED:
        pass
    (x,) = fit_all("softmax", x=x)
    return _core.softmax(x, axis, out)


def softmax_backward(
    y: ArrayLike, dy: ArrayLike, axis: int = -1, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """`dx_i = y_i (dy_i - sum_j y_j dy_j)` along `axis`.

    Args:
        y: what `softmax` returned.
        dy: gradient with respect to y; y's shape.
        axis: as in `softmax`.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        dx, of y's shape.

    >>> import numpy as np
    >>> softmax_backward(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    array([ 0.25, -0.25])
    """
    try:
        return _core.softmax_backward(y, dy, axis, out)
    except REFUSED:
        pass
    y, dy = fit_all("softmax_backward", y=y, dy=dy)
    return _core.softmax_backward(y, dy, axis, out)


def log_softmax(x: ArrayLike, axis: int = -1, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`y_i = x_i - log(sum_j exp(x_j))` along `axis`, computed without overflow.

    Args and errors are those of `softmax`.

    >>> import numpy as np
    >>> np.exp(log_softmax(np.array([0.0, 0.0]))).round(6)
    array([0.5, 0.5])
    """
    try:
        return _core.log_softmax(x, axis, out)
    except REFUSED:
        pass
    (x,) = fit_all("log_softmax", x=x)
    return _core.log_softmax(x, axis, out)


def log_softmax_backward(
    y: ArrayLike, dy: ArrayLike, axis: int = -1, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """`dx_i = dy_i - exp(y_i) sum_j dy_j` along `axis`; y is what `log_softmax` returned.

    Args and errors are those of `softmax_backward`.

    >>> import numpy as np
    >>> log_softmax_backward(np.log([0.5, 0.5]), np.array([1.0, 0.0])).round(6)
    array([ 0.5, -0.5])
    """
    try:
        return _core.log_softmax_backward(y, dy, axis, out)
    except REFUSED:
        pass
    y, dy = fit_all("log_softmax_backward", y=y, dy=dy)
    return _core.log_softmax_backward(y, dy, axis, out)
