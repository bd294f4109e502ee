"""Newswires by topic."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.datasets._arrays import Pair, Words, load_json, load_npz, ragged, train_share

_LABELS = """
cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship
cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin
strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr
gas silver wpi hog lead
"""


def load_data(
    path: Any = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """Reuters: 11,228 newswires of 46 topics, words as numbers by frequency.

    Args:
        test_split: the share to test on, in [0, 1). Default 0.2.

    The others, and what comes, are as in `imdb.load_data`; labels are topics, 0 to 45.
    """
    words = Words("reuters", num_words, skip_top, maxlen, start_char, oov_char, index_from)
    share = train_share("reuters", test_split)
    a = load_npz("reuters.npz", path)
    order = np.arange(len(a["x"]))
    np.random.RandomState(seed).shuffle(order)
    x, y = words.begin(a["x"][order], a["y"][order])
    x = words.limit(x)
    at = int(len(x) * share)
    return (ragged(x[:at]), y[:at]), (ragged(x[at:]), y[at:])


def get_word_index(path: Any = "reuters_word_index.json") -> dict[str, int]:
    """Each word's number; in the newswires `index_from` (3) is added to it."""
    return load_json("reuters_word_index.json", path)


def get_label_names() -> tuple[str, ...]:
    """The topics' names, in the order of their numbers."""
    return tuple(_LABELS.split())
