"""The activation functions, each computed by its C++ kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ranvier import ops
from ranvier.activations.function import activation

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INFINITY = math.inf


@activation("linear")
def linear(x: Any) -> NDArray[Any]:
    """`x` itself; derivative 1."""
    return ops.activation("linear", x)


@activation("binary_step")
def binary_step(x: Any) -> NDArray[Any]:
    """1 if `x >= 0`, else 0: Rosenblatt's threshold; its derivative is 0 everywhere."""
    return ops.activation("binary_step", x)


@activation("relu", 0.0, _INFINITY, 0.0)
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> NDArray[Any]:
    """Rectifier: `max(x, 0)`.

    Args:
        x: array.
        negative_slope: slope below the threshold, default 0.
        max_value: limit from above, or None.
        threshold: below it the value is `negative_slope * (x - threshold)`. Default 0.
    """
    top = _INFINITY if max_value is None else float(max_value)
    return ops.activation(("relu", float(negative_slope), top, float(threshold)), x)


@activation("relu", 0.2, _INFINITY, 0.0)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> NDArray[Any]:
    """`x` if `x >= 0`, else `negative_slope * x`."""
    return ops.activation(("relu", float(negative_slope), _INFINITY, 0.0), x)


@activation("relu", 0.0, 6.0, 0.0)
def relu6(x: Any) -> NDArray[Any]:
    """`min(max(x, 0), 6)`."""
    return ops.activation(("relu", 0.0, 6.0, 0.0), x)


@activation("sigmoid")
def sigmoid(x: Any) -> NDArray[Any]:
    """`1 / (1 + exp(-x))`; derivative `y (1 - y)`."""
    return ops.activation("sigmoid", x)


@activation("tanh")
def tanh(x: Any) -> NDArray[Any]:
    """`(exp(x) - exp(-x)) / (exp(x) + exp(-x))`; derivative `1 - y^2`."""
    return ops.activation("tanh", x)


@activation("softplus")
def softplus(x: Any) -> NDArray[Any]:
    """`log(1 + exp(x))`; its derivative is the sigmoid."""
    return ops.activation("softplus", x)


@activation("softsign")
def softsign(x: Any) -> NDArray[Any]:
    """`x / (1 + |x|)`; derivative `1 / (1 + |x|)^2`."""
    return ops.activation("softsign", x)


@activation("elu", 1.0)
def elu(x: Any, alpha: float = 1.0) -> NDArray[Any]:
    """`x` if `x > 0`, else `alpha (exp(x) - 1)`.

    Reference: Clevert et al., arXiv 1511.07289.
    """
    return ops.activation(("elu", float(alpha), 0.0, 0.0), x)


@activation("selu")
def selu(x: Any) -> NDArray[Any]:
    """`1.0507... elu(x, 1.6732...)`, which keeps mean 0 and variance 1.

    Reference: Klambauer et al., arXiv 1706.02515.
    """
    return ops.activation("selu", x)


@activation("gelu")
def gelu(x: Any, approximate: bool = False) -> NDArray[Any]:
    """`x P(Z <= x)`, Z standard normal; by erf, or by Hendrycks' tanh formula if `approximate`.

    Reference: Hendrycks and Gimpel, arXiv 1606.08415.
    """
    return ops.activation("gelu_tanh" if approximate else "gelu", x)


@activation("gelu_tanh")
def gelu_tanh(x: Any) -> NDArray[Any]:
    """`gelu(x, approximate=True)` as a function of its own."""
    return ops.activation("gelu_tanh", x)


@activation("silu")
def silu(x: Any) -> NDArray[Any]:
    """`x sigmoid(x)`; also named swish.

    Reference: Ramachandran et al., arXiv 1710.05941.
    """
    return ops.activation("silu", x)


@activation("hard_sigmoid")
def hard_sigmoid(x: Any) -> NDArray[Any]:
    """`relu6(x + 3) / 6`."""
    return ops.activation("hard_sigmoid", x)


@activation("exponential")
def exponential(x: Any) -> NDArray[Any]:
    """`exp(x)`."""
    return ops.activation("exponential", x)


@activation("softmax")
def softmax(x: Any, axis: int = -1) -> NDArray[Any]:
    """`exp(x_i) / sum_j exp(x_j)` along an axis."""
    return ops.softmax(x, axis)


@activation("log_softmax")
def log_softmax(x: Any, axis: int = -1) -> NDArray[Any]:
    """`x_i - log sum_j exp(x_j)` along an axis."""
    return ops.log_softmax(x, axis)


@activation("elu", 1.0, 1.0)
def celu(x: Any, alpha: float = 1.0) -> NDArray[Any]:
    """`x` if `x > 0`, else `alpha (exp(x / alpha) - 1)`, which is smooth at 0.

    Args:
        x: array.
        alpha: > 0, default 1.

    Reference: Barron, arXiv 1704.07483.
    """
    if not alpha > 0:
        raise ValueError(f"celu: `alpha` must be > 0; got {alpha!r}")
    return ops.activation(("elu", float(alpha), float(alpha), 0.0), x)


@activation("softplus", -1.0)
def log_sigmoid(x: Any) -> NDArray[Any]:
    """`log(sigmoid(x)) = -softplus(-x)`; derivative `sigmoid(-x)`."""
    return ops.activation(("softplus", -1.0, 0.0, 0.0), x)


@activation("mish")
def mish(x: Any) -> NDArray[Any]:
    """`x tanh(softplus(x))`.

    Reference: Misra, arXiv 1908.08681.
    """
    return ops.activation("mish", x)


@activation("tanh_shrink")
def tanh_shrink(x: Any) -> NDArray[Any]:
    """`x - tanh(x)`; derivative `tanh(x)^2`."""
    return ops.activation("tanh_shrink", x)


@activation("squareplus", 4.0)
def squareplus(x: Any, b: float = 4.0) -> NDArray[Any]:
    """`(x + sqrt(x^2 + b)) / 2`.

    Args:
        x: array.
        b: >= 0; smooths the bend. Default 4.

    Reference: Barron, arXiv 2112.11687.
    """
    if not b >= 0:
        raise ValueError(f"squareplus: `b` must be >= 0; got {b!r}")
    return ops.activation(("squareplus", float(b), 0.0, 0.0), x)


# The kernel of functions in three pieces tells them apart by its last parameter.


@activation("pieces", 0.0, 0.0, 0)
def hard_tanh(x: Any) -> NDArray[Any]:
    """`min(max(x, -1), 1)`."""
    return ops.activation(("pieces", 0.0, 0.0, 0.0), x)


@activation("pieces", 0.5, 0.0, 1)
def hard_shrink(x: Any, threshold: float = 0.5) -> NDArray[Any]:
    """`x` if `|x| > threshold`, else 0."""
    return ops.activation(("pieces", float(threshold), 0.0, 1.0), x)


@activation("pieces", 0.5, 0.0, 2)
def soft_shrink(x: Any, threshold: float = 0.5) -> NDArray[Any]:
    """`x` pulled towards 0 by `threshold`; 0 if it is nearer."""
    return ops.activation(("pieces", float(threshold), 0.0, 2.0), x)


@activation("pieces", 0.0, 0.0, 4)
def sparse_plus(x: Any) -> NDArray[Any]:
    """0 up to -1, `(x + 1)^2 / 4` up to 1, then `x`."""
    return ops.activation(("pieces", 0.0, 0.0, 4.0), x)


@activation("pieces", 0.0, 0.0, 5)
def sparse_sigmoid(x: Any) -> NDArray[Any]:
    """0 up to -1, `(x + 1) / 2` up to 1, then 1."""
    return ops.activation(("pieces", 0.0, 0.0, 5.0), x)


@activation("pieces", 0.0, 0.0, 6)
def hard_silu(x: Any) -> NDArray[Any]:
    """`x relu6(x + 3) / 6`; also named hard_swish.

    Reference: Howard et al., arXiv 1905.02244.
    """
    return ops.activation(("pieces", 0.0, 0.0, 6.0), x)
