"""Counting the tokens of a data set, from which `adapt` makes a vocabulary."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers._lookup_arguments import is_whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

# Rows of an array that are taken at a time: enough for speed, little beside the data.
_PIECE = 1 << 16

_WHOLE = (list, tuple, np.ndarray)


def batches(
    owner: str, data: Any, steps: int | None, piece: int | None = None
) -> Iterator[tuple[Any, bool]]:
    """Batches of `data`, and whether each element stands for itself (those of a 1-D array)."""
    for argument, value in (("steps", steps), ("batch_size", piece)):
        if value is not None and not is_whole_number(value, 1):
            raise ValueError(
                f"{owner}: `{argument}` must be a positive integer or None; got {value!r}"
            )
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    elif hasattr(data, "__array__"):
        data = np.asarray(data)
    if isinstance(data, _WHOLE) and np.ndim(data[:1]) > 0:
        size = piece or _PIECE
        for start in range(0, len(data), size):
            yield data[start : start + size], not isinstance(data[start], _WHOLE)
        return
    try:
        if isinstance(data, (str, bytes, dict)):
            raise TypeError
        iterator = iter(data)
    except TypeError:
        raise TypeError(
            f"{owner}: adapt() wants an array, a list or an iterable of batches; got "
            f"{type(data).__name__}"
        ) from None
    for i, batch in enumerate(iterator):
        if i == steps:
            return
        yield batch, False


class TokenCounts:
    """How often each token was seen, and (for "tf_idf") in how many documents."""

    def __init__(self, documents: bool) -> None:
        self._wants_documents = documents
        self._tokens: Counter[Any] = Counter()
        self._in_documents: Counter[Any] = Counter()
        self._documents = 0

    def __len__(self) -> int:
        return len(self._tokens)

    def update(self, tokens: Iterable[Any], lengths: NDArray[np.int64]) -> None:
        """Counts documents of `lengths`, given one after another."""
        tokens = list(tokens)
        self._tokens.update(tokens)
        if self._wants_documents:
            ends = np.cumsum(lengths).tolist()
            rows = (set(tokens[a:b]) for a, b in zip([0, *ends], ends, strict=False))
            self._in_documents.update(chain.from_iterable(rows))
            self._documents += len(ends)

    def most_frequent(self, most: int | None, special: Iterable[Any]) -> list[Any]:
        """All tokens but special ones, frequent ones first; of equals the greater one."""
        for token in special:
            self._tokens.pop(token, None)
        items = sorted(self._tokens.items(), key=lambda item: (item[1], item[0]), reverse=True)
        return [token for token, _ in items[:most]]

    def inverse_frequencies(self, tokens: list[Any], start: int) -> NDArray[Any]:
        """Weights of tokens that begin at index `start`; what is before has their mean."""
        seen = np.array([self._in_documents[token] for token in tokens], np.float64)
        weights = np.log(1 + self._documents / (1 + seen))
        mean = np.mean(weights) if len(weights) else 0.0
        return np.concatenate([np.full(start, mean), weights])
