"""Words and numbers as the lookup layers take them, and indices as they give them."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# What a table says of a token that it does not have, and of one that leaves no trace (a mask).
ABSENT, DROPPED = -2, -1

TEXT_IS_NO_INPUT = (
    "maps text, which cannot be the input of a model: call it on the data, `x = layer(texts)`, and "
    "give the model what comes out"
)

_WHOLE = (list, tuple, np.ndarray)


def read_words(owner: str, x: Any, encoding: str) -> tuple[list[str], tuple[int, ...]]:
    """All strings in `x`, row by row, and its shape.

    Never through an array of NumPy's "U", whose elements all take the room of the longest.
    """
    if hasattr(x, "to_numpy"):
        x = x.to_numpy()
    elif hasattr(x, "__array__") and not isinstance(x, np.ndarray):
        x = np.asarray(x)
    if not isinstance(x, np.ndarray):
        given, x = x, np.empty((), object)
        if isinstance(given, (list, tuple)):
            x = _object_array(owner, given)
        else:
            x[()] = given
    flat = x.reshape(-1).tolist()
    kinds = set(map(type, flat))
    if kinds <= {str}:
        return flat, x.shape
    for value in flat:
        if isinstance(value, _WHOLE):
            raise ValueError(f"{owner}: expected an array of strings; got rows of unequal lengths")
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"{owner}: expected strings; got {value!r} of {type(value).__name__}")
    try:
        words = [v.decode(encoding) if isinstance(v, bytes) else str(v) for v in flat]
    except UnicodeDecodeError as error:
        raise ValueError(f"{owner}: bytes are no text in '{encoding}': {error}") from None
    return words, x.shape


def _object_array(owner: str, given: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    try:
        return np.array(given, dtype=object)
    except ValueError as error:  # arrays inside that do not fit together
        raise ValueError(f"{owner}: expected an array of strings: {error}") from None


def read_numbers(owner: str, x: Any) -> NDArray[np.int64]:
    """`x` as int64; floats too, if they are whole numbers that are certain."""
    array = _dtypes.as_numeric(owner, x)
    if array.dtype.kind == "f":
        most = 2 ** (np.finfo(array.dtype).nmant + 1)
        strange = ~(np.abs(array) < most) | (array != np.trunc(array))
        if strange.any():
            raise ValueError(
                f"{owner}: expected integers; got {array[strange][0]} of {array.dtype}, "
                f"which holds every integer only below {most}"
            )
    elif array.dtype == np.uint64 and array.size and array.max() >= 2**63:
        raise ValueError(f"{owner}: integers must be below 2**63; got {array.max()}")
    return array.astype(np.int64, copy=False)


def read_values(owner: str, x: Any) -> tuple[list[Any], tuple[int, ...]]:
    """All strings or all integers in `x`, row by row, and its shape; floats as they are."""
    first = x
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (str, bytes)) or getattr(first, "dtype", np.dtype(int)).kind not in "biuf":
        return read_words(owner, x, "utf-8")
    array = _dtypes.as_numeric(owner, x)
    if not np.isfinite(array).all():
        raise ValueError(f"{owner}: expected finite numbers; got {array[~np.isfinite(array)][0]}")
    return array.reshape(-1).tolist(), array.shape


class Words:
    """What number each word has."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self._numbers = numbers

    def find(self, words: list[str]) -> NDArray[np.int64]:
        """The words' numbers, ABSENT for those it does not have."""
        return np.fromiter(map(self._numbers.get, words, repeat(ABSENT)), np.int64, len(words))


class Numbers:
    """What number each integer has."""

    def __init__(self, numbers: dict[int, int]) -> None:
        keys = np.fromiter(numbers.keys(), np.int64, len(numbers))
        order = np.argsort(keys)
        self._keys = keys[order]
        self._values = np.fromiter(numbers.values(), np.int64, len(numbers))[order]

    def find(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens' numbers, ABSENT for those it does not have."""
        if not len(self._keys):
            return np.full(len(tokens), ABSENT)
        at = np.searchsorted(self._keys, tokens)
        at[at == len(self._keys)] = 0
        return np.where(self._keys[at] == tokens, self._values[at], ABSENT)


def pad_rows(
    ids: NDArray[np.int64], lengths: NDArray[np.int64], width: int | None, fill: int
) -> NDArray[np.int64]:
    """Rows of different lengths, given one after another, as an array of `width` columns."""
    if width is None:
        width = int(lengths.max(initial=0))
    starts = np.cumsum(lengths) - lengths
    padded = np.full((len(lengths), width), fill, np.int64)
    inside = np.arange(len(ids)) - np.repeat(starts, lengths)
    kept = inside < width
    padded[np.repeat(np.arange(len(lengths)), lengths)[kept], inside[kept]] = ids[kept]
    return padded


def one_hot(ids: NDArray[np.int64], depth: int, dtype: str) -> NDArray[Any]:
    """A row with a 1 for each index; DROPPED and what is beyond `depth` have none."""
    if ids.ndim > 1 and ids.shape[-1] == 1:
        ids = ids[..., 0]
    flat = ids.reshape(-1)
    rows = np.zeros((flat.size, depth), dtype)
    kept = np.flatnonzero((flat >= 0) & (flat < depth))
    rows[kept, flat[kept]] = 1
    return rows.reshape(*ids.shape, depth)


def tally(
    ids: NDArray[np.int64],
    lengths: NDArray[np.int64],
    depth: int,
    dtype: str,
    once: bool,
    weights: Any = None,
) -> NDArray[Any]:
    """How often (or with which weight) each index is in each row; if `once`, whether it is."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    kept = (ids >= 0) & (ids < depth)
    rows, ids = rows[kept], ids[kept]
    counts = np.zeros((len(lengths), depth), dtype)
    if once:
        counts[rows, ids] = 1
    else:
        np.add.at(counts, (rows, ids), 1 if weights is None else weights[kept])
    return counts


def lengths_of(rows: Sequence[Any]) -> NDArray[np.int64]:
    """How many elements each row has."""
    return np.fromiter(map(len, rows), np.int64, len(rows))
