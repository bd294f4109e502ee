"""NumPy twin of the matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.reference.activations import activation as apply
from ranvier.reference.maths import Array, give


def matmul(
    a: Any,
    b: Any,
    bias: Any = None,
    activation: Any = None,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 0.0,
    out: Array | None = None,
    pre: Array | None = None,
) -> Array:
    """`C = activation(alpha op(A) op(B) + beta C + bias)`."""
    a, b = np.asarray(a), np.asarray(b)
    if transpose_a:
        a = np.swapaxes(a, -1, -2)
    if transpose_b:
        b = b.T
    c = a @ b
    if alpha != 1.0:
        c = c * c.dtype.type(alpha)
    if beta != 0.0:
        if out is None:
            raise ValueError("matmul: `beta` is not 0, so `out` must be given")
        c = c + c.dtype.type(beta) * out
    if bias is not None:
        c = c + bias
    if pre is not None:
        pre[...] = c
    if activation is not None:
        c = apply(activation, c)
    return give(c, out)
