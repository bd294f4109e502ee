"""Ending a run that no longer improves."""

from __future__ import annotations

from typing import Any

from ranvier._checks import number
from ranvier._messages import say
from ranvier.callbacks.callback import Logs
from ranvier.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
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
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = number("EarlyStopping", "patience", patience, 0)
        self.verbose = verbose
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

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = self._current(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._improves(value, self.best):
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
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                say(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)
