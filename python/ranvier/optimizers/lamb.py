"""Lamb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.optimizers.adam import beta
from ranvier.optimizers.optimizer import Optimizer, norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ranvier.variables import Variable


class Lamb(Optimizer):
    """Adam's step, scaled to each variable's norm.

    With t counted from 1: `m += (1 - beta_1) (g - m)`, `v += (1 - beta_2) (g^2 - v)`,
    `u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)`,
    `w -= learning_rate |w| / |u| u`; a norm of 0 counts as a ratio of 1.
    Works on whole variables, by NumPy: a step passes through Python, batch by batch.

    Args:
        learning_rate: default 0.001.
        beta_1: in [0, 1). Default 0.9.
        beta_2: in [0, 1). Default 0.999.
        epsilon: default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: You et al. 2019, arXiv:1904.00962.

    >>> import ranvier
    >>> ranvier.optimizers.Lamb()
    <Lamb name=lamb learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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
        self.beta_1 = beta("Lamb", "beta_1", beta_1)
        self.beta_2 = beta("Lamb", "beta_2", beta_2)
        self.epsilon = number("Lamb", "epsilon", epsilon, 0.0)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._m, self._v = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: NDArray[Any], variable: Variable, learning_rate: float) -> None:
        index, step = self._get_variable_index(variable), self.iterations + 1
        m, v, w = self._m[index].value, self._v[index].value, variable.value
        m += (gradient - m) * (1 - self.beta_1)
        v += (gradient * gradient - v) * (1 - self.beta_2)
        update = m / (1 - self.beta_1**step)
        update /= np.sqrt(v / (1 - self.beta_2**step)) + self.epsilon
        norms = norm([w]), norm([update])
        ratio = norms[0] / norms[1] if norms[0] > 0 and norms[1] > 0 else 1.0
        w -= ratio * learning_rate * update
