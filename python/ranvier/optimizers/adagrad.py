"""Adagrad."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far.

    `a += g^2`, `w -= learning_rate g / sqrt(a + epsilon)`.

    Args:
        learning_rate: default 0.001.
        initial_accumulator_value: what a begins with, >= 0. Default 0.1.
        epsilon: default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Duchi et al. 2011, JMLR 12.

    >>> import ranvier
    >>> ranvier.optimizers.Adagrad()
    <Adagrad name=adagrad learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = number(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value, 0.0
        )
        self.epsilon = number("Adagrad", "epsilon", epsilon, 0.0)
        self._slot_starts = (self.initial_accumulator_value,)

    def _native(self) -> dict[str, Any]:
        return {"kind": "adagrad", "epsilon": self.epsilon}
