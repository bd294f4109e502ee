"""Adadelta."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class Adadelta(Optimizer):
    """Steps in the units of the weights: roots of running means of squares, of steps by gradients.

    `a = rho a + (1 - rho) g^2`, `u = sqrt(b + epsilon) / sqrt(a + epsilon) g`,
    `b = rho b + (1 - rho) u^2`, `w -= learning_rate u`.

    Args:
        learning_rate: default 0.001; the paper's is 1.
        rho: in [0, 1]. Default 0.95.
        epsilon: default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Zeiler 2012, arXiv:1212.5701.

    >>> import ranvier
    >>> ranvier.optimizers.Adadelta()
    <Adadelta name=adadelta learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
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
        self.rho = number("Adadelta", "rho", rho, 0.0, 1.0)
        self.epsilon = number("Adadelta", "epsilon", epsilon, 0.0)

    def _native(self) -> dict[str, Any]:
        return {"kind": "adadelta", "rho": self.rho, "epsilon": self.epsilon}
