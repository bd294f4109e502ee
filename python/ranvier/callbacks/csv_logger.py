"""The logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from ranvier.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes a line for each epoch: its number (from 0), then the logs by name.

    Args:
        filename: the file's path.
        separator: between values. Default ",".
        append: whether it goes on with a file that is there, instead of replacing it.

    >>> CSVLogger("training.csv").filename
    'training.csv'
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self._file: Any = None
        self._writer: Any = None
        self._has_header = False

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()
        self._has_header = self.append and _has_content(self.filename)
        self._file = open(  # noqa: SIM115 - closed at the end of training
            self.filename, "a" if self.append else "w", newline="", encoding="utf-8"
        )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        if self._writer is None:
            names = sorted(logs)
            if not any(name.startswith("val_") for name in names):
                # validation may come in a later epoch
                names += [f"val_{name}" for name in names]
            self._writer = csv.DictWriter(
                self._file, ["epoch", *names], restval="NA", extrasaction="ignore",
                delimiter=self.sep,
            )  # fmt: skip
            if not self._has_header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{k: _cell(v) for k, v in logs.items()}})
        self._file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f"[{', '.join(map(str, value))}]"


def _has_content(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0
