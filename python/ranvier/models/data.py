"""Bringing users' data in: arrays, frames, sequences, generators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def is_array_like(x: Any) -> bool:
    """Whether `x` is data as a whole, rather than an iterable of batches."""
    if isinstance(x, np.ndarray) or hasattr(x, "to_numpy"):
        return True
    if isinstance(x, (list, tuple)):
        return True
    return hasattr(x, "__array__") and hasattr(x, "shape")


def as_rows(owner: str, x: Any, argument: str) -> NDArray[Any]:
    """`x` as a numeric array with a row axis; not copied if it is an array already."""
    array = _dtypes.as_numeric(owner, x, argument)
    if array.ndim == 0:
        raise ValueError(f"{owner}: `{argument}` must be an array of rows; got the number {array}")
    return array


def check_rows(owner: str, **arrays: NDArray[Any] | None) -> int:
    """The number of rows that all arrays have; a ValueError if they differ or there are none."""
    rows: dict[str, int] = {k: len(a) for k, a in arrays.items() if a is not None}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{k} has {n}" for k, n in rows.items())
        raise ValueError(f"{owner}: all arrays must have the same number of rows; {told}")
    n = next(iter(rows.values()))
    if n == 0:
        raise ValueError(f"{owner}: the data are empty (0 rows)")
    return n


def batch_size_of(owner: str, batch_size: Any) -> int:
    if batch_size is None:
        return 32
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise TypeError(f"{owner}: `batch_size` must be an integer; got {batch_size!r}")
    if batch_size < 1:
        raise ValueError(f"{owner}: `batch_size` must be >= 1; got {batch_size}")
    return int(batch_size)


def split_tail(
    owner: str, share: float, *arrays: NDArray[Any] | None
) -> tuple[list[NDArray[Any] | None], list[NDArray[Any] | None]]:
    """Cuts the last `share` of the rows off each array (views, no copies)."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
        raise ValueError(f"{owner}: `validation_split` must lie in (0, 1); got {share!r}")
    rows = next(len(a) for a in arrays if a is not None)
    at = int(np.floor(rows * (1.0 - share)))
    if at == 0 or at == rows:
        raise ValueError(
            f"{owner}: `validation_split` {share} of {rows} rows leaves no data to "
            + ("train on" if at == 0 else "validate on")
        )
    head = [None if a is None else a[:at] for a in arrays]
    return head, [None if a is None else a[at:] for a in arrays]


def class_weights(
    owner: str, class_weight: Any, y: NDArray[Any], sample_weight: NDArray[Any] | None
) -> NDArray[Any]:
    """One weight a row: that of its class, times its own."""
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"{owner}: `class_weight` must map class numbers to weights; got {class_weight!r}"
        )
    labels = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y), -1)
    if labels.ndim > 1:
        labels = labels[:, 0] if labels.shape[1] == 1 else labels
    if labels.ndim > 1:
        raise ValueError(f"{owner}: `class_weight` wants one label a row; got y of {y.shape}")
    keys = sorted(class_weight)
    if any(isinstance(k, bool) or not isinstance(k, (int, np.integer)) for k in keys):
        raise ValueError(f"{owner}: `class_weight` must have integer keys; got {keys}")
    weights = np.ones(len(labels), np.float64)
    for number, weight in class_weight.items():
        weights[labels == number] = weight
    if sample_weight is not None:
        weights = weights * sample_weight.reshape(len(labels), -1)[:, 0]
    return weights


def unpack(owner: str, batch: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of one item of a generator."""
    if not isinstance(batch, (list, tuple)):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            f"{owner}: a batch must be (x,), (x, y) or (x, y, sample_weight); "
            f"got {len(batch)} items"
        )
    return (*batch, None, None)[:3]


def batches(owner: str, data: Any) -> Iterator[Any]:
    """Goes once through an iterable of batches, or a sequence with `__getitem__` and `__len__`."""
    if hasattr(data, "__iter__"):
        return iter(data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[i] for i in range(len(data)))
    raise TypeError(
        f"{owner}: `x` must be an array, a data frame, or an iterable of batches; "
        f"got {type(data).__name__}"
    )
