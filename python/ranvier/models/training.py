"""compile, fit, train_on_batch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import losses, optimizers
from ranvier.metrics import Mean
from ranvier.metrics import check as check_metric
from ranvier.models import data
from ranvier.models.evaluation import SECONDS, Evaluable, results
from ranvier.models.feed import Feed, Rows
from ranvier.models.runs import ArrayRun, BatchRun, Validation
from ranvier.models.stepping import Stepping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.callbacks import CallbackList, History
    from ranvier.models.network import Network


class Trainable(Stepping, Evaluable):
    """What `Sequential` can do once `compile` has been called."""

    # from Sequential
    name: str
    label: str
    dtype: str
    _net: Network | None
    network: Any
    _fit_shape: Any
    _sample_shape: Any
    build: Any

    def _reset_training(self) -> None:
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self.history: History | None = None
        self.stop_training = False
        self._compiled = False
        self._compile_arguments: dict[str, Any] = {}
        self._steps = None
        self._tracker = None
        self._stream = 0
        self._source: Any = None  # what `fit` runs over, while it does
        self._initial_epoch: int | None = None

    @property
    def _stream_now(self) -> int:
        """The number of the next training pass: random layers draw by it."""
        return self._stream if self._steps is None else self._steps.stream

    @_stream_now.setter
    def _stream_now(self, stream: int) -> None:
        self._stream = stream
        if self._steps is not None:
            self._steps.stream = stream

    def _next_stream(self) -> int:
        now = self._stream_now
        if self._steps is None:
            self._stream = now + 1
        else:
            self._steps.stream = now + 1
        return now

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
            loss_weights: 1 or None; others need several outputs, which come later.
            metrics: names, metrics or functions, measured while training and evaluating; a
                dictionary or nested list of them counts as the list of what is in it.
            weighted_metrics: the same, with sample and class weights applied.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: checked, kept and
                without effect: ranvier always runs compiled code and as many steps a call as it
                may, and computes nothing in float16.

        Raises:
            ValueError: a name that is not known; the nearest ones are suggested.
        """
        if any(weight != 1 for weight in _flat(loss_weights)):
            raise ValueError(
                f"{self.label}: `loss_weights` other than 1 need several outputs, which come "
                f"later; got {loss_weights!r}"
            )
        for argument, given, allowed in (
            ("run_eagerly", run_eagerly, (True, False)),
            ("jit_compile", jit_compile, (True, False, "auto")),
            ("auto_scale_loss", auto_scale_loss, (True, False)),
        ):
            if given not in allowed:
                raise ValueError(f"{self.label}: `{argument}` must be in {allowed}; got {given!r}")
        steps_per_execution = data.whole(self.label, "steps_per_execution", steps_per_execution)
        if run_eagerly and jit_compile is True:
            warnings.warn(
                f"{self.label}: `run_eagerly` and `jit_compile` exclude each other; `jit_compile` "
                "is set to False",
                RuntimeWarning,
                stacklevel=2,
            )
            jit_compile = False
        resolved = losses.get(data.only(loss, lambda shape: True))
        for identifier in [*_flat(metrics), *_flat(weighted_metrics)]:
            check_metric(identifier)
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._loss: Any = resolved
        if self._loss is not None and self._loss.reduction in (None, "none"):
            raise ValueError(
                f"{self.label}: to train, the loss needs a reduction to one number; "
                f"{self._loss.name} has reduction={self._loss.reduction!r}"
            )
        self._metric_ids = _flat(metrics)
        self._weighted_ids = _flat(weighted_metrics)
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
        self.run_eagerly = run_eagerly
        self.steps_per_execution = steps_per_execution
        self.jit_compile = not run_eagerly if jit_compile == "auto" else jit_compile
        self._compiled = True
        self._tracker = Mean("loss")
        self._steps = None
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        return self._compiled

    # -- data -------------------------------------------------------------------------------

    def _rows(self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> Rows:
        inputs = self._inputs(x)
        labels: Any = None
        if y is not None:
            labels = self._beside(inputs, y, "y")
            if self._loss is not None:
                labels = self._loss.check_labels(self.label, labels, self.network().output_shape)
        elif class_weight is not None or not (self._trains_itself() or self._tests_itself()):
            raise ValueError(f"{self.label}: `y` is missing: the loss needs labels")
        weights = None
        if sample_weight is not None:
            weights = self._beside(inputs, sample_weight, "sample_weight")
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
        return Rows(inputs, labels, weights)

    def _check_values(self, rows: Rows) -> None:
        if self._loss is not None and rows.y is not None:
            self._loss.check_values(self.label, rows.y, self.network().output_shape[-1])

    def _beside(self, inputs: NDArray[Any], given: Any, argument: str) -> NDArray[Any]:
        """An array of as many rows as the inputs have."""
        if type(given) is not np.ndarray:
            rows = len(inputs)
            given = data.only(given, lambda shape: len(shape) > 0 and shape[0] == rows)
        return data.as_rows(self.label, given, argument)

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
                data frame, or batches (x, y) or (x, y, sample_weight): an iterable, a
                `utils.PyDataset`, or a sequence.
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
        epochs = data.whole(self.label, "epochs", epochs, 0)
        initial_epoch = data.whole(self.label, "initial_epoch", initial_epoch, 0)
        steps_per_epoch = data.steps_of(self.label, "steps_per_epoch", steps_per_epoch)
        batch = data.batch_size_of(self.label, batch_size)
        self.stop_training = False
        if data.is_array_like(x):
            rows = self._rows(x, y, sample_weight)
            if validation_split and validation_data is None:
                rows, held_out = rows.split(
                    data.split_at(self.label, validation_split, len(rows.x))
                )
                validation_data = held_out
            if class_weight is not None:
                weights = data.class_weights(self.label, class_weight, rows.y, rows.weights)
                rows = Rows(rows.x, rows.y, weights)
            source: Any = ArrayRun(self, rows, batch, shuffle, steps_per_epoch)
        else:
            data.check_alone(self.label, y=y, sample_weight=sample_weight)
            if validation_split:
                raise ValueError(f"{self.label}: `validation_split` needs arrays, not batches")
            source = BatchRun(self, x, class_weight, shuffle, steps_per_epoch)
        return self._fit(
            source,
            epochs,
            verbose,
            callbacks,
            initial_epoch,
            Validation(
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
        validation: Validation,
    ) -> History:
        from ranvier.callbacks import CallbackList

        hooks: CallbackList = CallbackList(
            callbacks,
            model=self,
            add_history=True,
            add_progbar=bool(verbose),
            verbose=verbose,
            epochs=epochs,
            steps=source.steps,
        )
        history = hooks.history
        assert history is not None
        self.history = history
        self._source, self._initial_epoch = source, None
        try:
            self._epochs(source, epochs, initial_epoch, validation, hooks)
        finally:
            self._source = None
            hooks.close()
        return history

    def _epochs(
        self,
        source: Any,
        epochs: int,
        initial_epoch: int,
        validation: Validation,
        hooks: CallbackList,
    ) -> None:
        hooks.on_train_begin()
        if self._initial_epoch is not None:  # a callback has brought a run back
            initial_epoch, self._initial_epoch = self._initial_epoch, None
        logs: dict[str, float] = {}
        try:
            for epoch in range(initial_epoch, epochs):
                hooks.on_epoch_begin(epoch)
                logs = source.run(hooks)
                if not logs:
                    break
                loss = logs.get("loss")
                if loss != loss:
                    _warn_nan(self.label, epoch)
                if validation.due(epoch):
                    logs.update(validation.run(hooks))
                hooks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            if self.optimizer is not None and self._net is not None:
                self.optimizer.finalize_variable_values([s.variable for s in self._net.trained])
        hooks.on_train_end(logs)

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
        steps.train(Feed(rows, len(rows.x)), 0, 1, SECONDS)
        return results(steps.logs(), return_dict)


def _flat(value: Any) -> list[Any]:
    """What is in nested lists and dictionaries: all of it is for the one output."""
    if value is None:
        return []
    if isinstance(value, dict) and "class_name" not in value:
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [item for inner in value for item in (_flat(inner) if inner is not None else [None])]
    return [value]


def _warn_nan(label: str, epoch: int) -> None:
    warnings.warn(
        f"{label}: the loss is NaN in epoch {epoch + 1}: the data hold NaN or infinities, or the "
        "learning rate is too large. Training goes on, as in Keras; the callback TerminateOnNaN "
        "stops it.",
        RuntimeWarning,
        stacklevel=4,
    )
