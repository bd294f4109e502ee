"""Checks of constructor arguments that several rooms share."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

_LARGEST = sys.float_info.max


def number(
    owner: str, argument: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> float:
    """`value`, checked to be a finite real number in [low, high]."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if real and -_LARGEST <= value <= _LARGEST and low <= value <= high:
        return value.item() if isinstance(value, np.generic) else value
    wanted = "a finite number" if low == -math.inf else f"a number >= {low:g}"
    if high != math.inf:
        wanted = f"a number in [{low:g}, {high:g}]"
    raise ValueError(f"{owner}: `{argument}` must be {wanted}; got {value!r}")
