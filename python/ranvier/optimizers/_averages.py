"""What an optimizer does around its steps: adding up gradients, averaging weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.optimizers._state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ranvier.variables import Variable


class Averages(State):
    """Gradient accumulation and the moving average of weights, with Keras 3's semantics.

    Both keep one buffer, laid out like the gradients'; None if they are off.
    """

    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None
    averages: NDArray[Any] | None
    accumulated: NDArray[Any] | None
    _places: list[tuple[Variable, int]]
    # Batches seen; `iterations` counts updates.
    _iterations: int

    def _set_averages(
        self,
        use_ema: bool,
        ema_momentum: float,
        ema_overwrite_frequency: int | None,
        gradient_accumulation_steps: int | None,
    ) -> None:
        owner = type(self).__name__
        if use_ema:
            number(owner, "ema_momentum", ema_momentum, 0.0, 1.0)
            if ema_overwrite_frequency is not None:
                at_least(owner, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        if gradient_accumulation_steps:
            at_least(owner, "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self.use_ema = bool(use_ema)
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.averages = None
        self.accumulated = None
        self._iterations = 0

    @property
    def iterations(self) -> int:
        """Updates so far: batches, divided by `gradient_accumulation_steps`."""
        return self._iterations // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, updates: int) -> None:
        self._iterations = updates * (self.gradient_accumulation_steps or 1)

    def _allocate_averages(self, n: int, dtype: str) -> None:
        if self.use_ema and self.averages is None:
            self.averages = np.zeros(n, dtype)
        if self.gradient_accumulation_steps and self.accumulated is None:
            self.accumulated = np.zeros(n, dtype)

    def _accumulates(self, places: Sequence[tuple[Variable, int]], gradient: NDArray[Any]) -> bool:
        """Adds up gradients; whether that is all. If not, `gradient` holds their mean now."""
        steps, held = self.gradient_accumulation_steps, self.accumulated
        if not steps or held is None:
            return False
        updates = (self._iterations + 1) % steps == 0
        for variable, at in places:
            own = slice(at, at + variable.size)
            if updates:
                gradient[own] = (gradient[own] + held[own]) / steps
                held[own] = 0
            else:
                held[own] += gradient[own]
        return not updates

    def _average(self) -> None:
        """After each batch; as in Keras, the first update's weights are the first average."""
        if self.averages is None:
            return
        momentum = self.ema_momentum if self.iterations else 0.0
        for variable, at in self._places:
            mean = self.averages[at : at + variable.size]
            mean *= momentum
            mean += (1 - momentum) * variable.value.reshape(-1)
        every = self.ema_overwrite_frequency
        if every and (self.iterations + 1) % every == 0:
            self._assign_averages(self.averages, [v for v, _ in self._places])

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Gives variables their moving averages if `use_ema`; `fit` does so at its end."""
        if self.averages is not None and self._iterations:
            self._assign_averages(self.averages, var_list)

    def _assign_averages(self, averages: NDArray[Any], variables: Sequence[Variable]) -> None:
        where = {id(v): at for v, at in self._places}
        for variable in variables:
            at = where.get(id(variable))
            if at is not None:
                variable.assign(averages[at : at + variable.size].reshape(variable.shape))


def at_least(owner: str, argument: str, value: Any, low: int) -> None:
    """ValueError unless `value` is an integer >= `low`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < low:
        raise ValueError(f"{owner}: `{argument}` must be an integer >= {low}; got {value!r}")
