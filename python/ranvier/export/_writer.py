"""ONNX nodes in the making, and activations written with them.

An operator's attributes are float32: in float64 what takes one is written out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Writer:
    """An ONNX graph under construction; its values are names.

    Attributes:
        dtype: of the model, "float32" or "float64".
        scope: what names of nodes begin with: the layer's.
        told: how errors name the layer.
        given, made: descriptions of further inputs and outputs.
    """

    def __init__(self, dtype: str) -> None:
        import onnx

        self.dtype = dtype
        self.single = dtype == "float32"
        self.scope = self.told = ""
        self.given: list[Any] = []
        self.made: list[Any] = []
        self.helper: Any = onnx.helper
        self._tensor: Any = onnx.numpy_helper.from_array
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._shared: dict[Any, str] = {}
        self._taken: set[str] = set()
        self._inside: dict[str, set[str]] = {}  # what the body of a node takes from outside
        self._turned: dict[str, tuple[str, list[int]]] = {}
        self._flipped: dict[str, str] = {}

    def element(self, dtype: Any = None) -> int:
        """ONNX's number for a dtype; None: for the model's."""
        return int(self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype or self.dtype)))

    def info(self, name: str, shape: Sequence[Any], dtype: Any = None) -> Any:
        """The description of an input or output."""
        return self.helper.make_tensor_value_info(name, self.element(dtype), shape)

    def refuse(self, reason: str) -> NoReturn:
        """A ValueError that names the layer."""
        raise ValueError(f"{self.told}: cannot be exported to ONNX: {reason}")

    def unknown(self, kind: str) -> NoReturn:
        """Refuses what the engine has and this has not."""
        self.refuse(f"what the engine calls '{kind}' has no form there (yet)")

    def unique(self, name: str) -> str:
        """`name` within the scope, with a number if it is taken."""
        name = found = f"{self.scope}/{name}" if self.scope else name
        count = 0
        while found in self._taken:
            count += 1
            found = f"{name}_{count}"
        self._taken.add(found)
        return found

    def node(self, op: str, *inputs: Any, **attributes: Any) -> str:
        """Adds a node and returns its output's name.

        Args:
            inputs: names; numbers and arrays become constants, floats in the model's dtype,
                integers in int64. "" leaves an optional one out.
            attributes: the operator's; None leaves one out.
        """
        return self.nodes(op, 1, *inputs, **attributes)[0]

    def nodes(self, op: str, outputs: int, *inputs: Any, **attributes: Any) -> list[str]:
        """As `node`, of several outputs."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        made = [self.unique(op) for _ in range(outputs)]
        given = {k: v for k, v in attributes.items() if v is not None}
        self._nodes.append(self.helper.make_node(op, names, made, name=made[0], **given))
        return made

    def constant(self, value: Any, name: str | None = None, dtype: Any = None) -> str:
        """The name of a constant; floats are brought to the model's dtype, integers to int64."""
        array = np.asarray(value)
        array = array.astype(dtype or (self.dtype if array.dtype.kind == "f" else np.int64))
        key = name is None and (array.dtype.str, array.shape, array.tobytes())
        if not key or key not in self._shared:  # those without a name are shared
            made = self._shared[key] = self.unique(name or "constant")
            self._constants[made] = self._tensor(array.copy(), made)
        return self._shared[key]

    def cast(self, x: str, dtype: Any = None) -> str:
        """`x` in another dtype; None: the model's."""
        return self.node("Cast", x, to=self.element(dtype))

    # -- moving axes, with what undoes itself left out -------------------------------------------

    def transpose(self, x: str, *perm: int) -> str:
        """`x` with its axes in another order."""
        source, before = self._turned.get(x, (x, list(range(len(perm)))))
        order = [before[p] for p in perm]
        if order == sorted(order):
            return source
        y = self.node("Transpose", source, perm=order)
        self._turned[y] = (source, order)
        return y

    def channels_first(self, x: str, rank: int) -> str:
        """`x` (N, ..., C) as (N, C, ...)."""
        return self.transpose(x, 0, rank - 1, *range(1, rank - 1))

    def channels_last(self, x: str, rank: int) -> str:
        """`x` (N, C, ...) as (N, ..., C)."""
        return self.transpose(x, 0, *range(2, rank), 1)

    def flip(self, x: str) -> str:
        """`x` with axis 1 from its end."""
        if x in self._flipped:
            return self._flipped[x]
        y = self.node("Slice", x, [-1], [np.iinfo(np.int64).min], [1], [-1])
        self._flipped[y] = x
        return y

    def pruned(self, nodes: list[Any], needed: set[str]) -> list[Any]:
        """The nodes without which there are not the values `needed`, which grows by theirs."""
        kept = []
        for node in reversed(nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input, self._inside.get(node.name, ()))
        return kept[::-1]

    # -- the whole --------------------------------------------------------------------------

    def finish(self, name: str, given: Any, made: Any, result: str, opset: int) -> Any:
        """The model as a protocol buffer, without what its output does not need."""
        from ranvier import __version__

        helper, needed = self.helper, {result, *(v.name for v in self.made)}
        kept = self.pruned(self._nodes, needed)
        if result == given.name:  # the input as it came
            kept.append(helper.make_node("Identity", [result], [made.name], name=made.name))
        for node in kept:
            for names in (node.input, node.output):
                names[:] = [made.name if n == result != given.name else n for n in names]
        graph = helper.make_graph(
            kept,
            name,
            [given, *self.given],
            [made, *self.made],
            [t for n, t in self._constants.items() if n in needed],
        )
        opsets = [helper.make_opsetid("", opset)]
        if any(node.domain for node in kept):
            opsets.append(helper.make_opsetid("ai.onnx.ml", 2))
        return helper.make_model(
            graph, opset_imports=opsets, producer_name="ranvier", producer_version=__version__,
            ir_version=helper.find_min_ir_version_for(opsets),
        )  # fmt: skip


# -- activations ---------------------------------------------------------------------------


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
    from ranvier.reference.activations import SELU_ALPHA, SELU_SCALE

    return g.node("Mul", _elu(g, x, SELU_ALPHA, 0.0, 0.0), SELU_SCALE)


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

    # nodes that the result does not need are left out in the end
    far = n("Greater", n("Abs", x), a)
    rise = n("Max", n("Add", x, 1.0), 0.0)
    return (
        lambda: n("Clip", x, -1.0, 1.0),
        lambda: n("Where", far, x, 0.0),
        lambda: n("Where", far, n("Sub", x, n("Mul", n("Sign", x), a)), 0.0),
        lambda: n("Where", n("Greater", x, a), x, b),
        lambda: n("Where", n("Less", x, 1.0), n("Mul", n("Mul", rise, rise), 0.25), x),
        lambda: _ramp(g, x, 2.0),
        lambda: n("Mul", n("Max", x, -3.0), _ramp(g, x, 6.0)),  # 0 at -inf, too
    )[int(kind)]()


_TABLE: dict[str, Callable[..., str]] = {
    "linear": lambda g, x, *_: x,
    "binary_step": lambda g, x, *_: g.cast(g.node("GreaterOrEqual", x, 0.0)),
    "relu": _relu,
    "sigmoid": lambda g, x, *_: g.node("Sigmoid", x),
    "tanh": lambda g, x, *_: g.node("Tanh", x),
    "softplus": _softplus,
    "softsign": lambda g, x, *_: g.node("Div", x, g.node("Add", g.node("Abs", x), 1.0)),
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda g, x, *_: g.node("Mul", x, g.node("Sigmoid", x)),
    "hard_sigmoid": lambda g, x, *_: _ramp(g, x, 6.0),
    "exponential": lambda g, x, *_: g.node("Exp", x),
    "pieces": _pieces,
    "mish": lambda g, x, *_: g.node("Mul", x, g.node("Tanh", _softplus(g, x))),
    "tanh_shrink": lambda g, x, *_: g.node("Sub", x, g.node("Tanh", x)),
    "squareplus": _squareplus,
}


def activated(g: Writer, x: str, act: tuple[Any, ...]) -> str:
    """`act(x)`, act as the engine names it: (kernel, a, b, c)."""
    kind, *numbers = act
    if kind not in _TABLE:
        g.unknown(kind)
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
