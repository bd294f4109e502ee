"""NumPy twins of pooling, upsampling, zero padding and cropping."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.reference.maths import Array, floating, give

if TYPE_CHECKING:
    from collections.abc import Iterator


def _each(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


class _Windows:
    """Where windows lie: for every place in a window, which elements of x are there."""

    def __init__(
        self, x_shape: tuple[int, ...], pool_size: Any, strides: Any, padding: str
    ) -> None:
        self.extents = x_shape[1:-1]
        n = len(self.extents)
        self.window = _each(pool_size, n)
        self.stride = self.window if strides is None else _each(strides, n)
        self.out: list[int] = []
        self.before: list[int] = []
        self.first: list[Array] = []  # of each output, the place in its window of the first real
        self.length: list[Array] = []  # element; how many there are
        for extent, k, s in zip(self.extents, self.window, self.stride, strict=True):
            out = -(-extent // s) if padding == "same" else (extent - k) // s + 1
            before = max((out - 1) * s + k - extent, 0) // 2 if padding == "same" else 0
            start = np.arange(out) * s - before
            self.out.append(out)
            self.before.append(before)
            self.first.append(np.maximum(-start, 0))
            self.length.append(np.minimum(start + k, extent) - np.maximum(start, 0))
        self.padded = [
            max((out - 1) * s + k, extent + before)
            for out, s, k, extent, before in zip(
                self.out, self.stride, self.window, self.extents, self.before, strict=True
            )
        ]

    def pad(self, x: Array) -> Array:
        """x with zeros around it, which `places` says are not real."""
        big = np.zeros((x.shape[0], *self.padded, x.shape[-1]), x.dtype)
        big[self.inside] = x
        return big

    @property
    def inside(self) -> tuple[slice, ...]:
        """Where x lies in `pad(x)`."""
        middle = [slice(b, b + e) for b, e in zip(self.before, self.extents, strict=True)]
        return (slice(None), *middle, slice(None))

    def places(self) -> Iterator[tuple[tuple[slice, ...], Array, Array]]:
        """(slices of `pad(x)`, is it real, its number in the window), the last two by output."""
        for place in itertools.product(*(range(k) for k in self.window)):
            at = [
                slice(p, p + (out - 1) * s + 1, s)
                for p, out, s in zip(place, self.out, self.stride, strict=True)
            ]
            real, number = np.ones((1,) * len(place), bool), np.zeros((1,) * len(place), int)
            for axis, p in enumerate(place):
                shape = [1] * len(place)
                shape[axis] = -1
                relative = (p - self.first[axis]).reshape(shape)
                length = self.length[axis].reshape(shape)
                real = real & (relative >= 0) & (relative < length)
                number = number * length + relative
            yield (slice(None), *at, slice(None)), real[None, ..., None], number[None, ..., None]


def max_pool_indexed(
    x: Any, pool_size: Any, strides: Any = None, padding: str = "valid", out: Array | None = None
) -> tuple[Array, Array]:
    """The largest of each window, and which of its elements that is; NaN if there is one."""
    x = floating(x)
    w = _Windows(x.shape, pool_size, strides, padding)
    big = w.pad(x)
    shape = (x.shape[0], *w.out, x.shape[-1])
    best, nan = np.full(shape, -np.inf, x.dtype), np.zeros(shape, bool)
    index = np.zeros(shape, np.uint32)
    for at, real, number in w.places():
        v = big[at]
        nan |= real & np.isnan(v)
        with np.errstate(invalid="ignore"):
            take = real & ~(best >= v)
        best = np.where(take, v, best)
        index = np.where(take, number, index)
    largest = np.prod([min(k, e) for k, e in zip(w.window, w.extents, strict=True)])
    y = give(np.where(nan, np.nan, best).astype(x.dtype), out)
    return y, index.astype(np.uint8 if largest <= 256 else np.uint32)


def max_pool(
    x: Any, pool_size: Any, strides: Any = None, padding: str = "valid", out: Array | None = None
) -> Array:
    """The largest of each window; NaN if there is one."""
    return max_pool_indexed(x, pool_size, strides, padding, out)[0]


def max_pool_backward(
    dy: Any,
    index: Array,
    x_shape: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """Each dy to the element that `index` names."""
    dy = floating(dy)
    w = _Windows(tuple(x_shape), pool_size, strides, padding)
    big = np.zeros((x_shape[0], *w.padded, x_shape[-1]), dy.dtype)
    for at, real, number in w.places():
        big[at] += np.where(real & (index == number), dy, 0)
    return give(big[w.inside], out)


def average_pool(
    x: Any, pool_size: Any, strides: Any = None, padding: str = "valid", out: Array | None = None
) -> Array:
    """The mean over the real elements of each window."""
    x = floating(x)
    w = _Windows(x.shape, pool_size, strides, padding)
    big, total, count = w.pad(x), np.zeros(1), np.zeros(1)
    for at, real, _ in w.places():
        total = total + np.where(real, big[at], 0)
        count = count + real
    return give((total / count).astype(x.dtype), out)


def average_pool_backward(
    dy: Any,
    x_shape: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    out: Array | None = None,
) -> Array:
    """An equal share of each dy to the real elements of its window."""
    dy = floating(dy)
    w = _Windows(tuple(x_shape), pool_size, strides, padding)
    count = sum(real for _, real, _ in w.places())
    big = np.zeros((x_shape[0], *w.padded, x_shape[-1]), dy.dtype)
    for at, real, _ in w.places():
        big[at] += np.where(real, dy / count, 0)
    return give(big[w.inside], out)


def _flat(x: Array) -> Array:
    return x.reshape(x.shape[0], -1, x.shape[-1])


def global_max_pool(x: Any, out: Array | None = None) -> Array:
    """The largest of each channel; NaN if there is one."""
    return give(_flat(floating(x)).max(1), out)


def global_max_pool_backward(x: Any, y: Any, dy: Any, out: Array | None = None) -> Array:
    """dy divided among the elements that equal y."""
    x, y, dy = floating(x), np.asarray(y), np.asarray(dy)
    equal = _flat(x) == y[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = dy[:, None] / equal.sum(1, keepdims=True)
        dx = np.where(np.isnan(y)[:, None], np.nan, np.where(equal, share, 0))
    return give(dx.reshape(x.shape), out)


def global_average_pool(x: Any, out: Array | None = None) -> Array:
    """The mean of each channel."""
    return give(_flat(floating(x)).mean(1), out)


def global_average_pool_backward(dy: Any, x_shape: Any, out: Array | None = None) -> Array:
    """`dy / positions` everywhere."""
    dy = floating(dy)
    middle = (1,) * (len(x_shape) - 2)
    share = dy.reshape(dy.shape[0], *middle, dy.shape[-1]) / np.prod(x_shape[1:-1])
    return give(np.broadcast_to(share, x_shape).copy(), out)


def _bilinear_weights(extent: int, size: int) -> Array:
    """How much of each input is in each output: (extent * size, extent)."""
    at = (np.arange(extent * size) + 0.5) / size - 0.5
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(extent)))
    return weights / weights.sum(1, keepdims=True)


def upsample(x: Any, size: Any, interpolation: str = "nearest", out: Array | None = None) -> Array:
    """Each element `size` times along each axis, or a mixture of neighbours."""
    x = floating(x)
    factors = _each(size, x.ndim - 2)
    if interpolation == "bilinear":
        rows, cols = (_bilinear_weights(e, s) for e, s in zip(x.shape[1:3], factors, strict=True))
        y = np.einsum("ih,jw,nhwc->nijc", rows, cols, x, optimize=True)
        return give(y.astype(x.dtype), out)
    for axis, factor in enumerate(factors):
        x = x.repeat(factor, axis + 1)
    return give(x, out)


def upsample_backward(
    dy: Any, size: Any, interpolation: str = "nearest", out: Array | None = None
) -> Array:
    """What each element of x gave to y, in dy."""
    dy = floating(dy)
    factors = _each(size, dy.ndim - 2)
    small = [e // s for e, s in zip(dy.shape[1:-1], factors, strict=True)]
    if interpolation == "bilinear":
        rows, cols = (_bilinear_weights(e, s) for e, s in zip(small, factors, strict=True))
        dx = np.einsum("ih,jw,nijc->nhwc", rows, cols, dy, optimize=True)
        return give(dx.astype(dy.dtype), out)
    split = [n for pair in zip(small, factors, strict=True) for n in pair]
    blocks = dy.reshape(dy.shape[0], *split, dy.shape[-1])
    return give(blocks.sum(tuple(range(2, blocks.ndim - 1, 2))), out)


def zero_pad(x: Any, padding: Any, out: Array | None = None) -> Array:
    """Zeros around the spatial axes."""
    return give(np.pad(floating(x), [(0, 0), *padding, (0, 0)]), out)


def crop(x: Any, cropping: Any, out: Array | None = None) -> Array:
    """The spatial axes without their ends."""
    x = floating(x)
    inside = [slice(b, e - a) for (b, a), e in zip(cropping, x.shape[1:-1], strict=True)]
    return give(x[(slice(None), *inside)].copy(), out)
