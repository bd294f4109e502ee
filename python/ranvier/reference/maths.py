"""NumPy twins of the vector maths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# NumPy has no erf; these are correctly rounded or nearly so, and slow.
_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def floating(x: Any) -> Array:
    """x as float32 or float64: NumPy's float64 stays, anything else becomes float32."""
    array = np.asarray(x)
    if array.dtype == np.float64 and hasattr(x, "dtype"):
        return array.astype(np.float64, copy=False)
    return array.astype(np.float32, copy=False)


def give(result: Array, out: Array | None) -> Array:
    """The result, or `out` with the result in it."""
    if out is None:
        return result
    out[...] = result
    return out


def exp(x: Any, out: Array | None = None) -> Array:
    """`e ** x`."""
    with np.errstate(over="ignore", under="ignore"):
        return give(np.exp(floating(x)), out)


def expm1(x: Any, out: Array | None = None) -> Array:
    """`e ** x - 1`."""
    with np.errstate(over="ignore"):
        return give(np.expm1(floating(x)), out)


def log(x: Any, out: Array | None = None) -> Array:
    """The natural logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return give(np.log(floating(x)), out)


def log1p(x: Any, out: Array | None = None) -> Array:
    """`log(1 + x)`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return give(np.log1p(floating(x)), out)


def tanh(x: Any, out: Array | None = None) -> Array:
    """The hyperbolic tangent."""
    return give(np.tanh(floating(x)), out)


def sigmoid(x: Any, out: Array | None = None) -> Array:
    """`1 / (1 + e ** -x)`."""
    x = floating(x)
    with np.errstate(over="ignore"):
        return give(1 / (1 + np.exp(-x)), out)


def softplus(x: Any, out: Array | None = None) -> Array:
    """`log(1 + e ** x)`."""
    x = floating(x)
    with np.errstate(under="ignore"):
        return give(np.logaddexp(x, np.zeros((), x.dtype)), out)


def erf(x: Any, out: Array | None = None) -> Array:
    """The error function."""
    x = floating(x)
    return give(np.asarray(_erf(x)).astype(x.dtype), out)


def erfc(x: Any) -> Array:
    """`1 - erf(x)`, accurate where erf is near 1."""
    x = floating(x)
    return np.asarray(_erfc(x)).astype(x.dtype)
