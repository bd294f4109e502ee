"""What an epoch runs over: arrays, or an iterable of batches; and validation."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _random, ops
from ranvier.models import data
from ranvier.models.evaluation import SECONDS
from ranvier.models.feed import Feed, Rows
from ranvier.variables import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ranvier.callbacks import CallbackList
    from ranvier.models.steps import Steps

# What `next` gives at the end of the data.
_END = object()


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
        self.order: NDArray[Any] | None = np.empty(self.n, np.int64) if self.shuffle else None
        self.feed: Feed | None = None  # when the order has been drawn
        self.seed = _random.draw_seed() if shuffle else 0
        self.rounds = 0
        self.start = 0
        # of the next epoch, if a run goes on in its middle
        self.first_step = 0
        self.first_rate: Any = None
        model._check_values(rows)
        self.machine = model._steps_for(rows.y)
        self.machine.prepare()

    def run(self, hooks: CallbackList) -> dict[str, float]:
        machine, model = self.machine, self.model
        if machine.network.epoch != layout.epoch:
            machine = self.machine = model._steps_for(self.rows.y)
            machine.prepare()
        machine.reset()
        step = _first_step(self)
        if self.restart and step == 0:
            self.start = 0
        (self._watched if hooks.has_train_batch_hooks else self._alone)(machine, hooks, step)
        return machine.logs()

    def _alone(self, machine: Steps, hooks: CallbackList, step: int) -> None:
        while step < self.steps:
            feed = self._feed()
            left = min(self.steps - step, -(-(self.n - self.start) // self.batch))
            done = machine.train(feed, self.start, left, SECONDS)
            step += done
            self.start += done * self.batch
            if self.start >= self.n:
                self.start = 0
            hooks.train_progress(step, machine.logs)
            if self._ran_out(step) or self.model.stop_training:
                break

    def _watched(self, machine: Steps, hooks: CallbackList, step: int) -> None:
        begins = hooks.listeners("on_train_batch_begin")
        ends = hooks.listeners("on_train_batch_end")
        while step < self.steps:
            step = machine.watched(self._feed(), self, begins, ends, step, self.steps)
            if self._ran_out(step) or self.model.stop_training:
                break

    def _feed(self) -> Feed:
        """What the next steps go over."""
        if self.start == 0 and self.shuffle:
            self._draw(self.rounds)
            self.rounds += 1
        if self.feed is None:
            self.feed = Feed(self.rows, self.batch, self.order)
        return self.feed

    def _ran_out(self, step: int) -> bool:
        """Whether the data ended before the epoch did, after so many steps."""
        out = self.start == 0 and step < self.steps
        if out:
            _warn_ran_out(self.model.label, step, self.steps, 8)
        return out

    def state(self) -> dict[str, int]:
        """Where the run is: what `resume` wants."""
        return {"seed": self.seed, "rounds": self.rounds, "start": self.start}

    def resume(self, state: dict[str, int], step: int, rate: Any) -> None:
        """Goes on where another run on the same data was, at a step of an epoch."""
        self.seed, self.rounds, self.start = state["seed"], state["rounds"], state["start"]
        self.first_step, self.first_rate = step, rate
        if self.start > 0 and self.shuffle:
            self._draw(self.rounds - 1)
        self.machine.prepare()

    def _draw(self, number: int) -> None:
        ops.permutation(self.n, self.seed, number, out=self.order)


class BatchRun:
    """Epochs over an iterable of batches."""

    def __init__(
        self, model: Any, source: Any, class_weight: Any, shuffle: Any, steps: int | None
    ) -> None:
        self.model = model
        self.source = source
        self.class_weight = class_weight
        self.shuffle = bool(shuffle)
        self.limit = steps
        self.steps = data.length(model.label, source, steps, "steps_per_epoch")
        if steps is not None:
            self.steps = steps
        self.iterator: Iterator[Any] | None = None
        self.began = False
        # of the next epoch, if a run goes on in its middle
        self.first_step = 0
        self.first_rate: Any = None

    def run(self, hooks: CallbackList) -> dict[str, float]:
        data.tell(self.source, "on_epoch_begin")
        try:
            machine, step = self._epoch(hooks)
        finally:
            data.rest(self.iterator)
        return self._end(machine, step)

    def _epoch(self, hooks: CallbackList) -> tuple[Steps | None, int]:
        model = self.model
        if self.limit is None:
            self.iterator = None
        machine: Steps | None = None
        step = 0
        for _ in range(_first_step(self)):  # seen by the run that this one goes on with
            self._next(step)
            step += 1
        while self.limit is None or step < self.limit:
            item = self._next(step)
            if item is _END:
                if self.limit is not None and step > 0:
                    _warn_ran_out(model.label, step, self.limit, 7)
                    if self.iterator is self.source:  # a generator, which can be used up once
                        model.stop_training = True
                self.iterator = None
                break
            x, y, w = data.unpack(model.label, item)
            rows = model._rows(x, y, w, self.class_weight)
            if machine is None:
                machine = model._steps_for(rows.y)
                machine.prepare()
                machine.reset()
            self._train(machine, rows, step, hooks)
            step += 1
            if model.stop_training:
                break
        return machine, step

    def state(self) -> dict[str, int]:
        """Where the run is, besides the step."""
        return {}

    def resume(self, state: dict[str, int], step: int, rate: Any) -> None:
        """Goes on at a step of an epoch; iterables begin anew."""
        self.first_step, self.first_rate = step, rate

    def _next(self, step: int) -> Any:
        """The next batch, or _END; an epoch begins the data anew where the last one ended them."""
        item = _END if self.iterator is None else next(self.iterator, _END)
        if item is _END and step == 0:
            rng = _random.generator() if self.shuffle else None
            self.iterator = data.batches(self.model.label, self.source, rng)
            item = next(self.iterator, _END)
        return item

    def _train(self, machine: Steps, rows: Rows, step: int, hooks: CallbackList) -> None:
        feed = Feed(rows, len(rows.x))
        if hooks.has_train_batch_hooks:
            hooks.on_train_batch_begin(step)
        machine.train(feed, 0, 1, SECONDS)
        if hooks.has_train_batch_hooks:
            hooks.on_train_batch_end(step, machine.logs())
        else:
            hooks.train_progress(step + 1, machine.logs)

    def _end(self, machine: Steps | None, step: int) -> dict[str, float]:
        if self.limit is None:
            self.steps = step
        data.tell(self.source, "on_epoch_end")
        if machine is not None:
            self.began = True
            return machine.logs()
        if not self.began:
            raise ValueError(f"{self.model.label}: the data are empty (no batches)")
        warnings.warn(
            f"{self.model.label}: the data gave no more batches, training ends (a generator can be "
            "used up once)",
            RuntimeWarning,
            stacklevel=5,
        )
        return {}


def _first_step(run: Any) -> int:
    """Where the epoch begins; in its middle with the learning rate that it had there."""
    step, rate = run.first_step, run.first_rate
    run.first_step, run.first_rate = 0, None
    if step > 0:
        run.model.optimizer._set_rate_record(rate)
    return int(step)


def _warn_ran_out(label: str, step: int, steps: int, stacklevel: int) -> None:
    warnings.warn(
        f"{label}: the data ran out after {step} of {steps} steps, which ends the epoch",
        RuntimeWarning,
        stacklevel=stacklevel,
    )


class Validation:
    """When and on what `fit` validates. Arrays are checked before the first step of training."""

    def __init__(self, model: Any, given: Any, batch: Any, steps: Any, freq: Any) -> None:
        self.model = model
        self.batch = data.batch_size_of(model.label, batch, "validation_batch_size")
        self.steps = data.steps_of(model.label, "validation_steps", steps)
        often = isinstance(freq, (list, tuple, set, range))
        self.freq = freq if often else data.whole(model.label, "validation_freq", freq)
        self.given = given
        self.feeds: Any = None
        if given is not None:
            try:
                self.feeds = self._arrays()
            except (TypeError, ValueError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"{error} (in `validation_data`)") from error

    def _arrays(self) -> Any:
        """What `run` goes through, checked; None if it comes in batches."""
        if isinstance(self.given, Rows):
            rows = self.given
        else:
            x, y, w = self._parts()
            if not data.is_array_like(x):
                data.length(self.model.label, x, self.steps, "validation_steps")
                return None
            rows = self.model._rows(x, y, w)
        self.model._check_values(rows)
        return [Feed(rows, self.batch)]

    def _parts(self) -> tuple[Any, Any, Any]:
        given = self.given if isinstance(self.given, (tuple, list)) else (self.given,)
        return data.unpack(self.model.label, tuple(given))

    def due(self, epoch: int) -> bool:
        if self.given is None:
            return False
        if isinstance(self.freq, int):
            return (epoch + 1) % self.freq == 0
        return epoch + 1 in self.freq

    def run(self, hooks: CallbackList) -> dict[str, float]:
        feeds = self.feeds
        if feeds is None:
            feeds = self.model._feeds(*self._parts(), self.batch, self.steps)[0]
        logs = self.model._evaluate(feeds, self.steps, hooks, False)
        return {f"val_{name}": value for name, value in logs.items()}
