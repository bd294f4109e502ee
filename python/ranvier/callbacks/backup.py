"""A run of training that survives the end of its process."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import suppress
from typing import Any

from ranvier.callbacks.callback import Callback, Logs
from ranvier.callbacks.model_checkpoint import check_frequency

_RECORD = "training_metadata.json"


class BackupAndRestore(Callback):
    """Saves where `fit` is, and lets the same call in a new process go on there.

    The new run ends with the weights, bit for bit, that the first would have had: the optimizer's
    state, the order of the rows, random layers and the learning rate come back. Arrays go on in the
    middle of an epoch too; iterables of batches begin anew and are skipped up to that batch. The
    results of an epoch that was broken off are those of its rest.

    Args:
        backup_dir: a directory that nothing else uses.
        save_freq: "epoch" or a number of batches.
        double_checkpoint: whether the backup before the last stays, in case the last is damaged.
        delete_checkpoint: whether the backup goes when `fit` has ended. Default True.

    Raises:
        ValueError: an argument out of its range, or a backup of another model.

    >>> BackupAndRestore("backup", save_freq=1000).save_freq
    1000
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        self.backup_dir = os.fspath(backup_dir) if backup_dir else ""
        if not self.backup_dir:
            raise ValueError("BackupAndRestore: `backup_dir` is empty")
        self.save_freq = check_frequency("BackupAndRestore", save_freq)
        self.double_checkpoint = bool(double_checkpoint)
        self.delete_checkpoint = delete_checkpoint
        self._records: list[dict[str, Any]] = []  # the last first
        self._since = self._epoch = 0
        if self.save_freq != "epoch":  # batches are told only to who asks
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]

    def _path(self, name: str) -> str:
        return os.path.join(self.backup_dir, name)

    # -- going on ---------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._since = 0
        try:
            with open(self._path(_RECORD), encoding="utf-8") as file:
                self._records = _checked(json.load(file), self._path(_RECORD))
        except FileNotFoundError:
            self._records = []
            return
        for i, record in enumerate(self._records):
            try:
                self.model.load_weights(self._path(record["file"]))
            except (OSError, ValueError) as error:
                if i + 1 == len(self._records):
                    raise
                warnings.warn(f"BackupAndRestore: {error}", RuntimeWarning, stacklevel=2)
                continue
            self._restore(record)
            return

    def _restore(self, record: dict[str, Any]) -> None:
        model = self.model
        model.optimizer._set_rate_record(record["learning_rate"])
        model._initial_epoch = record["epoch"]
        model._source.resume(record["run"], record["batch"], record["learning_rate"])

    # -- saving -----------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def _batch_end(self, batch: int, logs: Logs = None) -> None:
        self._since += 1
        if self._since >= self.save_freq:
            self._since = 0
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _save(self, epoch: int, batch: int) -> None:
        from ranvier.saving._files import replacing

        optimizer = self.model.optimizer
        os.makedirs(self.backup_dir, exist_ok=True)
        # A name of its own: the record, which is replaced last, goes with its file in one moment.
        name = f"{epoch}-{batch}.weights.h5"
        self.model.save_weights(self._path(name))
        record = {
            "file": name,
            "epoch": epoch,
            "batch": batch,
            "learning_rate": optimizer._rate_record(),
            "run": self.model._source.state(),
        }
        kept = [r for r in self._records if r["file"] != name][: int(self.double_checkpoint)]
        old = self._records
        self._records = [record, *kept]
        with replacing(self._path(_RECORD)) as file:
            file.write(json.dumps(self._records).encode())
        self._remove(r for r in old if r not in self._records and r["file"] != name)

    def _remove(self, records: Any) -> None:
        for record in records:
            with suppress(FileNotFoundError):
                os.unlink(self._path(record["file"]))

    def on_train_end(self, logs: Logs = None) -> None:
        if not self.delete_checkpoint:
            return
        with suppress(FileNotFoundError):  # first: without it the rest means nothing
            os.unlink(self._path(_RECORD))
        self._remove(self._records)
        self._records = []
        with suppress(OSError):  # something of somebody else's is in it
            os.rmdir(self.backup_dir)


def _rates(record: dict[str, Any]) -> list[Any]:
    """One, or several of a MultiOptimizer."""
    rates = record.get("learning_rate")
    return rates if isinstance(rates, list) else [rates]


def _checked(records: Any, path: str) -> list[dict[str, Any]]:
    """What a record file should hold, or ValueError."""
    names = {"file": str, "epoch": int, "batch": int, "run": dict}
    good = isinstance(records, list) and all(
        isinstance(r, dict)
        and all(isinstance(r.get(n), kind) for n, kind in names.items())
        and all(isinstance(rate, (float, int, type(None))) for rate in _rates(r))
        and os.path.basename(r["file"]) == r["file"]
        for r in records
    )
    if not good:
        raise ValueError(f"{path}: this is no record of BackupAndRestore; got {records!r}")
    return list(records)
