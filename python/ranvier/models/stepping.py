"""The parts of a step that a model of one's own may write anew: `train_step` and the like."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import metrics
from ranvier.models import data
from ranvier.models.feed import Feed
from ranvier.models.steps import Steps
from ranvier.utils import pack_x_y_sample_weight, unpack_x_y_sample_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Gradients(NamedTuple):
    """What `compute_gradients` gives.

    `gradients` are in the order of `trainable_variables`; `input_gradient` is the loss's derivative
    in x, if it was asked for.
    """

    loss: float
    gradients: list[NDArray[Any]]
    y_pred: NDArray[Any]
    input_gradient: NDArray[Any] | None


class Stepping:
    """What a step of `fit`, `evaluate` and `predict` does, each part of it a method to override.

    A model that overrides none of them is trained by the engine, many steps a call.
    """

    # from Sequential and Trainable
    label: str
    dtype: str
    optimizer: Any
    network: Any
    trainable_weights: Any
    _compiled: bool
    _loss: Any
    _inputs: Any
    _metric_ids: list[Any]
    _next_stream: Any
    _steps: Steps | None
    _stream: int
    _tracker: metrics.Mean | None
    _weighted_ids: list[Any]

    # -- steps ------------------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of `fit`; override it to train in another way.

        Args:
            data: a batch: x, (x, y) or (x, y, sample_weight); `utils.unpack_x_y_sample_weight`.

        Returns:
            What callbacks and `History` shall see, by name.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        step = self.compute_gradients(x, y, sample_weight)
        self.optimizer.apply(step.gradients, self.trainable_weights)
        return self._measure(step.loss, x, y, step.y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of `evaluate` and of validation; as `train_step`, without training."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        inputs = np.ascontiguousarray(self._inputs(x), self.dtype)
        y_pred, _ = self.network().forward(inputs, 0, training=False)
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
        return self._measure(loss, x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> NDArray[Any]:
        """The outputs for a batch of `predict`."""
        return self(unpack_x_y_sample_weight(data)[0])  # type: ignore[operator]

    def _measure(self, loss: Any, x: Any, y: Any, y_pred: Any, weights: Any) -> dict[str, Any]:
        if self._tracker is not None:
            self._tracker.update_state(loss, len(x))
        return self.compute_metrics(x, y, y_pred, weights)

    # -- loss and gradients -----------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> float:
        """The compiled loss and all penalties. Overridden together with `compute_loss_gradient`."""
        net = self.network()
        value = net.penalty + net.weights_penalty()
        if self._loss is not None:
            value += float(self._loss(y, y_pred, sample_weight, **_mask(net)))
        return value

    def compute_loss_gradient(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> NDArray[Any]:
        """The derivative of `compute_loss` in `y_pred`, penalties left out."""
        if self._loss is None:
            raise ValueError(f"{self.label}: there is no loss to derive; compile() was given none")
        return self._loss.gradient(y, y_pred, sample_weight, **_mask(self.network()))

    def compute_gradients(
        self, x: Any, y: Any = None, sample_weight: Any = None, input_gradient: bool = False
    ) -> Gradients:
        """The loss on a batch, as in training, and its derivatives in all trained weights.

        Args:
            x, y, sample_weight: the batch.
            input_gradient: whether the derivative in x is computed too. Default False.

        Returns:
            `Gradients`: (loss, gradients, y_pred, input_gradient).

        >>> import numpy as np, ranvier
        >>> model = ranvier.Sequential([ranvier.Input((1,)), ranvier.layers.Dense(1, name="d")])
        >>> model.set_weights([np.array([[2.0]]), np.array([0.0])])
        >>> model.compile("sgd", "mse")
        >>> step = model.compute_gradients(np.array([[3.0]]), np.array([[5.0]]))
        >>> step.loss, [g.tolist() for g in step.gradients]
        (1.0, [[[6.0]], [2.0]])
        """
        net = self.network()
        inputs = np.ascontiguousarray(self._inputs(x), self.dtype)
        y_pred, tape = net.forward(inputs, self._next_stream(), input_gradient)
        loss = float(self.compute_loss(x, y, y_pred, sample_weight, training=True))
        dy = self.compute_loss_gradient(x, y, y_pred, sample_weight)
        if np.shape(dy) != y_pred.shape:
            raise ValueError(
                f"{self.label}: compute_loss_gradient() must have the shape of y_pred, "
                f"{y_pred.shape}; got {np.shape(dy)}"
            )
        dx = net.backward(tape, np.ascontiguousarray(dy, self.dtype))
        net.add_penalty_gradients()
        places = {id(v): at for v, _, at in net.slots}
        gradients = [
            net.gradient[places[id(v)] :][: v.size].reshape(v.shape).copy()
            for v in self.trainable_weights
        ]
        return Gradients(loss, gradients, y_pred, dx if input_gradient else None)

    # -- metrics ----------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The loss's mean, the compiled metrics, and those that are attributes of the model."""
        found: list[Any] = [] if self._tracker is None else [self._tracker]
        if self._steps is not None:
            found += self._steps.metrics
        own = [m for m in vars(self).values() if isinstance(m, metrics.Metric)]
        return found + [m for m in own if not any(m is other for other in found)]

    @property
    def metrics_names(self) -> list[str]:
        return [m.name for m in self.metrics]

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Adds a batch to the compiled metrics, and gives the values of all."""
        steps = self._steps_for(y)
        mask = steps.network.mask
        steps._update(range(len(steps.metrics)), y, y_pred, sample_weight, mask)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The values of all metrics by name, as they are."""
        if self._steps is not None:
            self._steps.sync(self._tracker)
        return {m.name: m.result() for m in self.metrics}

    def reset_metrics(self) -> None:
        """Sets all metrics back, as each epoch begins."""
        if self._steps is not None:
            self._steps.clear()
        for metric in self.metrics:
            metric.reset_state()

    # -- how it is run ----------------------------------------------------------------------

    @classmethod
    def _has_own(cls, *methods: str) -> bool:
        return any(getattr(cls, name) is not getattr(Stepping, name) for name in methods)

    @classmethod
    def _trains_itself(cls) -> bool:
        return cls._has_own("train_step", "compute_loss", "compute_loss_gradient", *_MEASURES)

    @classmethod
    def _tests_itself(cls) -> bool:
        return cls._has_own("test_step", "compute_loss", *_MEASURES)

    def _need_compiled(self, method: str) -> None:
        if not self._compiled:
            raise ValueError(f"{self.label}: call compile(optimizer, loss) before {method}()")
        if self._loss is None:
            trains = method in ("fit", "train_on_batch")
            if not (self._trains_itself() if trains else self._tests_itself()):
                raise ValueError(f"{self.label}: {method}() needs a loss; compile() was given none")

    def _steps_for(self, y: Any) -> Steps:
        """The step machinery, made at the first data (metrics depend on the labels' shape)."""
        net = self.network()
        steps = self._steps
        if steps is None or steps.network is not net:
            if self._loss is not None:
                self._warn_one_class(net.output_shape)
            identifiers = [*self._metric_ids, *self._weighted_ids]
            if identifiers and y is None:
                raise ValueError(f"{self.label}: `y` is missing: the metrics need labels")
            resolved = [
                metrics.resolve(identifier, np.shape(y), net.output_shape, self._loss)
                for identifier in identifiers
            ]
            weighted = [i >= len(self._metric_ids) for i in range(len(resolved))]
            _make_names_unique(resolved, weighted)
            for metric in resolved:
                metric.check_labels(self.label, np.shape(y), net.output_shape)
            new = self._make_steps(net, resolved, weighted)
            new.stream = self._stream if steps is None else steps.stream
            steps = self._steps = new
        return steps

    def _make_steps(self, net: Any, resolved: list[Any], weighted: list[bool]) -> Steps:
        arguments = (self.label, net, self._loss, resolved, weighted, self.optimizer)
        if not (self._trains_itself() or self._tests_itself()):
            return Steps(*arguments)
        if self._has_own("compute_loss") and not self._has_own(
            "compute_loss_gradient", "train_step"
        ):
            raise TypeError(
                f"{self.label}: {type(self).__name__} overrides compute_loss(); it must override "
                "compute_loss_gradient() too: nothing here derives functions by itself"
            )
        return OwnSteps(self, *arguments)

    def _warn_one_class(self, output_shape: tuple[int | None, ...]) -> None:
        kind = getattr(self._loss, "kind", "")
        if output_shape[-1] == 1 and kind.endswith("categorical_crossentropy"):
            warnings.warn(
                f"{self.label}: {kind} over one output is always 0; for two classes use "
                "binary_crossentropy and one sigmoid output",
                RuntimeWarning,
                stacklevel=5,
            )


_MEASURES = ("compute_metrics", "get_metrics_result", "metrics")


class OwnSteps(Steps):
    """Steps that a model's own methods make."""

    def __init__(self, model: Any, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.model = model
        self.trains, self.tests = model._trains_itself(), model._tests_itself()
        self.native_training = self.native_training and not self.trains
        self._logs: dict[str, Any] = {}
        self._own = False  # whether the last step was the model's

    def reset(self) -> None:
        super().reset()
        self.model.reset_metrics()

    def train(self, feed: Feed, start: int, max_batches: int, seconds: float) -> int:
        if self.trains:
            return self._run("train_step", feed, start)
        self._own = False
        return super().train(feed, start, max_batches, seconds)

    def evaluate(self, feed: Feed, start: int, max_batches: int, seconds: float) -> int:
        if self.tests:
            return self._run("test_step", feed, start)
        if self.loss is None or feed.rows.y is None:
            raise ValueError(
                f"{self.owner}: to evaluate without a loss or without `y`, "
                f"{type(self.model).__name__} must have a test_step() of its own"
            )
        self._own = False
        return super().evaluate(feed, start, max_batches, seconds)

    def _run(self, method: str, feed: Feed, start: int) -> int:
        self._by_engine, self._own = False, True
        logs = getattr(self.model, method)(pack_x_y_sample_weight(*self.take(feed, start)))
        if not isinstance(logs, dict):
            raise TypeError(
                f"{self.owner}: {method}() must return a dictionary of logs; got {logs!r}"
            )
        self._logs = {name: data.plain(value) for name, value in logs.items()}
        return 1

    def logs(self) -> dict[str, Any]:
        return dict(self._logs) if self._own else super().logs()

    def sync(self, tracker: Any) -> None:
        if not self._own:
            super().sync(tracker)


def _mask(net: Any) -> dict[str, Any]:
    return {} if net.mask is None else {"mask": net.mask}


def _make_names_unique(all_metrics: list[metrics.Metric], weighted: list[bool]) -> None:
    """`accuracy`, `accuracy_1`; of weighted ones `weighted_accuracy`: as Keras names results."""
    seen: dict[str, int] = {}
    for metric, is_weighted in zip(all_metrics, weighted, strict=True):
        name = metric.name
        if is_weighted and name in seen:
            name = f"weighted_{name}"
        count = seen.get(name, 0)
        seen[name] = count + 1
        metric.name = name if count == 0 else f"{name}_{count}"
