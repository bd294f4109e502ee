"""The examples of docs/text_and_sequences.md, and the text that it learns."""

from __future__ import annotations

import doctest
import pathlib

from ranvier.layers import StringLookup

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_examples_of_the_page() -> None:
    result = doctest.testfile(
        str(ROOT / "docs" / "text_and_sequences.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted >= 24 and result.failed == 0


def test_the_fables() -> None:
    text = (ROOT / "examples" / "data" / "fables.txt").read_text("ascii")
    assert len(text) > 35_000
    assert max(map(len, text.split("\n"))) <= 72
    assert len(set(text)) < 60
    titles = [line for line in text.split("\n") if line.isupper()]
    assert len(titles) == len(set(titles)) == text.count("So it is said: ") >= 35
    letters = StringLookup(num_oov_indices=0, vocabulary=sorted(set(text)))
    back = StringLookup(num_oov_indices=0, vocabulary=sorted(set(text)), invert=True)
    assert "".join(back(letters(list(text)))) == text
