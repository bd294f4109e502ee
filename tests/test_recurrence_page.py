"""The examples of docs/recurrence.md, and its table of memory."""

from __future__ import annotations

import doctest
import pathlib
import re
from typing import Any

import numpy as np
import pytest

from ranvier import layers as L
from ranvier.layers._recurrent import Walk, walk_forward

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "recurrence.md"


def test_examples_of_the_page() -> None:
    pytest.importorskip("matplotlib")
    result = doctest.testfile(
        str(PAGE),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted >= 35 and result.failed == 0


@pytest.mark.parametrize("cell", [L.SimpleRNNCell, L.LSTMCell, L.GRUCell])
@pytest.mark.parametrize("activation", ["tanh", "swish"])
def test_what_training_keeps(cell: Any, activation: str) -> None:
    text = PAGE.read_text("utf-8")
    name = cell.__name__.removesuffix("Cell")
    numbers = int(re.search(rf"\| {name} \| (\d) U \|", text)[1])
    if activation == "swish" and name != "SimpleRNN":
        numbers += int(re.search(rf"(\d) U for {name}", text)[1])
    one = cell(32, activation=activation)
    one.build((None, 1))
    rows, steps = 4, 1000
    x = np.ones((rows, steps, 1), "float32")
    _, _, tape = walk_forward(one, Walk(), x, None, None, keep=True)
    assert tape is not None
    assert tape.cache.size / (rows * steps * 32) == pytest.approx(numbers, rel=0.002)
