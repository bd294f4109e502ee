"""Activation functions. Each is called on arrays, has a `derivative`, and is named in layers.

>>> import numpy as np, ranvier
>>> ranvier.activations.relu(np.array([-1.0, 2.0]))
array([0., 2.])
>>> ranvier.activations.sigmoid.derivative(np.array([0.0]))
array([0.25])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._custom_objects import get_registered_name
from ranvier._serialize import Registry, serialize_keras_object
from ranvier.activations.function import Activation
from ranvier.activations.functions import (
    binary_step,
    celu,
    elu,
    exponential,
    gelu,
    gelu_tanh,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    tanh,
    tanh_shrink,
)
from ranvier.activations.rows import RowActivation, glu, sparsemax, threshold

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

swish = silu
hard_swish = hard_silu

_ALL: dict[str, Any] = {
    function.__name__: function
    for function in (
        binary_step,
        celu,
        elu,
        exponential,
        gelu,
        gelu_tanh,
        glu,
        hard_shrink,
        hard_sigmoid,
        hard_silu,
        hard_tanh,
        leaky_relu,
        linear,
        log_sigmoid,
        log_softmax,
        mish,
        relu,
        relu6,
        selu,
        sigmoid,
        silu,
        soft_shrink,
        softmax,
        softplus,
        softsign,
        sparse_plus,
        sparse_sigmoid,
        sparsemax,
        squareplus,
        tanh,
        tanh_shrink,
        threshold,
    )
}

_registry = Registry(
    "activation function",
    [],
    aliases={**_ALL, "swish": silu, "hard_swish": hard_silu},
)

__all__ = [
    "Activation",
    "RowActivation",
    "binary_step",
    "celu",
    "derivative",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "gelu_tanh",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def get(identifier: Any) -> Any:
    """A function from its name or config; callables stay as they are, None is `linear`.

    Raises:
        ValueError: a name that is not known; the nearest ones are suggested.

    >>> import ranvier
    >>> ranvier.activations.get("swish")
    <activation silu>
    """
    if identifier is None:
        return linear
    return _registry.get(identifier)


def serialize(activation: Any) -> Any:
    """A function's name; for objects of your own, their config dictionary."""
    if isinstance(activation, Activation):
        return activation.__name__
    if hasattr(activation, "get_config"):
        return serialize_keras_object(activation)
    if not hasattr(activation, "__name__"):
        raise ValueError(f"an activation without name or get_config: {activation!r}")
    return {**serialize_keras_object(activation), "config": get_registered_name(activation)}


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A function from what `serialize` (or Keras) wrote."""
    return _registry.deserialize(config, custom_objects)


def derivative(function: Any) -> Callable[[Any], NDArray[Any]]:
    """The derivative of an activation function, itself a function of x.

    Args:
        function: a name, a function of this module, or an object with a method `derivative`.

    Softmax, log_softmax, sparsemax and glu work on rows: theirs gives the matrix `d y_i / d x_j`
    of each row.

    Raises:
        ValueError: a name that is not known, or a function without a derivative.

    >>> import numpy as np, ranvier
    >>> ranvier.activations.derivative("tanh")(np.array([0.0]))
    array([1.])
    """
    found = getattr(get(function), "derivative", None)
    if found is None:
        raise ValueError(f"the activation {function!r} has no method `derivative`")
    return found
