"""Training and evaluation steps behind `fit` and `evaluate`: all in C++, or partly in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _core
from ranvier.metrics.metric import Mean
from ranvier.variables import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ranvier.metrics import Metric
    from ranvier.models.feed import Feed
    from ranvier.models.network import Network, Slot
    from ranvier.optimizers import Optimizer


# Metrics whose logs the engine makes: watched.cpp has room for so many.
_MOST_WATCHED = 64


class Steps:
    """What `fit` drives. One for each compiled state of a model.

    Args:
        owner: the model's label, for errors.
        network: the model's runnable form.
        loss: of all outputs; None only for `OwnSteps`.
        metrics, weighted_metrics: already resolved.
        optimizer: None if the model is only evaluated.
        shares_penalty: weights' penalties count once for all samples, as in scikit-learn: a batch
            takes as much of them as it has of the sum of weights.
    """

    def __init__(
        self,
        owner: str,
        network: Network,
        loss: Any,
        metrics: list[Metric],
        weighted: list[bool],
        optimizer: Optimizer | None,
        shares_penalty: bool = False,
    ) -> None:
        self.owner = owner
        self.network = network
        self.loss = loss
        self.metrics = metrics
        self.weighted = weighted
        self.optimizer = optimizer
        self.shares_penalty = shares_penalty
        self._stream = 0
        # Metrics that the engine counts, and those that see predictions in Python.
        self.counted = [i for i, m in enumerate(metrics) if m.native is not None]
        self.python_metrics = [i for i, m in enumerate(metrics) if m.native is None]
        self.native = network.native is not None and getattr(loss, "native", None) is not None
        self.native = self.native and all(
            r is None or r.native is not None for r in self._regularizers()
        )
        self.native_training = self.native and (optimizer is None or optimizer.in_engine)
        self._trainer: Any = None
        self._trainer_of: Any = None
        self._sums = [0.0, 0.0]
        self._by_engine = False
        self.constrained: list[Any] = []
        # what optimizer and engine were last laid out for, and told
        self._laid_out: tuple[Any, ...] = ()
        self._trained: list[Slot] = []
        self._told: tuple[Any, ...] = ()
        # the metrics by name if the engine can make the logs, too
        self._named: list[tuple[str, Any]] | None = None

    @property
    def stream(self) -> int:
        """The number of the next step's random numbers."""
        if self.native_training and self._trainer is not None:
            return int(self._trainer.stream)
        return self._stream

    @stream.setter
    def stream(self, stream: int) -> None:
        self._stream = stream
        if self._trainer is not None:
            self._trainer.set_stream(stream)

    def _regularizers(self) -> list[Any]:
        return [s.variable.regularizer for s in self.network.slots]

    # -- preparing --------------------------------------------------------------------------

    def prepare(self) -> None:
        """Before the first step of a run: follows what changed in the network and optimizer."""
        self.network.refresh()
        optimizer = self.optimizer
        if optimizer is not None:
            self._lay_out(optimizer)
        if not self.native:
            return
        runner = self.network.native
        if self._trainer_of is not runner:
            stream = self.stream
            self._trainer = self._make_trainer(runner)
            self._trainer_of = runner
            self.stream = stream
            self._told = ()
        self._named = None
        if optimizer is not None and self.native_training:
            self._set_optimizer(optimizer)

    def _lay_out(self, optimizer: Optimizer) -> None:
        """Weights and the optimizer's state, unless they are (`train_on_batch` asks each time)."""
        of = (optimizer.native, optimizer.use_ema, optimizer.gradient_accumulation_steps)
        if self._laid_out != (layout.epoch, *of):
            self.network.gather()
            places = [(s.variable, s.offset) for s in self.network.slots]
            optimizer.allocate(places, self.network.gradient.size, self.network.dtype)
            self._laid_out = (layout.epoch, *of)
            self._trained = self.network.trained

    def _make_trainer(self, runner: Any) -> Any:
        native: Any = self.loss.native
        kind, smoothing, ignore = native
        value_factor, gradient_factor = self.loss.factors
        loss = {
            "kind": kind,
            "reduction": self.loss.reduction,
            "label_smoothing": smoothing,
            "ignore_class": ignore,
            "value_factor": value_factor,
            "gradient_factor": gradient_factor,
            "shares_penalty": self.shares_penalty,
        }
        make = _core.trainer64 if self.network.dtype == "float64" else _core.trainer32
        specs = []
        for i in self.counted:
            counted: Any = self.metrics[i].native
            name, given = counted
            spec = {
                "is_loss": False,
                "label_smoothing": 0.0,
                "ignore_class": None,
                "threshold": 0.5,
                "k": 5,
                **given,
            }
            spec["kind"] = name
            spec["weighted"] = self.weighted[i]
            spec["masked"] = self.metrics[i]._masked
            specs.append(spec)
        # a name may hold what UTF-8 cannot
        owner = self.owner.encode(errors="backslashreplace").decode()
        trainer = make(owner, runner, loss, specs)
        trainer.keep_predictions(bool(self.python_metrics))
        return trainer

    def _set_optimizer(self, optimizer: Optimizer) -> None:
        variables = []
        for v, _, offset in self._trained:
            penalty: Any = None if v.regularizer is None else v.regularizer.native
            variables.append((id(v), offset, v.size, optimizer.decays(v), *(penalty or (0.0, 0.0))))
        # the trainer keeps the arrays, so that no other has the number of one of them
        told = (self._laid_out, variables, [id(slot) for slot in optimizer.slots])
        if self._told != told:
            segment: Any = self.network.segments[0]
            numbers = {id(v): i for i, v in enumerate(segment.builder.variables)}
            variables = [(numbers[own], *others) for own, *others in variables]
            self._trainer.set_optimizer(optimizer.native, variables, optimizer.slots)
            self._told = told
        self.constrained = [s.variable for s in self._trained if s.variable.constraint]
        plain = all(getattr(m.result, "__func__", None) is Mean.result for m in self.metrics)
        alone = plain and type(self) is Steps and not (self.constrained or self.python_metrics)
        few = len(self.metrics) <= _MOST_WATCHED
        self._named = [(m.name, m) for m in self.metrics] if alone and few else None

    # -- running ----------------------------------------------------------------------------

    def reset(self) -> None:
        """Before an epoch: sums and metrics start at zero."""
        self.clear()

    def clear(self) -> None:
        """Sets sums and metrics to zero."""
        self._sums = [0.0, 0.0]
        for metric in self.metrics:
            metric.reset_state()
        if self._trainer is not None:
            self._trainer.reset_totals()

    def train(self, feed: Feed, start: int, max_batches: int, seconds: float) -> int:
        """Up to `max_batches` steps from row `start` on; returns how many were done."""
        optimizer = self.optimizer
        assert optimizer is not None
        self._by_engine = self.native_training
        if not self.native_training:
            self._train_python(feed, start)
            return 1
        if self.constrained or self.python_metrics:
            max_batches = 1
        rates = optimizer.rates(max_batches)
        if max_batches > 1 and not optimizer.has_constant_rate:
            max_batches = min(max_batches, len(rates))
        at = optimizer._iterations  # as `iterations`: the engine accumulates no gradients
        done: int = self._trainer.train(feed.native, start, max_batches, seconds, rates, at)
        optimizer._iterations = at + done
        for variable in self.constrained:
            assert variable.constraint is not None
            variable.assign(variable.constraint(variable.value))
        if self.python_metrics:
            self._update_python_metrics(feed, start)
        return done

    def watched(
        self, feed: Feed, run: Any, begins: list[Any], ends: list[Any], step: int, steps: int
    ) -> int:
        """Steps from number `step` on, and what callbacks do before and after each.

        Args:
            feed: what they go over.
            run: has the next row as `start`, the number of rows as `n`, and the model.
            begins, ends: called with a step's number, and None or the logs.
            step, steps: the first one's number, and how many the epoch has.

        Returns:
            The number of the next step. It may come back at any step, and does where the data end
            or the model shall stop.
        """
        if self._named is not None and not begins:
            self._by_engine = True
            native: Any = self._trainer
            return int(native.watched(feed.native, run, self, ends, step, steps))
        for begin in begins:
            begin(step, None)
        self.train(feed, run.start, 1, 0.0)
        start = run.start + feed.batch
        run.start = start if start < run.n else 0
        logs = self.logs()
        for end in ends:
            end(step, logs)
        return step + 1

    def evaluate(self, feed: Feed, start: int, max_batches: int, seconds: float) -> int:
        """Up to `max_batches` batches of loss and metrics; returns how many were done."""
        self._by_engine = self.native
        if not self.native:
            self._evaluate_python(feed, start)
            return 1
        if self.python_metrics:
            max_batches = 1
        penalty = self.network.weights_penalty()
        done: int = self._trainer.evaluate(feed.native, penalty, start, max_batches, seconds)
        if self.python_metrics:
            self._update_python_metrics(feed, start)
        return done

    def logs(self) -> dict[str, float]:
        """The running means by name: loss first, then metrics."""
        total, weight = self._totals()
        logs = {"loss": total / weight if weight else 0.0}
        for metric in self.metrics:
            logs[metric.name] = metric.result()
        return logs

    def sync(self, tracker: Any) -> None:
        """Brings all metrics, and the loss's mean, to where the steps are."""
        total, weight = self._totals()
        if tracker is not None:
            tracker.reset_state()
            tracker.add(total, weight)

    def _totals(self) -> tuple[float, float]:
        """Sums of the loss and of its weights; metrics that the engine counts get theirs."""
        total, weight = self._sums
        if self._by_engine:
            sums = self._trainer.totals()
            total, weight = total + sums[0], weight + sums[1]
            at = 2
            for i in self.counted:
                metric: Any = self.metrics[i]  # counted ones are means
                metric.total, metric.count = sums[at], sums[at + 1]
                at += 2
        return total, weight

    # -- steps that pass through Python -----------------------------------------------------

    def take(self, feed: Feed, start: int) -> tuple[Any, Any, NDArray[Any] | None]:
        """A step's x, as the network takes it, y and weights."""
        x, y, weights = feed.take(start)
        return self._batch(x), y, weights

    def _batch(self, x: Any) -> Any:
        return np.ascontiguousarray(x, self.network.dtype)

    def _update_python_metrics(self, feed: Feed, start: int) -> None:
        _, y, weights = feed.take(start)
        predictions, mask = self._trainer.predictions(), self._trainer.mask()
        self._update(self.python_metrics, y, predictions, weights, mask)

    def _update(
        self, which: Iterable[int], y: Any, predictions: Any, weights: Any, mask: Any
    ) -> None:
        for i in which:
            own = weights if self.weighted[i] else None
            if mask is not None and self.metrics[i]._masked:
                own = mask if own is None else mask * _beside(own, mask)
            self.metrics[i].update_state(y, predictions, own)

    def _add(self, y: Any, predictions: Any, weights: Any, loss: float) -> None:
        self._sums[0] += loss * len(predictions)
        self._sums[1] += len(predictions)
        self._update(range(len(self.metrics)), y, predictions, weights, self.network.mask)

    def _train_python(self, feed: Feed, start: int) -> None:
        assert self.optimizer is not None
        net = self.network
        x, y, weights = self.take(feed, start)
        predictions, tape = net.forward(x, self._stream)
        self._stream += 1
        masked = {} if net.mask is None else {"mask": net.mask}
        value = float(self.loss(y, predictions, weights, **masked)) + net.penalty
        dy = self.loss.gradient(y, predictions, weights, **masked)
        net.backward(tape, np.ascontiguousarray(dy, net.dtype))
        share = 1.0
        if self.shares_penalty:
            total = len(predictions) if weights is None else float(np.sum(weights))
            share = 1.0 / total if total else 0.0
        value += share * net.weights_penalty()
        net.add_penalty_gradients(share)
        self.optimizer.step([(s.variable, s.offset) for s in net.trained], net.gradient)
        for slot in net.trained:
            if slot.variable.constraint is not None:
                slot.variable.assign(slot.variable.constraint(slot.variable.value))
        self._add(y, predictions, weights, value)

    def _evaluate_python(self, feed: Feed, start: int) -> None:
        x, y, weights = self.take(feed, start)
        net = self.network
        predictions, _ = net.forward(x, 0, training=False)
        masked = {} if net.mask is None else {"mask": net.mask}
        value = float(self.loss(y, predictions, weights, **masked)) + net.penalty
        value += net.weights_penalty()
        self._add(y, predictions, weights, value)


def _beside(weights: Any, mask: Any) -> NDArray[Any]:
    """Weights of samples, or of each step, in the mask's shape."""
    given = np.asarray(weights)
    if given.size == mask.size:
        return given.reshape(mask.shape)
    return given.reshape(len(mask), *(1,) * (mask.ndim - 1))
