"""Nadam."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.adam import beta
from ranvier.optimizers.optimizer import Optimizer


class Nadam(Optimizer):
    """Adam with Nesterov's momentum.

    With t counted from 1 and `n_t = beta_1 (1 - 0.96^t / 2)`, `p_t = n_1 n_2 ... n_t`:
    `m += (1 - beta_1) (g - m)`, `v += (1 - beta_2) (g^2 - v)`,
    `h = n_{t+1} m / (1 - p_{t+1}) + (1 - n_t) g / (1 - p_t)`,
    `w -= learning_rate h / (sqrt(v / (1 - beta_2^t)) + epsilon)`.

    Args:
        learning_rate: default 0.001.
        beta_1: in [0, 1). Default 0.9.
        beta_2: in [0, 1). Default 0.999.
        epsilon: default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Dozat 2016, Incorporating Nesterov Momentum into Adam.

    >>> import ranvier
    >>> ranvier.optimizers.Nadam()
    <Nadam name=nadam learning_rate=0.001>
    """

    # Keras keeps p_t as well; here it follows from the number of steps.
    scalars = 3

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
        self.beta_1 = beta("Nadam", "beta_1", beta_1)
        self.beta_2 = beta("Nadam", "beta_2", beta_2)
        self.epsilon = number("Nadam", "epsilon", epsilon, 0.0)

    def _native(self) -> dict[str, Any]:
        return {
            "kind": "nadam",
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
