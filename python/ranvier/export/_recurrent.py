"""Recurrent layers in ONNX: its own operators where they do the same, else a Scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.export._graph import Values

    Base = Values
else:
    Base = object

_INFINITY = float("inf")
# Activations that ONNX's recurrent operators have, by the engine's names.
_NATIVE = {
    ("tanh", 0.0, 0.0, 0.0): "Tanh",
    ("sigmoid", 0.0, 0.0, 0.0): "Sigmoid",
    ("relu", 0.0, _INFINITY, 0.0): "Relu",
}
_OPERATORS = {"simple": "RNN", "lstm": "LSTM", "gru": "GRU", "gru_reset_after": "GRU"}
# Where ONNX has its gates in the engine's columns: i, o, f, c of i, f, c, o.
_GATES = {"simple": [0], "lstm": [0, 3, 1, 2], "gru": [0, 1, 2], "gru_reset_after": [0, 1, 2]}


class Recurrent(Base):
    """The part of the graph that walks through time; values are (N, T, F)."""

    def recurrent(self, x: int, mask: int, spec: Any, params: list[int], seed: int) -> int:
        if spec.batch:
            self.refuse("it is stateful; make a model of the same weights that is not")
        batch, steps, _ = self.shape_of(x)
        native = self.single and mask < 0 and {spec.act, spec.gate_act} <= set(_NATIVE)
        walk = self._operator if native else self._scan
        y = walk(self.name_of(x), -1 if mask < 0 else self.name_of(mask), spec, params)
        return self.add(y, (batch, steps, spec.units) if spec.sequences else (batch, spec.units))

    # -- ONNX's own -------------------------------------------------------------------------

    def _operator(self, x: str, _: Any, spec: Any, params: list[int]) -> str:
        biases = np.zeros((2, len(_GATES[spec.cell]) * spec.units))
        if spec.use_bias:
            given = self.array(params[2])
            biases[: given.ndim] = given  # one row, or that of R too
        weights = [
            self.weight(p, self._ordered(self.array(p), spec).T[None]) for p in params[:2]
        ]  # fmt: skip
        bias = self.constant(self._ordered(biases, spec).reshape(1, -1), "bias")
        act, gate = _NATIVE[spec.act], _NATIVE[spec.gate_act]
        acts = {"simple": [act], "lstm": [gate, act, act]}.get(spec.cell, [gate, act])
        y, last, *_ = self.nodes(
            _OPERATORS[spec.cell], 3 if spec.cell == "lstm" else 2,
            self.transpose(x, [1, 0, 2]), *weights, bias, hidden_size=spec.units,
            activations=acts, direction="reverse" if spec.backwards else None,
            linear_before_reset=1 if spec.cell == "gru_reset_after" else None,
        )  # fmt: skip
        if not spec.sequences:
            return self.node("Squeeze", last, [0])
        y = self.transpose(self.node("Squeeze", y, [1]), [1, 0, 2])
        return self.flip(y) if spec.backwards else y

    def _ordered(self, columns: NDArray[Any], spec: Any) -> NDArray[Any]:
        gates = np.split(columns, len(_GATES[spec.cell]), axis=-1)
        return np.concatenate([gates[i] for i in _GATES[spec.cell]], axis=-1)

    # -- any cell, with masks ---------------------------------------------------------------

    def _scan(self, x: str, mask: Any, spec: Any, params: list[int]) -> str:
        units, masked = spec.units, isinstance(mask, str)
        kernel, recurrent = (self.weight(p) for p in params[:2])
        x = self.transpose(x, [1, 0, 2])  # not every runtime scans another axis than the first
        z, inner = self.node("MatMul", x, kernel), None
        if spec.use_bias:
            bias = self.array(params[2])
            if bias.ndim == 2:
                bias, inner = bias
            z = self.node("Add", z, self.constant(bias, "bias"))
        rows = self.node("Concat", self.node("Shape", x, start=1, end=2), [1], axis=0)
        zeros = self.node("Expand", np.zeros((1, units)), rows)
        count = 2 if spec.cell == "lstm" else 1
        now, used = self._unique("z"), self._unique("used")
        before = [self._unique("state") for _ in range(count)]
        with self.body() as nodes:
            after = self._cell(spec, now, before, recurrent, inner)
            if masked:
                both = zip(after, before, strict=True)
                after = [self.node("Where", used, a, b) for a, b in both]
            out = after[0]
            if spec.sequences:
                hidden = masked and spec.zero_masked
                out = self.node("Where", used, out, 0.0) if hidden else self.node("Identity", out)
        scanned = [z]
        if masked:
            mask = self.transpose(mask, [1, 0])
            scanned.append(self.node("Unsqueeze", mask, [-1]))
        inputs = [(name, self.dtype, units) for name in before]
        inputs += [(now, self.dtype, units * len(_GATES[spec.cell])), (used, "bool", 1)]
        results = self.scan(
            nodes,
            inputs if masked else inputs[:-1],
            [(name, units) for name in (*after, *([out] if spec.sequences else ()))],
            [zeros] * count,
            scanned,
            [spec.backwards, spec.mask_backwards][: len(scanned)],
        )
        if spec.sequences:
            return self.transpose(results[-1], [1, 0, 2])
        if masked and spec.zero_masked:
            end = self.node("Gather", scanned[1], 0 if spec.mask_backwards else -1, axis=0)
            return self.node("Where", end, results[0], 0.0)
        return results[0]

    def _cell(
        self, spec: Any, z: str, states: list[str], r: str, inner: NDArray[Any] | None
    ) -> list[str]:
        """The states after a step; z is `x W + b`."""
        n, units, h = self.node, spec.units, states[0]
        if spec.cell == "simple":
            return [self.act(n("Add", z, n("MatMul", h, r)), spec.act)]
        if spec.cell == "lstm":
            i, f, g, o = self._parts(n("Add", z, n("MatMul", h, r)), 4)
            i, f, o = (self.act(gate, spec.gate_act) for gate in (i, f, o))
            c = n("Add", n("Mul", f, states[1]), n("Mul", i, self.act(g, spec.act)))
            return [n("Mul", o, self.act(c, spec.act)), c]
        zz, zr, zg = self._parts(z, 3)
        if spec.cell == "gru_reset_after":
            inside = n("MatMul", h, r)
            if inner is not None:
                inside = n("Add", inside, inner)
            iz, ir, candidate = self._parts(inside, 3)
        else:
            gates, last = self.nodes("Split", 2, r, [2 * units, units], axis=-1)
            iz, ir = self._parts(n("MatMul", h, gates), 2)
        update, reset = (
            self.act(n("Add", a, b), spec.gate_act) for a, b in ((zz, iz), (zr, ir))
        )  # fmt: skip
        if spec.cell == "gru_reset_after":
            candidate = n("Mul", reset, candidate)
        else:
            candidate = n("MatMul", n("Mul", reset, h), last)
        g = self.act(n("Add", zg, candidate), spec.act)
        rest = n("Mul", n("Sub", 1.0, update), g)
        return [n("Add", n("Mul", update, h), rest)]

    def _parts(self, x: str, count: int) -> list[str]:
        return self.nodes("Split", count, x, axis=-1, num_outputs=count)
