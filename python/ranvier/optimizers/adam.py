"""Adam and its kin."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer


class Adam(Optimizer):
    """Adaptive moments.

    With t counted from 1: `m += (1 - beta_1) (g - m)`, `v += (1 - beta_2) (g^2 - v)`,
    `a = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)`, `w -= a m / (sqrt(v) + epsilon)`.

    Args:
        learning_rate: default 0.001.
        beta_1: in [0, 1). Default 0.9.
        beta_2: in [0, 1). Default 0.999.
        epsilon: default 1e-7.
        amsgrad: whether v is its own greatest value so far. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Kingma and Ba 2014, arXiv:1412.6980, algorithm 1 in the form of section 2's end;
    Reddi et al. 2018 for amsgrad.

    >>> import ranvier
    >>> ranvier.optimizers.Adam()
    <Adam name=adam learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_2 = beta(owner, "beta_2", beta_2)
        self.epsilon = number(owner, "epsilon", epsilon, 0.0)
        self.amsgrad = bool(amsgrad)

    def _native(self) -> dict[str, Any]:
        return {
            "kind": "adam",
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


class AdamW(Adam):
    """Adam with decoupled weight decay: first `w -= learning_rate * weight_decay * w`.

    Args:
        learning_rate: default 0.001.
        weight_decay: >= 0. Default 0.004.
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Loshchilov and Hutter 2019, arXiv:1711.05101.

    >>> import ranvier
    >>> ranvier.optimizers.AdamW().weight_decay
    0.004
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        number("AdamW", "weight_decay", weight_decay, 0.0)
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip


def beta(owner: str, argument: str, value: Any) -> float:
    """A number in [0, 1), else ValueError."""
    checked = number(owner, argument, value, 0.0, 1.0)
    if checked == 1.0:
        raise ValueError(f"{owner}: `{argument}` must be a number in [0, 1); got {value!r}")
    return checked
