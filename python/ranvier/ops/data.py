"""Rows out of users' arrays, copies, scalings and reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core, _dtypes
from ranvier.ops._arrays import REFUSED, common_dtype, fit, fit_all, numeric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


def gather_rows(
    x: ArrayLike,
    rows: ArrayLike | None = None,
    start: int = 0,
    n: int | None = None,
    dtype: str | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """`out[i] = x[rows[i]]`, converted to a floating dtype in the same pass.

    Args:
        x: array of any real dtype, byte order and strides, with at least one axis.
        rows: row numbers in [0, len(x)), or None: `start, start + 1, ...`.
        start, n: the rows if `rows` is None; n None: all from start on.
        dtype: "float32" or "float64"; None: out's, else x's if it is one of them, else floatx.
        out: where to write, C-contiguous, shape (n, *x.shape[1:]), sharing no memory with x.

    Returns:
        The rows.

    Raises:
        IndexError: a row number out of range.
        ValueError: an `out` that does not fit.
        TypeError: x is not numeric.

    >>> import numpy as np
    >>> gather_rows(np.arange(6).reshape(3, 2), [2, 0])
    array([[4., 5.],
           [0., 1.]], dtype=float32)
    """
    x = numeric("gather_rows", "x", x)
    if out is not None and np.may_share_memory(x, out):
        raise ValueError("gather_rows: `x` and `out` must not share memory")
    if rows is not None:
        rows = np.asarray(rows)
        if rows.size == 0:
            rows = rows.astype(np.int64)
        if rows.dtype.kind not in "iu" or rows.ndim != 1:
            raise TypeError(
                f"gather_rows: `rows` must be integers along one axis; got dtype {rows.dtype}, "
                f"shape {rows.shape}"
            )
        rows = np.ascontiguousarray(rows, np.int64)
    if dtype is None:
        dtype = common_dtype(x if out is None else out)
    if n is None:
        n = len(x) - start if x.ndim else 0
    return _core.gather_rows(x, rows, start, n, _dtypes.standardize(dtype), out)


def permute(x: ArrayLike, perm: Sequence[int], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Axis `perm[i]` of x becomes axis i; the result is contiguous.

    Args:
        x: array of any shape.
        perm: each of x's axes once; negative ones count from the end.
        out: where to write, sharing no memory with x. None: a new array.

    Returns:
        An array of shape `x.shape[perm[0]], ...`.

    Raises:
        ValueError: perm is not a permutation, or an `out` that does not fit.

    >>> import numpy as np
    >>> permute(np.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    ndim = np.ndim(x)
    axes = [int(axis) + ndim if -ndim <= int(axis) < 0 else int(axis) for axis in perm]
    try:
        return _core.permute(x, axes, out)
    except REFUSED:
        pass
    (x,) = fit_all("permute", x=x)
    return _core.permute(x, axes, out)


def scale_shift(
    x: ArrayLike,
    scale: ArrayLike = 1.0,
    offset: ArrayLike = 0.0,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """`y = x * scale + offset`.

    Args:
        x: array of any shape.
        scale, offset: numbers, or 1-D arrays as long as x's last axis.
        out: where to write; may be x itself. None: a new array.

    Returns:
        y, of x's shape; its dtype is x's if that is float32 or float64.

    Raises:
        ValueError: shapes that do not fit, or an `out` that does not.

    >>> import numpy as np
    >>> scale_shift(np.array([[0.0, 255.0]]), 1 / 255, [1.0, 2.0])
    array([[1., 3.]])
    """
    if np.ndim(scale) == 0 and np.ndim(offset) == 0:
        number, shift = float(np.asarray(scale)), float(np.asarray(offset))
        try:
            return _core.scale_shift(x, number, shift, out)
        except REFUSED:
            pass
        (x,) = fit_all("scale_shift", x=x)
        return _core.scale_shift(x, number, shift, out)
    (x,) = fit_all("scale_shift", x=x)
    given = {"scale": scale, "offset": offset}
    scales, offsets = fit(
        "scale_shift",
        common_dtype(x),
        **{k: numeric("scale_shift", k, v) for k, v in given.items()},
    )
    columns = np.shape(x)[-1:]
    if scales.ndim == 0:
        scales = np.full(columns, scales)
    if offsets.ndim == 0:
        offsets = np.full(columns, offsets)
    return _core.scale_shift_columns(x, scales, offsets, out)


def column_sums(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`y[j] = sum_i x[i, j]` over all axes but the last, in one fixed order.

    Args:
        x: shape (..., cols).
        out: where to write, shape (cols,). None: a new array.

    >>> import numpy as np
    >>> column_sums(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    try:
        return _core.column_sums(x, out)
    except REFUSED:
        pass
    (x,) = fit_all("column_sums", x=x)
    return _core.column_sums(x, out)


def reduce_sum(x: ArrayLike) -> float:
    """The sum of all elements, added in float64 and in one fixed order.

    >>> reduce_sum([1.0, 2.0])
    3.0
    """
    try:
        return _core.reduce_sum(x)
    except REFUSED:
        pass
    return _core.reduce_sum(*fit_all("reduce_sum", x=x))


def reduce_sumsq(x: ArrayLike) -> float:
    """The sum of the squares, added in float64 and in one fixed order.

    >>> reduce_sumsq([3.0, 4.0])
    25.0
    """
    try:
        return _core.reduce_sumsq(x)
    except REFUSED:
        pass
    return _core.reduce_sumsq(*fit_all("reduce_sumsq", x=x))


def reduce_sumabs(x: ArrayLike) -> float:
    """The sum of the absolute values, added in float64 and in one fixed order.

    >>> reduce_sumabs([3.0, -4.0])
    7.0
    """
    try:
        return _core.reduce_sumabs(x)
    except REFUSED:
        pass
    return _core.reduce_sumabs(*fit_all("reduce_sumabs", x=x))


def all_finite(x: ArrayLike) -> bool:
    """Whether no element is infinite or NaN.

    >>> all_finite([1.0, float("nan")])
    False
    """
    try:
        return _core.all_finite(x)
    except REFUSED:
        pass
    return _core.all_finite(*fit_all("all_finite", x=x))
