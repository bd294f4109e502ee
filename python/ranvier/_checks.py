"""Checks of constructor arguments that several rooms share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def number(
    owner: str, argument: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> float:
    """`value`, checked to be a finite real number in [low, high]."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if real and math.isfinite(value) and low <= value <= high:
        return value.item() if isinstance(value, np.generic) else value
    wanted = "finite" if low == -math.inf else f">= {low:g}"
    if high != math.inf:
        wanted = f"in [{low:g}, {high:g}]"
    raise ValueError(f"{owner}: `{argument}` must be a number {wanted}; got {value!r}")
