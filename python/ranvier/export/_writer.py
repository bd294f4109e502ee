"""ONNX nodes and constants in the making."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# Constants of up to so many elements are written once, however often they are used.
_SHARED = 64


class Writer:
    """An ONNX graph under construction; its values are names.

    Attributes:
        dtype: of the model, "float32" or "float64".
        scope: what names of nodes begin with: the layer's.
        told: how errors name the layer.
    """

    def __init__(self, dtype: str) -> None:
        import onnx

        self.dtype = dtype
        self.single = dtype == "float32"
        self.scope = self.told = ""
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
        key = (array.dtype.str, array.shape, array.tobytes())
        shared = name is None and array.size <= _SHARED
        if shared and key in self._shared:
            return self._shared[key]
        made = self.unique(name or "constant")
        self._constants[made] = self._tensor(array.copy(), made)
        if shared:
            self._shared[key] = made
        return made

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

    # -- the whole --------------------------------------------------------------------------

    def finish(self, name: str, given: Any, made: Any, result: str, opset: int) -> Any:
        """The model as a protocol buffer, without what its output does not need."""
        from ranvier import __version__

        helper, needed, kept = self.helper, {result}, []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                kept.insert(0, node)
                needed.update(node.input, self._inside.get(node.name, ()))
        if result == given.name:  # the input as it came
            kept.append(helper.make_node("Identity", [result], [made.name], name=made.name))
        for node in kept:
            for names in (node.input, node.output):
                names[:] = [made.name if n == result != given.name else n for n in names]
        graph = helper.make_graph(
            kept, name, [given], [made], [t for n, t in self._constants.items() if n in needed]
        )
        opsets = [helper.make_opsetid("", opset)]
        if any(node.domain for node in kept):
            opsets.append(helper.make_opsetid("ai.onnx.ml", 2))
        return helper.make_model(
            graph, opset_imports=opsets, producer_name="ranvier", producer_version=__version__,
            ir_version=helper.find_min_ir_version_for(opsets),
        )  # fmt: skip
