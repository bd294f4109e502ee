"""Losses: how wrong predictions are, and in which direction to go."""

from __future__ import annotations

from typing import Any

from ranvier._serialize import Registry, serialize_keras_object
from ranvier.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from ranvier.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from ranvier.losses.loss import Loss
from ranvier.losses.regression import MeanAbsoluteError, MeanSquaredError
from ranvier.losses.wrapper import LossFunctionWrapper

_CLASSES: list[type] = [
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
]

_registry = Registry(
    "loss",
    _CLASSES,
    aliases={
        "bce": BinaryCrossentropy,
        "BCE": BinaryCrossentropy,
        "mae": MeanAbsoluteError,
        "MAE": MeanAbsoluteError,
        "mse": MeanSquaredError,
        "MSE": MeanSquaredError,
        "LossFunctionWrapper": LossFunctionWrapper,
    },
    absent=(
        "BinaryFocalCrossentropy",
        "CTC",
        "CategoricalFocalCrossentropy",
        "CategoricalGeneralizedCrossEntropy",
        "CategoricalHinge",
        "Circle",
        "CosineSimilarity",
        "Dice",
        "Hinge",
        "Huber",
        "KLDivergence",
        "LogCosh",
        "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError",
        "Poisson",
        "SquaredHinge",
        "Tversky",
        "kld",
        "mape",
        "msle",
        "crossentropy",
        "ce",
    ),
)

# Function forms and the classes that compute them.
_OF_FUNCTION: dict[Any, type[Loss]] = {
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    mean_absolute_error: MeanAbsoluteError,
    mean_squared_error: MeanSquaredError,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_crossentropy",
]


def get(identifier: Any) -> Any:
    """A `Loss` from a name, a class, a config, a function of (y_true, y_pred), or itself.

    Raises:
        ValueError: a name that is not known; the nearest ones are suggested.

    >>> import ranvier
    >>> ranvier.losses.get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    found = _registry.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    own = _OF_FUNCTION.get(found)
    return LossFunctionWrapper(found) if own is None else own()


def serialize(loss: Any) -> Any:
    """A loss as Keras' config dictionary."""
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Any = None) -> Any:
    """A loss from the dictionary that `serialize` (or Keras) wrote."""
    return get(_registry.deserialize(name, custom_objects))
