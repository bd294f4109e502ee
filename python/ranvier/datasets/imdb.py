"""Film reviews, each good or bad."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.datasets._arrays import Pair, Words, load_json, load_npz, ragged


def load_data(
    path: Any = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """IMDB: 25,000 film reviews to train on, 25,000 to test on, words as numbers by frequency.

    Args:
        path: the file's name in the cache, or a file of your own.
        num_words: numbers below it stay; None: all.
        skip_top: numbers from it on stay. Default 0.
        maxlen: only reviews that are shorter; None: all.
        seed: of the order. Default 113.
        start_char: what each review begins with, or None. Default 1.
        oov_char: what stands for words left out; None: nothing. Default 2.
        index_from: is added to words' numbers. Default 3.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists of numbers, and labels 0 (bad) or 1.

    Raises:
        ValueError: no review is shorter than `maxlen`.

    Source: Maas et al., "Learning word vectors for sentiment analysis" (2011).
    """
    words = Words("imdb", num_words, skip_top, maxlen, start_char, oov_char, index_from)
    a = load_npz("imdb.npz", path)
    rng = np.random.RandomState(seed)
    parts = []
    for part in ("train", "test"):
        order = np.arange(len(a[f"x_{part}"]))
        rng.shuffle(order)
        parts.append(words.begin(a[f"x_{part}"][order], a[f"y_{part}"][order]))
    (x, y), (x_test, y_test) = parts
    rows = words.limit(x + x_test)
    return (ragged(rows[: len(x)]), y), (ragged(rows[len(x) :]), y_test)


def get_word_index(path: Any = "imdb_word_index.json") -> dict[str, int]:
    """Each word's number; in the reviews `index_from` (3) is added to it."""
    return load_json("imdb_word_index.json", path)
