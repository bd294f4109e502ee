"""NumPy twins of the random numbers: Philox4x32-10 (Salmon et al. 2011)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.reference.maths import Array, floating, give

if TYPE_CHECKING:
    from collections.abc import Sequence

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox4x32(seed: int, stream: int, counter: Array) -> Array:
    """The four 32-bit words of each block, shape (len(counter), 4)."""
    n = len(counter)
    words = [
        counter & _LOW,
        counter >> _HALF,
        np.full(n, stream & 0xFFFFFFFF, np.uint64),
        np.full(n, stream >> 32, np.uint64),
    ]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p0, p1 = _MULTIPLIERS[0] * words[0], _MULTIPLIERS[1] * words[2]
        words = [
            (p1 >> _HALF) ^ words[1] ^ np.uint64(key[0]),
            p1 & _LOW,
            (p0 >> _HALF) ^ words[3] ^ np.uint64(key[1]),
            p0 & _LOW,
        ]
        key = [(k + w) & 0xFFFFFFFF for k, w in zip(key, _WEYL, strict=True)]
    return np.stack(words, 1)


def _words(seed: int, stream: int, n: int) -> Array:
    """The first n words of a stream.

    Eight counters make a group, stored word by word: word i is word `i % 32 // 8` of counter
    `i // 32 * 8 + i % 8`.
    """
    groups = -(-n // 32)
    words = philox4x32(seed, stream, np.arange(8 * groups, dtype=np.uint64))
    return words.reshape(groups, 8, 4).transpose(0, 2, 1).reshape(-1)[:n]


def _uniform(seed: int, stream: int, n: int, dtype: np.dtype[Any]) -> Array:
    if dtype == np.float32:
        words = _words(seed, stream, n)
        return (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
    high, low = _words(seed, stream, 2 * n).reshape(-1, 2).T
    bits = (high << np.uint64(21)) ^ (low >> np.uint64(11))
    return (bits & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53


def _count(shape: int | Sequence[int]) -> int:
    return int(shape) if isinstance(shape, int) else math.prod(shape)


def dropout_mask(
    shape: int | Sequence[int],
    rate: float,
    seed: int,
    stream: int = 0,
    dtype: str | None = None,
    out: Array | None = None,
) -> Array:
    """0 or `1 / (1 - rate)`: element i is kept if its word is at least `rate 2^32`."""
    kind = np.dtype(dtype or (np.float32 if out is None else out.dtype))
    if rate >= 1.0:
        return give(np.zeros(shape, kind), out)
    threshold = np.uint64(min(rate * 2.0**32, 2.0**32 - 1))
    kept = _words(seed, stream, _count(shape)) >= threshold
    return give(np.where(kept, kind.type(1.0 / (1.0 - rate)), kind.type(0)).reshape(shape), out)


def dropout(x: Any, rate: float, seed: int, stream: int = 0, out: Array | None = None) -> Array:
    """`x / (1 - rate)` or 0."""
    x = floating(x)
    mask = dropout_mask(x.shape, rate, seed, stream, x.dtype.name)
    return give(np.where(mask > 0, x * mask, x.dtype.type(0)), out)


def random_uniform(
    shape: int | Sequence[int],
    seed: int,
    stream: int = 0,
    dtype: str | None = None,
    out: Array | None = None,
) -> Array:
    """Uniform numbers in [0, 1)."""
    kind = np.dtype(dtype or (np.float32 if out is None else out.dtype))
    return give(_uniform(seed, stream, _count(shape), kind).reshape(shape), out)


def permutation(n: int, seed: int, stream: int = 0, out: Array | None = None) -> Array:
    """0 ... n - 1 exchanged from the last to the first with one before, or itself.

    The place below i is `word i >> 32`, words whose low half would favour some places left out.
    """
    words = iter(_words(seed, stream, 2 * n + 64).tolist())
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        product = next(words) * (i + 1)
        while product & 0xFFFFFFFF < (2**32 - (i + 1)) % (i + 1):
            product = next(words) * (i + 1)
        j = product >> 32
        order[i], order[j] = order[j], order[i]
    return give(order, out)


def random_normal(
    shape: int | Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    seed: int = 0,
    stream: int = 0,
    dtype: str | None = None,
    out: Array | None = None,
) -> Array:
    """Normal numbers: elements 2 i and 2 i + 1 are the cosine and the sine of one pair."""
    kind = np.dtype(dtype or (np.float32 if out is None else out.dtype))
    n = _count(shape)
    u, v = _words(seed, stream, n + n % 2).astype(np.float64).reshape(-1, 2).T * 2.0**-32
    radius = np.sqrt(-2 * np.log(u + 2.0**-32))
    angle = 2 * math.pi * v
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:n]
    return give((mean + stddev * pairs).astype(kind).reshape(shape), out)
