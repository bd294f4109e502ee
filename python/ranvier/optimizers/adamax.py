"""Adamax."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.adam import beta
from ranvier.optimizers.optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the greatest gradient so far in place of the mean square.

    With t counted from 1: `m += (1 - beta_1) (g - m)`, `u = max(beta_2 u, |g|)`,
    `w -= learning_rate m / ((1 - beta_1^t) (u + epsilon))`.

    Args:
        learning_rate: default 0.001.
        beta_1: in [0, 1). Default 0.9.
        beta_2: in [0, 1). Default 0.999.
        epsilon: default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Kingma and Ba 2014, arXiv:1412.6980, section 7.1.

    >>> import ranvier
    >>> ranvier.optimizers.Adamax()
    <Adamax name=adamax learning_rate=0.001>
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
        self.beta_1 = beta("Adamax", "beta_1", beta_1)
        self.beta_2 = beta("Adamax", "beta_2", beta_2)
        self.epsilon = number("Adamax", "epsilon", epsilon, 0.0)

    def _native(self) -> dict[str, Any]:
        return {
            "kind": "adamax",
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
