"""Bringing users' data in: arrays, frames, sequences, generators."""

from __future__ import annotations

import itertools
from contextlib import suppress
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._checks import number
from ranvier.utils import unpack_x_y_sample_weight
from ranvier.utils.py_dataset import Batches, PyDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray


# As many steps or rows as anybody could mean, and small enough for the engine's integers.
MANY = 1 << 40

# What has items, but is no iterable of batches: taken, or refused, as an array.
_WHOLE = (np.ndarray, list, tuple, str, bytes, memoryview, dict, set, frozenset, Number)
_ARRAY_SIGNS = ("to_numpy", "__array__", "toarray")


def is_array_like(x: Any) -> bool:
    """Whether `x` is data as a whole, rather than an iterable of batches."""
    if x is None or isinstance(x, _WHOLE):
        return True
    return any(hasattr(x, sign) for sign in _ARRAY_SIGNS)


def only(x: Any, fits: Callable[[Any], bool]) -> Any:
    """The array in a list or dictionary of one array, as Keras takes them for each input.

    A list of one row is a batch; `fits` tells by the shape of what is inside.
    """
    if isinstance(x, dict) and len(x) == 1:
        return next(iter(x.values()))
    if isinstance(x, (list, tuple)) and len(x) == 1 and fits(getattr(x[0], "shape", ())):
        return x[0]
    return x


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


def whole(owner: str, argument: str, value: Any, low: int = 1) -> int:
    """`value`, checked to be an integer >= low."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{owner}: `{argument}` must be an integer; got {value!r}")
    if value < low:
        raise ValueError(f"{owner}: `{argument}` must be >= {low}; got {value}")
    return min(int(value), MANY)


def batch_size_of(owner: str, batch_size: Any, argument: str = "batch_size") -> int:
    return 32 if batch_size is None else whole(owner, argument, batch_size)


def steps_of(owner: str, argument: str, steps: Any) -> int | None:
    return None if steps is None else whole(owner, argument, steps)


def split_at(owner: str, share: Any, rows: int) -> int:
    """The row at which the last `share` of the rows begins."""
    real = isinstance(share, (int, float, np.floating))
    if isinstance(share, bool) or not real or not 0 < share < 1:
        raise ValueError(f"{owner}: `validation_split` must lie in (0, 1); got {share!r}")
    at = int(np.floor(rows * (1.0 - share)))
    if at == 0 or at == rows:
        raise ValueError(
            f"{owner}: `validation_split` {share} of {rows} rows leaves no data to "
            + ("train on" if at == 0 else "validate on")
        )
    return at


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
    keys = list(class_weight)
    if any(isinstance(k, bool) or not isinstance(k, (int, np.integer)) for k in keys):
        raise ValueError(f"{owner}: `class_weight` must have integer keys; got {keys}")
    weights = np.ones(len(labels), np.float64)
    for label, weight in class_weight.items():
        weights[labels == label] = number(owner, f"class_weight[{label}]", weight)
    if sample_weight is not None:
        weights = weights * sample_weight.reshape(len(labels), -1)[:, 0]
    return weights


def unpack(owner: str, batch: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of one item of a generator."""
    try:
        return unpack_x_y_sample_weight(batch)
    except ValueError as error:
        raise ValueError(f"{owner}: {error}") from None


def check_alone(owner: str, **arguments: Any) -> None:
    """Refuses what an iterable of batches gives itself."""
    for argument, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"{owner}: `{argument}` must be None when `x` is an iterable of batches, "
                "(x, y) or (x, y, sample_weight) each"
            )


def batches(owner: str, data: Any, rng: np.random.Generator | None = None) -> Iterator[Any]:
    """Goes once through an iterable of batches, or a sequence with `__getitem__` and `__len__`.

    `rng` puts a sequence's batches into a new order, as Keras does with a `PyDataset`.
    """
    ours = isinstance(data, PyDataset)
    if hasattr(data, "__iter__") and not ours:
        return iter(data)
    if ours and data.num_batches is None:
        return Batches(data, itertools.count())
    if ours or (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        n = data.num_batches if ours else len(data)
        if ours and rng is not None and (mixed := data._in_new_order(rng)) is not None:
            return Batches(mixed, range(n))
        order = range(n) if rng is None else rng.permutation(n).tolist()
        return Batches(data, order) if ours else (data[i] for i in order)
    raise TypeError(
        f"{owner}: `x` must be an array, a data frame, or an iterable of batches; "
        f"got {type(data).__name__}"
    )


def length(owner: str, data: Any, steps: int | None, argument: str) -> int | None:
    """The number of batches that a pass takes, if it is known; `steps` at most."""
    n = None
    if isinstance(data, PyDataset):
        n = data.num_batches
        if n is None and steps is None:
            raise ValueError(
                f"{owner}: `{argument}` must be given: {type(data).__name__} has no end "
                "(its `num_batches` is None)"
            )
    elif hasattr(data, "__len__"):
        with suppress(TypeError):  # PyTorch's loader of an iterable has it, and does not know
            n = len(data)
    return steps if n is None else min(n, steps or n)


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's; anything else as it is."""
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value


def tell(data: Any, event: str) -> None:
    """Calls `on_epoch_begin` or `on_epoch_end` of data that have it."""
    hook = getattr(data, event, None)
    if hook is not None:
        hook()


def rest(iterator: Any) -> None:
    """No worker of a `PyDataset` runs after this; the iterator may go on later."""
    if isinstance(iterator, Batches):
        iterator.stop()


def once(owner: str, data: Any) -> Generator[Any, None, None]:
    """The batches in their order; workers end with it, also if it is closed before its end."""
    tell(data, "on_epoch_begin")
    iterator = batches(owner, data)
    try:
        # not `yield from`, which would close a generator that the next pass goes on with
        for item in iterator:  # noqa: UP028
            yield item
    except GeneratorExit:
        pass
    finally:
        rest(iterator)
    tell(data, "on_epoch_end")
