"""What is installed only with an extra."""

from __future__ import annotations

import importlib.util


class MissingExtra(ImportError):
    """A package that ranvier itself does not need is not installed."""


def need(package: str, extra: str, purpose: str) -> None:
    """Nothing if `package` is installed, else a MissingExtra that names the extra.

    >>> need("numpy", "plot", "plots")
    """
    if importlib.util.find_spec(package) is None:
        raise MissingExtra(
            f"{purpose} the package {package}; install it with `pip install 'ranvier[{extra}]'` "
            f"(from a source directory: `pip install '.[{extra}]'`)",
            name=package,
        )
