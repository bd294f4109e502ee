"""docs/saving.md: its example runs."""

from __future__ import annotations

import doctest
import pathlib

import pytest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "saving.md"


def test_examples(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted >= 9 and result.failed == 0
