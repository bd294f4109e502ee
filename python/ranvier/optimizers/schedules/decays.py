"""Schedules that fall: exponentially, by steps, by a power, with inverse time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from ranvier._checks import number
from ranvier.optimizers.schedules.schedule import (
    LearningRateSchedule,
    positive,
    power,
    rate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ^ (step / decay_steps)`.

    Args:
        initial_learning_rate: of step 0.
        decay_steps: > 0.
        decay_rate: factor after `decay_steps` steps, >= 0.
        staircase: whether the exponent is rounded down. Default False.
        name: of the schedule.

    >>> ExponentialDecay(0.1, 10, 0.5)(20)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        positive("ExponentialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = rate("ExponentialDecay", initial_learning_rate)
        self.decay_steps = decay_steps
        self.decay_rate = number("ExponentialDecay", "decay_rate", decay_rate, 0.0)
        self.staircase = staircase
        self.name = name

    def __call__(self, step: int) -> float:
        p = step / self.decay_steps
        return float(
            self.initial_learning_rate
            * power(self.decay_rate, math.floor(p) if self.staircase else p)
        )


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: of step 0.
        decay_steps: > 0.
        decay_rate: see above; >= 0.
        staircase: whether `step / decay_steps` is rounded down. Default False.
        name: of the schedule.

    >>> InverseTimeDecay(0.1, 10, 1.0)(10)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        positive("InverseTimeDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = rate("InverseTimeDecay", initial_learning_rate)
        self.decay_steps = decay_steps
        self.decay_rate = number("InverseTimeDecay", "decay_rate", decay_rate, 0.0)
        self.staircase = staircase
        self.name = name

    def __call__(self, step: int) -> float:
        p = step / self.decay_steps
        p = math.floor(p) if self.staircase else p
        return float(self.initial_learning_rate / (1 + self.decay_rate * p))


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` up to and including step `boundaries[i]`, the last value after them.

    Args:
        boundaries: steps, rising.
        values: rates, one more than boundaries.
        name: of the schedule.

    Raises:
        ValueError: counts that do not fit, or boundaries that do not rise.

    >>> PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])(11)
    0.5
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay: `values` must have one element more than `boundaries`; "
                f"got {len(values)} and {len(boundaries)}"
            )
        if any(b <= a for a, b in pairwise(boundaries)):
            raise ValueError(
                f"PiecewiseConstantDecay: `boundaries` must rise; got {list(boundaries)}"
            )
        self.boundaries = list(boundaries)
        self.values = [rate("PiecewiseConstantDecay", v, "values") for v in values]
        self.name = name

    def __call__(self, step: int) -> float:
        from bisect import bisect_left

        return float(self.values[bisect_left(self.boundaries, step)])


class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) * (1 - step / decay_steps) ^ power + end`.

    Args:
        initial_learning_rate: of step 0.
        decay_steps: > 0. Later steps have the last rate, unless `cycle`.
        end_learning_rate: default 0.0001.
        power: >= 0. Default 1.
        cycle: whether `decay_steps` becomes its next multiple once it is reached. Default False.
        name: of the schedule.

    >>> PolynomialDecay(1.0, 10, 0.0)(5)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        positive("PolynomialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = rate("PolynomialDecay", initial_learning_rate)
        self.decay_steps = decay_steps
        self.end_learning_rate = rate("PolynomialDecay", end_learning_rate, "end_learning_rate")
        self.power = number("PolynomialDecay", "power", power, 0.0)
        self.cycle = cycle
        self.name = name

    def __call__(self, step: int) -> float:
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        share = 1 - min(step, steps) / steps
        span = self.initial_learning_rate - self.end_learning_rate
        return float(span * share**self.power + self.end_learning_rate)
