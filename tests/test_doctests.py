"""Every example in a docstring."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ranvier

MODULES = ["ranvier"] + [
    m.name
    for m in pkgutil.walk_packages(ranvier.__path__, "ranvier.")
    if not m.name.endswith(("__main__", "_core"))
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name: str) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0
