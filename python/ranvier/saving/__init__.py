"""Models as files, objects as configs, and classes of your own in them."""

from ranvier._custom_objects import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_serializable,
)
from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.saving.cloning import clone_model
from ranvier.saving.model_files import (
    load_model,
    load_weights,
    model_from_json,
    save_model,
    save_weights,
)

# Keras' names for the same.
CustomObjectScope = custom_object_scope
register_keras_serializable = register_serializable

__all__ = [
    "CustomObjectScope",
    "clone_model",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "model_from_json",
    "register_keras_serializable",
    "register_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
