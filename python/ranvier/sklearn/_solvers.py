"""How a perceptron is trained: stochastic gradient descent as scikit-learn runs it, and L-BFGS.

With the same `random_state` the batches are scikit-learn's, so that weights agree with its own to
rounding.
"""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from ranvier import optimizers
from ranvier.models.evaluation import SECONDS
from ranvier.models.feed import Feed
from ranvier.sklearn._losses import SampleLoss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.feed import Rows
    from ranvier.models.steps import Steps
    from ranvier.sklearn._mlp import BaseMLP
    from ranvier.sklearn._perceptron import Perceptron


def make_optimizer(mlp: BaseMLP) -> optimizers.Optimizer:
    """A new optimizer of the estimator's arguments."""
    if mlp.optimizer is not None:
        if isinstance(mlp.optimizer, str):
            optimizer = optimizers.get(mlp.optimizer)
            optimizer.learning_rate = mlp.learning_rate_init
            return optimizer
        given = optimizers.get(mlp.optimizer)
        return type(given).from_config(given.get_config())
    if mlp.solver == "sgd":
        return optimizers.SGD(
            mlp.learning_rate_init, momentum=mlp.momentum, nesterov=mlp.nesterovs_momentum
        )
    return optimizers.Adam(mlp.learning_rate_init, mlp.beta_1, mlp.beta_2, mlp.epsilon)


class Validation:
    """The rows held out for early stopping, and the best weights on them."""

    def __init__(self, mlp: BaseMLP, x: Any, y: Any, weights: Any, rows: NDArray[Any]) -> None:
        self.mlp = mlp
        self.x, self.y = x[rows], y[rows]
        self.weights = None if weights is None else weights[rows]
        self.best: list[NDArray[Any]] = []
        self.scorer: Any = None
        if mlp.scoring is not None and mlp.scoring != "loss":
            given = mlp.scoring
            self.scorer = get_scorer(given) if isinstance(given, str) else given
            self.labels = mlp._decode(self.y)

    def score(self, steps: Steps) -> float:
        """Of the weights as they are; NaN if they have no finite outputs."""
        mlp = self.mlp
        if mlp.scoring == "loss":
            feed = mlp._perceptron.whole(self.x, self.y, self.weights)
            steps.reset()
            n = feed.rows.x.shape[0]
            done = 0
            while done < n:
                done += feed.batch * steps.evaluate(feed, done, n, SECONDS)
            return steps.network.weights_penalty() - steps.logs()["loss"]
        if self.scorer is not None:
            weighted = {} if self.weights is None else {"sample_weight": self.weights}
            return float(self.scorer(mlp, self.x, self.labels, **weighted))
        outputs = mlp._perceptron.outputs(self.x)
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(mlp._score_outputs(self.y, outputs, self.weights))

    def keep(self) -> None:
        """Remembers the weights."""
        self.best = [v.numpy() for v in self.mlp.model_.weights]

    def restore(self) -> None:
        """Brings the best weights back."""
        for variable, value in zip(self.mlp.model_.weights, self.best, strict=False):
            variable.assign(value)


class Shuffles:
    """The order of rows, drawn anew for each epoch as scikit-learn does."""

    def __init__(self, rows: NDArray[Any], random_state: Any) -> None:
        self.order = rows
        self._random_state = random_state
        self._draw = np.empty_like(rows)

    def next(self) -> NDArray[Any]:
        self._draw[:] = np.arange(len(self._draw))
        self._random_state.shuffle(self._draw)
        self.order = self.order[self._draw]
        return self.order


def fit_stochastic(mlp: BaseMLP, x: Any, y: Any, weights: Any, incremental: bool) -> None:
    """Epochs until nothing improves any more, or `max_iter`; one if `incremental`."""
    if mlp.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    net = mlp._perceptron
    if not incremental or not hasattr(mlp, "_optimizer"):
        mlp._optimizer = make_optimizer(mlp)
    n = x.shape[0]
    train, validation = np.arange(n), None
    if mlp.early_stopping:
        train, held_out = _split(mlp, y, n)
        validation = Validation(mlp, x, y, weights, held_out)
        validation.keep()
    batch = _batch_size(mlp, len(train))
    mlp.model_.compile(mlp._optimizer, mlp._loss)
    steps = net.steps(mlp._loss, mlp._optimizer)
    rows = net.rows(x, y, weights)
    run = _Run(mlp, steps, rows, Shuffles(train, mlp._random_state), batch, validation)
    try:
        run.epochs(1 if incremental else mlp.max_iter, incremental)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=4)
    finally:
        mlp._optimizer.finalize_variable_values(mlp.model_.trainable_weights)
        run.hooks.close()
    if validation is not None:
        validation.restore()


class _Run:
    """One call of `fit` or `partial_fit`."""

    def __init__(
        self,
        mlp: BaseMLP,
        steps: Steps,
        rows: Rows,
        shuffles: Shuffles,
        batch: int,
        validation: Validation | None,
    ) -> None:
        from ranvier.callbacks import CallbackList

        self.mlp, self.steps, self.rows = mlp, steps, rows
        self.shuffles, self.batch, self.validation = shuffles, batch, validation
        self.n = len(shuffles.order)
        self.whole = self.n == rows.x.shape[0]
        self.batches = -(-self.n // batch)
        self.hooks = CallbackList(
            mlp.callbacks,
            model=mlp.model_,
            add_progbar=mlp.progress_bar,
            verbose=1 if mlp.progress_bar else 0,
            epochs=mlp.max_iter,
            steps=self.batches,
        )

    def epochs(self, count: int, incremental: bool) -> None:
        mlp = self.mlp
        mlp.n_iter_ = 0
        mlp.model_.stop_training = False
        self.hooks.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(count):
            self.hooks.on_epoch_begin(epoch)
            logs = self._epoch(epoch)
            self.hooks.on_epoch_end(epoch, logs)
            if self._should_stop() or mlp.model_.stop_training or incremental:
                break
            if mlp.n_iter_ == mlp.max_iter:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({mlp.max_iter}) reached and the "
                    "optimization hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=6,
                )
        self.hooks.on_train_end(logs)

    def _epoch(self, epoch: int) -> dict[str, float]:
        mlp, steps = self.mlp, self.steps
        order = self.shuffles.next() if mlp.shuffle else None if self.whole else self.shuffles.order
        feed = Feed(self.rows, self.batch, order)
        steps.reset()
        step = 0
        while step < self.batches:
            at = step * self.batch
            if self.hooks.has_train_batch_hooks:
                self.hooks.on_train_batch_begin(step)
                steps.train(feed, at, 1, SECONDS)
                self.hooks.on_train_batch_end(step, steps.logs())
                step += 1
            else:
                step += steps.train(feed, at, self.batches - step, SECONDS)
            self.hooks.progress(step, steps.logs)
        logs = steps.logs()
        mlp.n_iter_ += 1
        mlp.loss_ = logs["loss"]
        mlp.t_ += self.n
        mlp.loss_curve_.append(mlp.loss_)
        if mlp.verbose:
            print(f"Iteration {mlp.n_iter_}, loss = {mlp.loss_:.8f}")
        self._judge(logs)
        if mlp._follows_schedule and mlp.learning_rate == "invscaling":
            rate = float(mlp.learning_rate_init) / (mlp.t_ + 1) ** mlp.power_t
            mlp._optimizer.learning_rate = rate
        return logs

    def _judge(self, logs: dict[str, float]) -> None:
        """Counts epochs without improvement."""
        mlp = self.mlp
        if self.validation is None:
            better = not mlp.loss_ > mlp.best_loss_ - mlp.tol
            mlp.best_loss_ = min(mlp.best_loss_, mlp.loss_)
        else:
            score = logs["val_score"] = self.validation.score(self.steps)
            mlp.validation_scores_.append(score)
            if mlp.verbose:
                print(f"Validation score: {score:f}")
            better = not score < mlp.best_validation_score_ + mlp.tol
            if score > mlp.best_validation_score_:
                mlp.best_validation_score_ = score
                self.validation.keep()
        mlp._no_improvement_count = 0 if better else mlp._no_improvement_count + 1

    def _should_stop(self) -> bool:
        """After too many epochs without improvement; or a smaller learning rate instead."""
        mlp = self.mlp
        if mlp._no_improvement_count <= mlp.n_iter_no_change:
            return False
        what = "Training loss" if self.validation is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={mlp.tol:f} for {mlp.n_iter_no_change} "
            "consecutive epochs."
        )
        stops = not (mlp._follows_schedule and mlp.learning_rate == "adaptive")
        if stops:
            message += " Stopping."
        elif (rate := mlp._optimizer.learning_rate) <= 1e-6:
            stops = True
            message += " Learning rate too small. Stopping."
        else:
            mlp._optimizer.learning_rate = rate / 5.0
            message += f" Setting learning rate to {rate / 5.0:f}"
            mlp._no_improvement_count = 0
        if mlp.verbose:
            print(message)
        return stops


def _split(mlp: BaseMLP, y: Any, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Row numbers to train on and to validate on: those that scikit-learn would take."""
    parts = train_test_split(
        np.arange(n),
        random_state=mlp._random_state,
        test_size=mlp.validation_fraction,
        stratify=mlp._strata(y),
    )
    if len(parts[1]) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return parts[0], parts[1]


def _batch_size(mlp: BaseMLP, n: int) -> int:
    if mlp.batch_size == "auto":
        return min(200, n)
    if mlp.batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=6,
        )
    return int(min(mlp.batch_size, n))


def fit_lbfgs(mlp: BaseMLP, x: Any, y: Any, weights: Any) -> None:
    """Minimises the loss over all rows with SciPy's L-BFGS-B."""
    import scipy.optimize

    objective = _Objective(mlp, x, y, weights)

    numbers = itertools.count(1)

    def report(intermediate_result: Any) -> None:
        print(f"Iteration {next(numbers)}, loss = {intermediate_result.fun:.8f}")

    result = scipy.optimize.minimize(
        objective,
        objective.start(),
        method="L-BFGS-B",
        jac=True,
        callback=report if mlp.verbose else None,
        options={"maxfun": mlp.max_fun, "maxiter": mlp.max_iter, "gtol": mlp.tol},
    )
    objective.place(result.x)
    mlp.loss_ = float(result.fun)
    mlp.n_iter_ = int(min(result.nit, mlp.max_iter))
    if result.status != 0:
        warnings.warn(
            f"lbfgs failed to converge after {mlp.n_iter_} iteration(s) (status={result.status}):\n"
            f"{result.message}\n\nIncrease the number of iterations to improve the convergence "
            f"(max_iter={mlp.max_iter}), or scale the data.",
            ConvergenceWarning,
            stacklevel=4,
        )


class _Objective:
    """Loss and gradient as a function of all weights, in the order of the gradient buffer."""

    def __init__(self, mlp: BaseMLP, x: Any, y: Any, weights: Any) -> None:
        self.net: Perceptron = mlp._perceptron
        loss = mlp._loss
        summed = SampleLoss(loss.kind, loss.factors, "sum")
        self.steps = self.net.steps(summed, None)
        self.feed = self.net.whole(x, y, weights)
        self.divisor = float(x.shape[0] if weights is None else np.sum(weights))
        self.sums = np.empty_like(self.net.trained.gradient)

    def start(self) -> NDArray[Any]:
        w = np.zeros(self.sums.size)
        for slot in self.net.trained.slots:
            w[slot.offset : slot.offset + slot.variable.size] = slot.variable.value.reshape(-1)
        return w

    def place(self, w: NDArray[Any]) -> None:
        for slot in self.net.trained.slots:
            flat = slot.variable.value.reshape(-1)
            flat[...] = w[slot.offset : slot.offset + flat.size]

    def __call__(self, w: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        self.place(w)
        loss = self.net.accumulate(self.steps, self.feed, self.sums)
        gradient = self.sums.astype(np.float64)
        for slot in self.net.trained.slots:
            if slot.variable.regularizer is not None:
                v = slot.variable.value.reshape(-1)
                loss += float(slot.variable.regularizer(v))
                part = gradient[slot.offset : slot.offset + v.size]
                part += slot.variable.regularizer.gradient(v)
        gradient /= self.divisor
        return loss / self.divisor, gradient


def random_state_of(mlp: BaseMLP) -> Any:
    """The generator of a call of `fit`."""
    return check_random_state(mlp.random_state)
