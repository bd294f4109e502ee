"""Schedules that fall along a cosine."""

from __future__ import annotations

import math

from ranvier._checks import number
from ranvier.optimizers.schedules.schedule import (
    LearningRateSchedule,
    positive,
    power,
    rate,
)


class CosineDecay(LearningRateSchedule):
    """`top * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)`, after a warm-up.

    Args:
        initial_learning_rate: of step 0; also `top` if there is no warm-up.
        decay_steps: > 0, steps of the fall.
        alpha: the last rate as a share of `top`. Default 0.
        name: of the schedule.
        warmup_target: `top`, reached along a line in `warmup_steps` steps; or None: no warm-up.
        warmup_steps: default 0.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983; Goyal et al. 2017 for the warm-up.

    >>> CosineDecay(0.1, 10)(5)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        positive("CosineDecay", "decay_steps", decay_steps)
        self.initial_learning_rate = rate("CosineDecay", initial_learning_rate)
        self.decay_steps = decay_steps
        self.alpha = number("CosineDecay", "alpha", alpha)
        self.name = name
        if warmup_target is not None:
            warmup_target = rate("CosineDecay", warmup_target, "warmup_target")
        self.warmup_target = warmup_target
        self.warmup_steps = number("CosineDecay", "warmup_steps", warmup_steps, 0.0)

    def __call__(self, step: int) -> float:
        top, at = self.initial_learning_rate, float(step)
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return float(top + (self.warmup_target - top) * step / self.warmup_steps)
            top, at = self.warmup_target, step - self.warmup_steps
        share = min(at, self.decay_steps) / self.decay_steps
        return float(top * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * share)) + self.alpha))


class CosineDecayRestarts(LearningRateSchedule):
    """A cosine's fall that begins anew, each time longer and from lower.

    Period i (from 0) has `first_decay_steps * t_mul^i` steps and begins at
    `initial_learning_rate * m_mul^i`.

    Args:
        initial_learning_rate: of step 0.
        first_decay_steps: > 0.
        t_mul: in (0, 1e6]. Default 2. Below 1 the periods have an end: a later step is refused.
        m_mul: >= 0. Default 1.
        alpha: the lowest rate as a share of the first. Default 0.
        name: of the schedule.

    A step at which a period begins has that period's first rate; Keras' float32 may see it as the
    last step of the period before.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983.

    >>> CosineDecayRestarts(0.1, 10)(10)
    0.1
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        positive("CosineDecayRestarts", "first_decay_steps", first_decay_steps)
        self.initial_learning_rate = rate("CosineDecayRestarts", initial_learning_rate)
        self.first_decay_steps = first_decay_steps
        positive("CosineDecayRestarts", "t_mul", t_mul)
        self.t_mul = number("CosineDecayRestarts", "t_mul", t_mul, 0.0, 1e6)
        self.m_mul = number("CosineDecayRestarts", "m_mul", m_mul, 0.0)
        self.alpha = number("CosineDecayRestarts", "alpha", alpha)
        self.name = name

    def __call__(self, step: int) -> float:
        done = step / self.first_decay_steps
        if self.t_mul == 1.0:
            period = math.floor(done)
            done -= period
        else:
            left = 1 - done * (1 - self.t_mul)
            if left <= 0:
                raise ValueError(
                    f"CosineDecayRestarts: step {step} lies after all periods of t_mul={self.t_mul}"
                )
            period = math.floor(math.log(left) / math.log(self.t_mul))
            # the logarithms' rounding may miss the step at which a period begins
            while self._before(period + 1) <= done:
                period += 1
            done = (done - self._before(period)) / self.t_mul**period
        fall = 0.5 * power(self.m_mul, period) * (1 + math.cos(math.pi * done))
        return float(self.initial_learning_rate * ((1 - self.alpha) * fall + self.alpha))

    def _before(self, period: int) -> float:
        return float((1 - self.t_mul**period) / (1 - self.t_mul))
