"""Small callbacks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ranvier._messages import say
from ranvier._suggest import suggestion
from ranvier.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from collections.abc import Callable

_HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """Functions as a callback.

    Args:
        on_epoch_begin, on_epoch_end, on_train_batch_begin, on_train_batch_end, on_train_begin,
        on_train_end: functions, or None; any other method of `Callback` by keyword.

    Raises:
        TypeError: a method that `Callback` does not have.

    >>> import ranvier
    >>> say = ranvier.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))
    >>> say.on_epoch_end(3, {})
    3
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in given.items():
            if name not in _HOOKS:
                raise TypeError(
                    f"LambdaCallback has no argument `{name}`." + suggestion(name, _HOOKS)
                )
            if function is not None and not callable(function):
                raise TypeError(f"LambdaCallback: `{name}` must be a function; got {function!r}")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stops training at the first step whose loss is NaN or infinite.

    Args:
        raise_error: whether it raises a RuntimeError instead. Default False.

    >>> TerminateOnNaN().raise_error
    False
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} at batch {batch}")
        say(f"Batch {batch}: the loss is {loss}, training stops")
        self.model.stop_training = True
