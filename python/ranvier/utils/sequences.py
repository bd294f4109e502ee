"""Sequences of different lengths as one array, and windows over a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, _random

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Sequences of different lengths as one array, the shorter ones filled up with `value`.

    Args:
        sequences: a list of sequences, each of numbers or of equal arrays.
        maxlen: the length; None: that of the longest.
        dtype: of the result; `object` for strings of different lengths. Default "int32".
        padding: "pre" (default) or "post", where `value` goes.
        truncating: "pre" (default) or "post", where longer sequences are cut.
        value: what fills. Default 0.0.

    Returns:
        Array (number of sequences, maxlen, ...).

    Raises:
        ValueError: no list of sequences, elements of different shapes, bad arguments, a string
            `value` with a dtype of numbers.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]])
    array([[0, 0, 1],
           [0, 2, 3],
           [4, 5, 6]], dtype=int32)
    """
    for argument, where in (("padding", padding), ("truncating", truncating)):
        if where not in ("pre", "post"):
            raise ValueError(f"pad_sequences: `{argument}` must be 'pre' or 'post'; got {where!r}")
    lengths, shape = _lengths(sequences)
    if maxlen is None:
        if not lengths:
            raise ValueError("pad_sequences: no sequences and no `maxlen` leave the length open")
        maxlen = max(lengths)
    kind: Any = np.dtype(dtype).kind
    if isinstance(value, str) and kind not in "OUS":
        raise ValueError(
            f"pad_sequences: `value` {value!r} does not fit dtype {dtype}; use dtype=object for "
            "strings"
        )
    padded = np.full((len(lengths), maxlen, *shape), value, dtype)
    for i, sequence in enumerate(sequences):
        if not lengths[i]:
            continue
        kept = sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen]
        row = np.asarray(kept, dtype)
        if row.shape[1:] != shape:
            raise ValueError(
                f"pad_sequences: all elements must have shape {shape}, as those of the first "
                f"sequence; sequence {i} has elements of shape {row.shape[1:]}"
            )
        padded[i, slice(None, len(row)) if padding == "post" else slice(-len(row), None)] = row
    return padded


def _lengths(sequences: Any) -> tuple[list[int], tuple[int, ...]]:
    """Of each sequence, and the shape of the elements of the first one that has any."""
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"pad_sequences: `sequences` must be a list; got {sequences!r}")
    lengths: list[int] = []
    for sequence in sequences:
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"pad_sequences: `sequences` must hold sequences; got {sequence!r}")
        lengths.append(len(sequence))
    first = next((s for s, n in zip(sequences, lengths, strict=True) if n), ())
    return lengths, np.asarray(first).shape[1:]


class TimeseriesDataset:
    """Windows over a time series in batches; each is gathered when its turn comes.

    Made by `timeseries_dataset_from_array`. May be gone through again and again, and is taken by
    `fit`, `evaluate` and `predict`; `len` is the number of batches.
    """

    def __init__(
        self,
        data: NDArray[Any],
        targets: NDArray[Any] | None,
        starts: NDArray[Any],
        steps: NDArray[Any],
        batch_size: int | None,
        seed: int | None,
    ) -> None:
        self._data, self._targets = data, targets
        self._starts, self._steps = starts, steps
        self.batch_size = batch_size
        self._rng = None if seed is None else _random.make(seed)

    def __len__(self) -> int:
        return -(-len(self._starts) // (self.batch_size or 1))

    def __iter__(self) -> Iterator[Any]:
        order = self._starts if self._rng is None else self._rng.permutation(self._starts)
        for begin in range(0, len(order), self.batch_size or 1):
            at = order[begin : begin + (self.batch_size or 1)]
            if self.batch_size is None:
                at = at[0]
            x = self._data[np.add.outer(at, self._steps)]
            yield x if self._targets is None else (x, self._targets[at])

    def __repr__(self) -> str:
        return (
            f"<TimeseriesDataset of {len(self._starts)} windows of {len(self._steps)} steps, "
            f"batch_size={self.batch_size}>"
        )


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> TimeseriesDataset:
    """Sliding windows over a time series, in batches.

    Window i is `data[s : s + sequence_length * sampling_rate : sampling_rate]` with
    `s = i * sequence_stride`, counted from `start_index`. Only one batch of windows is in memory.

    Args:
        data: array (time, ...); also one mapped from disk.
        targets: array (time, ...): `targets[s]` belongs to the window that begins at s; windows
            for which there is none are left out. None: the batches are windows alone.
        sequence_length: steps in a window, >= 1.
        sequence_stride: steps from one window to the next, in [1, time). Default 1.
        sampling_rate: steps of `data` from one step of a window to the next, in [1, time).
            Default 1.
        batch_size: windows in a batch, the last of which may be smaller; None for single windows.
            Default 128.
        shuffle: True puts the windows into a new order each time.
        seed: of these orders; None: from the generator that `set_random_seed` seeds.
        start_index, end_index: the part of `data` (and `targets`) to use, the end excluded.
        format: of Keras ("tf", "grain"); without effect.

    Returns:
        A `TimeseriesDataset` of batches (x, y), or x if there are no targets, with x of shape
        (batch, sequence_length, ...) and the dtype of the data.

    Raises:
        TypeError: data that are no arrays of numbers, or no integers.
        ValueError: integers out of range.

    >>> data = np.arange(6)
    >>> windows = timeseries_dataset_from_array(data[:-2], data[2:], sequence_length=2)
    >>> len(windows)
    1
    >>> x, y = next(iter(windows))
    >>> x
    array([[0, 1],
           [1, 2],
           [2, 3]])
    >>> y
    array([2, 3, 4])
    """
    if format not in ("tf", "grain"):
        raise ValueError(f"{_NAME}: `format` must be 'tf' or 'grain'; got {format!r}")
    series = _array("data", data)
    wanted = None if targets is None else _array("targets", targets)
    n = len(series)
    length = _whole("sequence_length", sequence_length, 1)
    stride = _whole("sequence_stride", sequence_stride, 1, n - 1)
    rate = _whole("sampling_rate", sampling_rate, 1, n - 1)
    size = None if batch_size is None else _whole("batch_size", batch_size, 1)
    start = 0 if start_index is None else _whole("start_index", start_index, 0, n - 1)
    end = n if end_index is None else _whole("end_index", end_index, start + 1, n - 1)
    series = series[start:end]
    windows = len(series) - (length - 1) * rate
    if wanted is not None:
        wanted = wanted[start:end]
        windows = min(windows, len(wanted))
    if shuffle and seed is None:
        seed = _random.draw_seed()
    return TimeseriesDataset(
        series,
        wanted,
        np.arange(0, max(0, windows), stride),
        np.arange(length) * rate,
        size,
        _whole("seed", seed, 0) if shuffle else None,
    )


_NAME = "timeseries_dataset_from_array"


def _array(argument: str, x: Any) -> NDArray[Any]:
    if isinstance(x, (list, tuple)):
        raise TypeError(f"{_NAME}: `{argument}` must be an array; got a {type(x).__name__}")
    array = _dtypes.as_numeric(_NAME, x, argument)
    if array.ndim == 0:
        raise ValueError(f"{_NAME}: `{argument}` must have a time axis; got the number {array}")
    return array


def _whole(argument: str, value: Any, low: int, high: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{_NAME}: `{argument}` must be an integer; got {value!r}")
    if value < low or (high is not None and value > high):
        wanted = f">= {low}" if high is None else f"in [{low}, {high}] for data of these lengths"
        raise ValueError(f"{_NAME}: `{argument}` must be {wanted}; got {value}")
    return int(value)
