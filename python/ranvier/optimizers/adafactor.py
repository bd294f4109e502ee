"""Adafactor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.optimizers.optimizer import Optimizer, norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ranvier.variables import Variable


class Adafactor(Optimizer):
    """Adam's second moments of a matrix kept as one mean for each row and each column.

    With t counted from 1, `s = g^2 + epsilon_1`, `b = 1 - t^beta_2_decay`:
    `r = b r + (1 - b) mean(s, -1)`, `c = b c + (1 - b) mean(s, -2)`, `v = r c / mean(r)`; of fewer
    than two axes: `v = b v + (1 - b) s`. `u = g / sqrt(v)`,
    `a = max(epsilon_2, rms(w)) min(learning_rate, 1 / sqrt(t))`,
    `w -= a u / max(1, rms(u) / clip_threshold)`.
    Works on whole variables, by NumPy: a step passes through Python, batch by batch.

    Args:
        learning_rate: default 0.001.
        beta_2_decay: <= 0. Default -0.8.
        epsilon_1: >= 0, keeps v from 0. Default 1e-30.
        epsilon_2: >= 0, the least scale of a weight. Default 0.001.
        clip_threshold: > 0. Default 1.
        relative_step: kept in the config; the rate has the bound above either way, as in Keras.
        weight_decay, clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.

    Source: Shazeer and Stern 2018, arXiv:1804.04235.

    >>> import ranvier
    >>> ranvier.optimizers.Adafactor()
    <Adafactor name=adafactor learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        if number("Adafactor", "beta_2_decay", beta_2_decay) > 0:
            raise ValueError(
                f"Adafactor: `beta_2_decay` must be a number <= 0; got {beta_2_decay!r}"
            )
        if not number("Adafactor", "clip_threshold", clip_threshold) > 0:
            raise ValueError(
                f"Adafactor: `clip_threshold` must be a number > 0; got {clip_threshold!r}"
            )
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = number("Adafactor", "epsilon_1", epsilon_1, 0.0)
        self.epsilon_2 = number("Adafactor", "epsilon_2", epsilon_2, 0.0)
        self.clip_threshold = clip_threshold
        self.relative_step = bool(relative_step)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._r: list[Variable] = []
        self._c: list[Variable] = []
        self._v: list[Variable] = []
        for v in variables:
            # of fewer than two axes: numbers that Keras keeps too and nobody uses
            wide = v.ndim >= 2
            rows = v.shape[:-1] if wide else ()
            columns = (*v.shape[:-2], v.shape[-1]) if wide else ()
            self._r.append(self._add_variable(rows, "zeros", v.dtype, v.name, v))
            self._c.append(self._add_variable(columns, "zeros", v.dtype, v.name, v))
            self._v.append(self.add_variable_from_reference(v, "velocity"))

    def update_step(self, gradient: NDArray[Any], variable: Variable, learning_rate: float) -> None:
        index, step, w = self._get_variable_index(variable), self.iterations + 1, variable.value
        rows, columns, v = self._r[index].value, self._c[index].value, self._v[index].value
        rate = min(learning_rate, step**-0.5)
        alpha = float(np.maximum(self.epsilon_2, _rms(w))) * rate
        squares = gradient * gradient + np.asarray(self.epsilon_1, w.dtype)
        new = step**self.beta_2_decay
        if w.ndim >= 2:
            rows += new * (squares.mean(-1) - rows)
            columns += new * (squares.mean(-2) - columns)
            share = rows / rows.mean(-1, keepdims=True)
            np.multiply(share[..., None], columns[..., None, :], out=v)
        else:
            v += new * (squares - v)
        update = gradient / np.sqrt(v)
        w -= alpha / float(np.maximum(1.0, _rms(update) / self.clip_threshold)) * update


def _rms(a: NDArray[Any]) -> float:
    return norm([a]) / math.sqrt(max(a.size, 1))
