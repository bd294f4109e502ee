"""ScheduleFreeAdamW."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.optimizers._averages import at_least
from ranvier.optimizers.adam import beta
from ranvier.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ranvier.variables import Variable


class ScheduleFreeAdamW(Optimizer):
    """AdamW whose averaging does what a schedule of the learning rate would.

    With t counted from 1, z starting as the weights (kept as "momentum") and
    `r = learning_rate min(1, t / warmup_steps)`: `v += (1 - beta_2) (g^2 - v)`,
    `z -= r g / (sqrt(v / (1 - beta_2^t)) + epsilon)`, `x += (z - x) / t`,
    `w = (1 - beta_1) z + beta_1 x`. x is not kept; it follows from w and z.
    Works on whole variables, by NumPy: a step passes through Python, batch by batch.

    Args:
        learning_rate: default 0.0025.
        beta_1: the share of x in the weights, in (0, 1). Default 0.9.
        beta_2: in [0, 1). Default 0.999.
        epsilon: default 1e-8.
        warmup_steps: an integer >= 0. Default 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Defazio et al. 2024, arXiv:2405.15682.

    >>> import ranvier
    >>> ranvier.optimizers.ScheduleFreeAdamW()
    <ScheduleFreeAdamW name=schedule_free_adam_w learning_rate=0.0025>
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip
        owner = type(self).__name__
        self.beta_1 = beta(owner, "beta_1", beta_1)
        if beta_1 == 0:
            raise ValueError(f"{owner}: `beta_1` must be > 0, as x follows from w / beta_1; got 0")
        self.beta_2 = beta(owner, "beta_2", beta_2)
        self.epsilon = number(owner, "epsilon", epsilon, 0.0)
        at_least(owner, "warmup_steps", warmup_steps, 0)
        self.warmup_steps = warmup_steps

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._m, self._v = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._begin()

    def _begin(self) -> None:
        for m, (variable, _) in zip(self._m, self._places, strict=True):
            m.assign(variable.value)

    def update_step(self, gradient: NDArray[Any], variable: Variable, learning_rate: float) -> None:
        index, step = self._get_variable_index(variable), self.iterations + 1
        z, v, w = self._m[index].value, self._v[index].value, variable.value
        if self.warmup_steps:
            learning_rate *= min(step / self.warmup_steps, 1.0)
        x = (w - (1 - self.beta_1) * z) / self.beta_1
        v += (gradient * gradient - v) * (1 - self.beta_2)
        z -= learning_rate * gradient / (np.sqrt(v / (1 - self.beta_2**step)) + self.epsilon)
        x += (z - x) / step
        w[...] = (1 - self.beta_1) * z + self.beta_1 * x
