"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    `w -= learning_rate * g`; with momentum m: `v = m v - learning_rate * g`, then `w += v`, or
    `w += m v - learning_rate * g` if `nesterov`.

    Args:
        learning_rate: default 0.01.
        momentum: m in [0, 1]. Default 0.
        nesterov: whether to look ahead. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Sutskever et al. 2013, On the importance of initialization and momentum.

    >>> import ranvier
    >>> ranvier.optimizers.SGD(0.1, momentum=0.9)
    <SGD name=sgd learning_rate=0.1>
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum = number("SGD", "momentum", momentum, 0.0, 1.0)
        self.nesterov = bool(nesterov)

    def _native(self) -> dict[str, Any]:
        return {"kind": "sgd", "momentum": self.momentum, "nesterov": self.nesterov}
