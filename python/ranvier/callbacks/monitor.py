"""The base of callbacks that watch one value of the logs."""

from __future__ import annotations

import math
import warnings

from ranvier._checks import number
from ranvier.callbacks.callback import Callback, Logs

_MODES = ("auto", "min", "max")


class MonitorCallback(Callback):
    """Finds a value in the logs, and tells whether it improved.

    Args:
        monitor: name of the value in the logs. Default "val_loss".
        mode: "min" or "max": what is better; "auto": by the metric's nature. Default "auto".
        baseline: what the first value is compared with, or None.
        min_delta: what at least counts as improvement, >= 0. Default 0.

    Raises:
        ValueError: an unknown mode, or "auto" with a value of no known direction.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise ValueError(f"{type(self).__name__}: `mode` must be one of {_MODES}; got {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(number(type(self).__name__, "min_delta", min_delta))
        self._sign = {"min": -1.0, "max": 1.0, "auto": 0.0}[mode]

    def _direction(self) -> float:
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1.0
        for metric in self.model.metrics:
            if metric.name == name and metric._direction is not None:
                return 1.0 if metric._direction == "up" else -1.0
        raise ValueError(
            f"{type(self).__name__}: it is not known whether more or less of '{self.monitor}' is "
            "better; pass mode='max' or mode='min'"
        )

    def _current(self, logs: Logs) -> float | None:
        """The value, or None after a warning that it is not there."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}: there is no '{self.monitor}' in the logs, only "
                f"{', '.join(logs or {})}",
                RuntimeWarning,
                stacklevel=3,
            )
        return value

    def _improves(self, value: float, on: float | None) -> bool:
        if not self._sign:
            self._sign = self._direction()
        if math.isnan(value):
            return False
        return on is None or self._sign * (value - on) > self.min_delta
