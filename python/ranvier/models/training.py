"""compile, fit, evaluate, predict."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, _random, losses, metrics, optimizers
from ranvier.models import data
from ranvier.models.steps import Rows, Steps
from ranvier.variables import layout as _layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.callbacks import CallbackList, History
    from ranvier.models.network import Network

# The engine returns to Python at least so often, for progress, Ctrl-C and callbacks.
_SECONDS = 0.05
_MANY = 1 << 40


class Trainable:
    """What `Sequential` can do once `compile` has been called."""

    # from Sequential
    name: str
    label: str
    dtype: str
    _infer: Any
    _net: Network | None
    network: Any
    _fit_shape: Any
    _input_array: Any
    _sample_shape: Any
    build: Any

    def _reset_training(self) -> None:
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self.history: History | None = None
        self.stop_training = False
        self._compiled = False
        self._compile_arguments: dict[str, Any] = {}
        self._steps: Steps | None = None
        self._stream = 0

    def _next_stream(self) -> int:
        if self._steps is not None:
            self._steps.stream += 1
            return self._steps.stream - 1
        self._stream += 1
        return self._stream - 1

    # -- compile ----------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is trained.

        Args:
            optimizer: a name ("adam", "sgd", ...) or an optimizer. Default "rmsprop".
            loss: a name, a `Loss`, or a function of (y_true, y_pred) with a `gradient` attribute.
            loss_weights: a number that scales the loss, or None.
            metrics: names, metrics or functions, measured while training and evaluating.
            weighted_metrics: the same, with sample and class weights applied.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: accepted for Keras'
                sake; ranvier always runs compiled code and as many steps a call as it may.

        Raises:
            ValueError: a name that is not known; the nearest ones are suggested.
        """
        if loss_weights is not None:
            raise ValueError(
                f"{self.label}: `loss_weights` needs several outputs, which come later; "
                f"got {loss_weights!r}"
            )
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._loss = losses.get(loss) if loss is not None else None
        self._metric_ids = _as_list(metrics)
        self._weighted_ids = _as_list(weighted_metrics)
        self._compile_arguments = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": None,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self._compiled = True
        self._steps = None
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        return self._compiled

    @property
    def metrics(self) -> list[Any]:
        """The metrics with their current values (the loss's mean is not among them)."""
        return [] if self._steps is None else list(self._steps.metrics)

    @property
    def metrics_names(self) -> list[str]:
        return ["loss", *(m.name for m in self.metrics)]

    def _need_compiled(self, method: str) -> None:
        if not self._compiled:
            raise ValueError(
                f"{self.label}: call compile(optimizer, loss) before {method}()"
            )
        if self._loss is None:
            raise ValueError(f"{self.label}: {method}() needs a loss; compile() was given none")

    def _steps_for(self, y: NDArray[Any]) -> Steps:
        """The step machinery, made at the first data (metrics depend on the labels' shape)."""
        net = self.network()
        steps = self._steps
        if steps is None or steps.network is not net:
            resolved, weighted = [], []
            for ids, is_weighted in ((self._metric_ids, False), (self._weighted_ids, True)):
                for identifier in ids:
                    metric = metrics.resolve(identifier, y.shape, net.output_shape, self._loss)
                    resolved.append(metric)
                    weighted.append(is_weighted)
            names = [m.name for m in resolved]
            for i, metric in enumerate(resolved):
                if names.index(metric.name) != i:
                    metric.name = f"{metric.name}_{names[:i].count(metric.name)}"
            new = Steps(net, self._loss, resolved, weighted, self.optimizer)
            new.stream = self._stream if steps is None else steps.stream
            steps = self._steps = new
        return steps

    # -- data -------------------------------------------------------------------------------

    def _inputs(self, x: Any, argument: str = "x") -> NDArray[Any]:
        array = data.as_rows(self.label, x, argument)
        if self._sample_shape is None:
            self.build((None, *(array.shape[1:] or (1,))))
        return self._fit_shape(array)  # type: ignore[no-any-return]

    def _labels(self, y: Any, argument: str = "y") -> NDArray[Any]:
        if y is None:
            raise ValueError(f"{self.label}: `{argument}` is missing: the loss needs labels")
        labels = data.as_rows(self.label, y, argument)
        output = self.network().output_shape
        return self._loss.check_labels(self.label, labels, output)  # type: ignore[no-any-return]

    def _weights(self, weights: Any) -> NDArray[Any] | None:
        if weights is None:
            return None
        return data.as_rows(self.label, weights, "sample_weight")

    def _rows(self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> Rows:
        inputs = self._inputs(x)
        labels = self._labels(y)
        weights = self._weights(sample_weight)
        data.check_rows(self.label, x=inputs, y=labels, sample_weight=weights)
        if class_weight is not None:
            weights = data.class_weights(self.label, class_weight, labels, weights)
        if weights is not None and weights.ndim > 1:
            per_sample = int(np.prod([n or 1 for n in self.network().output_shape[1:-1]]))
            if weights[0].size not in (1, per_sample):
                raise ValueError(
                    f"{self.label}: `sample_weight` must have one weight a row (or one for each "
                    f"of the {per_sample} outputs of a row); got shape {weights.shape}"
                )
        return Rows.of(inputs, labels, weights)

    # -- fit --------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:
        """Trains the model.

        Args:
            x: array (N, ...) of any numeric dtype (read row by row, never converted as a whole),
                data frame, or an iterable of batches (x, y) or (x, y, sample_weight).
            y: labels (N, ...); None if `x` gives them.
            batch_size: rows a step, default 32.
            epochs: the number of the last epoch.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch, "auto" is 1.
            callbacks: list of `Callback`.
            validation_split: share of the last rows kept apart for validation, in [0, 1).
            validation_data: (x, y) or (x, y, sample_weight), or an iterable of batches.
            shuffle: whether rows are drawn in a new order each epoch.
            class_weight: weights of the classes by number.
            sample_weight: (N,), weights of the rows.
            initial_epoch: number of the first epoch.
            steps_per_epoch: steps that make an epoch; None: all data once.
            validation_steps, validation_batch_size: the same for validation.
            validation_freq: validate every so many epochs, or in the epochs of a list (from 1).

        Returns:
            A `History`: `.history` maps each name to its values by epoch.

        Raises:
            ValueError, TypeError: data that do not fit the model or each other. Weights stay as
                they were before the step that failed. Ctrl-C leaves a usable model.
        """
        self._need_compiled("fit")
        for argument, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
                raise ValueError(f"{self.label}: `{argument}` must be an integer >= 0; got {value!r}")
        if steps_per_epoch is not None and steps_per_epoch < 1:
            raise ValueError(
                f"{self.label}: `steps_per_epoch` must be >= 1; got {steps_per_epoch}"
            )
        batch = data.batch_size_of(self.label, batch_size)
        self.stop_training = False
        if data.is_array_like(x):
            if validation_split:
                (x, y, sample_weight), (vx, vy, vw) = data.split_tail(
                    self.label,
                    validation_split,
                    data.as_rows(self.label, x, "x"),
                    None if y is None else data.as_rows(self.label, y, "y"),
                    self._weights(sample_weight),
                )
                if validation_data is None:
                    validation_data = (vx, vy) if vw is None else (vx, vy, vw)
            source: Any = _ArrayRun(
                self, self._rows(x, y, sample_weight, class_weight), batch, shuffle, steps_per_epoch
            )
        else:
            if y is not None or sample_weight is not None:
                raise ValueError(
                    f"{self.label}: `y` and `sample_weight` must be None when `x` is an iterable "
                    "of batches"
                )
            if validation_split:
                raise ValueError(f"{self.label}: `validation_split` needs arrays, not batches")
            source = _BatchRun(self, x, class_weight, steps_per_epoch)
        return self._fit(
            source,
            epochs,
            verbose,
            callbacks,
            initial_epoch,
            _Validation(
                self,
                validation_data,
                batch if validation_batch_size is None else validation_batch_size,
                validation_steps,
                validation_freq,
            ),
        )

    def _fit(
        self,
        source: Any,
        epochs: int,
        verbose: Any,
        callbacks: Any,
        initial_epoch: int,
        validation: _Validation,
    ) -> History:
        from ranvier.callbacks import CallbackList

        hooks: CallbackList = CallbackList(
            callbacks,
            model=self,
            add_history=True,
            add_progbar=verbose,
            verbose=verbose,
            epochs=epochs,
            steps=source.steps,
        )
        history = hooks.history
        self.history = history
        hooks.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(initial_epoch, epochs):
            hooks.on_epoch_begin(epoch)
            logs = source.run(hooks)
            if not logs:
                break
            if logs["loss"] != logs["loss"]:
                _warn_nan(self.label, epoch)
            if validation.due(epoch):
                logs.update(validation.run())
            hooks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        hooks.on_train_end(logs)
        return history

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on one batch.

        Returns:
            The loss, or [loss, metrics...], or a dict of them, over this batch.
        """
        self._need_compiled("train_on_batch")
        rows = self._rows(x, y, sample_weight, class_weight)
        steps = self._steps_for(rows.y)
        steps.prepare()
        steps.reset()
        steps.train(rows, None, 0, len(rows.x), 1, _SECONDS)
        return _results(steps.logs(), return_dict)

    # -- evaluate ---------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics on data, as `fit` takes them.

        Returns:
            The loss, or [loss, metrics...], or a dict of them if `return_dict`.
        """
        if kwargs:
            raise TypeError(f"{self.label}: evaluate() has no argument `{next(iter(kwargs))}`")
        self._need_compiled("evaluate")
        logs = self._evaluate(
            x, y, data.batch_size_of(self.label, batch_size), sample_weight, steps, callbacks, verbose
        )
        return _results(logs, return_dict)

    def _evaluate(
        self,
        x: Any,
        y: Any,
        batch: int,
        sample_weight: Any = None,
        limit: int | None = None,
        callbacks: Any = None,
        verbose: Any = 0,
    ) -> dict[str, float]:
        from ranvier.callbacks import CallbackList

        if data.is_array_like(x):
            rows = self._rows(x, y, sample_weight)
            total = -(-len(rows.x) // batch)
            feed = iter([(rows, batch)])
        else:
            total = limit or 0
            feed = (
                (rows, len(rows.x))
                for rows in (
                    self._rows(*data.unpack(self.label, item))
                    for item in data.batches(self.label, x)
                )
            )
        if limit is not None:
            total = min(total, limit) if total else limit
        hooks: CallbackList = CallbackList(
            callbacks, model=self, add_progbar=verbose, verbose=verbose, epochs=1, steps=total or None
        )
        hooks.on_test_begin()
        machine: Steps | None = None
        done = 0
        for rows, size in feed:
            if machine is None:
                machine = self._steps_for(rows.y)
                machine.prepare()
                machine.reset()
            start = 0
            while start < len(rows.x) and (limit is None or done < limit):
                most = 1 if hooks.has_test_batch_hooks else _MANY
                if limit is not None:
                    most = min(most, limit - done)
                if hooks.has_test_batch_hooks:
                    hooks.on_test_batch_begin(done)
                n = machine.evaluate(rows, start, size, most, _SECONDS)
                done += n
                start += n * size
                if hooks.has_test_batch_hooks:
                    hooks.on_test_batch_end(done - 1, machine.logs())
                else:
                    hooks.progress(done, machine.logs)
            if limit is not None and done >= limit:
                break
        if machine is None:
            raise ValueError(f"{self.label}: the data are empty (no batches)")
        logs = machine.logs()
        hooks.on_test_end(logs)
        return logs

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics on one batch."""
        self._need_compiled("test_on_batch")
        rows = self._rows(x, y, sample_weight)
        return _results(self._evaluate(rows.x, rows.y, len(rows.x), rows.weights), return_dict)

    # -- predict ----------------------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> NDArray[Any]:
        """The outputs for all rows of `x`.

        Args:
            x: array, data frame, or an iterable of batches.
            batch_size: rows at a time for `steps` and callbacks; the engine chooses its own
                blocks otherwise, with the same result. Default 32.
            verbose: 0 silent, 1 a progress bar, "auto" is 1.
            steps: at most so many batches.
            callbacks: list of `Callback`.
        """
        if verbose == 0 and callbacks is None and steps is None:
            if isinstance(x, np.ndarray):
                if len(x) <= 256 if x.ndim else False:
                    return self(x)  # type: ignore[operator, no-any-return]
                array = self._prediction_input(x)
                return self.network().run(array)  # type: ignore[no-any-return]
        return self._predict(x, batch_size, verbose, steps, callbacks)

    def _prediction_input(self, x: Any) -> NDArray[Any]:
        net_built = self._sample_shape is not None
        array = data.as_rows(self.label, x, "x")
        if not net_built:
            self.build((None, *(array.shape[1:] or (1,))))
        return self._fit_shape(array)  # type: ignore[no-any-return]

    def _predict(
        self, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any
    ) -> NDArray[Any]:
        from ranvier.callbacks import CallbackList

        batch = data.batch_size_of(self.label, batch_size)
        if data.is_array_like(x):
            array = self._prediction_input(x)
            total: int | None = -(-len(array) // batch)
            if steps is not None:
                array = array[: steps * batch]
            # Few, large pieces unless somebody watches each batch.
            probe = CallbackList(callbacks, model=self)
            piece = batch if probe.has_predict_batch_hooks else max(batch, len(array) // 50)
            pieces = ((array[i : i + piece], -(-(i + piece) // batch)) for i in range(0, len(array), piece))
            if len(array) == 0:
                return self.network().run(array)  # type: ignore[no-any-return]
        else:
            total = steps
            pieces = (
                (self._prediction_input(data.unpack(self.label, item)[0]), i + 1)
                for i, item in enumerate(data.batches(self.label, x))
                if steps is None or i < steps
            )
        hooks: CallbackList = CallbackList(
            callbacks, model=self, add_progbar=verbose, verbose=verbose, epochs=1, steps=total
        )
        hooks.on_predict_begin()
        outputs = []
        for i, (piece_x, done) in enumerate(pieces):
            if hooks.has_predict_batch_hooks:
                hooks.on_predict_batch_begin(i)
            y = self.network().run(piece_x)
            outputs.append(y)
            if hooks.has_predict_batch_hooks:
                hooks.on_predict_batch_end(i, {"outputs": y})
            else:
                hooks.progress(min(done, total or done), dict)
        hooks.on_predict_end()
        if not outputs:
            raise ValueError(f"{self.label}: the data are empty (no batches)")
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def predict_on_batch(self, x: Any) -> NDArray[Any]:
        """The outputs for one batch."""
        return self(x)  # type: ignore[operator, no-any-return]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _results(logs: dict[str, float], return_dict: bool) -> Any:
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _warn_nan(label: str, epoch: int) -> None:
    warnings.warn(
        f"{label}: the loss is NaN in epoch {epoch + 1}: the data hold NaN or infinities, or the "
        "learning rate is too large. Training goes on, as in Keras; the callback TerminateOnNaN "
        "stops it.",
        RuntimeWarning,
        stacklevel=4,
    )


class _ArrayRun:
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
        if machine.network.epoch != _layout.epoch:
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
                done = machine.train(self.rows, self.order, self.start, batch, 1, _SECONDS)
                hooks.on_train_batch_end(step, machine.logs())
            else:
                done = machine.train(self.rows, self.order, self.start, batch, left, _SECONDS)
                hooks.progress(step + done, machine.logs)
            step += done
            self.start += done * batch
            if self.start >= n:
                self.start = 0
            if model.stop_training:
                break
        return machine.logs()  # type: ignore[no-any-return]


class _BatchRun:
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
            machine.train(rows, None, 0, len(rows.x), 1, _SECONDS)
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


class _Validation:
    """When and on what `fit` validates."""

    def __init__(
        self, model: Any, given: Any, batch: int, steps: int | None, freq: Any
    ) -> None:
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

    def run(self) -> dict[str, float]:
        if isinstance(self.given, (tuple, list)):
            x, y, w = data.unpack(self.model.label, tuple(self.given))
        else:
            x, y, w = self.given, None, None
        logs = self.model._evaluate(x, y, self.batch, w, self.steps)
        return {f"val_{name}": value for name, value in logs.items()}
