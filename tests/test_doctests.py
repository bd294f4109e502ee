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
    if name.startswith("ranvier.sklearn"):
        pytest.importorskip("sklearn")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0


@pytest.mark.parametrize(
    ("page", "least"), [("extending.md", 32), ("pictures.md", 11), ("datasets.md", 12)]
)
def test_examples_of_the_documentation(page: str, least: int) -> None:
    if page == "pictures.md":
        pytest.importorskip("matplotlib")
    if page == "datasets.md":
        pytest.importorskip("PIL")
    docs = pathlib.Path(__file__).resolve().parent.parent / "docs"
    result = doctest.testfile(
        str(docs / page),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted >= least and result.failed == 0
