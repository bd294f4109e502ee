"""The base class of callbacks."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any] | None


class Callback:
    """Base class: write the methods that `fit`, `evaluate` and `predict` shall call.

    `self.model` is the model; `self.params` has "epochs", "steps" and "verbose". Setting
    `self.model.stop_training = True` ends training. `logs` holds the loss and metrics so far.

    >>> import ranvier
    >>> class Stop(ranvier.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         if logs["loss"] < 0.1:
    ...             self.model.stop_training = True
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Told once before a run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Told once before a run."""
        self._model = model

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch of training, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch; `logs` has the validation's results too, with the prefix `val_`."""

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a step of training, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a step of training; `logs` has the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of `evaluate` or of validation."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of `evaluate` or of validation."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of `predict`; `logs["outputs"]` has the predictions."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: Logs = None) -> None:
        """At the end of `fit`; `logs` are those of the last epoch."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """At the start of `evaluate` or of validation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """At the end of `evaluate` or of validation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """At the start of `predict`."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """At the end of `predict`."""


def overrides(callback: Callback, *methods: str) -> bool:
    """Whether a callback has one of these methods of its own."""
    for name in methods:
        own = getattr(callback, name)
        if getattr(own, "__func__", own) is not getattr(Callback, name):
            return True
    return False
