"""Callbacks: what happens while a model trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranvier._lazy import lazy
from ranvier.callbacks.callback import Callback
from ranvier.callbacks.callback_list import CallbackList
from ranvier.callbacks.history import History

if TYPE_CHECKING:
    from ranvier.callbacks.backup import BackupAndRestore
    from ranvier.callbacks.csv_logger import CSVLogger
    from ranvier.callbacks.early_stopping import EarlyStopping
    from ranvier.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
    from ranvier.callbacks.model_checkpoint import ModelCheckpoint
    from ranvier.callbacks.progbar import ProgbarLogger
    from ranvier.callbacks.remote_monitor import RemoteMonitor
    from ranvier.callbacks.simple import LambdaCallback, TerminateOnNaN
    from ranvier.callbacks.swap_ema_weights import SwapEMAWeights
    from ranvier.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "backup": "BackupAndRestore",
        "csv_logger": "CSVLogger",
        "early_stopping": "EarlyStopping",
        "learning_rate": "LearningRateScheduler ReduceLROnPlateau",
        "model_checkpoint": "ModelCheckpoint",
        "progbar": "ProgbarLogger",
        "remote_monitor": "RemoteMonitor",
        "simple": "LambdaCallback TerminateOnNaN",
        "swap_ema_weights": "SwapEMAWeights",
        "tensorboard": "TensorBoard",
    },
)
