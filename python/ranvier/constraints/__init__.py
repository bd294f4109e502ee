"""Projections of weights, applied after each update."""

from __future__ import annotations

from typing import Any

from ranvier._serialize import Registry, serialize_keras_object
from ranvier.constraints.constraint import Constraint
from ranvier.constraints.norms import MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_registry = Registry("constraint", [Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm])

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "serialize",
]


def get(identifier: Any) -> Any:
    """A constraint from its name, config or class; callables and None stay as they are.

    >>> import ranvier
    >>> ranvier.constraints.get("max_norm").get_config()
    {'max_value': 2, 'axis': 0}
    """
    return _registry.get(identifier)


def serialize(constraint: Any) -> Any:
    """A constraint as Keras' config dictionary."""
    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A constraint from the dictionary that `serialize` (or Keras) wrote."""
    return _registry.deserialize(config, custom_objects)
