"""Saving the model while it trains."""

from __future__ import annotations

import os
from typing import Any

from ranvier._messages import say
from ranvier.callbacks.callback import Logs
from ranvier.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch or every so many batches.

    A file is replaced as a whole: killed at any moment, the old one or the new one is there.

    Args:
        filepath: where to; "{epoch:02d}-{val_loss:.2f}.keras" is filled from the epoch (from 1),
            the batch (from 1) and the logs. Ends with ".keras", or with ".weights.h5" if
            `save_weights_only`.
        monitor: name of the value that tells which is best. Default "val_loss".
        verbose: 1 tells what is saved. Default 0.
        save_best_only: whether only a model better than all before is saved. Default False.
        save_weights_only: whether weights and the optimizer's state are saved without the rest.
        mode: "min" or "max": what is better; "auto": by the metric's nature. Default "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what the first value must be better than; or None.

    Raises:
        ValueError: an ending or `save_freq` that does not fit.
        KeyError: `filepath` names a value that is not in the logs.

    >>> ModelCheckpoint("best.keras", save_best_only=True).monitor
    'val_loss'
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = check_frequency("ModelCheckpoint", save_freq)
        self._since = 0
        self._epoch = 0
        if self.save_freq != "epoch":  # batches are told only to who asks: steps alone are faster
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]
        ending = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith(ending):
            raise ValueError(
                f"ModelCheckpoint: `filepath` must end with '{ending}'"
                f"{' if save_weights_only' if save_weights_only else ''}; got {self.filepath!r}"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def _batch_end(self, batch: int, logs: Logs = None) -> None:
        self._since += 1
        if self._since >= self.save_freq:
            self._since = 0
            self._save(self._epoch, logs, batch=batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, epoch: int, logs: Logs, **more: int) -> None:
        logs = logs or {}
        try:
            path = self.filepath.format(epoch=epoch + 1, **{**more, **logs})
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: `filepath` {self.filepath!r} names {error}, which is not in the "
                f"logs: {', '.join(logs)}"
            ) from None
        if self.save_best_only:
            value = self._current(logs)
            if value is not None:
                if not self._improves(value, self.best):
                    return
                self.best = value
        directory = os.path.dirname(path)
        if directory:
            os.makedirs(directory, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose > 0:
            say(f"Epoch {epoch + 1}: saved the model to {path}")


def check_frequency(owner: str, save_freq: Any) -> Any:
    """ "epoch", or a number of batches >= 1."""
    whole = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq >= 1
    if save_freq != "epoch" and not whole:
        raise ValueError(
            f"{owner}: `save_freq` must be 'epoch' or an integer >= 1; got {save_freq!r}"
        )
    return save_freq
