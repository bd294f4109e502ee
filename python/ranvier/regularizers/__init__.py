"""Penalties on weights and outputs, added to the loss."""

from __future__ import annotations

from typing import Any

from ranvier._serialize import Registry, serialize_keras_object
from ranvier.regularizers.norms import L1, L1L2, L2
from ranvier.regularizers.orthogonal import OrthogonalRegularizer
from ranvier.regularizers.regularizer import Regularizer

_registry = Registry("regularizer", [L1, L1L2, L2, OrthogonalRegularizer, Regularizer])

l1 = L1
l1_l2 = L1L2
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "serialize",
]


def get(identifier: Any) -> Any:
    """A regularizer from its name, config or class; a `Regularizer` and None stay as they are.

    "l1_l2" is `L1L2(0.01, 0.01)`, as Keras' documentation has it.

    Raises:
        TypeError: a plain function: training needs its gradient, so it must be a `Regularizer`.

    >>> import ranvier
    >>> ranvier.regularizers.get("l2").get_config()
    {'l2': 0.01}
    """
    if identifier == "l1_l2":
        return L1L2(0.01, 0.01)
    found = _registry.get(identifier)
    if found is not None and not isinstance(found, Regularizer):
        raise TypeError(
            "a regularizer of your own must be a ranvier.regularizers.Regularizer with the methods "
            f"`__call__(w)` and `gradient(w)`; got {found!r}"
        )
    return found


def serialize(regularizer: Any) -> Any:
    """A regularizer as Keras' config dictionary."""
    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A regularizer from the dictionary that `serialize` (or Keras) wrote."""
    return _registry.deserialize(config, custom_objects)
