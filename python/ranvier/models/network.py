"""A chain of layers made ready to run: graphs of the engine, and one buffer for all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import _core
from ranvier.models.lowering import Builder
from ranvier.variables import layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ranvier.layers.layer import Layer
    from ranvier.variables import Variable

# Weights and gradients of a variable begin at a cache line.
_ALIGNMENT = 64
# Rows predicted at a time: large enough for the matrix product, small enough for the cache.
_CHUNK = 256


class Slot(NamedTuple):
    """A variable's place in the buffers that all of a network's variables share."""

    variable: Variable
    layer: Layer
    offset: int


class _Native:
    """A run of layers that the engine computes."""

    def __init__(
        self, layers: list[Layer], sample_shape: tuple[int | None, ...], dtype: str
    ) -> None:
        self.layers = layers
        self.builder = Builder(sample_shape, dtype)
        x = self.builder.x
        for layer in layers:
            x = self.builder.add(layer, x)
        # a graph without nodes (only an InputLayer) still has an output: its input
        if x == self.builder.x:
            self.builder.graph.activation(x, "linear")
        make = _core.Runner64 if dtype == "float64" else _core.Runner32
        self.runner: Any = make(self.builder.graph)

    def bind(self, gradient: NDArray[Any], offsets: dict[int, int]) -> None:
        values = [v.value.reshape(-1) for v in self.builder.variables]
        places = [
            offsets.get(id(v), -1) if trained else -1
            for v, trained in zip(self.builder.variables, self.builder.trained, strict=True)
        ]
        self.runner.bind(values, gradient, places)


class Network:
    """Built layers, lowered. Made anew when a layer is added or removed."""

    def __init__(
        self, layers: list[Layer], sample_shape: tuple[int | None, ...], dtype: str
    ) -> None:
        self.layers = layers
        self.sample_shape = sample_shape
        self.dtype = dtype
        self._shapes: list[tuple[int | None, ...]] = []
        self._output_shapes: dict[int, tuple[int | None, ...]] = {}
        self._python_penalty = 0.0
        shape: tuple[int | None, ...] = (None, *sample_shape)
        for layer in layers:
            self._shapes.append(shape)
            shape = tuple(layer.compute_output_shape(shape))
            self._output_shapes[id(layer)] = shape
        self.output_shape = shape
        self._lower()

    def _lower(self) -> None:
        self.segments: list[_Native | Layer] = []
        run: list[Layer] = []
        start = 0
        for i, layer in enumerate(self.layers):
            if layer.is_native:
                if not run:
                    start = i
                run.append(layer)
                continue
            if run:
                self.segments.append(_Native(run, self._shapes[start][1:], self.dtype))
                run = []
            self.segments.append(layer)
        if run or not self.segments:
            self.segments.append(
                _Native(run, self._shapes[start][1:] if run else self.sample_shape, self.dtype)
            )
        self._place()
        self._bind()

    def _place(self) -> None:
        """Gives each trainable variable (frozen or not) a place that never changes."""
        item = np.dtype(self.dtype).itemsize
        unit = _ALIGNMENT // item
        self.slots: list[Slot] = []
        offset = 0
        for layer in self.layers:
            for variable in layer.all_variables():
                if variable.trainable:
                    self.slots.append(Slot(variable, layer, offset))
                    offset += -(-variable.size // unit) * unit
        self.gradient = _aligned_zeros(offset, self.dtype)
        self.offsets = {id(s.variable): s.offset for s in self.slots}

    def _bind(self) -> None:
        for segment in self.segments:
            if isinstance(segment, _Native):
                segment.bind(self.gradient, self.offsets)
        self.epoch = layout.epoch
        only = self.segments[0] if len(self.segments) == 1 else None
        self.native: Any = only.runner if isinstance(only, _Native) else None
        # The fast way in; gives None for what it does not take as it is.
        self.infer: Callable[[Any], Any] = _nothing if self.native is None else self.native.infer

    def refresh(self) -> None:
        """Follows what changed since: where weights lie, what is trained, adapted statistics."""
        if self.epoch != layout.epoch:
            self._lower_again()

    def _lower_again(self) -> None:
        gradient, slots = self.gradient, self.slots
        self._lower()
        same = len(slots) == len(self.slots) and all(
            a.variable is b.variable and a.offset == b.offset
            for a, b in zip(slots, self.slots, strict=True)
        )
        if same and gradient.size == self.gradient.size:
            self.gradient = gradient
            self._bind()

    def gather(self) -> None:
        """Moves the weights into one buffer, laid out as the gradients are (once)."""
        if self.slots and not any(s.variable.in_arena for s in self.slots):
            arena = _aligned_zeros(self.gradient.size, self.dtype)
            for slot in self.slots:
                slot.variable.move_to(arena[slot.offset : slot.offset + slot.variable.size])
        self.refresh()

    @property
    def trained(self) -> list[Slot]:
        """The variables that an optimizer updates now."""
        return [s for s in self.slots if s.layer.trains(s.variable)]

    # -- running ----------------------------------------------------------------------------

    def run(self, x: NDArray[Any], training: bool = False, stream: int = 0) -> NDArray[Any]:
        """The output on a batch, nothing kept."""
        self.refresh()
        if x.shape[0] == 0:
            return np.zeros((0, *(n or 0 for n in self.output_shape[1:])), self.dtype)
        for segment in self.segments:
            if isinstance(segment, _Native):
                if training:
                    x = segment.runner.forward(x, True, stream, False)
                else:
                    x = segment.runner.predict(x, _CHUNK)
            else:
                x = self._python(segment, x, training)[0]
        return x

    def _python(self, layer: Layer, x: NDArray[Any], training: bool) -> tuple[NDArray[Any], Any]:
        result = layer.forward(x, training=training)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(
                f"{layer.label}: forward() must return (output, cache); got {type(result).__name__}"
            )
        y = np.ascontiguousarray(result[0], self.dtype)
        want = self._output_shapes[id(layer)]
        if len(y.shape) != len(want) or any(
            w is not None and w != n for w, n in zip(want[1:], y.shape[1:], strict=True)
        ):
            raise ValueError(
                f"{layer.label}: forward() gave an output of shape {y.shape}; "
                f"compute_output_shape() says {want}"
            )
        return y, result[1]

    def forward(
        self,
        x: NDArray[Any],
        stream: int,
        want_input_gradient: bool = False,
        training: bool = True,
    ) -> tuple[NDArray[Any], list[Any]]:
        """A pass that leaves `penalty`; the second result is what `backward` takes."""
        tape: list[Any] = []
        self._python_penalty = 0.0
        for i, segment in enumerate(self.segments):
            if isinstance(segment, _Native):
                tape.append(x)
                x = segment.runner.forward(x, training, stream, i > 0 or want_input_gradient)
            else:
                x, cache = self._python(segment, x, training)
                if segment.activity_regularizer is not None:
                    self._python_penalty += float(segment.activity_regularizer(x)) / len(x)
                tape.append((x, cache))
        return x, tape

    def backward(self, tape: list[Any], dy: NDArray[Any]) -> Any:
        """Writes the gradients of all trained variables into `self.gradient`.

        Returns the gradient of the input, or None if `forward` was not told to provide it.
        """
        for segment, kept in zip(reversed(self.segments), reversed(tape), strict=True):
            if isinstance(segment, _Native):
                dy = segment.runner.backward(kept, dy)
                continue
            y, cache = kept
            if segment.activity_regularizer is not None:
                dy = dy + segment.activity_regularizer.gradient(y) / len(y)
            dx, gradients = segment.backward(cache, dy)
            variables = segment.trainable_weights
            if len(gradients) != len(variables):
                raise ValueError(
                    f"{segment.label}: backward() returned {len(gradients)} weight gradients; "
                    f"the layer has {len(variables)} trainable weights"
                )
            for variable, gradient in zip(variables, gradients, strict=True):
                if np.shape(gradient) != variable.shape:
                    raise ValueError(
                        f"{segment.label}: backward() returned a gradient of shape "
                        f"{np.shape(gradient)} for weight '{variable.name}' of shape "
                        f"{variable.shape}"
                    )
                at = self.offsets[id(variable)]
                self.gradient[at : at + variable.size] = np.reshape(gradient, -1)
            dy = np.ascontiguousarray(dx, self.dtype)
        return dy

    @property
    def penalty(self) -> float:
        """Activity regularisation of the last `forward`."""
        native = sum(s.runner.penalty for s in self.segments if isinstance(s, _Native))
        return native + self._python_penalty


def _nothing(x: Any) -> None:
    return None


def _aligned_zeros(n: int, dtype: str) -> NDArray[Any]:
    item = np.dtype(dtype).itemsize
    raw = np.zeros(n + _ALIGNMENT // item, dtype)
    shift = -raw.ctypes.data % _ALIGNMENT // item
    return raw[shift : shift + n]
