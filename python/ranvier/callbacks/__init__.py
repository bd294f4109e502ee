"""Callbacks: what happens while a model trains."""

from ranvier.callbacks.callback import Callback
from ranvier.callbacks.callback_list import CallbackList
from ranvier.callbacks.early_stopping import EarlyStopping
from ranvier.callbacks.history import History
from ranvier.callbacks.progbar import ProgbarLogger
from ranvier.callbacks.simple import LambdaCallback, TerminateOnNaN

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "ProgbarLogger",
    "TerminateOnNaN",
]
