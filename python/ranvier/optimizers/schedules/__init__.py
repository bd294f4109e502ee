"""Learning rates that change from step to step."""

from __future__ import annotations

from typing import Any

from ranvier._serialize import Registry, serialize_keras_object
from ranvier.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from ranvier.optimizers.schedules.decays import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from ranvier.optimizers.schedules.schedule import LearningRateSchedule

_registry = Registry(
    "learning rate schedule",
    [
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    ],
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


def serialize(learning_rate_schedule: Any) -> Any:
    """A schedule as Keras' config dictionary."""
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A schedule from the dictionary that `serialize` (or Keras) wrote."""
    return _registry.deserialize(config, custom_objects)
