"""The base class of all layers, and what a layer is to a model."""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, constraints, initializers, regularizers
from ranvier._config import Configurable
from ranvier._loading import claim
from ranvier._suggest import suggestion
from ranvier.layers._masks import as_mask, warn_of_mask
from ranvier.layers._saved import Saved
from ranvier.variables import Variable, layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ranvier.layers.identity import InputSpec
    from ranvier.models.lowering import Builder

Shape = tuple[int | None, ...]

# So many float64 are as many bytes as an address can count.
_MOST_ELEMENTS = 2**60 - 1

_counts: dict[str, int] = {}


def auto_name(prefix: str) -> str:
    """`dense`, `dense_1`, ...: the next free name, as Keras gives it."""
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return prefix if count == 0 else f"{prefix}_{count}"


def reset_names() -> None:
    _counts.clear()


def snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def positive_int(layer: Layer, argument: str, value: Any) -> int:
    """`value` as an int, or a ValueError that names the layer and the argument."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 0 < value < 2**63:
        raise ValueError(f"{layer.label}: `{argument}` must be a positive integer; got {value!r}")
    return int(value)


def integers(layer: Layer, argument: str, value: Any, low: int) -> tuple[int, ...]:
    """`value`, integers >= low or one alone, as a tuple; or a ValueError."""
    given = (value,) if isinstance(value, (int, np.integer)) else value
    if isinstance(given, (list, tuple)) and all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= low for n in given
    ):
        return tuple(int(n) for n in given)
    raise ValueError(f"{layer.label}: `{argument}` must be integers >= {low}; got {value!r}")


def _marking_built(build: Callable[..., None]) -> Callable[..., None]:
    """A subclass's `build`: calling it oneself must not make the first use build again."""

    @functools.wraps(build)
    def marking(self: Layer, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        self.built = True

    return marking


class Layer(Saved, Configurable):
    """Base class of layers.

    Built-in layers say what they compute with `lower`, which adds nodes to the C++ graph that runs
    whole training steps. A layer of your own is written in NumPy: `build(input_shape)` adds weights
    with `add_weight`, `forward(x, training)` returns the output and whatever the backward pass
    needs, and `backward(cache, dy)` returns the gradient of the input and those of
    `self.trainable_weights`, in order:

    >>> import numpy as np, ranvier
    >>> class Scale(ranvier.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((), initializer="ones", name="factor")
    ...     def forward(self, x, training=False):
    ...         return x * self.factor.value, x
    ...     def backward(self, cache, dy):
    ...         return dy * self.factor.value, [np.sum(dy * cache)]
    >>> ranvier.Sequential([ranvier.Input((2,)), Scale()])(np.ones((1, 2), "float32"))
    array([[1., 1.]], dtype=float32)

    `ranvier.testing.check_gradients(layer, x)` compares `backward` with central differences.

    Args:
        activity_regularizer: penalty on the output, or None.
        trainable: whether its weights are trained. Default True.
        dtype: "float32" (default: `ranvier.config.floatx()`) or "float64".
        name: unique within a model; made from the class name if None.
        input_shape, input_dim, batch_input_shape: Keras 2's ways to give the first layer's input.
    """

    # Of a layer that only works outside models: why.
    outside_models: str | None = None
    # Of a layer of your own: what its input must be, as its __init__ or `build` says.
    input_spec: InputSpec | None = None
    # False: `backward` is only asked for if something before the layer is trained.
    has_gradient = True
    # Whether a mask (which steps of a sequence count) passes on to the layer after this one.
    supports_masking = False

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = auto_name(snake_case(type(self).__name__)) if name is None else str(name)
        self._given_batch_size: int | None = None
        self._given_input_shape = self._input_shape_argument(kwargs)
        # in every config of Keras; what is not None would change the layer's numbers
        if kwargs.get("quantization_config", 0) is None:
            del kwargs["quantization_config"]
        for unknown in kwargs:
            raise TypeError(
                f"{self.label}: unknown argument `{unknown}`."
                + suggestion(unknown, self.constructor_arguments())
            )
        self._dtype = _dtypes.standardize(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self._trainable = bool(trainable)
        self._weights: list[Variable] = []
        self.built = False
        self.input_shape: Shape | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "compute_mask" in cls.__dict__ and "supports_masking" not in cls.__dict__:
            cls.supports_masking = True
        if "build" in cls.__dict__:
            cls.build = _marking_built(cls.__dict__["build"])  # type: ignore[method-assign]

    def _input_shape_argument(self, kwargs: dict[str, Any]) -> Shape | None:
        if "input_dim" in kwargs:
            return (positive_int(self, "input_dim", kwargs.pop("input_dim")),)
        if "batch_input_shape" in kwargs:
            self._given_batch_size, *shape = kwargs.pop("batch_input_shape")
            return tuple(shape)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
            return (shape,) if isinstance(shape, int) else tuple(shape)
        return None

    # -- identity ---------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """How errors name this layer: `Dense 'dense_1'`."""
        return f"{type(self).__name__} '{self.name}'"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    @property
    def dtype(self) -> str:
        return self._dtype

    compute_dtype = dtype
    variable_dtype = dtype

    # -- weights ----------------------------------------------------------------------------

    def add_weight(
        self,
        shape: tuple[int, ...] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a Variable that belongs to this layer.

        Args:
            shape: its shape; () for a number.
            initializer: an initializer or its name. Default "glorot_uniform".
            trainable: whether optimizers update it.
            regularizer, constraint: objects or names, or None.
            name: its name within the layer.
        """
        shape = () if shape is None else tuple(shape)
        if claim(self.label, shape):  # its value comes from the file
            initializer = "zeros"
        make = initializers.get("glorot_uniform" if initializer is None else initializer)
        try:
            if math.prod(shape) > _MOST_ELEMENTS:  # NumPy would call this a ValueError
                raise MemoryError
            value = make(shape, dtype=dtype or self.dtype)
        except MemoryError:
            raise MemoryError(f"{self.label}: cannot allocate a weight of shape {shape}") from None
        if np.shape(value) != shape:
            raise ValueError(
                f"{self.label}: the initializer {make!r} must give a weight of shape {shape}; "
                f"got {np.shape(value)}"
            )
        variable = Variable(
            value,
            trainable=trainable,
            name=name or f"variable_{len(self._weights)}",
            dtype=dtype or self.dtype,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )
        variable.path = f"{self.name}/{variable.name}"
        self._weights.append(variable)
        return variable

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        layout.epoch += 1

    def all_variables(self) -> list[Variable]:
        """Every variable, in the order of creation; those of layers inside included."""
        return list(self._weights)

    def trains(self, variable: Variable) -> bool:
        """Whether an optimizer may update this variable of the layer now."""
        return self.trainable and variable.trainable

    @property
    def weights(self) -> list[Variable]:
        """Trainable ones first, as Keras orders them."""
        return [v for v in self._weights if v.trainable] + [
            v for v in self._weights if not v.trainable
        ]

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if v.trainable] if self.trainable else []

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of the weights, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Copies `weights` in: as many arrays, of the same shapes, as `get_weights()` returns."""
        own = self.weights
        if isinstance(weights, (str, bytes, dict)) or not hasattr(weights, "__iter__"):
            raise TypeError(
                f"{self.label}: expected a list of {len(own)} weight arrays; got {weights!r}"
            )
        given = list(weights)
        if len(given) != len(own):
            raise ValueError(f"{self.label}: expected {len(own)} weight arrays; got {len(given)}")
        # all are checked before the first is written: an error leaves the weights as they were
        arrays = [
            _dtypes.as_numeric(self.label, value, f"weights[{i}]") for i, value in enumerate(given)
        ]
        for variable, array in zip(own, arrays, strict=True):
            if array.shape != variable.shape:
                raise ValueError(
                    f"{self.label}: weight '{variable.name}' has shape {variable.shape}; "
                    f"got an array of shape {array.shape}"
                )
        for variable, array in zip(own, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """The number of weights' elements."""
        if not self.built:
            raise ValueError(
                f"{self.label}: count_params() needs the weights; build the layer first"
            )
        return sum(v.size for v in self.weights)

    # -- what subclasses write --------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Makes the weights. `input_shape` begins with the batch axis (None)."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape, batch axis first (None).

        Of a layer of your own that does not write it: that of `forward` on a sample of zeros.
        """
        own = type(self).forward is not Layer.forward and not self.is_native
        if own and self.built and None not in input_shape[1:]:
            sample = np.zeros((1, *(n or 0 for n in input_shape[1:])), self.dtype)
            with np.errstate(all="ignore"):
                result = self.forward(sample, training=False)
            if isinstance(result, tuple):
                return (input_shape[0], *np.shape(result[0])[1:])
        return tuple(input_shape)

    def lower(self, builder: Builder, x: int) -> int:
        """Adds this layer's nodes to the graph after value `x`; returns the output value."""
        raise NotImplementedError

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        """The mask of the output `y` as a value of the graph; `mask` is that of the input `x`."""
        if self.supports_masking:
            return mask
        if mask is not None:
            warn_of_mask(self)
        return None

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the output, or None; a layer of your own that supports masking may write it.

        Args:
            inputs: array, batch axis first.
            previous_mask: that of the inputs, or None.
        """
        return previous_mask

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        """A layer of your own: its output, and what `backward` needs.

        If it has an argument `mask`, it gets the input's mask (1 for steps that count), or None;
        if it has `stream`, the number of the step, from which to make random numbers anew.
        """
        raise NotImplementedError(
            f"{self.label} must write forward(x, training), which returns (output, cache)"
            + (" (Keras' call() has no gradient here)" if hasattr(self, "call") else "")
        )

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        """A layer of your own: the gradients of its input and of its trainable weights."""
        raise NotImplementedError(f"{self.label} has no backward pass, so it cannot be trained")

    # -- use --------------------------------------------------------------------------------

    @property
    def is_native(self) -> bool:
        """Whether the C++ graph runs this layer (else it is written in Python)."""
        for cls in type(self).__mro__:
            if "lower" in cls.__dict__:
                return cls is not Layer
            if "forward" in cls.__dict__:  # a subclass that writes the pass anew in Python
                return False
        return False

    def in_turn(self) -> list[Layer]:
        """The layers that run one after the other in its place: itself, but for a model."""
        return [self]

    def ensure_built(self, input_shape: Shape) -> None:
        if self.input_spec is not None:
            self.input_spec.check(self, tuple(input_shape))
        if self.built:
            return
        self.build(tuple(input_shape))
        self.built = True
        self.input_shape = tuple(input_shape)

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The layer's output on an array, outside any model.

        Args:
            x: array, batch axis first.
            training: whether to run as in training.
            mask: which steps of `x` count, of the shape of its first axes; or None.
        """
        from ranvier.models.network import Network

        if isinstance(x, Layer):
            raise TypeError(
                f"{self.label} was called on {x!r}: ranvier has no functional API (yet); list the "
                "layers in a Sequential"
            )
        array = _dtypes.as_input(self.label, x, self.dtype)
        self.ensure_built((None, *array.shape[1:]))
        network: Network | None = self.__dict__.get("_network")
        if network is None or network.sample_shape != array.shape[1:]:
            network = self.__dict__["_network"] = Network([self], array.shape[1:], self.dtype)
        given = as_mask(self, mask, array.shape)
        return network.run(array, training, self._next_stream(), given)

    def _next_stream(self) -> int:
        """Which random numbers the next call of this layer alone draws."""
        return 0

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_network", None)
        return state

    def get_config(self) -> dict[str, Any]:
        """What makes this layer again: `type(layer).from_config(layer.get_config())`."""
        config = super().get_config()
        for kept_out in ("input_shape", "input_dim", "batch_input_shape", "autocast"):
            config.pop(kept_out, None)
        if config.get("activity_regularizer") is None:
            config.pop("activity_regularizer", None)
        return {
            **config,
            "name": self.name,
            "trainable": self._trainable,
            "dtype": _dtypes.policy_config(self.dtype),
        }
