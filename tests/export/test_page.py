"""docs/export.md: its examples run."""

from __future__ import annotations

import doctest
import pathlib

import pytest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "export.md"


def test_examples(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted >= 15 and result.failed == 0
