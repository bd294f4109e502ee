"""Vector maths: the functions on which the activations are built.

float32 results are within 2 units in the last place, float64 within 4, over the whole range;
infinities, NaN and denormals are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def _apply(name: str, x: ArrayLike, out: NDArray[Any] | None) -> NDArray[Any]:
    try:
        return _core.vector_math(name, x, out)
    except REFUSED:
        pass
    (x,) = fit_all(name, x=x)
    return _core.vector_math(name, x, out)


def exp(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`e ** x`, element for element. `out` may be x itself.

    >>> exp([0.0, float("-inf")])
    array([1., 0.], dtype=float32)
    """
    return _apply("exp", x, out)


def expm1(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`e ** x - 1`, accurate near 0. `out` may be x itself.

    >>> import numpy as np
    >>> expm1(np.array([1e-20]))
    array([1.e-20])
    """
    return _apply("expm1", x, out)


def log(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The natural logarithm: -inf at 0, NaN below. `out` may be x itself.

    >>> log([1.0, 0.0])
    array([  0., -inf], dtype=float32)
    """
    return _apply("log", x, out)


def log1p(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`log(1 + x)`, accurate near 0. `out` may be x itself.

    >>> import numpy as np
    >>> log1p(np.array([1e-20]))
    array([1.e-20])
    """
    return _apply("log1p", x, out)


def tanh(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The hyperbolic tangent. `out` may be x itself.

    >>> tanh([0.0, float("inf")])
    array([0., 1.], dtype=float32)
    """
    return _apply("tanh", x, out)


def sigmoid(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`1 / (1 + e ** -x)`. `out` may be x itself.

    >>> sigmoid([0.0, float("-inf")])
    array([0.5, 0. ], dtype=float32)
    """
    return _apply("sigmoid", x, out)


def softplus(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`log(1 + e ** x)`, without overflow. `out` may be x itself.

    >>> softplus([1000.0])
    array([1000.], dtype=float32)
    """
    return _apply("softplus", x, out)


def erf(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The error function `2 / sqrt(pi) integral_0^x e ** (-t^2) dt`. `out` may be x itself.

    >>> erf([0.0, float("inf")])
    array([0., 1.], dtype=float32)
    """
    return _apply("erf", x, out)
