"""Every example in a docstring."""

from __future__ import annotations

import doctest
import importlib
import pathlib
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
    if name.startswith("ranvier.plot"):
        pytest.importorskip("matplotlib")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0


def test_examples_of_the_documentation() -> None:
    docs = pathlib.Path(__file__).resolve().parent.parent / "docs"
    result = doctest.testfile(
        str(docs / "extending.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted > 15 and result.failed == 0
