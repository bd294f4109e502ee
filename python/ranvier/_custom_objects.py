"""Classes and functions of the user's own that configs may name."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

_registered: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}
_scope: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "custom_objects", default=None
)


def register_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator that lets configs name a class or function of your own.

    Args:
        package: prefix of the registered name, `package>name`.
        name: the class's own name if None.

    Raises:
        ValueError: a class without `get_config`.

    >>> import ranvier
    >>> @ranvier.saving.register_serializable("Mine")
    ... class Double(ranvier.initializers.Ones):
    ...     pass
    >>> ranvier.saving.get_registered_name(Double)
    'Mine>Double'
    """

    def decorate(thing: Any) -> Any:
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError(
                f"register_serializable: class {thing.__name__} has no get_config() method"
            )
        full = f"{package}>{name or thing.__name__}"
        _registered[full] = thing
        _registered_names[thing] = full
        return thing

    return decorate


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions by name; may be added to."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """The name something is registered under, or its own name."""
    name = _registered_names.get(obj)
    return str(getattr(obj, "__name__", obj)) if name is None else name


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """What is registered or in scope under a name, or None."""
    for table in (_scope.get() or {}, _registered, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


class custom_object_scope:
    """Within this context, configs may name these classes and functions.

    >>> import ranvier
    >>> class Mine(ranvier.initializers.Ones):
    ...     pass
    >>> with ranvier.saving.custom_object_scope({"Mine": Mine}):
    ...     type(ranvier.initializers.get("Mine")).__name__
    'Mine'
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None = None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._tokens: list[contextvars.Token[dict[str, Any] | None]] = []

    def __enter__(self) -> custom_object_scope:
        self._tokens.append(_scope.set({**(_scope.get() or {}), **self.custom_objects}))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _scope.reset(self._tokens.pop())
