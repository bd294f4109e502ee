"""The engine's graph as layers see it, written as ONNX: what `Layer.lower` adds nodes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.export import _activations
from ranvier.export._recurrent import Recurrent
from ranvier.export._windows import Windows
from ranvier.export._writer import Shape, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


class Values(Writer):
    """A writer whose values have numbers, as the engine's have: names and shapes of them.

    A mask is of booleans, in the engine of 0 and 1.
    """

    def __init__(self, dtype: str, variables: list[Any]) -> None:
        super().__init__(dtype)
        self._values: list[tuple[str, Shape]] = []
        self._variables = variables

    def add(self, name: str, shape: Sequence[int | None]) -> int:
        """The number of a new value."""
        self._values.append((name, tuple(shape)))
        return len(self._values) - 1

    def name_of(self, value: int) -> str:
        """Its name."""
        return self._values[value][0]

    def shape_of(self, value: int) -> Shape:
        """Its shape, batch axis first."""
        return self._values[value][1]

    def param(self, size: int, trainable: bool) -> int:
        """The number of the variable that the builder has just noted."""
        return len(self._variables) - 1

    def array(self, param: int) -> NDArray[Any]:
        """The variable's value."""
        return np.asarray(self._variables[param].value)

    def weight(self, param: int, value: NDArray[Any] | None = None) -> str:
        """The constant that holds a variable, or what was made of its value."""
        scope, self.scope = self.scope, ""  # its path is its whole name
        made = self.constant(
            self.array(param) if value is None else value, self._variables[param].path
        )
        self.scope = scope
        return made

    def affine_of(self, y: str, gamma: int, beta: int) -> str:
        """`y gamma + beta` along the last axes; -1 for what there is not."""
        if gamma >= 0:
            y = self.node("Mul", y, self.weight(gamma))
        return self.node("Add", y, self.weight(beta)) if beta >= 0 else y

    def act(self, x: str, act: tuple[Any, ...]) -> str:
        """`act(x)`."""
        return _activations.apply(self, x, act)


class OnnxGraph(Windows, Recurrent, Values):
    """Has the methods of `_core.Graph32` and writes inference as ONNX nodes."""

    def __getattr__(self, name: str) -> Callable[..., int]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_: self.refuse(f"what the engine calls '{name}' has no form there (yet)")

    def label(self, label: str) -> None:
        """Names of layers are told by the builder."""

    # -- what does nothing outside training -------------------------------------------------

    def _same(self, x: int, *_: Any) -> int:
        return x

    dropout = gaussian_noise = activity_regularizer = _same
    random_flip = random_affine = random_contrast = random_brightness = _same

    # -- element by element -----------------------------------------------------------------

    def _like(self, x: int, name: str) -> int:
        return self.add(name, self.shape_of(x))

    def dense(
        self, x: int, units_in: int, units: int, kernel: int, bias: int, *act: Any
    ) -> int:  # fmt: skip
        name, shape = self.name_of(x), self.shape_of(x)
        if len(shape) == 2 and bias >= 0:
            y = self.node("Gemm", name, self.weight(kernel), self.weight(bias))
        else:
            y = self.affine_of(self.node("MatMul", name, self.weight(kernel)), -1, bias)
        return self.add(self.act(y, act), (*shape[:-1], units))

    def activation(self, x: int, *act: Any) -> int:
        return self._like(x, self.act(self.name_of(x), act))

    def softmax(self, x: int, axis: int, log: bool) -> int:
        return self._like(
            x, self.node("LogSoftmax" if log else "Softmax", self.name_of(x), axis=axis)
        )

    def prelu(self, x: int, alpha_shape: Sequence[int], alpha: int) -> int:
        slope = self.weight(alpha, self.array(alpha).reshape(alpha_shape))
        return self._like(x, self.node("PRelu", self.name_of(x), slope))

    def rescaling(self, x: int, scale: Sequence[float], offset: Sequence[float]) -> int:
        y = self.name_of(x)
        if any(s != 1 for s in scale):
            y = self.node("Mul", y, np.asarray(scale, np.float64))
        if any(offset):
            y = self.node("Add", y, np.asarray(offset, np.float64))
        return self._like(x, y)

    def affine(self, x: int, kept_shape: Sequence[int], scale: int, shift: int) -> int:
        y = self.node("Mul", self.name_of(x), self.weight(scale, self._kept(scale, kept_shape)))
        return self._like(
            x, self.node("Add", y, self.weight(shift, self._kept(shift, kept_shape)))
        )  # fmt: skip

    def _kept(self, param: int, shape: Sequence[int]) -> NDArray[Any]:
        return self.array(param).reshape(shape)

    # -- shapes -----------------------------------------------------------------------------

    def reshape(self, x: int, target: Sequence[int]) -> int:
        sample, wanted = self.shape_of(x)[1:], list(target)
        if -1 in wanted and None not in sample:
            rest = -int(np.prod(wanted))
            wanted[wanted.index(-1)] = int(np.prod([n or 0 for n in sample])) // max(rest, 1)
        name = self.node("Reshape", self.name_of(x), [0, *wanted])
        return self.add(name, (self.shape_of(x)[0], *(None if n < 0 else n for n in wanted)))

    def permute(self, x: int, perm: Sequence[int]) -> int:
        order, shape = [0, *perm], self.shape_of(x)
        return self.add(self.transpose(self.name_of(x), order), [shape[p] for p in order])

    def repeat(self, x: int, n: int) -> int:
        batch, units = self.shape_of(x)
        y = self.node("Expand", self.node("Unsqueeze", self.name_of(x), [1]), [1, n, 1])
        return self.add(y, (batch, n, units))

    # -- normalization ----------------------------------------------------------------------

    def batch_norm(
        self, x: int, channels: int, gamma: int, beta: int, mean: int, variance: int,
        momentum: float, epsilon: float, frozen: bool, mask: int,
    ) -> int:  # fmt: skip
        with np.errstate(invalid="ignore"):
            scale = 1 / np.sqrt(self.array(variance).astype(np.float64) + epsilon)
        scale = scale * self.array(gamma) if gamma >= 0 else scale
        shift = -self.array(mean) * scale
        shift = shift + self.array(beta) if beta >= 0 else shift
        y = self.node("Mul", self.name_of(x), self.constant(scale, "scale"))
        return self._like(x, self.node("Add", y, self.constant(shift, "shift")))

    def _divisor(self, x: str, axes: list[int], epsilon: float) -> str:
        """`sqrt(mean(x^2) + epsilon)`."""
        square = self.node("ReduceMean", self.node("Mul", x, x), axes, keepdims=1)
        return self.node("Sqrt", self.node("Add", square, epsilon))

    def _centred(self, x: str, axes: list[int]) -> str:
        return self.node("Sub", x, self.node("ReduceMean", x, axes, keepdims=1))

    def group_norm(
        self, x: int, channels: int, groups: int, gamma: int, beta: int, epsilon: float
    ) -> int:
        name = self.name_of(x)
        parts = self.node("Reshape", name, [0, -1, groups, channels // groups])
        parts = self._centred(parts, [1, 3])
        parts = self.node("Div", parts, self._divisor(parts, [1, 3], epsilon))
        y = self.node("Reshape", parts, self.node("Shape", name))
        return self._like(x, self.affine_of(y, gamma, beta))

    def row_norm(
        self, x: int, kind: str, shape: Sequence[int], gamma: int, beta: int, epsilon: float
    ) -> int:
        name, axes = self.name_of(x), list(range(-len(shape), 0))
        if kind == "layer" and self.single:
            scale = np.ones(shape) if gamma < 0 else self.weight(gamma)
            more = [self.weight(beta)] if beta >= 0 else []
            y = self.node(
                "LayerNormalization", name, scale, *more, axis=axes[0], epsilon=epsilon
            )  # fmt: skip
            return self._like(x, y)
        if kind == "unit":
            length = self.node("ReduceL2", name, axes, keepdims=1)
            return self._like(x, self.node("Div", name, self.node("Max", length, epsilon)))
        centred = name if kind == "rms" else self._centred(name, axes)
        divisor = self._divisor(centred, axes, epsilon)
        y = self.node("Div", centred if kind == "layer" else name, divisor)
        return self._like(x, self.affine_of(y, gamma, beta))

    # -- sequences and their masks ----------------------------------------------------------

    def sequence(
        self, kind: str, inputs: list[int], params: list[int], numbers: list[Any]
    ) -> int:  # fmt: skip
        found = getattr(type(self), f"_do_{kind}", None)
        if found is None:
            self.refuse(f"what the engine calls '{kind}' has no form there (yet)")
        return int(found(self, inputs, params, numbers))

    def _do_embedding(self, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        (x,), (table,) = inputs, params
        rows = self.weight(table, self.array(table).reshape(numbers))
        y = self.node("Gather", rows, self.cast(self.name_of(x), "int64"))
        return self.add(y, (*self.shape_of(x), numbers[1]))

    def _do_unequal(self, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        (x,), (value, over_last) = inputs, numbers
        shape = self.shape_of(x)
        y = self.node("Not", self.node("Equal", self.name_of(x), float(value)))
        if not over_last:
            return self.add(y, shape)
        some = self.node("ReduceMax", self.cast(y, self.dtype), [-1], keepdims=0)
        return self.add(self.node("Greater", some, 0.0), shape[:-1])

    def _where(self, x: int, mask: int) -> str:
        """x where the mask is, else 0."""
        kept = self.node("Unsqueeze", self.name_of(mask), [-1])
        return self.node("Where", kept, self.name_of(x), 0.0)

    def _do_keep(self, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        return self._like(inputs[0], self._where(*inputs))

    def _do_masked_mean(self, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        x, mask = inputs
        (batch, _, units), kept = self.shape_of(x), bool(numbers[0])
        total = self.node("ReduceSum", self._where(x, mask), [1], keepdims=int(kept))
        weights = self.node("Unsqueeze", self.cast(self.name_of(mask), self.dtype), [-1])
        count = self.node("ReduceSum", weights, [1], keepdims=int(kept))
        shape = (batch, 1, units) if kept else (batch, units)
        return self.add(self.node("Div", total, count), shape)

    def _do_fold(self, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        name, rest = self.name_of(inputs[0]), self.shape_of(inputs[0])[2:]
        shape: Any = [-1, *rest]
        if None in rest:
            shape = self.node("Concat", [-1], self.node("Shape", name, start=2), axis=0)
        return self.add(self.node("Reshape", name, shape), (None, *rest))

    def _do_unfold(self, inputs: list[int], params: list[int], numbers: list[Any]) -> int:
        y, x = inputs
        steps = self.node("Shape", self.name_of(x), end=2)
        rest = self.node("Shape", self.name_of(y), start=1)
        shape = self.node("Concat", steps, rest, axis=0)
        return self.add(
            self.node("Reshape", self.name_of(y), shape),
            (*self.shape_of(x)[:2], *self.shape_of(y)[1:]),
        )
