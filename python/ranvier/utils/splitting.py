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

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Any:
        return self._whole[self._order[index]]

    def on_epoch_begin(self) -> None:
        self._whole.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._whole.on_epoch_end()


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
        dataset: an array, a list or tuple of arrays of one length, a data set of files, or another
            `PyDataset`, whose batches are then what is counted.
        left_size, right_size: how many samples, or (float) what share of them, is in each part.
            None: the rest; one of them must be given.
        shuffle: shuffle the samples first, as Keras for the same `seed`. Default False.
        seed: None: from Python's global generator.
        preferred_backend: of Keras; without effect.

    Returns:
        Two arrays, tuples of arrays or data sets.

    Raises:
        TypeError, ValueError: other data, sizes out of range.

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
                "split_dataset: `dataset` must be an array, a list or tuple of arrays, or a "
                f"PyDataset; got {dataset!r:.80}"
            )
        n = len(arrays[0])
        if any(len(a) != n for a in arrays):
            raise ValueError(
                "split_dataset: the arrays must have one length; got "
                f"{', '.join(str(len(a)) for a in arrays)}"
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
    if left is None and right is None:
        raise ValueError("split_dataset: give `left_size` or `right_size`")
    counts: list[Any] = []
    for argument, size in (("left_size", left), ("right_size", right)):
        if size is None:
            counts.append(None)
            continue
        whole = isinstance(size, (int, np.integer))
        if isinstance(size, bool) or not (whole or isinstance(size, (float, np.floating))):
            raise TypeError(f"split_dataset: `{argument}` must be a number or None; got {size!r}")
        if not 0 < size < (n if whole else 1):
            raise ValueError(
                f"split_dataset: `{argument}` must be an integer in [1, {n - 1}] or a float in "
                f"(0, 1); got {size!r}"
            )
        counts.append(int(size) if whole else round(size * n))
    first = n - counts[1] if counts[0] is None else counts[0]
    last = n - first if counts[1] is None else counts[1]
    if first < 1 or last < 1 or first + last > n:
        raise ValueError(
            f"split_dataset: {n} samples cannot be split into {first} and {last} "
            f"(`left_size` {left!r}, `right_size` {right!r})"
        )
    return first, last
