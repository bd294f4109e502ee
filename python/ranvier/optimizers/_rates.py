"""Learning rates: numbers, schedules, functions."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier.optimizers._averages import Averages
from ranvier.optimizers.schedules import LearningRateSchedule, deserialize

# Rates are computed for so many steps at a time.
_RATES = 256


class Rates(Averages):
    """An optimizer's learning rate, and what callbacks know of it."""

    @property
    def learning_rate(self) -> float:
        """The rate of the next step. May be set, also while training."""
        rate = self._learning_rate
        if isinstance(rate, float):
            return rate
        if isinstance(rate, LearningRateSchedule):
            return float(rate(self._iterations))
        return float(rate())

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self._set_rate(rate)

    def _set_rate(self, rate: Any) -> None:
        if isinstance(rate, dict):
            rate = deserialize(rate)
        if isinstance(rate, LearningRateSchedule) or (
            callable(rate) and not hasattr(rate, "dtype")
        ):
            self._learning_rate: Any = rate
        else:
            self._learning_rate = float(number(type(self).__name__, "learning_rate", rate, 0.0))

    @property
    def has_constant_rate(self) -> bool:
        return isinstance(self._learning_rate, float)

    def rates(self, steps: int) -> list[float]:
        """The rates of the next steps: one if all are the same, else at most `steps`."""
        rate = self._learning_rate
        if isinstance(rate, float):
            return [rate]
        if isinstance(rate, LearningRateSchedule):
            first = self._iterations
            return [float(rate(i)) for i in range(first, first + min(steps, _RATES))]
        return [self.learning_rate]

    def _rated(self) -> dict[str, Any]:
        """Whose learning rate logs have under which name."""
        return {"learning_rate": self}

    def _rate_record(self) -> Any:
        """The rate that a run goes on with; None if a schedule or function decides."""
        return self.learning_rate if self.has_constant_rate else None

    def _set_rate_record(self, record: Any) -> None:
        if record is not None:
            self.learning_rate = record
