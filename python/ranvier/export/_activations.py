"""Activations in ONNX's operators.

An operator's attributes are float32: in float64 what takes one is written out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranvier.export._writer import Writer

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _relu(g: Writer, x: str, slope: float, top: float, threshold: float) -> str:
    n = g.node
    if threshold == 0 and slope == 0:
        return n("Relu", x) if top == math.inf else n("Clip", x, 0.0, top)
    if threshold == 0 and top == math.inf and g.single:
        return n("LeakyRelu", x, alpha=slope)
    below = n("Mul", n("Sub", x, threshold), slope) if slope else 0.0
    above = x if top == math.inf else n("Min", x, top)
    return n("Where", n("Greater", x, threshold), above, below)


def _expm1(g: Writer, x: str) -> str:
    """`exp(x) - 1` of what is not above 0."""
    return g.node("Elu", x) if g.single else g.node("Sub", g.node("Exp", x), 1.0)


def _elu(g: Writer, x: str, alpha: float, b: float, _: float) -> str:
    n = g.node
    if b == 0 and g.single:
        return n("Elu", x, alpha=alpha)
    low = n("Min", x, 0.0)
    below = n("Mul", _expm1(g, n("Div", low, b) if b else low), alpha)
    return n("Where", n("Greater", x, 0.0), x, below)


def _selu(g: Writer, x: str, *_: float) -> str:
    if g.single:
        return g.node("Selu", x)
    return g.node("Mul", _elu(g, x, _SELU_ALPHA, 0.0, 0.0), _SELU_SCALE)


def _gelu(g: Writer, x: str, *_: float) -> str:
    n = g.node
    half = n("Add", n("Erf", n("Div", x, math.sqrt(2))), 1.0)
    return n("Mul", n("Mul", x, half), 0.5)


def _gelu_tanh(g: Writer, x: str, *_: float) -> str:
    n = g.node
    cube = n("Mul", n("Mul", n("Mul", x, x), x), 0.044715)
    inner = n("Mul", n("Add", x, cube), math.sqrt(2 / math.pi))
    return n("Mul", n("Mul", x, n("Add", n("Tanh", inner), 1.0)), 0.5)


def _softplus(g: Writer, x: str, sign: float = 1.0, *_: float) -> str:
    n = g.node
    return n("Neg", n("Softplus", n("Neg", x))) if sign < 0 else n("Softplus", x)


def _squareplus(g: Writer, x: str, b: float, *_: float) -> str:
    n = g.node
    root = n("Sqrt", n("Add", n("Mul", x, x), b))
    # below 0 without the difference of almost equal numbers
    below = n("Div", b, n("Mul", n("Sub", root, x), 2.0))
    return n("Where", n("Less", x, 0.0), below, n("Mul", n("Add", x, root), 0.5))


def _ramp(g: Writer, x: str, width: float) -> str:
    return g.node("Clip", g.node("Add", g.node("Div", x, width), 0.5), 0.0, 1.0)


def _pieces(g: Writer, x: str, a: float, b: float, kind: float) -> str:
    n = g.node

    def far() -> str:
        return n("Greater", n("Abs", x), a)

    def square() -> str:
        rise = n("Max", n("Add", x, 1.0), 0.0)
        return n("Mul", n("Mul", rise, rise), 0.25)

    return (
        lambda: n("Clip", x, -1.0, 1.0),
        lambda: n("Where", far(), x, 0.0),
        lambda: n("Where", far(), n("Sub", x, n("Mul", n("Sign", x), a)), 0.0),
        lambda: n("Where", n("Greater", x, a), x, b),
        lambda: n("Where", n("Less", x, 1.0), square(), x),
        lambda: _ramp(g, x, 2.0),
        lambda: n("Mul", n("Max", x, -3.0), _ramp(g, x, 6.0)),  # 0 at -inf, too
    )[int(kind)]()


def _of(op: str) -> Callable[..., str]:
    return lambda g, x, *_: g.node(op, x)


_TABLE: dict[str, Callable[..., str]] = {
    "linear": lambda g, x, *_: x,
    "binary_step": lambda g, x, *_: g.cast(g.node("GreaterOrEqual", x, 0.0)),
    "relu": _relu,
    "sigmoid": _of("Sigmoid"),
    "tanh": _of("Tanh"),
    "softplus": _softplus,
    "softsign": lambda g, x, *_: g.node("Div", x, g.node("Add", g.node("Abs", x), 1.0)),
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda g, x, *_: g.node("Mul", x, g.node("Sigmoid", x)),
    "hard_sigmoid": lambda g, x, *_: _ramp(g, x, 6.0),
    "exponential": _of("Exp"),
    "pieces": _pieces,
    "mish": lambda g, x, *_: g.node("Mul", x, g.node("Tanh", _softplus(g, x))),
    "tanh_shrink": lambda g, x, *_: g.node("Sub", x, g.node("Tanh", x)),
    "squareplus": _squareplus,
}


def apply(g: Writer, x: str, act: tuple[Any, ...]) -> str:
    """`act(x)`, act as the engine names it: (kernel, a, b, c)."""
    kind, *numbers = act
    if kind not in _TABLE:
        g.refuse(f"its activation '{kind}' has no form there (yet)")
    return _TABLE[kind](g, x, *numbers)


def glu(g: Writer, x: str) -> str:
    """`a sigmoid(b)`, a and b the halves of the last axis."""
    a, b = g.nodes("Split", 2, x, axis=-1, num_outputs=2)
    return g.node("Mul", a, g.node("Sigmoid", b))


def sparsemax(g: Writer, x: str, width: int) -> str:
    """The nearest point of the probability simplex, along the last axis of `width`."""
    n = g.node
    down, _ = g.nodes("TopK", 2, x, [width], axis=-1)
    above = n("Sub", n("CumSum", down, -1), 1.0)
    counts = [float(i) for i in range(1, width + 1)]
    held = g.cast(n("Greater", n("Mul", down, counts), above))
    kept = n("Max", n("ReduceSum", held, [-1], keepdims=1), 1.0)
    tau = n("GatherElements", above, g.cast(n("Sub", kept, 1.0), "int64"), axis=-1)
    return n("Relu", n("Sub", x, n("Div", tau, kept)))
