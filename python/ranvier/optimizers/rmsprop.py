"""RMSprop."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class RMSprop(Optimizer):
    """Gradients divided by a running root of their mean square.

    `v = rho v + (1 - rho) g^2`, `u = learning_rate g / sqrt(v + epsilon)`, `w -= u`; centered:
    `v - mean(g)^2` in place of v; with momentum m: `b = m b + u`, `w -= b`.

    Args:
        learning_rate: default 0.001.
        rho: in [0, 1]. Default 0.9.
        momentum: >= 0. Default 0.
        epsilon: default 1e-7.
        centered: default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Hinton 2012, lecture 6e of Neural Networks for Machine Learning.

    >>> import ranvier
    >>> ranvier.optimizers.RMSprop()
    <RMSprop name=rm_sprop learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho = number("RMSprop", "rho", rho, 0.0, 1.0)
        self.momentum = number("RMSprop", "momentum", momentum, 0.0)
        self.epsilon = number("RMSprop", "epsilon", epsilon, 0.0)
        self.centered = bool(centered)

    def _native(self) -> dict[str, Any]:
        return {
            "kind": "rmsprop",
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
