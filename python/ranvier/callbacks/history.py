"""What `fit` returns."""

from __future__ import annotations

from typing import Any

from ranvier.callbacks.callback import Callback, Logs


class History(Callback):
    """Records the loss and metrics of each epoch.

    `history` maps each name to its values; `epoch` has the epochs' numbers.

    >>> import numpy as np, ranvier
    >>> model = ranvier.Sequential([ranvier.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((4, 2)), np.zeros((4, 1)), epochs=2, verbose=0)
    >>> history.history
    {'loss': [0.0, 0.0]}
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
