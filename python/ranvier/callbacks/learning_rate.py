"""Callbacks that change the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._checks import number
from ranvier._messages import say
from ranvier.callbacks.callback import Callback, Logs
from ranvier.callbacks.monitor import MonitorCallback

if TYPE_CHECKING:
    from collections.abc import Callable


def _rated(callback: Callback) -> dict[str, Any]:
    """The optimizers whose rates are changed, each under its rate's name in the logs."""
    owner, optimizer = type(callback).__name__, callback.model.optimizer
    if optimizer is None:
        raise ValueError(f"{owner}: the model has no optimizer")
    rated: dict[str, Any] = optimizer._rated()
    if not rated:
        raise ValueError(
            f"{owner}: which optimizers a MultiOptimizer's function returns is not known before "
            "the first batch; give it an OptimizerMap, or `fit` arrays"
        )
    for one in rated.values():
        if not one.has_constant_rate:
            raise ValueError(
                f"{owner}: the learning rate of {one.name} is a schedule, which decides by "
                "itself; give it a number"
            )
    return rated


def _tell(callback: Callback, epoch: int, name: str, rate: float) -> None:
    which = name.replace("_", " ", 1).replace("rate_", "rate of ", 1)
    say(f"Epoch {epoch + 1}: {type(callback).__name__} sets the {which} to {rate}.")


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: a function of (epoch, learning_rate), or of the epoch (from 0) alone, that returns
            the rate, a number >= 0.
        verbose: 1 tells each rate. Default 0.

    Raises:
        TypeError: `schedule` is not a function.
        ValueError: what it returns is no number >= 0.

    >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(
                f"LearningRateScheduler: `schedule` must be a function; got {schedule!r}"
            )
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        for name, optimizer in _rated(self).items():
            try:
                new: Any = self.schedule(epoch, float(optimizer.learning_rate))
            except TypeError:  # of one argument
                new = self.schedule(epoch)
            new = number("LearningRateScheduler", "schedule", new, 0.0)
            optimizer.learning_rate = new
            if self.verbose > 0:
                _tell(self, epoch, name, new)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            rated = self.model.optimizer._rated()
            logs.update({name: one.learning_rate for name, one in rated.items()})


class ReduceLROnPlateau(MonitorCallback):
    """Makes the learning rate smaller when a value has not improved for some epochs.

    Args:
        monitor: name of the value in the logs. Default "val_loss".
        factor: what the rate is multiplied with, in [0, 1). Default 0.1.
        patience: epochs without improvement. Default 10.
        verbose: 1 tells each change. Default 0.
        mode: "min" or "max": what is better; "auto": by the metric's nature. Default "auto".
        min_delta: what at least counts as improvement, >= 0. Default 1e-4.
        cooldown: epochs after a change in which none are counted. Default 0.
        min_lr: the least rate. Default 0.

    Raises:
        ValueError: an argument out of its range.

    >>> ReduceLROnPlateau(factor=0.5, patience=3).factor
    0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        owner = "ReduceLROnPlateau"
        self.factor = number(owner, "factor", factor, 0.0, 1.0)
        if self.factor == 1:
            raise ValueError(f"{owner}: `factor` must be < 1; got {factor!r}")
        self.patience = number(owner, "patience", patience, 0)
        self.verbose = verbose
        self.cooldown = number(owner, "cooldown", cooldown, 0)
        self.min_lr = number(owner, "min_lr", min_lr, 0.0)
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter: float = 0

    def in_cooldown(self) -> bool:
        """Whether epochs are not counted now."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        logs.update({name: one.learning_rate for name, one in _rated(self).items()})
        value = self._current(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        reduced = False
        for name, optimizer in _rated(self).items():
            old = optimizer.learning_rate
            if old > self.min_lr:
                optimizer.learning_rate = new = max(old * self.factor, self.min_lr)
                reduced = True
                if self.verbose > 0:
                    _tell(self, epoch, name, new)
        return reduced
