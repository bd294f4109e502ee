"""Matrix products, with the bias and the activation applied while the result is still in cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all
from ranvier.ops.activations import spec

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ranvier.ops.activations import Native


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    bias: ArrayLike | None = None,
    activation: str | Native | None = None,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 0.0,
    out: NDArray[Any] | None = None,
    pre: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """`C = activation(alpha op(A) op(B) + beta C + bias)`, where op transposes or does nothing.

    Args:
        a: shape (..., M, K), or (..., K, M) if `transpose_a`; (K,) counts as one row. Leading axes
            are a stack of matrices. Fortran-ordered matrices and slices of matrices are read where
            they are.
        b: shape (K, N), or (N, K) if `transpose_b`.
        bias: shape (N,), or None.
        activation: as in `ranvier.ops.activation`, or None.
        transpose_a, transpose_b: whether to transpose the last two axes.
        alpha, beta: factors. beta other than 0 needs `out`, which holds C; with beta = 0 what is
            in `out` does not matter.
        out: where to write, shape (..., M, N), sharing no memory with the inputs. None: a new
            array.
        pre: where to write the values before the activation, like `out`; or None.

    Returns:
        C, float64 if a or b is, else float32. The same bits for any number of threads.

    Raises:
        ValueError: shapes that do not fit, or an `out` that does not.
        TypeError: an input is not numeric, or `out` has another dtype.

    >>> import numpy as np
    >>> matmul(np.eye(2), np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([1.0, 1.0]), "relu")
    array([[2., 0.],
           [4., 5.]])
    """
    act = None if activation is None else spec("matmul", activation)
    try:
        return _core.matmul(a, b, bias, act, transpose_a, transpose_b, alpha, beta, out, pre)
    except REFUSED:
        pass
    a, b, bias = fit_all("matmul", a=a, b=b, bias=bias)
    return _core.matmul(a, b, bias, act, transpose_a, transpose_b, alpha, beta, out, pre)
