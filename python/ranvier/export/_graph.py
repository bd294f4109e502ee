"""The engine's graph as layers see it, written as ONNX: what `Layer.lower` adds nodes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.export._recurrent import Recurrent
from ranvier.export._windows import Windows
from ranvier.export._writer import Writer, activated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Value = tuple[str, tuple[int | None, ...]]


class Values(Writer):
    """A writer whose values have numbers, as the engine's have: `graph[x]` is (name, shape).

    A mask is of booleans, in the engine of 0 and 1.
    """

    root = ""  # the model's name, which weights' paths begin with and nodes' do not

    def __init__(self, dtype: str, variables: list[Any]) -> None:
        super().__init__(dtype)
        self._values: list[Value] = []
        self._variables = variables

    def __getitem__(self, value: int) -> Value:
        return self._values[value]

    def add(self, name: str, shape: Sequence[int | None]) -> int:
        """The number of a new value."""
        self._values.append((name, tuple(shape)))
        return len(self._values) - 1

    def param(self, size: int, trainable: bool) -> int:
        """The number of the variable that the builder has just noted."""
        return len(self._variables) - 1

    def array(self, param: int, *shape: int) -> Array:
        """The variable's value, in the shape that a node takes."""
        value = np.asarray(self._variables[param].value)
        return value.reshape(shape) if shape else value

    def weight(self, param: int, value: Array) -> str:
        """The constant that holds what was made of a variable's value."""
        scope, self.scope = self.scope, ""  # its path is its whole name
        made = self.constant(value, self._variables[param].path.removeprefix(self.root))
        self.scope = scope
        return made

    def weights(self, *params: int, shape: Sequence[int]) -> list[str]:
        """Those that there are."""
        return [self.weight(p, self.array(p, *shape)) for p in params if p >= 0]

    def state(self, param: int, batch: int | None) -> str:
        """A further input, for the state that is this variable; there is an output to come."""
        variable = self._variables[param]
        name, shape = self.unique(variable.name), [batch or "batch", variable.shape[1]]
        self.given.append(self.info(name, shape))
        self.made.append(self.info(f"{name}_next", shape))
        return name

    def leave(self, states: list[str], values: list[str]) -> None:
        """The outputs of these states get their last values."""
        for state, value in zip(states, values, strict=False):
            made = f"{state}_next"
            self._nodes.append(self.helper.make_node("Identity", [value], [made], name=made))

    def act(self, x: str, act: Any) -> str:
        """`act(x)`."""
        return activated(self, x, act)


class OnnxGraph(Windows, Recurrent, Values):
    """Has the methods of `_core.Graph32` and writes inference as ONNX nodes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_: self.unknown(name)

    def label(self, label: str) -> None:
        """The builder tells them."""

    # what does nothing outside training
    def _same(self, x: int, *_: Any) -> int:
        return x

    dropout = gaussian_noise = activity_regularizer = _same
    random_flip = random_affine = random_contrast = random_brightness = _same

    # -- element by element -----------------------------------------------------------------

    def _like(self, x: int, name: str) -> int:
        return self.add(name, self[x][1])

    def _affine(self, y: str, gamma: int, beta: int, *shape: int) -> str:
        for op, param in (("Mul", gamma), ("Add", beta)):
            for weight in self.weights(param, shape=shape):
                y = self.node(op, y, weight)
        return y

    def dense(self, x: int, units_in: int, units: int, kernel: int, bias: int, *act: Any) -> int:
        name, shape = self[x]
        w = self.weight(kernel, self.array(kernel, units_in, units))
        if len(shape) == 2 and bias >= 0:
            y = self.node("Gemm", name, w, *self.weights(bias, shape=[units]))
        else:
            y = self._affine(self.node("MatMul", name, w), -1, bias, units)
        return self.add(self.act(y, act), (*shape[:-1], units))

    def activation(self, x: int, *act: Any) -> int:
        return self._like(x, self.act(self[x][0], act))

    def softmax(self, x: int, axis: int, log: bool) -> int:
        return self._like(x, self.node("LogSoftmax" if log else "Softmax", self[x][0], axis=axis))

    def prelu(self, x: int, shape: Sequence[int], alpha: int) -> int:
        slope = self.weight(alpha, self.array(alpha, *shape))
        return self._like(x, self.node("PRelu", self[x][0], slope))

    def _scaled(self, x: int, scale: Array, shift: Array) -> int:
        y = self.node("Mul", self[x][0], self.constant(scale, "scale"))
        return self._like(x, self.node("Add", y, self.constant(shift, "shift")))

    def rescaling(self, x: int, scale: Sequence[float], offset: Sequence[float]) -> int:
        return self._scaled(x, np.array(scale, float), np.array(offset, float))

    def affine(self, x: int, shape: Sequence[int], scale: int, shift: int) -> int:
        return self._scaled(x, self.array(scale, *shape), self.array(shift, *shape))

    # -- shapes -----------------------------------------------------------------------------

    def reshape(self, x: int, target: Sequence[int]) -> int:
        (name, (batch, *sample)), wanted = self[x], list(target)
        if -1 in wanted and None not in sample:
            rest = int(np.prod([n for n in wanted if n >= 0]))
            wanted[wanted.index(-1)] = int(np.prod([n or 0 for n in sample])) // max(rest, 1)
        y = self.node("Reshape", name, [0, *wanted])
        return self.add(y, (batch, *(None if n < 0 else n for n in wanted)))

    def permute(self, x: int, perm: Sequence[int]) -> int:
        (name, shape), order = self[x], [0, *perm]
        return self.add(self.transpose(name, *order), [shape[p] for p in order])

    def repeat(self, x: int, n: int) -> int:
        name, (batch, units) = self[x]
        y = self.node("Expand", self.node("Unsqueeze", name, [1]), [1, n, 1])
        return self.add(y, (batch, n, units))

    # -- normalization ----------------------------------------------------------------------

    def batch_norm(
        self, x: int, _: int, gamma: int, beta: int, mean: int, variance: int, momentum: float,
        epsilon: float, *more: Any,
    ) -> int:  # fmt: skip
        with np.errstate(invalid="ignore"):
            scale = 1 / np.sqrt(self.array(variance, -1).astype(float) + epsilon)
        scale = scale * self.array(gamma, -1) if gamma >= 0 else scale
        shift = -self.array(mean, -1) * scale
        return self._scaled(x, scale, shift + self.array(beta, -1) if beta >= 0 else shift)

    def _mean(self, x: str, axes: list[int]) -> str:
        return self.node("ReduceMean", x, axes, keepdims=1)

    def _divisor(self, x: str, axes: list[int], epsilon: float) -> str:
        """`sqrt(mean(x^2) + epsilon)`."""
        return self.node(
            "Sqrt", self.node("Add", self._mean(self.node("Mul", x, x), axes), epsilon)
        )

    def group_norm(
        self, x: int, channels: int, groups: int, gamma: int, beta: int, epsilon: float
    ) -> int:
        name, axes = self[x][0], [1, 3]
        y = self.node("Reshape", name, [0, -1, groups, channels // groups])
        y = self.node("Sub", y, self._mean(y, axes))
        y = self.node("Div", y, self._divisor(y, axes, epsilon))
        y = self.node("Reshape", y, self.node("Shape", name))
        return self._like(x, self._affine(y, gamma, beta, channels))

    def row_norm(
        self, x: int, kind: str, shape: Sequence[int], gamma: int, beta: int, epsilon: float
    ) -> int:
        name, axes = self[x][0], list(range(-len(shape), 0))
        if kind == "layer" and self.single:
            scale: Any = self.weights(gamma, shape=shape) or [np.ones(shape)]
            y = self.node(
                "LayerNormalization", name, *scale, *self.weights(beta, shape=shape), axis=axes[0],
                epsilon=epsilon,
            )  # fmt: skip
            return self._like(x, y)
        if kind == "unit":
            length = self.node("ReduceL2", name, axes, keepdims=1)
            return self._like(x, self.node("Div", name, self.node("Max", length, epsilon)))
        centred = name if kind == "rms" else self.node("Sub", name, self._mean(name, axes))
        divisor = self._divisor(centred, axes, epsilon)
        y = self.node("Div", centred if kind == "layer" else name, divisor)
        return self._like(x, self._affine(y, gamma, beta, *shape))

    # -- sequences and their masks ----------------------------------------------------------

    def sequence(self, kind: str, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        found = getattr(type(self), f"_do_{kind}", None)
        if found is None:
            self.unknown(kind)
        return int(found(self, *inputs, *params, *numbers))

    def _do_embedding(self, x: int, table: int, rows: int, columns: int) -> int:
        name, shape = self[x]
        weights = self.weight(table, self.array(table, rows, columns))
        y = self.node("Gather", weights, self.cast(name, "int64"))
        return self.add(y, (*shape, columns))

    def _do_unequal(self, x: int, value: float, over_last: bool) -> int:
        name, shape = self[x]
        y = self.node("Not", self.node("Equal", name, float(value)))
        if not over_last:
            return self.add(y, shape)
        some = self.node("ReduceMax", self.cast(y), [-1], keepdims=0)
        return self.add(self.node("Greater", some, 0.0), shape[:-1])

    def _column(self, mask: int) -> str:
        return self.node("Unsqueeze", self[mask][0], [-1])

    def _do_keep(self, x: int, mask: int) -> int:
        return self._like(x, self.node("Where", self._column(mask), self[x][0], 0.0))

    def _do_masked_mean(self, x: int, mask: int, keepdims: bool) -> int:
        batch, _, units = self[x][1]
        kept = self[self._do_keep(x, mask)][0], self.cast(self._column(mask))
        sums = [self.node("ReduceSum", v, [1], keepdims=int(keepdims)) for v in kept]
        return self.add(self.node("Div", *sums), (batch, *[1] * keepdims, units))

    def _do_fold(self, x: int, looks: bool) -> int:
        name, (_, _, *rest) = self[x]
        shape: Any = [-1, *rest]
        if None in rest:
            shape = self.node("Concat", [-1], self.node("Shape", name, start=2), axis=0)
        return self.add(self.node("Reshape", name, shape), (None, *rest))

    def _do_unfold(self, y: int, x: int) -> int:
        (name, shape), (source, before) = self[y], self[x]
        parts = self.node("Shape", source, end=2), self.node("Shape", name, start=1)
        out = self.node("Reshape", name, self.node("Concat", *parts, axis=0))
        return self.add(out, (*before[:2], *shape[1:]))
