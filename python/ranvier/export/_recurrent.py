"""Recurrent layers in ONNX: its own operators where they do the same, else a Scan."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.export._graph import Values

    Base = Values
else:
    Base = object

# Activations that ONNX's recurrent operators have, by the engine's names.
_NATIVE = {
    ("tanh", 0.0, 0.0, 0.0): "Tanh",
    ("sigmoid", 0.0, 0.0, 0.0): "Sigmoid",
    ("relu", 0.0, inf, 0.0): "Relu",
}
# Of each cell ONNX's operator, and where it has its gates in the engine's columns: i, o, f, c of
# i, f, c, o.
_CELLS = {
    "simple": ("RNN", [0]),
    "lstm": ("LSTM", [0, 3, 1, 2]),
    "gru": ("GRU", [0, 1, 2]),
    "gru_reset_after": ("GRU", [0, 1, 2]),
}


class Recurrent(Base):
    """The part of the graph that walks through time; values are (N, T, F)."""

    def recurrent(self, x: int, mask: int, spec: Any, params: list[int], seed: int) -> int:
        name, (batch, steps, _) = self[x]
        first: list[str] = []
        if spec.batch:
            cut = -2 if spec.cell == "lstm" else -1
            first, params = [self.state(p, batch) for p in params[cut:]], params[:cut]
        name = self.transpose(name, 1, 0, 2)  # for Scan too: not every runtime has its other axes
        if self.single and mask < 0 and {spec.act, spec.gate_act} <= set(_NATIVE):
            y, last = self._operator(name, spec, params, first)
        else:
            skipped = "" if mask < 0 else self[mask][0]
            y, last = self._scan(name, skipped, spec, params, first)
        self.leave(first, last)
        if not spec.sequences:
            return self.add(y, (batch, spec.units))
        return self.add(y, (batch, steps, spec.units))

    # both return (the output, the last of each state)

    def _operator(
        self, x: str, spec: Any, params: list[int], first: list[str]
    ) -> tuple[str, list[str]]:
        op, order = _CELLS[spec.cell]
        biases = np.zeros((2, len(order) * spec.units))
        if spec.use_bias:
            given = self.array(params[2])
            biases[: given.ndim] = given  # that of W, and of R if there is one

        def ordered(columns: NDArray[Any]) -> NDArray[Any]:
            gates = np.split(columns, len(order), axis=-1)
            return np.concatenate([gates[i] for i in order], axis=-1)

        weights = [self.weight(p, ordered(self.array(p)).T[None]) for p in params[:2]]
        act, gate = _NATIVE[spec.act], _NATIVE[spec.gate_act]
        begin = ["", *(self.node("Unsqueeze", h, [0]) for h in first)] if first else []
        y, *last = self.nodes(
            op, 3 if op == "LSTM" else 2, x, *weights,
            self.constant(ordered(biases).reshape(1, -1), "bias"), *begin, hidden_size=spec.units,
            activations={"RNN": [act], "GRU": [gate, act], "LSTM": [gate, act, act]}[op],
            direction="reverse" if spec.backwards else None,
            linear_before_reset=1 if spec.cell == "gru_reset_after" else None,
        )  # fmt: skip
        last = [self.node("Squeeze", h, [0]) for h in last]
        if not spec.sequences:
            return last[0], last
        y = self.transpose(self.node("Squeeze", y, [1]), 1, 0, 2)
        return self.flip(y) if spec.backwards else y, last

    def _scan(
        self, x: str, mask: str, spec: Any, params: list[int], first: list[str]
    ) -> tuple[str, list[str]]:
        """Any cell, with a mask unless that is ""."""
        n, helper, units = self.node, self.helper, spec.units
        kernel, recurrent = (self.weight(p, self.array(p)) for p in params[:2])
        scanned, inner = [n("MatMul", x, kernel)], None
        if spec.use_bias:
            bias = self.array(params[2])
            bias, inner = bias if bias.ndim == 2 else (bias, None)
            scanned = [n("Add", scanned[0], self.constant(bias, "bias"))]
        if mask:
            scanned.append(n("Unsqueeze", self.transpose(mask, 1, 0), [-1]))
        rows = n("Concat", n("Shape", x, start=1, end=2), [1], axis=0)
        zeros = n("Expand", np.zeros((1, units)), rows)

        outer, self._nodes = self._nodes, []
        z, used = self.unique("z"), self.unique("used")
        before = [self.unique("state") for _ in range(2 if spec.cell == "lstm" else 1)]
        after = self._cell(spec, z, before, recurrent, inner)
        if mask:
            both = zip(after, before, strict=True)
            after = [n("Where", used, a, b) for a, b in both]
        hidden = mask and spec.zero_masked
        if spec.sequences:
            y = n("Where", used, after[0], 0.0) if hidden else n("Identity", after[0])
            after.append(y)
        needed = set(after)
        nodes, self._nodes = self.pruned(self._nodes, needed), outer

        columns = units * len(_CELLS[spec.cell][1])
        given = [self.info(name, [None, units]) for name in before]
        given += [self.info(z, [None, columns]), self.info(used, [None, 1], "bool")]
        made = [self.info(name, [None, units]) for name in after]
        body = helper.make_graph(nodes, "step", given if mask else given[:-1], made)
        results = self.nodes(
            "Scan", len(after), *(first or [zeros] * len(before)), *scanned, body=body,
            num_scan_inputs=len(scanned),
            scan_input_directions=[int(spec.backwards), int(spec.mask_backwards)][: len(scanned)],
        )  # fmt: skip
        self._inside[results[0]] = needed
        y, last = results[0], results[: len(before)]
        if spec.sequences:
            y = self.transpose(results[-1], 1, 0, 2)
        elif hidden:
            end = n("Gather", scanned[1], 0 if spec.mask_backwards else -1, axis=0)
            y = n("Where", end, y, 0.0)
        return y, last

    def _cell(self, spec: Any, z: str, states: list[str], r: str, inner: Any) -> list[str]:
        """The states after a step; z is `x W + b`, `inner` the bias of R."""
        n, h, units = self.node, states[0], spec.units

        def gate(*parts: str) -> str:
            return self.act(n("Add", *parts) if len(parts) > 1 else parts[0], spec.gate_act)

        if not spec.cell.startswith("gru"):
            z = n("Add", z, n("MatMul", h, r))
        if spec.cell == "simple":
            return [self.act(z, spec.act)]
        if spec.cell == "lstm":
            i, f, g, o = self._parts(z, 4)
            kept = n("Mul", gate(f), states[1])
            c = n("Add", kept, n("Mul", gate(i), self.act(g, spec.act)))
            return [n("Mul", gate(o), self.act(c, spec.act)), c]
        zz, zr, zg = self._parts(z, 3)
        if spec.cell == "gru":
            gates, last = self.nodes("Split", 2, r, [2 * units, units], axis=-1)
            iz, ir = self._parts(n("MatMul", h, gates), 2)
            candidate = n("MatMul", n("Mul", gate(zr, ir), h), last)
        else:
            inside = n("MatMul", h, r)
            inside = inside if inner is None else n("Add", inside, inner)
            iz, ir, candidate = self._parts(inside, 3)
            candidate = n("Mul", gate(zr, ir), candidate)
        update, g = gate(zz, iz), self.act(n("Add", zg, candidate), spec.act)
        return [n("Add", n("Mul", update, h), n("Mul", n("Sub", 1.0, update), g))]

    def _parts(self, x: str, count: int) -> list[str]:
        return self.nodes("Split", count, x, axis=-1, num_outputs=count)
