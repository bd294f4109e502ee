"""NumPy twins of the copies, scalings and reductions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.reference.maths import Array, floating, give

if TYPE_CHECKING:
    from collections.abc import Sequence


def gather_rows(
    x: Any,
    rows: Any = None,
    start: int = 0,
    n: int | None = None,
    dtype: str | None = None,
    out: Array | None = None,
) -> Array:
    """`out[i] = x[rows[i]]` as floats."""
    x = np.asarray(x)
    if dtype is None:
        dtype = "float64" if x.dtype == np.float64 else "float32"
    picked = x[start : len(x) if n is None else start + n] if rows is None else x[np.asarray(rows)]
    return give(picked.astype(dtype), out)


def permute(x: Any, perm: Sequence[int], out: Array | None = None) -> Array:
    """Axis `perm[i]` of x becomes axis i."""
    return give(np.ascontiguousarray(np.transpose(floating(x), perm)), out)


def scale_shift(x: Any, scale: Any = 1.0, offset: Any = 0.0, out: Array | None = None) -> Array:
    """`y = x * scale + offset`."""
    x = floating(x)
    return give(x * np.asarray(scale, x.dtype) + np.asarray(offset, x.dtype), out)


def column_sums(x: Any, out: Array | None = None) -> Array:
    """`y[j] = sum_i x[i, j]` over all axes but the last."""
    x = floating(x)
    return give(x.sum(tuple(range(x.ndim - 1))), out)


def reduce_sum(x: Any) -> float:
    """The sum of all elements."""
    return float(np.sum(floating(x), dtype=np.float64))


def reduce_sumsq(x: Any) -> float:
    """The sum of the squares."""
    return float(np.sum(np.square(floating(x), dtype=np.float64)))


def reduce_sumabs(x: Any) -> float:
    """The sum of the absolute values."""
    return float(np.sum(np.abs(floating(x)), dtype=np.float64))


def all_finite(x: Any) -> bool:
    """Whether no element is infinite or NaN."""
    return bool(np.isfinite(floating(x)).all())


def exact_sum(x: Any) -> float:
    """The correctly rounded sum."""
    return math.fsum(np.ravel(x).tolist())
