"""Ending a run that no longer improves."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ranvier._checks import number
from ranvier.callbacks.callback import Callback, Logs

_MODES = ("auto", "min", "max")


class EarlyStopping(Callback):
    """Stops training when a value has not improved for some epochs.

    Args:
        monitor: name of the value in the logs. Default "val_loss".
        min_delta: what at least counts as improvement, >= 0. Default 0.
        patience: epochs without improvement before it stops. Default 0.
        verbose: 1 tells when it stops. Default 0.
        mode: "min" or "max": what is better; "auto": by the metric's nature. Default "auto".
        baseline: a value to be reached, or training stops after `patience` epochs; or None.
        restore_best_weights: whether the weights of the best epoch come back. Default False.
        start_from_epoch: epochs before it begins to watch. Default 0.

    Raises:
        ValueError: an unknown mode, or "auto" with a value of no known direction.

    >>> EarlyStopping("val_accuracy", patience=3).monitor
    'val_accuracy'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise ValueError(f"EarlyStopping: `mode` must be one of {_MODES}; got {mode!r}")
        self.monitor = monitor
        self.min_delta = abs(number("EarlyStopping", "min_delta", min_delta))
        self.patience = number("EarlyStopping", "patience", patience, 0)
        self.verbose = verbose
        self.mode = mode
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: Any = None
        self._sign = {"min": -1.0, "max": 1.0, "auto": 0.0}[self.mode]

    def _direction(self) -> float:
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1.0
        for metric in self.model.metrics:
            if metric.name == name and metric._direction is not None:
                return 1.0 if metric._direction == "up" else -1.0
        raise ValueError(
            f"EarlyStopping: it is not known whether more or less of '{self.monitor}' is better; "
            "pass mode='max' or mode='min'"
        )

    def _improves(self, value: float, on: float | None) -> bool:
        return on is None or self._sign * (value - on) > self.min_delta

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"EarlyStopping: there is no '{self.monitor}' in the logs, only "
                f"{', '.join(logs or {})}",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        if epoch < self.start_from_epoch:
            return
        if not self._sign:
            self._sign = self._direction()
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if not math.isnan(value) and self._improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)
