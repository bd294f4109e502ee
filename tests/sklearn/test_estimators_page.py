"""The examples of docs/estimators.md."""

from __future__ import annotations

import doctest
import pathlib

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


def test_examples() -> None:
    page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "estimators.md"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert result.attempted >= 30 and result.failed == 0
