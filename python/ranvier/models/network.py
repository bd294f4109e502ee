"""A chain of layers made ready to run: graphs of the engine, and one buffer for all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import _core
from ranvier.layers._masks import as_mask, warn_of_mask
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
    """A run of layers that the engine computes: a graph, and others for inputs with masks."""

    def __init__(
        self, layers: list[Layer], sample_shape: tuple[int | None, ...], dtype: str
    ) -> None:
        self.layers = layers
        self.sample_shape = sample_shape
        self.dtype = dtype
        self._bound: tuple[NDArray[Any], dict[int, int]] | None = None
        self._masked: dict[int, tuple[Builder, Any]] = {}
        self.builder, self.runner = self._lower(0)

    def _lower(self, mask_axes: int) -> tuple[Builder, Any]:
        builder = Builder(self.sample_shape, self.dtype, mask_axes)
        x = builder.x
        for layer in self.layers:
            x = builder.add(layer, x)
        builder.finish(x)
        make = _core.Runner64 if self.dtype == "float64" else _core.Runner32
        return builder, make(builder.graph)

    def runner_for(self, mask: NDArray[Any] | None) -> Any:
        """What runs inputs with such a mask."""
        if mask is None:
            return self.runner
        made = self._masked.get(mask.ndim)
        if made is None:
            made = self._lower(mask.ndim)
            if self._bound is not None:
                _bind(*made, *self._bound)
            self._masked[mask.ndim] = made
        return made[1]

    def bind(self, gradient: NDArray[Any], offsets: dict[int, int]) -> None:
        self._bound = (gradient, offsets)
        for builder, runner in ((self.builder, self.runner), *self._masked.values()):
            _bind(builder, runner, gradient, offsets)


def _bind(builder: Builder, runner: Any, gradient: NDArray[Any], offsets: dict[int, int]) -> None:
    """Tells a graph where its weights and their gradients lie."""
    values = [v.value.reshape(-1) for v in builder.variables]
    places = [
        offsets.get(id(v), -1) if trained else -1
        for v, trained in zip(builder.variables, builder.trained, strict=True)
    ]
    runner.bind(values, gradient, places)


class Network:
    """Built layers, lowered. Made anew when a layer is added or removed."""

    def __init__(
        self, layers: list[Layer], sample_shape: tuple[int | None, ...], dtype: str
    ) -> None:
        self.layers = layers
        self.sample_shape = sample_shape
        self.dtype = dtype
        self._in_turn = [inner for layer in layers for inner in layer.in_turn()]
        self._shapes: list[tuple[int | None, ...]] = []
        self._output_shapes: dict[int, tuple[int | None, ...]] = {}
        # of the last `forward`: activity regularisation, and the mask of the output
        self.penalty = 0.0
        self.mask: NDArray[Any] | None = None
        shape: tuple[int | None, ...] = (None, *sample_shape)
        for layer in self._in_turn:
            self._shapes.append(shape)
            shape = tuple(layer.compute_output_shape(shape))
            self._output_shapes[id(layer)] = shape
        self.output_shape = shape
        self._lower()

    def _lower(self) -> None:
        self.segments: list[_Native | Layer] = []
        run: list[Layer] = []
        start = 0
        for i, layer in enumerate(self._in_turn):
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
        owners: dict[int, Layer] = {}
        for layer in self.layers:
            for variable in layer.all_variables():
                owner = owners.get(id(variable))
                if owner is not None:
                    raise ValueError(
                        f"{layer.label}: its weight '{variable.path}' is already in the model, in "
                        f"{owner.label}; a layer or cell may have one place only"
                    )
                owners[id(variable)] = layer
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

    def weights_penalty(self) -> float:
        """Regularisation of the weights that are trained, as they are."""
        return float(
            sum(
                s.variable.regularizer(s.variable.value)
                for s in self.trained
                if s.variable.regularizer is not None
            )
        )

    def add_penalty_gradients(self, share: float = 1.0) -> None:
        """Adds the derivatives of `share` times that to `gradient`."""
        for slot in self.trained:
            regularizer = slot.variable.regularizer
            if regularizer is not None:
                g = self.gradient[slot.offset : slot.offset + slot.variable.size]
                g += share * np.reshape(regularizer.gradient(slot.variable.value), -1)

    def _trains_before(self, i: int) -> bool:
        """Whether a segment before the i-th has weights to train."""
        for segment in self.segments[:i]:
            layers = segment.layers if isinstance(segment, _Native) else [segment]
            if any(layer.trainable_weights for layer in layers):
                return True
        return False

    # -- running ----------------------------------------------------------------------------

    def run(
        self,
        x: NDArray[Any],
        training: bool = False,
        stream: int = 0,
        mask: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """The output on a batch, nothing kept but, in training, `penalty` and `mask`."""
        self.refresh()
        if x.shape[0] == 0:
            return np.zeros((0, *(n or 0 for n in self.output_shape[1:])), self.dtype)
        if training:
            return self.forward(x, stream, mask=mask)[0]
        for segment in self.segments:
            if isinstance(segment, _Native):
                x, mask = segment.runner_for(mask).predict(x, _CHUNK, mask)
            else:
                x, mask, _ = self._python(segment, x, False, mask, stream)
        return x

    def _python(
        self, layer: Layer, x: NDArray[Any], training: bool, mask: NDArray[Any] | None, stream: int
    ) -> tuple[NDArray[Any], NDArray[Any] | None, Any]:
        """Output, its mask, and what `backward` needs."""
        more = {"mask": mask, "stream": stream}
        given = {name: more[name] for name in more if _takes(layer, name)}
        result = layer.forward(x, training=training, **given)
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
        return y, _mask_after(layer, x, y, mask), result[1]

    def forward(
        self,
        x: NDArray[Any],
        stream: int,
        want_input_gradient: bool = False,
        training: bool = True,
        mask: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], list[Any]]:
        """A pass that leaves `penalty` and `mask`; the second result is what `backward` takes."""
        tape: list[Any] = []
        self.penalty = 0.0
        for i, segment in enumerate(self.segments):
            if isinstance(segment, _Native):
                runner = segment.runner_for(mask)
                tape.append((x, mask, runner))  # the mask must live until `backward`
                wants = i > 0 or want_input_gradient
                x, mask = runner.forward(x, training, stream, wants, mask)
                self.penalty += runner.penalty
            else:
                x, mask, cache = self._python(segment, x, training, mask, stream)
                if segment.activity_regularizer is not None:
                    self.penalty += float(segment.activity_regularizer(x)) / len(x)
                wanted = segment.has_gradient or want_input_gradient or self._trains_before(i)
                tape.append((x, cache, wanted))
        self.mask = mask
        return x, tape

    def backward(self, tape: list[Any], dy: NDArray[Any]) -> Any:
        """Writes the gradients of all trained variables into `self.gradient`.

        Returns the gradient of the input, or None if `forward` was not told to provide it.
        """
        for segment, kept in zip(reversed(self.segments), reversed(tape), strict=True):
            if isinstance(segment, _Native):
                dy = kept[2].backward(kept[0], dy)
                continue
            y, cache, wanted = kept
            if not wanted:
                return None
            if segment.activity_regularizer is not None:
                dy = dy + segment.activity_regularizer.gradient(y) / len(y)
            dx, gradients = segment.backward(cache, dy)
            variables = segment.trainable_weights
            if not segment.trainable:  # it may give them all the same
                gradients = []
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


def _takes(layer: Layer, argument: str) -> bool:
    """Whether the `forward` of a layer written in Python has this argument."""
    code = getattr(type(layer).forward, "__code__", None)
    if code is None:
        return False
    return argument in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _mask_after(
    layer: Layer, x: NDArray[Any], y: NDArray[Any], mask: NDArray[Any] | None
) -> NDArray[Any] | None:
    """The mask of the output of a layer written in Python."""
    if not layer.supports_masking:
        if mask is not None:
            warn_of_mask(layer)
        return None
    return as_mask(layer, layer.compute_mask(x, mask), y.shape, "the mask of the output")


def _nothing(x: Any) -> None:
    return None


def _aligned_zeros(n: int, dtype: str) -> NDArray[Any]:
    item = np.dtype(dtype).itemsize
    raw = np.zeros(n + _ALIGNMENT // item, dtype)
    shift = -raw.ctypes.data % _ALIGNMENT // item
    return raw[shift : shift + n]
