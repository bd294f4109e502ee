"""Arguments of pooling and its relatives, as the extension takes them."""

from __future__ import annotations

from typing import Any

import numpy as np


def _is_integer(value: Any, low: int) -> bool:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and low <= value < 2**31


def spatial_axes(op: str, name: str, ndim: int) -> int:
    """How many axes lie between the batch and the channels: 1, 2 or 3."""
    if not 3 <= ndim <= 5:
        raise ValueError(f"{op}: `{name}` must have 3, 4 or 5 axes, (N, ..., C); got {ndim}")
    return ndim - 2


def sizes(op: str, name: str, value: Any, n: int) -> tuple[int, ...]:
    """An integer >= 1, or n of them, as a tuple of n."""
    given = (value,) * n if isinstance(value, (int, np.integer)) else value
    ok = isinstance(given, (list, tuple)) and len(given) == n
    if not ok or not all(_is_integer(v, 1) for v in given):
        raise ValueError(f"{op}: `{name}` must be an integer >= 1 or a tuple of {n}; got {value!r}")
    return tuple(int(v) for v in given)


def windows(
    op: str, n: int, pool_size: Any, strides: Any, padding: str
) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """(window, strides, whether the padding is "same") for n spatial axes."""
    window = sizes(op, "pool_size", pool_size, n)
    if padding not in ("valid", "same"):
        raise ValueError(f"{op}: `padding` must be 'valid' or 'same'; got {padding!r}")
    step = window if strides is None else sizes(op, "strides", strides, n)
    return window, step, padding == "same"


def shape(op: str, value: Any, name: str = "x_shape") -> tuple[int, ...]:
    """A shape: integers >= 0."""
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(v, (int, np.integer)) and 0 <= v < 2**59 for v in value
    ):
        raise ValueError(f"{op}: `{name}` must be a tuple of integers >= 0; got {value!r}")
    return tuple(int(v) for v in value)


def pairs(op: str, name: str, value: Any, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """n pairs (before, after) of integers >= 0, as (all before, all after)."""
    ok = isinstance(value, (list, tuple)) and len(value) == n
    ok = ok and all(isinstance(p, (list, tuple)) and len(p) == 2 for p in value)
    if not ok or not all(_is_integer(v, 0) for p in value for v in p):
        raise ValueError(
            f"{op}: `{name}` must be {n} pairs (before, after) of integers >= 0; got {value!r}"
        )
    return tuple(int(p[0]) for p in value), tuple(int(p[1]) for p in value)


def interpolations(op: str, value: str) -> bool:
    """Whether "bilinear" rather than "nearest"."""
    if value not in ("nearest", "bilinear"):
        raise ValueError(f"{op}: `interpolation` must be 'nearest' or 'bilinear'; got {value!r}")
    return value == "bilinear"
