"""Callbacks, called together."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ranvier.callbacks.callback import Callback, Logs, overrides
from ranvier.callbacks.history import History
from ranvier.callbacks.progbar import ProgbarLogger
from ranvier.callbacks.simple import TerminateOnNaN

if TYPE_CHECKING:
    from collections.abc import Callable

_VERBOSE = (0, 1, 2, "auto")


class CallbackList(Callback):
    """Calls each method of all callbacks in their order.

    Args:
        callbacks: a `Callback` or a list of them, or None.
        add_history, add_progbar: whether to add a `History` or `ProgbarLogger` if there is none.
        model: what the callbacks see as `model`.
        params: what they see as `params`: `verbose`, `epochs`, `steps`.

    Raises:
        TypeError: something that is no `Callback`.
        ValueError: an unknown `verbose`.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        one = isinstance(callbacks, Callback) or not hasattr(callbacks or (), "__iter__")
        given = [callbacks] if one else list(callbacks or ())
        for callback in given:
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"`callbacks` must be ranvier.callbacks.Callback objects; got {callback!r}"
                )
        verbose = params.get("verbose", 0)
        if verbose not in _VERBOSE:
            raise ValueError(f"`verbose` must be 0, 1, 2 or 'auto'; got {verbose!r}")
        self.callbacks: list[Callback] = given
        self.history = next((c for c in given if isinstance(c, History)), None)
        if self.history is None and add_history:
            self.history = History()
            given.append(self.history)
        self.progbar = next((c for c in given if isinstance(c, ProgbarLogger)), None)
        if self.progbar is None and add_progbar:
            self.progbar = ProgbarLogger()
            given.append(self.progbar)
        self._hear: dict[str, list[Callback]] = {}
        self.set_model(model)
        self.set_params(params)

    def _who(self, event: str) -> list[Callback]:
        """Who has something to do at an event of batches: a step may be as short as a call."""
        found = self._hear.get(event)
        if found is None:
            names = (event, event.replace("train_", ""))
            found = self._hear[event] = [c for c in self.callbacks if overrides(c, *names)]
        return found

    def listeners(self, event: str) -> list[Callable[..., None]]:
        """What to call at an event of batches: loops of short steps do it themselves."""
        return [getattr(callback, event) for callback in self._who(event)]

    def _any(self, mode: str) -> bool:
        # what follows `progress` is not called at each batch
        hear = self._who(f"on_{mode}_batch_begin") + self._who(f"on_{mode}_batch_end")
        return any(c is not self.progbar and c not in self._wardens for c in hear)

    @cached_property
    def _wardens(self) -> list[Callback]:
        """Those that look for losses that are not finite, for which a run is interrupted."""
        own = TerminateOnNaN.on_train_batch_end
        return [c for c in self.callbacks if type(c).on_train_batch_end is own]

    @cached_property
    def has_train_batch_hooks(self) -> bool:
        return self._any("train")

    @cached_property
    def has_test_batch_hooks(self) -> bool:
        return self._any("test")

    @cached_property
    def has_predict_batch_hooks(self) -> bool:
        return self._any("predict")

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def progress(self, step: int, logs: Callable[[], dict[str, Any]]) -> None:
        """Tells the bar how many steps are done; `logs` is called if it wants to show them."""
        if self.progbar is not None:
            self.progbar.progress(step, logs)

    def train_progress(self, step: int, logs: Callable[[], dict[str, Any]]) -> None:
        """`progress` in training, where some look at the loss, too."""
        for warden in self._wardens:
            warden.on_train_batch_end(step - 1, logs())
        self.progress(step, logs)

    def close(self) -> None:
        """Leaves the terminal as it should be, also after an error."""
        if self.progbar is not None:
            self.progbar.close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for callback in self._who("on_train_batch_begin"):
            callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        for callback in self._who("on_train_batch_end"):
            callback.on_train_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for callback in self._who("on_test_batch_begin"):
            callback.on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        for callback in self._who("on_test_batch_end"):
            callback.on_test_batch_end(batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for callback in self._who("on_predict_batch_begin"):
            callback.on_predict_batch_begin(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        for callback in self._who("on_predict_batch_end"):
            callback.on_predict_batch_end(batch, logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def on_train_end(self, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_test_begin(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_test_end(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_begin(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_end(logs)
