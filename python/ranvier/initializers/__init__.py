"""How weights begin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier import _dtypes
from ranvier._serialize import Registry, serialize_keras_object
from ranvier.initializers.constant import Constant, Identity, Ones, Zeros
from ranvier.initializers.initializer import Initializer
from ranvier.initializers.random import (
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from ranvier.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from ranvier.initializers.stft import STFT

_registry = Registry(
    "initializer",
    [
        Constant,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        Identity,
        LecunNormal,
        LecunUniform,
        Ones,
        Orthogonal,
        RandomNormal,
        RandomUniform,
        STFT,
        TruncatedNormal,
        VarianceScaling,
        Zeros,
    ],
    aliases={
        "IdentityInitializer": Identity,
        "OrthogonalInitializer": Orthogonal,
        "STFTInitializer": STFT,
        "normal": RandomNormal,
        "one": Ones,
        "uniform": RandomUniform,
        "zero": Zeros,
    },
)

# Keras exports each class under its function-like name too.
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
]


def get(identifier: Any) -> Any:
    """An initializer from its name, config, class, or an array to copy; callables stay as they are.

    Raises:
        ValueError: a name that is not known; the nearest ones are suggested.

    >>> import ranvier
    >>> ranvier.initializers.get("he_normal").get_config()
    {'seed': None, 'input_axes': None, 'output_axes': None}
    """
    if isinstance(identifier, (np.ndarray, np.generic)):
        value = np.array(identifier)

        def copy_of_array(shape: Any, dtype: Any = None) -> Any:
            if tuple(shape) != value.shape:
                raise ValueError(
                    f"initializer: the array has shape {value.shape}, the weight {tuple(shape)}"
                )
            return value.astype(_dtypes.standardize(dtype))

        return copy_of_array
    return _registry.get(identifier)


def serialize(initializer: Any) -> Any:
    """An initializer as Keras' config dictionary."""
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """An initializer from the dictionary that `serialize` (or Keras) wrote."""
    return _registry.deserialize(config, custom_objects)
