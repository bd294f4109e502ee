"""Objects to and from the nested dictionaries that Keras 3 writes.

A class `ranvier.<family>...Name` is written as module `keras.<family>`, class name `Name`, so that
configs and model files can be exchanged.
"""

from __future__ import annotations

import contextvars
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._custom_objects import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
)
from ranvier._suggest import suggestion, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_FAMILIES = (
    "layers",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "callbacks",
)
_PLAIN = (str, int, float, bool)
# What Keras can write of which ranvier could make nothing without running code from the file.
_CODE = "__lambda__"

# Set for the parts of an object: the whole says for which shapes they are built.
_within: contextvars.ContextVar[bool] = contextvars.ContextVar("within", default=False)


# -- writing ------------------------------------------------------------------------------------


def _public_module(cls: type) -> str | None:
    """The module Keras has a class of ranvier's in; None for classes of others."""
    parts = cls.__module__.split(".")
    if parts[0] != "ranvier" or len(parts) < 2:
        return None
    if parts[1] == "models":
        return "keras"
    if parts[1] == "_random":
        return "keras.random"
    if parts[1] == "optimizers" and parts[2:3] == ["schedules"]:
        return "keras.optimizers.schedules"
    return f"keras.{parts[1]}"


def _function_config(thing: Any) -> dict[str, Any]:
    return {
        "module": "builtins",
        "class_name": "function",
        "config": get_registered_name(thing),
        "registered_name": "function",
    }


def serialize_keras_object(obj: Any) -> Any:
    """An object as Keras 3's dictionary of module, class name, config and registered name.

    >>> import ranvier
    >>> ranvier.saving.serialize_keras_object(ranvier.constraints.NonNeg())["module"]
    'keras.constraints'
    """
    if obj is None or isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, np.generic) or (isinstance(obj, np.ndarray) and obj.ndim == 0):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return {
            "class_name": "__numpy__",
            "config": {"value": obj.tolist(), "dtype": obj.dtype.name},
        }
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        cls = type(obj)
        public = _public_module(cls)
        config = {
            "module": public or cls.__module__,
            "class_name": cls.__name__,
            "config": serialize_keras_object(obj.get_config()),
            "registered_name": None if public else get_registered_name(cls),
        }
        for key in ("build_config", "compile_config") if not _within.get() else ():
            more: Any = getattr(obj, f"get_{key}", dict)()
            if more:
                config[key] = serialize_keras_object(more)
        return config
    if callable(obj) and hasattr(obj, "__name__"):
        if obj.__name__ == "<lambda>":
            raise ValueError(
                "a lambda cannot be written into a config; use a named function registered with "
                "ranvier.saving.register_serializable()"
            )
        return _function_config(obj)
    raise TypeError(f"cannot serialize {obj!r}: its class has no get_config() method")


def serialize_argument(value: Any) -> Any:
    """A constructor's argument within a config: activations go by name, as in Keras."""
    from ranvier.activations import Activation

    if isinstance(value, Activation):
        return value.__name__
    token = _within.set(True)
    try:
        return serialize_keras_object(value)
    finally:
        _within.reset(token)


# -- reading ------------------------------------------------------------------------------------


def _find_public(module: str, name: str) -> Any:
    """A class or function of ranvier's under Keras' module and name, or None."""
    family = module.removeprefix("keras").removeprefix(".src").strip(".")
    if family == "random":
        from ranvier._random import SeedGenerator

        return SeedGenerator if name == "SeedGenerator" else None
    if family.split(".")[0] in ("", "models"):
        home = import_module("ranvier.models")
    elif family == "optimizers.schedules":
        home = import_module("ranvier.optimizers.schedules")
    elif family.split(".")[0] in _FAMILIES:
        home = import_module(f"ranvier.{family.split('.')[0]}")
    else:
        return None
    return _public(home, name)


def _public(home: Any, name: str) -> Any:
    """A class that a module shows, or None: a config may not reach anything else."""
    found = getattr(home, name) if name in home.__all__ else None
    return found if isinstance(found, type) else None


def _find_function(name: str, custom_objects: Mapping[str, Any] | None) -> Any:
    found = get_registered_object(name, custom_objects)
    for family in ("activations", "losses", "metrics"):
        if found is not None:
            break
        home = import_module(f"ranvier.{family}")
        found = getattr(home, name) if name in home.__all__ else None
    if found is None:
        raise ValueError(
            f"the config names a function {name!r} that ranvier does not know; pass it in "
            "`custom_objects` or register it with ranvier.saving.register_serializable()"
        )
    return found


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    *,
    module_objects: Mapping[str, Any] | None = None,
    family: str = "object",
) -> Any:
    """The object that `serialize_keras_object` (ranvier's or Keras') wrote.

    Args:
        config: what was written.
        custom_objects: classes and functions of your own by name.
        safe_mode: of Keras; lambdas are refused with either value.
        module_objects: where to look for names without a module.
        family: how errors call what is looked for.

    Raises:
        ValueError: a name that is not known; the nearest ones are suggested.
        TypeError: something that is no config.
    """
    if config is None or isinstance(config, (int, float, bool)):
        return config
    if isinstance(config, str):
        return _by_name(config, custom_objects, module_objects, family, config)
    within: dict[str, Any] = {"module_objects": module_objects, "family": family}
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(c, custom_objects, **within) for c in config)
    if not isinstance(config, dict):
        raise TypeError(f"a config must be a dictionary; got {config!r}")
    if "class_name" not in config or "config" not in config:
        return {
            key: value
            if isinstance(value, str)
            else deserialize_keras_object(value, custom_objects, **within)
            for key, value in config.items()
        }
    name = config["class_name"]
    inner: Any = {} if config["config"] is None else config["config"]
    if name in ("__numpy__", "__tensor__"):
        return _array(inner)
    if not isinstance(inner, str if name == "function" else dict) or not isinstance(name, str):
        raise TypeError(f"a config must have a name and a dictionary; got {name!r} and {inner!r}")
    if name == "function":
        return _find_function(str(inner), custom_objects)
    cls = _class_of(config, custom_objects, module_objects, family)
    return _made(cls, config, custom_objects) if isinstance(cls, type) else cls


def _array(inner: Any) -> NDArray[Any]:
    dtype = np.dtype(inner["dtype"])
    if dtype.kind not in "biuf":
        raise TypeError(f"an array in a config must hold numbers; got dtype {dtype}")
    return np.array(inner["value"], dtype=dtype)


def _made(cls: Any, config: dict[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """The object of a class, with its weights and compiled if it was."""
    outermost = not _within.get()
    token = _within.set(True)
    try:
        with custom_object_scope(custom_objects):
            made = cls.from_config(dict(config["config"] or {}))
            if outermost and config.get("build_config") and not getattr(made, "built", True):
                made.build_from_config(config["build_config"])
            if config.get("compile_config") and hasattr(made, "compile_from_config"):
                made.compile_from_config(config["compile_config"])
    finally:
        _within.reset(token)
    return made


def _class_of(
    config: dict[str, Any],
    custom_objects: Mapping[str, Any] | None,
    module_objects: Mapping[str, Any] | None,
    family: str,
) -> Any:
    name = config["class_name"]
    for key in (config.get("registered_name"), name):
        found = get_registered_object(key, custom_objects) if key else None
        if found is not None:
            return found
    if name == _CODE:
        raise ValueError(
            "the config has a lambda, which is Python code: ranvier runs none that comes with a "
            "model. Write it as a Layer, or a registered function"
        )
    if module_objects and name in module_objects:
        return module_objects[name]
    module = config.get("module")
    if module and str(module).split(".")[0] == "keras":
        found = _find_public(module, name)
        if found is not None:
            return found
        raise _absent(str(module), name)
    for home in _FAMILIES if not module_objects else ():
        found = _public(import_module(f"ranvier.{home}"), name)
        if found is not None:
            return found
    if module:
        raise ValueError(
            f"the config names {module}.{name}, which is not ranvier's; pass it in "
            "`custom_objects` or register it with ranvier.saving.register_serializable()"
        )
    raise unknown(family, name, module_objects or ())


def _absent(module: str, name: str) -> ValueError:
    """The error for a class of Keras' that ranvier lacks."""
    if name in ("Functional", "Model"):
        return ValueError(f"a {name} model of Keras is not in ranvier (yet): only Sequential is")
    home = module.removeprefix("keras.").removeprefix("src.").split(".")[0]
    names: list[str] = []
    if home in _FAMILIES:
        names = [n for n in import_module(f"ranvier.{home}").__all__ if n[0].isupper()]
    hint = suggestion(name, names) or (f" Known: {', '.join(names)}." if names else "")
    return ValueError(f"ranvier has no {module} class {name!r}.{hint}")


def _by_name(
    name: str,
    custom_objects: Mapping[str, Any] | None,
    module_objects: Mapping[str, Any] | None,
    family: str,
    default: Any,
) -> Any:
    found = get_registered_object(name, custom_objects)
    if found is None and module_objects is not None:
        found = module_objects.get(name)
        if found is None:
            raise unknown(family, name, module_objects)
    return default if found is None else found


class _Names(dict[str, Any]):
    """What is written as a string is that name of the module `home`, once it is asked for."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self.home = home

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        return getattr(import_module(self.home), found) if isinstance(found, str) else found

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - its own get does less


class Registry:
    """The names of one family, and `get`, `serialize`, `deserialize` over them.

    Args:
        family: what an object of it is called.
        classes: or their names in the module `home`, which are imported when asked for.
        aliases: other names; of what, or of which name in `home`.
        absent: Keras' names that there are none of.
        home: a module.
    """

    def __init__(
        self,
        family: str,
        classes: Sequence[type | str],
        aliases: Mapping[str, Any] | None = None,
        absent: tuple[str, ...] = (),
        home: str = "",
    ) -> None:
        self.family = family
        self.names = _Names(home)
        for cls in classes:
            name = cls if isinstance(cls, str) else cls.__name__
            self.names[name] = self.names[snake(name)] = cls
        self.names.update(aliases or {})
        self.absent = {_plain(name) for name in absent}

    def find(self, name: str) -> Any:
        """What a string means, or ValueError."""
        found = get_registered_object(name)
        if found is None:
            found = self.names.get(name)
        if found is None and _plain(name) in self.absent:
            raise ValueError(f"Keras' {self.family} {name!r} is not in ranvier (yet)")
        if found is None:
            raise unknown(self.family, name, self.names)
        return found

    def get(self, identifier: Any) -> Any:
        """An object from a name, a config, a class, or the object itself."""
        if identifier is None:
            return None
        if isinstance(identifier, str):
            identifier = self.find(identifier)
        elif isinstance(identifier, dict):
            identifier = self.deserialize(identifier)
        if isinstance(identifier, type):
            identifier = identifier()
        if callable(identifier) or hasattr(identifier, "get_config"):
            return identifier
        article = "an" if self.family[0] in "aeiou" else "a"
        raise ValueError(
            f"{article} {self.family} must be a name, an object, a config or a function; "
            f"got {identifier!r}"
        )

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        if isinstance(config, dict) and _plain(str(config.get("class_name"))) in self.absent:
            self.find(config["class_name"])
        return deserialize_keras_object(
            config, custom_objects, module_objects=self.names, family=self.family
        )


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def snake(name: str) -> str:
    """`GlorotUniform` as `glorot_uniform`, as Keras does it."""
    import re

    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
