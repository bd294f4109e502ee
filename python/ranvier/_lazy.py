"""Names that a package imports when they are first asked for: `import ranvier` stays quick."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy(
    package: str, homes: Mapping[str, str], aliases: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`.

    Args:
        package: its name.
        homes: by module, the names that it has, separated by spaces. Modules of the package by
            their name in it, others by their full one.
        aliases: other names of those.
    """
    where = {name: module for module, names in homes.items() for name in names.split()}
    others = aliases or {}

    def load(name: str) -> Any:
        real = others.get(name, name)
        if real not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = where[real]
        module = import_module(home if home.startswith("ranvier.") else f"{package}.{home}")
        found = getattr(module, real)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *where, *others})

    return load, names
