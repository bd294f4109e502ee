"""What an epoch runs over: arrays, or an iterable of batches; and validation."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _random
from ranvier.models import data
from ranvier.models.evaluation import SECONDS
from ranvier.variables import layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.callbacks import CallbackList
    from ranvier.models.steps import Rows, Steps


class ArrayRun:
    """Epochs over arrays in memory (or mapped from disk)."""

    def __init__(
        self, model: Any, rows: Rows, batch: int, shuffle: Any, steps_per_epoch: int | None
    ) -> None:
        self.model = model
        self.rows = rows
        self.n = len(rows.x)
        self.batch = min(batch, self.n)
        self.shuffle = bool(shuffle)
        self.all_steps = -(-self.n // self.batch)
        self.steps = steps_per_epoch or self.all_steps
        self.restart = steps_per_epoch is None
        self.order: NDArray[Any] | None = None
        self.start = 0
        self.machine = model._steps_for(rows.y)
        self.machine.prepare()

    def run(self, hooks: CallbackList) -> dict[str, float]:
        machine, model = self.machine, self.model
        if machine.network.epoch != layout.epoch:
            machine = self.machine = model._steps_for(self.rows.y)
            machine.prepare()
        machine.reset()
        batch, n = self.batch, self.n
        if self.restart:
            self.start = 0
        step = 0
        while step < self.steps:
            if self.start == 0 and self.shuffle:
                if self.order is None:
                    self.order = np.arange(n)
                _random.generator().shuffle(self.order)
            left = min(self.steps - step, -(-(n - self.start) // batch))
            if hooks.has_train_batch_hooks:
                hooks.on_train_batch_begin(step)
                done = machine.train(self.rows, self.order, self.start, batch, 1, SECONDS)
                hooks.on_train_batch_end(step, machine.logs())
            else:
                done = machine.train(self.rows, self.order, self.start, batch, left, SECONDS)
                hooks.progress(step + done, machine.logs)
            step += done
            self.start += done * batch
            if self.start >= n:
                self.start = 0
            if model.stop_training:
                break
        return machine.logs()


class BatchRun:
    """Epochs over an iterable of batches."""

    def __init__(self, model: Any, source: Any, class_weight: Any, steps: int | None) -> None:
        self.model = model
        self.source = source
        self.class_weight = class_weight
        self.limit = steps
        self.steps = steps
        if steps is None and hasattr(source, "__len__"):
            self.steps = len(source)
        self.iterator: Any = None

    def run(self, hooks: CallbackList) -> dict[str, float]:
        model = self.model
        if self.limit is None or self.iterator is None:
            self.iterator = data.batches(model.label, self.source)
        machine: Steps | None = None
        step = 0
        while self.limit is None or step < self.limit:
            try:
                item = next(self.iterator)
            except StopIteration:
                if self.limit is not None:
                    self.iterator = data.batches(model.label, self.source)
                    item = next(self.iterator, None)
                    if item is None:
                        warnings.warn(
                            f"{model.label}: the data ran out after {step} of {self.limit} steps",
                            RuntimeWarning,
                            stacklevel=5,
                        )
                        model.stop_training = True
                        break
                else:
                    break
            x, y, w = data.unpack(model.label, item)
            rows = model._rows(x, y, w, self.class_weight)
            if machine is None:
                machine = model._steps_for(rows.y)
                machine.prepare()
                machine.reset()
            if hooks.has_train_batch_hooks:
                hooks.on_train_batch_begin(step)
            machine.train(rows, None, 0, len(rows.x), 1, SECONDS)
            if hooks.has_train_batch_hooks:
                hooks.on_train_batch_end(step, machine.logs())
            else:
                hooks.progress(step + 1, machine.logs)
            step += 1
            if model.stop_training:
                break
        if self.limit is None:
            self.steps = step
            hook = getattr(self.source, "on_epoch_end", None)
            if hook is not None:
                hook()
        if machine is None:
            if step == 0 and not model.stop_training:
                warnings.warn(
                    f"{model.label}: the data gave no batches (a generator can be used up once)",
                    RuntimeWarning,
                    stacklevel=5,
                )
            return {}
        return machine.logs()


class Validation:
    """When and on what `fit` validates."""

    def __init__(self, model: Any, given: Any, batch: int, steps: int | None, freq: Any) -> None:
        self.model = model
        self.batch = data.batch_size_of(model.label, batch)
        self.steps = steps
        self.freq = freq
        self.given = given
        if given is not None and not isinstance(freq, (int, np.integer, list, tuple, set)):
            raise ValueError(
                f"{model.label}: `validation_freq` must be an integer or a list; got {freq!r}"
            )

    def due(self, epoch: int) -> bool:
        if self.given is None:
            return False
        if isinstance(self.freq, (int, np.integer)):
            return (epoch + 1) % int(self.freq) == 0
        return epoch + 1 in self.freq

    def run(self, hooks: CallbackList) -> dict[str, float]:
        if isinstance(self.given, (tuple, list)):
            x, y, w = data.unpack(self.model.label, tuple(self.given))
        else:
            x, y, w = self.given, None, None
        logs = self.model._evaluate(x, y, self.batch, w, self.steps, hooks, False)
        return {f"val_{name}": value for name, value in logs.items()}
