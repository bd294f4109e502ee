"""Activations, their derivatives and their backward passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Native = tuple[str, float, float, float]

_INFINITY = float("inf")

# The parameters a name alone stands for: `(name, a, b, c)` says others.
SPECS: dict[str, Native] = {
    "linear": ("linear", 0.0, 0.0, 0.0),
    "binary_step": ("binary_step", 0.0, 0.0, 0.0),
    "relu": ("relu", 0.0, _INFINITY, 0.0),
    "sigmoid": ("sigmoid", 0.0, 0.0, 0.0),
    "tanh": ("tanh", 0.0, 0.0, 0.0),
    "softplus": ("softplus", 0.0, 0.0, 0.0),
    "softsign": ("softsign", 0.0, 0.0, 0.0),
    "elu": ("elu", 1.0, 0.0, 0.0),
    "selu": ("selu", 0.0, 0.0, 0.0),
    "gelu": ("gelu", 0.0, 0.0, 0.0),
    "gelu_tanh": ("gelu_tanh", 0.0, 0.0, 0.0),
    "silu": ("silu", 0.0, 0.0, 0.0),
    "hard_sigmoid": ("hard_sigmoid", 0.0, 0.0, 0.0),
    "exponential": ("exponential", 0.0, 0.0, 0.0),
    "pieces": ("pieces", 0.0, 0.0, 0.0),
    "mish": ("mish", 0.0, 0.0, 0.0),
    "tanh_shrink": ("tanh_shrink", 0.0, 0.0, 0.0),
    "squareplus": ("squareplus", 4.0, 0.0, 0.0),
}


def spec(op: str, act: str | Native, name: str = "act") -> Native:
    """`act` as `(name, a, b, c)`; ValueError for a name that no kernel has."""
    if isinstance(act, str):
        found = SPECS.get(act)
        if found is None:
            raise ValueError(
                f"{op}: `{name}` must be one of {', '.join(sorted(SPECS))} (softmax has an op of "
                f"its own); got {act!r}"
            )
        return found
    if not isinstance(act, tuple) or len(act) != 4 or not isinstance(act[0], str):
        raise TypeError(f"{op}: `{name}` must be a name or a tuple (name, a, b, c); got {act!r}")
    spec(op, act[0], name)
    return (act[0], float(act[1]), float(act[2]), float(act[3]))


def activation(act: str | Native, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`y = act(x)`, element for element.

    Args:
        act: a name, or `(name, a, b, c)` with its parameters: relu (negative slope 0, greatest
            value inf, threshold 0), elu (alpha 1; b > 0 for `exp(x / b)`: celu), softplus (a < 0:
            log_sigmoid), squareplus (b = 4), pieces (c = 0 hard_tanh, 1 hard_shrink, 2
            soft_shrink, 3 threshold, 4 sparse_plus, 5 sparse_sigmoid, 6 hard_silu; a = threshold,
            b = the value up to it); the others have none. Names: linear, binary_step, relu,
            sigmoid, tanh, softplus, softsign, elu, selu, gelu (by erf), gelu_tanh, silu,
            hard_sigmoid (`relu6(x + 3) / 6`), exponential, mish, tanh_shrink.
        x: array of any shape.
        out: where to write, of x's shape and dtype; may be x itself. None: a new array.

    Returns:
        y, of x's shape; float64 if x is, else float32.

    Raises:
        ValueError: an unknown name, or an `out` of another shape, read-only or not contiguous.
        TypeError: x is not numeric, or `out` has another dtype.

    >>> import numpy as np
    >>> activation("relu", np.array([-1.0, 2.0]))
    array([0., 2.])
    >>> activation(("relu", 0.5, 3.0, 0.0), np.array([-1.0, 2.0, 9.0]))
    array([-0.5,  2. ,  3. ])
    """
    native = spec("activation", act)
    try:
        return _core.activation(*native, x, out)
    except REFUSED:
        pass
    (x,) = fit_all("activation", x=x)
    return _core.activation(*native, x, out)


def activation_reads_input(act: str | Native) -> bool:
    """Whether `activation_backward` wants the input x as `saved` (True) or the output y.

    >>> activation_reads_input("tanh"), activation_reads_input("gelu")
    (False, True)
    """
    return _core.activation_reads_input(*spec("activation_reads_input", act))


def activation_backward(
    act: str | Native, saved: ArrayLike, dy: ArrayLike, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """`dx = dy act'(x)`.

    Args:
        act: as in `activation`.
        saved: x or y = act(x), as `activation_reads_input(act)` says.
        dy: gradient of the loss with respect to y; saved's shape.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        dx, of dy's shape.

    Raises:
        ValueError: shapes differ, or an `out` that does not fit.
        TypeError: an input is not numeric.

    >>> import numpy as np
    >>> activation_backward("sigmoid", np.array([0.5]), np.array([2.0]))
    array([0.5])
    """
    native = spec("activation_backward", act)
    try:
        return _core.activation_backward(*native, saved, dy, out)
    except REFUSED:
        pass
    saved, dy = fit_all("activation_backward", saved=saved, dy=dy)
    return _core.activation_backward(*native, saved, dy, out)


def activation_derivative(
    act: str | Native, x: ArrayLike, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """`act'(x)`, element for element.

    Args:
        act: as in `activation`.
        x: array of any shape.
        out: where to write; may be x itself. None: a new array.

    Returns:
        The derivative, of x's shape.

    >>> import numpy as np
    >>> activation_derivative("tanh", np.array([0.0]))
    array([1.])
    """
    native = spec("activation_derivative", act)
    try:
        return _core.activation_derivative(*native, x, out)
    except REFUSED:
        pass
    (x,) = fit_all("activation_derivative", x=x)
    return _core.activation_derivative(*native, x, out)


def bias_activation_backward(
    act: str | Native,
    saved: ArrayLike,
    dy: ArrayLike,
    out: NDArray[Any] | None = None,
    db: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """`dx = dy act'(x)` and `db[j] = sum_i dx[i, j]` in one pass: back through bias + activation.

    Args:
        act: as in `activation`.
        saved: x or y, as `activation_reads_input(act)` says; shape (..., cols).
        dy: gradient with respect to y; saved's shape.
        out: where to write dx; may be dy itself. None: a new array.
        db: where to write db, shape (cols,). None: a new array.

    Returns:
        (dx, db). The sum has one fixed order: the same bits for any number of threads.

    >>> import numpy as np
    >>> bias_activation_backward("linear", np.zeros((2, 2)), np.ones((2, 2)))[1]
    array([2., 2.])
    """
    native = spec("bias_activation_backward", act)
    try:
        return _core.bias_activation_backward(*native, saved, dy, out, db)
    except REFUSED:
        pass
    saved, dy = fit_all("bias_activation_backward", saved=saved, dy=dy)
    return _core.bias_activation_backward(*native, saved, dy, out, db)


def prelu(x: ArrayLike, alpha: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`y = x if x > 0 else alpha x`, with one alpha for each place of the last axes.

    Args:
        x: array of shape (..., *alpha.shape).
        alpha: the slopes for negative x.
        out: where to write; may be x itself. None: a new array.

    Returns:
        y, of x's shape.

    Raises:
        ValueError: alpha's shape is not that of x's last axes.

    Reference: He et al. 2015, equation 1.

    >>> import numpy as np
    >>> prelu(np.array([[-2.0, -2.0]]), np.array([0.5, 0.0]))
    array([[-1., -0.]])
    """
    try:
        return _core.prelu(x, alpha, out)
    except REFUSED:
        pass
    x, alpha = fit_all("prelu", x=x, alpha=alpha)
    return _core.prelu(x, alpha, out)


def prelu_backward(
    x: ArrayLike, alpha: ArrayLike, dy: ArrayLike, out: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """`dx = dy (1 if x > 0 else alpha)` and `dalpha[j] = sum_i dy[i, j] min(x[i, j], 0)`.

    Args:
        x, alpha: as in `prelu`.
        dy: gradient with respect to y; x's shape.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        (dx, dalpha).

    >>> import numpy as np
    >>> prelu_backward(np.array([[-2.0], [1.0]]), np.array([0.5]), np.ones((2, 1)))[1]
    array([-2.])
    """
    try:
        return _core.prelu_backward(x, alpha, dy, out)
    except REFUSED:
        pass
    x, alpha, dy = fit_all("prelu_backward", x=x, alpha=alpha, dy=dy)
    return _core.prelu_backward(x, alpha, dy, out)
