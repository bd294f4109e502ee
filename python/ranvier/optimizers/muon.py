"""Muon."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier._checks import number
from ranvier.optimizers._averages import at_least
from ranvier.optimizers.adam import beta
from ranvier.optimizers.optimizer import Optimizer, norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ranvier.variables import Variable


class Muon(Optimizer):
    """Momentum made orthogonal, for matrices; AdamW for everything else.

    For a matrix: `m = momentum m + g`, `h = g + momentum m` if `nesterov`, else `h = m`;
    `X = h / |h|`, `ns_steps` times `A = X X'`, `X = muon_a X + (muon_b A + muon_c A^2) X`;
    `w -= learning_rate sqrt(max(rows, columns)) rms_rate X`.
    Works on whole variables, by NumPy: a step passes through Python, batch by batch.

    Args:
        learning_rate: default 0.001.
        adam_beta_1: in [0, 1), AdamW's, as what follows. Default 0.9.
        adam_beta_2: in [0, 1). Default 0.999.
        adam_weight_decay: >= 0, or None. Default 0.004.
        epsilon: default 1e-7.
        weight_decay: >= 0, of matrices, or None. Default 0.004.
        clipnorm, clipvalue, global_clipnorm, name: see `Optimizer`.
        exclude_layers: regular expressions; variables in whose path one is found follow AdamW.
        exclude_embeddings: whether those with "embedding" in their path do. Default True.
        muon_a, muon_b, muon_c: default 3.4445, -4.775, 2.0315.
        adam_lr_ratio: of AdamW's rate to `learning_rate`. Default 1.
        momentum: >= 0. Default 0.95.
        ns_steps: >= 0. Default 5.
        nesterov: default True.
        rms_rate: default 0.2. None: the root and rms_rate are left out.

    Source: Jordan et al. 2024, Muon; Liu et al. 2025, arXiv:2502.16982, for `rms_rate`.

    >>> import ranvier
    >>> ranvier.optimizers.Muon()
    <Muon name=muon learning_rate=0.001>
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1 = beta("Muon", "adam_beta_1", adam_beta_1)
        self.adam_beta_2 = beta("Muon", "adam_beta_2", adam_beta_2)
        if adam_weight_decay is not None:
            number("Muon", "adam_weight_decay", adam_weight_decay, 0.0)
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = number("Muon", "epsilon", epsilon, 0.0)
        if isinstance(exclude_layers, str):
            raise ValueError(f"Muon: `exclude_layers` must be a list; got {exclude_layers!r}")
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = bool(exclude_embeddings)
        self.muon_a = number("Muon", "muon_a", muon_a)
        self.muon_b = number("Muon", "muon_b", muon_b)
        self.muon_c = number("Muon", "muon_c", muon_c)
        self.adam_lr_ratio = number("Muon", "adam_lr_ratio", adam_lr_ratio, 0.0)
        self.momentum = number("Muon", "momentum", momentum, 0.0)
        at_least("Muon", "ns_steps", ns_steps, 0)
        if ns_steps > 1000:  # a step would not end
            raise ValueError(f"Muon: `ns_steps` must be at most 1000; got {ns_steps}")
        self.ns_steps = ns_steps
        self.nesterov = bool(nesterov)
        self.rms_rate = None if rms_rate is None else number("Muon", "rms_rate", rms_rate)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._m: list[Variable] = []
        self._v: list[Variable | None] = []
        for v in variables:
            self._m.append(self.add_variable_from_reference(v, "momentum"))
            adam = self._by_adam(v)
            self._v.append(self.add_variable_from_reference(v, "velocity") if adam else None)

    def _by_adam(self, variable: Variable) -> bool:
        path = variable.path
        return (
            variable.ndim != 2
            or (self.exclude_embeddings and "embedding" in path.lower())
            or any(re.search(keyword, path) for keyword in self.exclude_layers)
        )

    def _decay_of(self, variable: Variable) -> float:
        if not self._by_adam(variable):
            return super()._decay_of(variable)
        return (self.adam_weight_decay or 0.0) if self.decays(variable) else 0.0

    def update_step(self, gradient: NDArray[Any], variable: Variable, learning_rate: float) -> None:
        index, w = self._get_variable_index(variable), variable.value
        m, velocity = self._m[index].value, self._v[index]
        if velocity is not None:
            v, step = velocity.value, self.iterations + 1
            corrected = math.sqrt(1 - self.adam_beta_2**step) / (1 - self.adam_beta_1**step)
            m += (gradient - m) * (1 - self.adam_beta_1)
            v += (gradient * gradient - v) * (1 - self.adam_beta_2)
            rate = learning_rate * self.adam_lr_ratio * corrected
            w -= m * rate / (np.sqrt(v) + self.epsilon)
            return
        m += gradient + m * (self.momentum - 1)
        x = self._orthogonal(gradient + self.momentum * m if self.nesterov else m)
        if self.rms_rate is not None:
            learning_rate *= math.sqrt(max(w.shape)) * self.rms_rate
        w -= learning_rate * x

    def _orthogonal(self, x: NDArray[Any]) -> NDArray[Any]:
        """Newton and Schulz's iteration, on the side with fewer rows."""
        tall = x.shape[0] > x.shape[1]
        x = x / (norm([x]) + 1e-7)
        if tall:
            x = np.ascontiguousarray(x.T)
        for _ in range(self.ns_steps):
            a = ops.matmul(x, x, transpose_b=True)
            x = self.muon_a * x + ops.matmul(self.muon_b * a + self.muon_c * ops.matmul(a, a), x)
        return x.T if tall else x
