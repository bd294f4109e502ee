"""What a caller passes, made to fit the engine's gate: float32 or float64, dense, native order.

The functions of `ranvier.ops` first hand their arguments to the extension as they are, which costs
nothing for arrays that fit. Only what the gate refuses comes through here, once, and is refused
again with the gate's message if it cannot be made to fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What the gate raises: the second call happens outside of `except`, so that the user sees one
# message and not a chain.
REFUSED = (TypeError, ValueError)

_REAL = "fiub"


def numeric(op: str, name: str, value: Any) -> NDArray[Any]:
    """`value` as an array of real numbers; TypeError for objects, strings and complex numbers."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged nesting
        raise ValueError(f"{op}: `{name}` is not an array of numbers: {error}") from None
    if array.dtype.kind not in _REAL or array.dtype.itemsize > 8:
        raise TypeError(
            f"{op}: `{name}` must hold booleans, integers or floats of 16, 32 or 64 bits; "
            f"got dtype {array.dtype}"
        )
    return array


def common_dtype(*values: Any) -> str:
    """float64 if any array among `values` is; else float32 if any is; else `floatx()`.

    Lists and numbers have no dtype of their own and follow the arrays.
    """
    found = ""
    for value in values:
        dtype = getattr(value, "dtype", None)
        if isinstance(dtype, np.dtype) and dtype.kind == "f":
            if dtype.itemsize == 8:
                return "float64"
            if dtype.itemsize == 4:
                found = "float32"
    return found or _dtypes.floatx()


def fit(op: str, dtype: str, **values: Any) -> list[Any]:
    """Each of `values` as a C-contiguous array of `dtype`; None stays None."""
    arrays: list[Any] = []
    for name, value in values.items():
        if value is None:
            arrays.append(None)
            continue
        array = numeric(op, name, value)
        arrays.append(array.astype(dtype, order="C", copy=not array.flags.aligned))
    return arrays


def fit_all(op: str, **values: Any) -> list[Any]:
    """`fit` to the common dtype of all values."""
    return fit(op, common_dtype(*values.values()), **values)
