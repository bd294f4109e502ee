"""Steps that a callback watches one by one are the steps that run many a call."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import callbacks, constraints, layers, metrics, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = RNG.integers(0, 2, 22)
WEIGHTS = RNG.uniform(0.5, 2.0, 22)


class Mine(optimizers.Optimizer):
    def update_step(self, gradient: Any, variable: Any, learning_rate: float) -> None:
        variable.assign(variable.value - learning_rate * gradient)


class Largest(metrics.Metric):
    """One that the engine does not count."""

    def __init__(self, name: str = "largest", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.top = self.add_variable(name="top")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.top.assign(max(float(self.top.value), float(np.max(y_pred))))

    def result(self) -> float:
        return float(self.top.value)


class Own(ranvier.Sequential):
    def train_step(self, data: Any) -> Any:
        return {**super().train_step(data), "mine": 1.0}


def decays() -> Any:
    return optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5))


CASES: dict[str, dict[str, Any]] = {
    "adam": {},
    "schedule": {"optimizer": decays},
    "function": {"optimizer": lambda: optimizers.SGD(lambda: 0.05)},
    "optimizer of one's own": {"optimizer": lambda: Mine(0.05)},
    "averaged": {"optimizer": lambda: optimizers.SGD(0.05, use_ema=True)},
    "constraint": {"constraint": lambda: constraints.MaxNorm(0.5)},
    "metric in Python": {"metric": Largest},
    "weighted": {"sample_weight": WEIGHTS},
    "in order": {"shuffle": False},
    "train_step": {"kind": Own},
    "dropout": {"rate": 0.3},
    "float64": {"dtype": "float64"},
}


def run(watch: Any, case: dict[str, Any]) -> tuple[list[Any], dict[str, list[float]], int]:
    """Weights, history and the number of steps."""
    case = {"optimizer": optimizers.Adam, "metric": metrics.SparseCategoricalAccuracy, **case}
    ranvier.utils.set_random_seed(3)
    constraint = case.pop("constraint", lambda: None)()
    dtype = case.pop("dtype", None)
    model = case.pop("kind", ranvier.Sequential)(
        [
            layers.Dense(4, "relu", kernel_constraint=constraint, dtype=dtype),
            layers.Dropout(case.pop("rate", 0.0), dtype=dtype),
            layers.Dense(2, "softmax", dtype=dtype),
        ]
    )
    made = case.pop("optimizer")()
    model.compile(made, "sparse_categorical_crossentropy", metrics=[case.pop("metric")()])
    history = model.fit(X, Y, batch_size=5, epochs=3, verbose=0, callbacks=watch(model), **case)
    return [v.numpy() for v in model.weights], history.history, made.iterations


@pytest.mark.parametrize("name", CASES)
def test_watched_steps_are_the_same_steps(name: str) -> None:
    seen = []

    def watch(model: Any) -> Any:
        hook = callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append((b, logs)))
        return [hook]

    alone = run(lambda model: [], dict(CASES[name]))
    watched = run(watch, dict(CASES[name]))
    for one, other in zip(alone[0], watched[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert watched[1:] == alone[1:]
    assert [batch for batch, _ in seen] == 3 * list(range(5))
    # the last logs of an epoch are the epoch's, and each step has its own
    for epoch in range(3):
        last = seen[5 * epoch + 4][1]
        assert last == {key: values[epoch] for key, values in alone[1].items()}
    assert len({id(logs) for _, logs in seen}) == len(seen)
    if name != "train_step":
        assert len({logs["loss"] for _, logs in seen}) > 3


def test_what_a_callback_does_with_the_model_leaves_the_run_alone() -> None:
    """Evaluation, prediction and a step on other data between two steps."""
    rows = X[:7] + 1

    def watch(model: Any) -> Any:
        def look(batch: int, logs: Any) -> None:
            model.evaluate(rows, Y[:7], batch_size=3, verbose=0)
            model.predict(rows, verbose=0)
            model.optimizer.learning_rate = 0.0
            model.train_on_batch(rows, Y[:7])
            model.optimizer.learning_rate = 0.05

        return [callbacks.LambdaCallback(on_train_batch_end=look)]

    case = {"optimizer": lambda: optimizers.SGD(0.05)}
    alone, watched = run(lambda model: [], dict(case)), run(watch, dict(case))
    for one, other in zip(alone[0], watched[0], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rate_that_a_callback_sets_is_the_next_step_s() -> None:
    def to_zero(batch: int, logs: Any) -> None:
        if batch == 2:
            model.optimizer.learning_rate = 0.0
        kept.append(model.get_weights())

    kept: list[Any] = []
    model = ranvier.Sequential([layers.Dense(2, "softmax")])
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    hook = callbacks.LambdaCallback(on_train_batch_end=to_zero)
    model.fit(X, Y, batch_size=5, verbose=0, callbacks=[hook])
    changes = [np.abs(b[0] - a[0]).max() for a, b in itertools.pairwise(kept)]
    assert changes[0] > 0 and changes[1] > 0 and changes[2:] == [0, 0]


def test_a_label_out_of_range_is_named_with_its_model() -> None:
    labels = Y.copy()
    labels[-1] = 9
    model = ranvier.Sequential([layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    hook = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    with pytest.raises(ValueError, match=rf"'{model.name}'.*class numbers in 0\.\.1.*got 9"):
        model.fit(X, labels, batch_size=5, shuffle=False, verbose=0, callbacks=[hook])
