"""A stack of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._messages import say
from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.layers._masks import as_mask
from ranvier.layers.input import InputLayer, extents
from ranvier.layers.layer import Layer, Shape
from ranvier.models.network import Network
from ranvier.models.saveable import Saveable
from ranvier.models.training import Trainable
from ranvier.variables import Variable, layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder


class Sequential(Saveable, Trainable, Layer):
    """A plain stack of layers, each with one input and one output.

    Args:
        layers: layers to add, or None.
        trainable: False freezes all of them.
        name: of the model.

    If the first layer is an `Input`, or has `input_shape=` or `input_dim=`, weights exist from the
    start; else they are made when the first data or `build(input_shape)` tell the shape.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential([ranvier.Input((20,)), layers.Dense(2, activation="softmax")])
    >>> model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    >>> history = model.fit(np.eye(20), np.arange(20) % 2, epochs=2, verbose=0)
    >>> model.predict(np.eye(20), verbose=0).shape
    (20, 2)
    """

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._layers: list[Layer] = []
        self._input: InputLayer | None = None
        self._sample_shape: Shape | None = None
        self._shapes: list[Shape] = []  # the input's, then each layer's output's
        self._net: Network | None = None
        self._reset_training()
        if not hasattr(() if layers is None else layers, "__iter__"):
            raise TypeError(f"{self.label}: `layers` must be a list of layers; got {layers!r}")
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    # -- building ---------------------------------------------------------------------------

    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Adds a layer on top."""
        if isinstance(layer, type) and issubclass(layer, Layer):
            raise ValueError(
                f"{self.label}: add() wants a layer, not the class; write {layer.__name__}(...)"
            )
        if not isinstance(layer, Layer):
            raise ValueError(f"{self.label}: add() wants a layer; got {layer!r}")
        if layer.outside_models is not None:
            raise ValueError(f"{self.label}: {layer.label} {layer.outside_models}")
        if layer is self:
            raise ValueError(f"{self.label}: a model cannot be a layer of itself")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                f"{self.label}: all layers must have unique names; "
                f"there already is one named '{layer.name}'"
            )
        if isinstance(layer, InputLayer):
            if self._layers or self._input is not None:
                raise ValueError(
                    f"{self.label}: an Input must come first; the model already has "
                    f"{self._input or self._layers[0]!r}"
                )
            self._input = layer
            self._begin(layer.sample_shape, layer.batch_shape[0])
            return
        if not self._layers and self._input is None:
            shape = layer._given_input_shape
            if shape is None and isinstance(layer, Sequential):
                shape = layer._sample_shape
            if shape is not None:
                self._input = InputLayer(shape, layer._given_batch_size, dtype=layer.dtype)
                self._begin(shape, layer._given_batch_size)
        if self._sample_shape is not None:
            self._build_layer(layer)
        self._layers.append(layer)
        self._changed()

    def pop(self, rebuild: bool = True) -> Layer:
        """Removes the top layer and returns it."""
        if not self._layers:
            raise ValueError(f"{self.label}: pop() from a model without layers")
        layer = self._layers.pop()
        if self._sample_shape is not None:
            self._shapes.pop()
        self._changed()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights.

        Args:
            input_shape: with the batch axis first, e.g. (None, 20).
        """
        if input_shape is None:
            raise ValueError(f"{self.label}: build() needs `input_shape`, e.g. (None, 20)")
        batch, *rest = extents(self, "input_shape", input_shape) or (None,)
        sample = tuple(rest)
        if self._sample_shape is not None:
            if len(sample) != len(self._sample_shape) or any(
                a is not None and b is not None and a != b
                for a, b in zip(sample, self._sample_shape, strict=True)
            ):
                raise ValueError(
                    f"{self.label}: already built for input {(None, *self._sample_shape)}; "
                    f"got {tuple(input_shape)}"
                )
            return
        if not self._layers:
            raise ValueError(f"{self.label}: cannot build a model without layers")
        self._begin(sample, batch)
        try:
            for layer in self._layers:
                self._build_layer(layer)
        except BaseException:
            self._sample_shape, self._shapes = None, []
            raise
        self._changed()

    def _begin(self, sample_shape: Shape, batch_size: int | None = None) -> None:
        self._sample_shape = tuple(sample_shape)
        self._shapes = [(batch_size, *self._sample_shape)]
        self.built = True
        self._changed()

    def _build_layer(self, layer: Layer) -> None:
        shape = self._shapes[-1]
        layer.ensure_built(shape)
        # Weights are named after their first model, too; those of a model with an Input have one.
        if not (isinstance(layer, Sequential) and layer._input is not None):
            for variable in layer.all_variables():
                if variable.path.startswith(f"{layer.name}/"):
                    variable.path = f"{self.name}/{variable.path}"
        self._shapes.append(tuple(layer.compute_output_shape(shape)))

    def _changed(self) -> None:
        self._net = None
        layout.epoch += 1

    def ensure_built(self, input_shape: Shape) -> None:
        self.build(input_shape)

    def network(self) -> Network:
        """The runnable form of the layers as they are now."""
        if self._net is None:
            if self._sample_shape is None:
                raise ValueError(
                    f"{self.label}: the weights do not exist yet; give the first layer an Input "
                    "(or input_shape=), call build(input_shape), or fit first"
                )
            self._net = Network(self._layers, self._sample_shape, self.dtype)
        else:
            self._net.refresh()
        return self._net

    def reset_states(self) -> None:
        """Sets the states of all stateful layers to zero (Keras 3: of each layer by itself)."""
        for layer in self._layers:
            reset = getattr(layer, "reset_states", None)
            if reset is not None:
                reset()

    # -- structure --------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that place."""
        if (name is None) == (index is None):
            raise ValueError(f"{self.label}: get_layer() wants `name` or `index`")
        if index is not None:
            if not isinstance(index, int) or not -len(self._layers) <= index < len(self._layers):
                raise ValueError(
                    f"{self.label}: there are {len(self._layers)} layers; got index {index!r}"
                )
            return self._layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"{self.label}: no layer named '{name}'; there are "
            f"{[layer.name for layer in self._layers]}"
        )

    @property
    def dtype(self) -> str:  # type: ignore[override]
        kinds = {layer.dtype for layer in self._layers} or {_dtypes.floatx()}
        if len(kinds) > 1:
            raise ValueError(
                f"{self.label}: all layers must have the same dtype; got {sorted(kinds)}"
            )
        return kinds.pop()

    @property
    def input_shape(self) -> Shape | None:
        """With the batch axis first; None before the model is built."""
        return self._shapes[0] if self._shapes else None

    @input_shape.setter
    def input_shape(self, shape: Shape | None) -> None:
        """A layer notes its own; a model's is that of its input."""

    @property
    def output_shape(self) -> Shape:
        """With the batch axis first."""
        if not self._shapes:
            raise ValueError(f"{self.label}: the model is not built, its shapes are unknown")
        return self._shapes[-1]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape)
        for layer in self._layers:
            shape = tuple(layer.compute_output_shape(shape))
        return shape

    @property
    def is_native(self) -> bool:
        return all(layer.is_native for layer in self._layers)

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]
        """Its layers say, each for itself."""
        return True

    def in_turn(self) -> list[Layer]:
        if self.is_native or self.activity_regularizer is not None:
            return [self]
        return [inner for layer in self._layers for inner in layer.in_turn()]

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        return builder.masks.get(y)

    def lower(self, builder: Builder, x: int) -> int:
        for layer in self._layers:
            x = builder.add(layer, x)
        return x

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        net = self.network()
        if not training:
            return net.run(x), None
        y, tape = net.forward(x, self._next_stream(), want_input_gradient=True)
        return y, (net, tape)

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        net, tape = cache
        dx = net.backward(tape, dy)
        gradients = [
            net.gradient[net.offsets[id(v)] :][: v.size].reshape(v.shape)
            for v in self.trainable_weights
        ]
        return dx, gradients

    # -- weights ----------------------------------------------------------------------------

    def all_variables(self) -> list[Variable]:
        return [v for layer in self._layers for v in layer.all_variables()]

    def trains(self, variable: Variable) -> bool:
        return any(
            layer.trains(variable)
            for layer in self._layers
            if any(variable is v for v in layer.all_variables())
        )

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self._layers:
            layer.trainable = value
        layout.epoch += 1

    @property
    def weights(self) -> list[Variable]:
        return [v for layer in self._layers for v in layer.weights]

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        return [v for layer in self._layers for v in layer.trainable_weights]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [v for layer in self._layers for v in layer.non_trainable_weights]

    non_trainable_variables = non_trainable_weights

    def set_weights(self, weights: Any) -> None:
        if self._sample_shape is None:
            self.network()  # says that there are none
        super().set_weights(weights)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints the layers, their output shapes and numbers of weights.

        Args:
            line_length: width in characters, or None for the terminal's.
            positions: where each column ends, as shares of the width; None: as the text needs.
            print_fn: called with the text instead of printing it.
            expand_nested: list the layers of models inside.
            show_trainable: add a column that says whether a layer is trained.
            layer_range: the first and the last layer to list, by (the beginnings of) their names,
                which may be regular expressions; or None.

        Raises:
            ValueError: `positions` or `layer_range` that do not fit.
        """
        from ranvier.models.summary import summarize

        text = summarize(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print_fn or say)(text)

    # -- calling ----------------------------------------------------------------------------

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The output on a batch, as an array.

        Args:
            x: array of the model's input shape, batch axis first.
            training: True runs dropout and noise as in training.
            mask: which steps of `x` count, of the shape of its first axes; or None.
        """
        net = self._net
        if net is not None and not training and mask is None and net.epoch == layout.epoch:
            y = net.infer(x)
            if y is not None:
                return y
        return self._call(x, training, mask)

    def _call(self, x: Any, training: bool, mask: Any) -> NDArray[Any]:
        array = np.ascontiguousarray(self._inputs(x), self.dtype)
        stream = self._next_stream() if training else 0
        given = as_mask(self, mask, array.shape)
        return self.network().run(array, bool(training), stream, given)

    def _fit_shape(self, array: NDArray[Any]) -> NDArray[Any]:
        """Adds or drops a trailing axis of 1, as Keras does; else refuses what does not fit."""
        want = self._sample_shape or ()
        if array.shape[1:] == want:
            return array
        if array.ndim == len(want) and want and want[-1] in (1, None):
            array = array[..., None]
        elif array.ndim == len(want) + 2 and array.shape[-1] == 1:
            array = array[..., 0]
        got = array.shape[1:]
        if len(got) != len(want) or any(
            w is not None and w != g for w, g in zip(want, got, strict=True)
        ):
            shape = ", ".join("None" if n is None else str(n) for n in (None, *want))
            raise ValueError(f"{self.label}: expected input of shape ({shape}); got {array.shape}")
        return array

    # -- configuration ----------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What makes the model again (without weights): `Sequential.from_config(config)`."""
        layers: list[Layer] = [] if self._input is None else [self._input]
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": _dtypes.policy_config(self.dtype),
            "layers": [serialize_keras_object(layer) for layer in [*layers, *self._layers]],
        }
        if self._sample_shape is not None:
            config["build_input_shape"] = list(self._shapes[0])
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Sequential:
        if not isinstance(config, dict) or "layers" not in config:
            raise ValueError(
                f"{cls.__name__}.from_config: wanted what get_config() returns, a dictionary with "
                f"'layers'; got {config!r}"
            )
        model = cls(name=config.get("name"))
        for layer in config["layers"]:
            model.add(deserialize_keras_object(layer, custom_objects=custom_objects))
        shape = config.get("build_input_shape")
        if shape and model._sample_shape is None:
            model.build(tuple(shape))
        if not config.get("trainable", True):
            model._trainable = False
        return model

    def __getstate__(self) -> dict[str, Any]:
        return {
            **super().__getstate__(),
            "_net": None,
            "_steps": None,
            "_source": None,
            "_stream": self._stream_now,
        }
