"""Optimizers: how weights follow their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._lazy import lazy
from ranvier._serialize import Registry, serialize_keras_object
from ranvier.optimizers import schedules
from ranvier.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from ranvier.optimizers.adadelta import Adadelta
    from ranvier.optimizers.adafactor import Adafactor
    from ranvier.optimizers.adagrad import Adagrad
    from ranvier.optimizers.adam import Adam, AdamW
    from ranvier.optimizers.adamax import Adamax
    from ranvier.optimizers.ftrl import Ftrl
    from ranvier.optimizers.lamb import Lamb
    from ranvier.optimizers.lion import Lion
    from ranvier.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
    from ranvier.optimizers.muon import Muon
    from ranvier.optimizers.nadam import Nadam
    from ranvier.optimizers.rmsprop import RMSprop
    from ranvier.optimizers.schedule_free_adamw import ScheduleFreeAdamW
    from ranvier.optimizers.sgd import SGD

_registry = Registry(
    "optimizer",
    [
        "SGD",
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Ftrl",
        "Lamb",
        "Lion",
        "MultiOptimizer",
        "Muon",
        "Nadam",
        "RMSprop",
        "ScheduleFreeAdamW",
    ],
    aliases={"adamw": "AdamW", "rmsprop": "RMSprop"},
    # It guards gradients in float16, in which nothing is computed here.
    absent=("LossScaleOptimizer",),
    home=__name__,
)

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "adadelta": "Adadelta",
        "adafactor": "Adafactor",
        "adagrad": "Adagrad",
        "adam": "Adam AdamW",
        "adamax": "Adamax",
        "ftrl": "Ftrl",
        "lamb": "Lamb",
        "lion": "Lion",
        "multi_optimizer": "MultiOptimizer OptimizerMap",
        "muon": "Muon",
        "nadam": "Nadam",
        "rmsprop": "RMSprop",
        "schedule_free_adamw": "ScheduleFreeAdamW",
        "sgd": "SGD",
    },
)


def get(identifier: Any) -> Any:
    """An optimizer from its name, class, config, or itself.

    Raises:
        ValueError: a name that is not known; the nearest ones are suggested.

    >>> import ranvier
    >>> ranvier.optimizers.get("adam")
    <Adam name=adam learning_rate=0.001>
    """
    if isinstance(identifier, str) and identifier not in _registry.names:
        identifier = identifier.lower()
    if isinstance(identifier, Optimizer):
        return identifier
    found = _registry.get(identifier)
    if not isinstance(found, Optimizer):
        raise ValueError(
            f"an optimizer must be a name, an Optimizer or a config; got {identifier!r}"
        )
    return found


def serialize(optimizer: Any) -> Any:
    """An optimizer as Keras' config dictionary (its state is not in it)."""
    return serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """An optimizer from the dictionary that `serialize` (or Keras) wrote."""
    return _registry.deserialize(config, custom_objects)
