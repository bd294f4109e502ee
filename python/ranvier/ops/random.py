"""Random numbers by counter: element i of a stream is the same for any number of threads.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") keyed with `seed`
and `stream`, so that nothing is kept between calls: the same arguments give the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core, _dtypes
from ranvier.ops._arrays import REFUSED, fit_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


def _shape(op: str, shape: int | Sequence[int], out: NDArray[Any] | None) -> list[int]:
    extents = [int(shape)] if isinstance(shape, (int, np.integer)) else [int(e) for e in shape]
    if any(extent < 0 for extent in extents):
        raise ValueError(f"{op}: `shape` must not be negative; got {tuple(extents)}")
    if out is not None and list(np.shape(out)) != extents:
        raise ValueError(
            f"{op}: `out` must have shape {tuple(extents)}; got {tuple(np.shape(out))}"
        )
    return extents


def _key(op: str, seed: int, stream: int) -> tuple[int, int]:
    for name, value in (("seed", seed), ("stream", stream)):
        if not 0 <= value < 2**64:
            raise ValueError(f"{op}: `{name}` must be in [0, 2**64); got {value}")
    return int(seed), int(stream)


def dropout(
    x: ArrayLike, rate: float, seed: int, stream: int = 0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """`y_i = x_i / (1 - rate)` with probability `1 - rate`, else 0.

    No mask is kept: called with the same seed and stream on dy, it is its own backward pass.

    Args:
        x: array of any shape.
        rate: in [0, 1]; 1 gives zeros.
        seed, stream: key of the random numbers, in [0, 2**64).
        out: where to write; may be x itself. None: a new array.

    Returns:
        y, of x's shape; float64 if x is, else float32.

    Raises:
        ValueError: rate, seed or stream out of range, or an `out` that does not fit.

    Reference: Srivastava et al. 2014; scaled in training as Keras does.

    >>> import numpy as np
    >>> sorted(set(dropout(np.ones(100), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    key = _key("dropout", seed, stream)
    try:
        return _core.dropout(x, rate, *key, out)
    except REFUSED:
        pass
    (x,) = fit_all("dropout", x=x)
    return _core.dropout(x, rate, *key, out)


def dropout_mask(
    shape: int | Sequence[int],
    rate: float,
    seed: int,
    stream: int = 0,
    dtype: str | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The multipliers of `dropout`: 0 or `1 / (1 - rate)`.

    Args:
        shape: of the result.
        rate, seed, stream: as in `dropout`.
        dtype: "float32" or "float64"; None: out's, else floatx.
        out: where to write. None: a new array.

    >>> dropout_mask(3, 0.0, seed=1)
    array([1., 1., 1.], dtype=float32)
    """
    extents = _shape("dropout_mask", shape, out)
    key = _key("dropout_mask", seed, stream)
    return _core.dropout_mask(extents, rate, *key, _dtype(dtype, out), out)


def random_uniform(
    shape: int | Sequence[int],
    seed: int,
    stream: int = 0,
    dtype: str | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Uniform numbers in [0, 1), of 24 (float32) or 53 (float64) random bits.

    Args:
        shape: of the result.
        seed, stream: key of the random numbers, in [0, 2**64).
        dtype: "float32" or "float64"; None: out's, else floatx.
        out: where to write. None: a new array.

    >>> bool((random_uniform((2, 3), seed=1) == random_uniform((2, 3), seed=1)).all())
    True
    """
    extents = _shape("random_uniform", shape, out)
    key = _key("random_uniform", seed, stream)
    return _core.random_uniform(extents, *key, _dtype(dtype, out), out)


def random_normal(
    shape: int | Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    seed: int = 0,
    stream: int = 0,
    dtype: str | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Normal numbers by the method of Box and Muller.

    Args:
        shape: of the result.
        mean, stddev: of the distribution; stddev >= 0.
        seed, stream: key of the random numbers, in [0, 2**64).
        dtype: "float32" or "float64"; None: out's, else floatx.
        out: where to write. None: a new array.

    >>> random_normal(2, mean=5.0, stddev=0.0, seed=1)
    array([5., 5.], dtype=float32)
    """
    if not stddev >= 0:
        raise ValueError(f"random_normal: `stddev` must be >= 0; got {stddev}")
    extents = _shape("random_normal", shape, out)
    key = _key("random_normal", seed, stream)
    return _core.random_normal(extents, mean, stddev, *key, _dtype(dtype, out), out)


def permutation(
    n: int, seed: int, stream: int = 0, out: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The numbers 0 ... n - 1 in a random order, each with the same probability.

    Args:
        n: how many, >= 0.
        seed, stream: key of the random numbers, in [0, 2**64).
        out: where to write, a contiguous vector of n int64. None: a new array.

    Reference: Durstenfeld, Algorithm 235: Random permutation, CACM 7 (1964).

    >>> sorted(permutation(4, seed=1).tolist())
    [0, 1, 2, 3]
    """
    (count,) = _shape("permutation", n, out)
    if out is None:
        out = np.empty(count, np.int64)
    _core.permutation(out, *_key("permutation", seed, stream))
    return out


def _dtype(dtype: str | None, out: NDArray[Any] | None) -> str:
    if dtype is not None:
        return _dtypes.standardize(dtype)
    return _dtypes.floatx() if out is None else out.dtype.name
