"""A data set in two parts."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import numpy as np

from ranvier.utils.directories import FilesDataset
from ranvier.utils.py_dataset import PyDataset


class _Part(PyDataset):
    """Some batches of a data set."""

    def __init__(self, whole: PyDataset, order: list[int]) -> None:
        super().__init__(whole.workers, whole.use_multiprocessing, whole.max_queue_size)
        self._whole, self._order = whole, order
        self.on_epoch_begin = whole.on_epoch_begin  # type: ignore[method-assign]
        self.on_epoch_end = whole.on_epoch_end  # type: ignore[method-assign]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Any:
        return self._whole[self._order[index]]


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """The first and the last samples of a data set.

    Args:
        dataset: an array, arrays of one length, a `FilesDataset`, or another `PyDataset`, whose
            batches are counted.
        left_size, right_size: how many (integers), or what share. None: the rest.
        shuffle, seed: shuffle first, as Keras; None: a seed of Python's global generator.
        preferred_backend: of Keras; without effect.

    >>> split_dataset(np.arange(5), left_size=0.6)
    (array([0, 1, 2]), array([3, 4]))
    """
    arrays: Any = ()
    if isinstance(dataset, PyDataset):
        n: Any = dataset.num_batches
        part: Any = partial(_Part, dataset)
        if isinstance(dataset, FilesDataset):
            n, part = len(dataset.file_paths), dataset.part
        if n is None:
            raise ValueError("split_dataset: `dataset` has no end")
    else:
        several = isinstance(dataset, (list, tuple))
        arrays = tuple(dataset) if several else (dataset,)
        if not arrays or not all(isinstance(a, np.ndarray) and a.ndim for a in arrays):
            raise TypeError(
                f"split_dataset: `dataset` must be arrays or a PyDataset; got {dataset!r:.80}"
            )
        n = len(arrays[0])
        if any(len(a) != n for a in arrays):
            raise ValueError(
                f"split_dataset: arrays must have one length; got {[len(a) for a in arrays]}"
            )
    left, right = _sizes(left_size, right_size, n)
    order = list(range(n))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)
    sides = order[:left], order[n - right :]
    if not arrays:
        made = [part(side) for side in sides]
    else:
        made = [tuple(a[side] for a in arrays) if several else dataset[side] for side in sides]
    return made[0], made[1]


def _sizes(left: Any, right: Any, n: int) -> tuple[int, int]:
    """How many of n samples are in the parts."""
    counts = [_count(size, n) for size in (left, right)]
    first, last = counts
    if first is None:
        first = n - (n if last is None else last)
    if last is None:
        last = n - first
    if first < 1 or last < 1 or first + last > n:
        raise ValueError(
            f"split_dataset: `left_size` {left!r} and `right_size` {right!r} are no parts of {n} "
            "samples: integers in [1, n) or floats in (0, 1), at least one of them"
        )
    return int(first), int(last)


def _count(size: Any, n: int) -> Any:
    """A size in samples; one out of range as n, which is refused."""
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, (int, float, np.number)):
        raise TypeError(f"split_dataset: sizes must be numbers or None; got {size!r}")
    share = isinstance(size, (float, np.floating))
    if not 0 < size < (1 if share else n):
        return n
    return round(size * n) if share else size
