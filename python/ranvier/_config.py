"""Constructor arguments, captured once for configs, saving, cloning and errors."""

from __future__ import annotations

from typing import Any, Self

_NAMES: dict[type, tuple[str, ...]] = {}

# Of code flags: the function takes **kwargs.
_VARKEYWORDS = 0x08


def _own_arguments(cls: type) -> tuple[tuple[str, ...], bool]:
    """The argument names of the `__init__` that `cls` itself defines, and if it has **kwargs."""
    code = getattr(cls.__dict__["__init__"], "__code__", None)
    if code is None:
        return (), True
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return names, bool(code.co_flags & _VARKEYWORDS)


def _argument_names(cls: type) -> tuple[str, ...]:
    found = _NAMES.get(cls)
    if found is None:
        names: dict[str, None] = {}
        for base in cls.__mro__:
            if "__init__" not in base.__dict__ or base is object:
                continue
            own, passes_on = _own_arguments(base)
            names.update(dict.fromkeys(own))
            if not passes_on:
                break
        found = _NAMES[cls] = tuple(names)
    return found


class Configurable:
    """Base of everything that Keras writes a config of.

    The arguments a constructor was called with are recorded before it runs; no class lists its own
    arguments again. `get_config` gives each argument's present value (the attribute of that name),
    or the recorded one if there is no such attribute.
    """

    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = object.__new__(cls)
        names = _argument_names(cls)
        self.__dict__["_arguments"] = {**dict(zip(names, args, strict=False)), **kwargs}
        return self

    @classmethod
    def constructor_arguments(cls) -> list[str]:
        """The names of the constructor's arguments, base classes' included.

        >>> import ranvier
        >>> ranvier.initializers.RandomNormal.constructor_arguments()
        ['mean', 'stddev', 'seed']
        """
        return list(_argument_names(cls))

    def _config_value(self, name: str) -> Any:
        """The value behind one argument; a class whose attribute is not the argument overrides."""
        if hasattr(self, name):
            return getattr(self, name)
        return self._arguments.get(name)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain, JSON-able values, with Keras 3's keys."""
        from ranvier._serialize import serialize_argument

        return {
            name: serialize_argument(self._config_value(name))
            for name in _argument_names(type(self))
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new object from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> Self:
        """A new object with the same configuration."""
        return type(self).from_config(self.get_config())
