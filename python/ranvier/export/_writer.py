"""ONNX nodes and constants in the making."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Constants of up to so many elements are written once, however often they are used.
_SHARED = 64

Shape = tuple[int | None, ...]


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
        self.scope = self.told = ""
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._shared: dict[Any, str] = {}
        self._taken: set[str] = set()
        self._seen: dict[str, set[str]] = {}  # what the graph inside a node takes from outside
        self._turned: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._flipped: dict[str, str] = {}
        self._casts: dict[str, str] = {}

    @property
    def single(self) -> bool:
        """Whether the model is of float32, which all operators of ONNX take."""
        return self.dtype == "float32"

    @property
    def element(self) -> int:
        """ONNX's number for the model's dtype."""
        return self.element_of(self.dtype)

    def element_of(self, dtype: Any) -> int:
        """ONNX's number for a dtype."""
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def refuse(self, reason: str) -> NoReturn:
        """A ValueError that names the layer."""
        raise ValueError(f"{self.told}: cannot be exported to ONNX: {reason}")

    def _unique(self, name: str) -> str:
        name = f"{self.scope}/{name}" if self.scope else name
        found, count = name, 0
        while found in self._taken:
            count += 1
            found = f"{name}_{count}"
        self._taken.add(found)
        return found

    # -- nodes ------------------------------------------------------------------------------

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
        name = self._unique(op)
        made = [name, *(self._unique(f"{op}_out{i}") for i in range(1, outputs))]
        given = {k: v for k, v in attributes.items() if v is not None}
        self._nodes.append(self._onnx.helper.make_node(op, names, made, name=name, **given))
        return made

    def constant(self, value: Any, name: str | None = None, dtype: Any = None) -> str:
        """The name of a constant; floats are brought to the model's dtype, integers to int64."""
        array = np.asarray(value)
        array = array.astype(dtype or (self.dtype if array.dtype.kind == "f" else np.int64))
        shared = name is None and array.size <= _SHARED
        key = (array.dtype.str, array.shape, array.tobytes()) if shared else None
        if key in self._shared:
            return self._shared[key]
        made = self._unique(name or "constant")
        tensor = self._onnx.numpy_helper.from_array(array.copy(), made)
        self._constants[made] = tensor
        if key is not None:
            self._shared[key] = made
        return made

    @contextmanager
    def body(self) -> Iterator[list[Any]]:
        """Nodes added inside go into the list that this gives."""
        outer, inner = self._nodes, list[Any]()
        self._nodes = inner
        try:
            yield inner
        finally:
            self._nodes = outer

    def scan(
        self,
        nodes: list[Any],
        inputs: Sequence[tuple[str, str, int]],
        outputs: Sequence[tuple[str, int]],
        states: Sequence[str],
        scanned: Sequence[str],
        backwards: Sequence[bool],
    ) -> list[str]:
        """A Scan over the first axis of `scanned` that carries `states`.

        Args:
            nodes: of the body.
            inputs, outputs: of the body, (N, extent) each, the states' first.
            backwards: of each of `scanned`, whether it is walked from its end.
        """
        helper = self._onnx.helper
        given = [
            helper.make_tensor_value_info(name, self.element_of(dtype), [None, n])
            for name, dtype, n in inputs
        ]
        made = [helper.make_tensor_value_info(name, self.element, [None, n]) for name, n in outputs]
        graph = helper.make_graph(nodes, f"{self.scope}/step", given, made)
        results = self.nodes(
            "Scan", len(outputs), *states, *scanned, body=graph, num_scan_inputs=len(scanned),
            scan_input_directions=[int(b) for b in backwards],
        )  # fmt: skip
        self._seen[results[0]] = {name for node in nodes for name in node.input}
        return results

    # -- moving axes, with what undoes itself left out -------------------------------------------

    def transpose(self, x: str, perm: Sequence[int]) -> str:
        """`x` with its axes in another order."""
        source, order = self._turned.get(x, (x, tuple(range(len(perm)))))
        order = tuple(order[p] for p in perm)
        if order == tuple(range(len(order))):
            return source
        y = self.node("Transpose", source, perm=list(order))
        self._turned[y] = (source, order)
        return y

    def channels_first(self, x: str, rank: int) -> str:
        """`x` (N, ..., C) as (N, C, ...)."""
        return self.transpose(x, [0, rank - 1, *range(1, rank - 1)])

    def channels_last(self, x: str, rank: int) -> str:
        """`x` (N, C, ...) as (N, ..., C)."""
        return self.transpose(x, [0, *range(2, rank), 1])

    def flip(self, x: str) -> str:
        """`x` with axis 1 from its end."""
        if x in self._flipped:
            return self._flipped[x]
        least = np.iinfo(np.int64).min
        y = self.node("Slice", x, [-1], [least], [1], [-1])
        self._flipped[y] = x
        return y

    def cast(self, x: str, dtype: Any) -> str:
        """`x` in another dtype; of integers that became floats, the integers themselves."""
        whole = np.dtype(dtype).kind == "i"
        y = self.node("Cast", self._casts.get(x, x) if whole else x, to=self.element_of(dtype))
        if not whole:
            self._casts[y] = x
        return y

    # -- the whole --------------------------------------------------------------------------

    def finish(self, name: str, inputs: list[Any], output: Any, result: str, opset: int) -> Any:
        """The model as a protocol buffer, without what its output does not need."""
        helper = self._onnx.helper
        self.scope = ""
        needed, kept = {result}, []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input, self._seen.get(node.name, ()))
        kept.reverse()
        if any(result in node.output for node in kept):
            self._rename(kept, result, output.name)
        else:  # the input as it came
            kept.append(helper.make_node("Identity", [result], [output.name], name=output.name))
        constants = [t for name, t in self._constants.items() if name in needed]
        graph = helper.make_graph(kept, name, inputs, [output], constants)
        opsets = [helper.make_opsetid("", opset)]
        if any(node.domain == "ai.onnx.ml" for node in kept):
            opsets.append(helper.make_opsetid("ai.onnx.ml", 2))
        from ranvier import __version__

        return helper.make_model(
            graph, opset_imports=opsets, producer_name="ranvier", producer_version=__version__,
            ir_version=helper.find_min_ir_version_for(opsets),
        )  # fmt: skip

    @staticmethod
    def _rename(nodes: list[Any], old: str, new: str) -> None:
        for node in nodes:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name == old:
                        names[i] = new
