"""The base class of schedules."""

from __future__ import annotations

import math
from typing import Any

from ranvier._checks import number
from ranvier._config import Configurable


class LearningRateSchedule(Configurable):
    """Base class: write `__call__(step)`, the learning rate of a step (from 0).

    >>> import ranvier
    >>> class Halving(ranvier.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> ranvier.optimizers.SGD(Halving()).learning_rate
    0.1
    """

    def __call__(self, step: int) -> float:
        """The learning rate of a step."""
        raise NotImplementedError(f"{type(self).__name__} must write __call__(step)")


def positive(owner: str, argument: str, value: Any) -> None:
    """Raises ValueError unless `value` is a number > 0."""
    if not number(owner, argument, value) > 0:
        raise ValueError(f"{owner}: `{argument}` must be a number > 0; got {value!r}")


def power(base: float, exponent: float) -> float:
    """`base ** exponent`, infinity where that is too large."""
    try:
        return float(float(base) ** exponent)
    except OverflowError:
        return math.inf


def rate(owner: str, value: Any, argument: str = "initial_learning_rate") -> float:
    """A learning rate: a number >= 0."""
    return number(owner, argument, value, 0.0)
