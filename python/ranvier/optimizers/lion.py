"""Lion."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class Lion(Optimizer):
    """Steps of one size, in the direction of a momentum's sign.

    `w -= learning_rate sign(beta_1 m + (1 - beta_1) g)`, `m = beta_2 m + (1 - beta_2) g`.

    Args:
        learning_rate: default 0.001.
        beta_1: in (0, 1]. Default 0.9.
        beta_2: in [0, 1]. Default 0.99.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Chen et al. 2023, arXiv:2302.06675.

    >>> import ranvier
    >>> ranvier.optimizers.Lion()
    <Lion name=lion learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = number("Lion", "beta_1", beta_1, 0.0, 1.0)
        if beta_1 == 0:
            raise ValueError(f"Lion: `beta_1` must be a number in (0, 1]; got {beta_1!r}")
        self.beta_2 = number("Lion", "beta_2", beta_2, 0.0, 1.0)

    def _native(self) -> dict[str, Any]:
        return {"kind": "lion", "beta_1": self.beta_1, "beta_2": self.beta_2}
