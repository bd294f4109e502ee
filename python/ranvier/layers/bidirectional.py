"""Two recurrent layers over the same steps, one from each end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._serialize import (
    deserialize_keras_object,
    serialize_argument,
    serialize_keras_object,
)
from ranvier.layers._nested import Nested
from ranvier.layers._recurrent import mask_array
from ranvier.layers.layer import Shape
from ranvier.layers.rnn import RNN
from ranvier.layers.stacked_cells import width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder

    Array = NDArray[Any]

_MODES = ("sum", "mul", "ave", "concat", None)


def _renamed(layer: RNN, prefix: str, **changes: Any) -> RNN:
    """A new layer like `layer`, as Keras names it."""
    config = serialize_keras_object(layer)
    config.pop("build_config", None)  # the copy is built when it is used
    name = f"{prefix}_{layer.name.removeprefix(prefix + '_')}"
    config["config"].update(name=name, **changes)
    made: RNN = deserialize_keras_object(config)
    return made


def _kind(states: Any) -> str:
    if isinstance(states, (list, tuple)):
        return f"{len(states)} states"
    return f"a {type(states).__name__}"


class Bidirectional(Nested):
    """`layer` over the steps from the first to the last and, with weights of its own, backwards.

    Args:
        layer: a recurrent layer (`LSTM`, `GRU`, `SimpleRNN`, `RNN`); a copy of it is used.
        merge_mode: how the outputs are put together: "concat" (default), "sum", "mul", "ave", or
            None: they are returned apart, which a model cannot pass on.
        weights: first values of all weights, or None.
        backward_layer: what walks backwards, with `go_backwards` other than the layer's; by default
            a copy of `layer`.

    Shapes:
        input (N, T, F); output (N, units), or (N, T, units) if the layer returns sequences, with
        2 units for "concat". The backward layer's outputs are turned round: step t of both is x's.

    Raises:
        ValueError: `layer` is not recurrent, the mode is unknown, or the two layers do not fit.

    Reference: Schuster & Paliwal, IEEE Transactions on Signal Processing 45 (1997).

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> layers.Bidirectional(layers.LSTM(4))(np.ones((2, 10, 3), "float32")).shape
    (2, 8)
    """

    supports_masking = True

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        for argument, given in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(given, RNN) and (given is not None or argument == "layer"):
                raise ValueError(
                    f"Bidirectional: `{argument}` must be a recurrent layer; got {given!r}"
                )
        super().__init__(**{"dtype": layer.dtype, **kwargs})
        if merge_mode not in _MODES:
            raise ValueError(
                f"{self.label}: `merge_mode` must be one of {_MODES}; got {merge_mode!r}"
            )
        self.merge_mode = merge_mode
        self.forward_layer = _renamed(layer, "forward")
        self.backward_layer: RNN = (
            _renamed(layer, "backward", go_backwards=not layer.go_backwards)
            if backward_layer is None
            else backward_layer
        )
        self._verify()
        for one in self.inner_layers():
            one.zero_output_for_mask = layer.return_sequences
        self._initial = weights

    def _verify(self) -> None:
        first, second = self.forward_layer, self.backward_layer
        if first.go_backwards == second.go_backwards:
            raise ValueError(
                f"{self.label}: the two layers must differ in `go_backwards`; got "
                f"{first.go_backwards} for both"
            )
        for one in (first, second):
            if one.dtype != self.dtype:
                raise ValueError(
                    f"{self.label}: `dtype` must be that of the layers inside, {one.dtype}; "
                    f"got {self.dtype}"
                )
            if one.activity_regularizer is not None:
                raise ValueError(
                    f"{self.label}: `activity_regularizer` belongs to Bidirectional, which applies "
                    f"it to both outputs; {one.label} inside has one"
                )
        for name in ("stateful", "return_sequences", "return_state"):
            a, b = getattr(first, name), getattr(second, name)
            if a != b:
                raise ValueError(
                    f"{self.label}: the two layers must have the same `{name}`; got {a!r} and {b!r}"
                )
        widths = [width_of(layer.cells[-1]) for layer in (first, second)]
        if self.merge_mode not in ("concat", None) and widths[0] != widths[1]:
            raise ValueError(
                f"{self.label}: `merge_mode` {self.merge_mode!r} needs outputs of the same width; "
                f"got {widths[0]} and {widths[1]}"
            )

    def inner_layers(self) -> list[Any]:
        return [self.forward_layer, self.backward_layer]

    @property
    def return_sequences(self) -> bool:
        return self.forward_layer.return_sequences

    @property
    def return_state(self) -> bool:
        return self.forward_layer.return_state

    @property
    def stateful(self) -> bool:
        return self.forward_layer.stateful

    @property
    def is_native(self) -> bool:
        first, second = self.inner_layers()
        return (
            first.is_native
            and second.is_native
            and len(first.cells) == len(second.cells) == 1
            and first.cells[0].units == second.cells[0].units
        )

    def build(self, input_shape: Shape) -> None:
        for layer in self.inner_layers():
            layer.ensure_built(input_shape)
        self._prefix_paths()
        if self._initial is not None:
            self.set_weights(self._initial)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shape = self.forward_layer.compute_output_shape(input_shape)
        states: tuple[Any, ...] = ()
        if self.return_state:
            shape, *one = shape
            states = (*one, *one)
        if self.merge_mode == "concat":
            other = self.backward_layer.compute_output_shape(input_shape)
            other = other[0] if self.return_state else other
            shape = (*shape[:-1], shape[-1] + other[-1])
        if self.merge_mode is None:
            return (shape, shape, *states)
        return (shape, *states) if self.return_state else shape

    @property
    def states(self) -> Any:
        """Of the forward layer, then of the backward layer; None if they keep none."""
        first, second = self.forward_layer.states, self.backward_layer.states
        return (*first, *second) if first and second else None

    def reset_states(self) -> None:
        """Sets the states of stateful layers to zero."""
        for layer in self.inner_layers():
            layer.reset_states()

    reset_state = reset_states

    # -- in a model -------------------------------------------------------------------------

    @property
    def outside_models(self) -> str | None:  # type: ignore[override]
        if self.merge_mode is None:
            return (
                "has two outputs with `merge_mode` None, which a model cannot pass on; call the "
                "layer itself"
            )
        return self.forward_layer.outside_models

    def _require_merged(self) -> None:
        if self.outside_models is not None:
            raise ValueError(f"{self.label} {self.outside_models}")

    def lower(self, builder: Builder, x: int) -> int:
        self._require_merged()
        (first, params), (second, more) = (
            layer.lowered(builder, self.trainable)[0] for layer in self.inner_layers()
        )
        return int(
            builder.graph.bidirectional(
                x,
                builder.masks.get(x, -1),
                first,
                second,
                self.merge_mode,
                params + more,
                self.forward_layer.cells[0].stream_seed,
            )
        )

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        return mask if self.return_sequences else None

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """That of the inputs, if the output has steps."""
        return previous_mask if self.return_sequences else None

    def forward(self, x: Array, training: bool = False, mask: Any = None) -> tuple[Array, Any]:
        """Cells of one's own, or stacks of them: each direction by itself."""
        self._require_merged()
        (a, first), (b, second) = (
            layer.forward(x, training, mask) for layer in self.inner_layers()
        )
        return self._merge(a, b), (first, second, a, b)

    def backward(self, cache: Any, dy: Array) -> tuple[Array, list[Array]]:
        first, second, a, b = cache
        da, db = self._split(dy, a, b)
        dx, gradients = self.forward_layer.backward(first, da)
        dx_back, more = self.backward_layer.backward(second, db)
        return dx + dx_back, gradients + more if self.trainable else []

    # -- by itself --------------------------------------------------------------------------

    def __call__(  # type: ignore[override]
        self, x: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """The output on an array (N, T, F); with `return_state` also both layers' last states.

        `initial_state`: those of the forward layer, then those of the backward layer.
        """
        array = _dtypes.as_input(self.label, x, self.dtype)
        self.ensure_built(array.shape)
        if mask is not None:
            mask = mask_array(self, mask, array.shape[:2])
        given: list[Any] = [None, None]
        if initial_state is not None:
            if not isinstance(initial_state, (list, tuple)) or len(initial_state) % 2:
                raise ValueError(
                    f"{self.label}: `initial_state` must be a list of the forward layer's states "
                    f"and then the backward layer's; got {_kind(initial_state)}"
                )
            half = len(initial_state) // 2
            given = [initial_state[:half], initial_state[half:]]
        results = [
            layer(array, initial_state=state, mask=mask, training=training)
            for layer, state in zip(self.inner_layers(), given, strict=True)
        ]
        if not self.return_state:
            return self._merge(*results)
        (a, *states), (b, *more) = results
        merged = self._merge(a, b)
        outputs = merged if self.merge_mode is None else (merged,)
        return (*outputs, *states, *more)

    def _turned(self, y: Array) -> Array:
        return y[:, ::-1] if self.return_sequences else y

    def _merge(self, a: Array, b: Array) -> Any:
        b = self._turned(b)
        if self.merge_mode is None:
            return a, np.ascontiguousarray(b)
        if self.merge_mode == "concat":
            return np.concatenate([a, b], -1)
        if self.merge_mode == "mul":
            return a * b
        return (a + b) / (2 if self.merge_mode == "ave" else 1)

    def _split(self, dy: Array, a: Array, b: Array) -> tuple[Array, Array]:
        """The gradients of both outputs."""
        if self.merge_mode == "concat":
            return dy[..., : a.shape[-1]], self._turned(dy[..., a.shape[-1] :])
        if self.merge_mode == "mul":
            return dy * self._turned(b), self._turned(dy * a)
        part = dy / 2 if self.merge_mode == "ave" else dy
        return part, self._turned(part)

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        # `weights` was an argument, and is the list of variables
        return None if name == "weights" else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("weights", None)
        config["layer"] = serialize_argument(self.forward_layer)
        config["backward_layer"] = serialize_argument(self.backward_layer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Bidirectional:
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name])
        return cls(**config)
