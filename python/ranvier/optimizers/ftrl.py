"""Follow the regularized leader."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class Ftrl(Optimizer):
    """Follow the regularized leader: weights that l1 makes exactly zero.

    With p = -learning_rate_power and `l = l2 + beta / (2 learning_rate)`:
    `b = a + g^2`, `z += g + 2 l2_shrinkage w - (b^p - a^p) / learning_rate w`, `a = b`,
    `w = (clip(z, -l1, l1) - z) / (b^p / learning_rate + 2 l)`.

    Args:
        learning_rate: > 0; a rate of 0 makes the weights NaN. Default 0.001.
        learning_rate_power: <= 0. Default -0.5.
        initial_accumulator_value: what a begins with, >= 0. Default 0.1.
        l1_regularization_strength: l1 >= 0. Default 0.
        l2_regularization_strength: l2 >= 0. Default 0.
        l2_shrinkage_regularization_strength: l2_shrinkage >= 0. Default 0.
        beta: default 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: McMahan et al. 2013, Ad click prediction: a view from the trenches.

    >>> import ranvier
    >>> ranvier.optimizers.Ftrl()
    <Ftrl name=ftrl learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        for argument, value in (
            ("initial_accumulator_value", initial_accumulator_value),
            ("l1_regularization_strength", l1_regularization_strength),
            ("l2_regularization_strength", l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength),
        ):
            number("Ftrl", argument, value, 0.0)
        if number("Ftrl", "learning_rate_power", learning_rate_power) > 0:
            raise ValueError(
                f"Ftrl: `learning_rate_power` must be a number <= 0; got {learning_rate_power!r}"
            )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = number("Ftrl", "beta", beta)
        self._slot_starts = (initial_accumulator_value, 0.0)

    def _native(self) -> dict[str, Any]:
        return {
            "kind": "ftrl",
            "learning_rate_power": self.learning_rate_power,
            "l1": self.l1_regularization_strength,
            "l2": self.l2_regularization_strength,
            "l2_shrinkage": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
