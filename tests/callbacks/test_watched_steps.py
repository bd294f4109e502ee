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


def dense(**more: Any) -> Any:
    ranvier.utils.set_random_seed(1)
    model = ranvier.Sequential([layers.Dense(4, "relu"), layers.Dense(2, "softmax")], **more)
    model.compile(optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.build((None, 3))
    return model


def hooked(model: Any, **hooks: Any) -> Any:
    return model.fit(X, Y, batch_size=5, verbose=0, callbacks=[callbacks.LambdaCallback(**hooks)])


@pytest.mark.parametrize("when", ["on_train_batch_begin", "on_train_batch_end"])
def test_a_layer_frozen_by_a_hook_stays_as_it_is(when: str) -> None:
    frozen: list[Any] = []

    def freeze(batch: int, logs: Any) -> None:
        if batch == 2:
            model.layers[0].trainable = False
            model.evaluate(X, Y, verbose=0)
            frozen.append(model.layers[0].get_weights())

    model = dense()
    hooked(model, **{when: freeze})
    for before, after in zip(frozen[0], model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert model.optimizer.iterations == 5


class NoNumber(optimizers.SGD):
    @property
    def learning_rate(self) -> Any:
        return "fast"

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self._set_rate(rate)


@pytest.mark.parametrize("given", [5.0, 2**70, "1"])
def test_a_count_of_steps_that_is_none_is_refused_before_a_step(given: Any) -> None:
    kept: list[Any] = []

    def spoil(batch: int, logs: Any) -> None:
        model.optimizer._iterations = given
        kept.append(model.get_weights())

    model = dense()
    with pytest.raises((TypeError, OverflowError)):
        hooked(model, on_train_batch_end=spoil)
    for before, after in zip(kept[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_rate_that_is_no_number_is_refused_before_a_step() -> None:
    model = dense()
    model.compile(NoNumber(lambda: 0.1), "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(TypeError):
        hooked(model, on_train_batch_end=lambda batch, logs: None)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


class OwnTest(ranvier.Sequential):
    def test_step(self, data: Any) -> Any:
        return {"mine": 42.0}


def test_logs_are_those_of_training_after_an_evaluation_with_a_test_step_of_one_s_own() -> None:
    model = OwnTest([layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def look(batch: int, logs: Any) -> None:
        if batch == 3:
            assert model.evaluate(X, Y, verbose=0, return_dict=True) == {"mine": 42.0}

    assert set(hooked(model, on_train_batch_end=look).history) == {"loss", "accuracy"}


def test_asking_for_metrics_before_a_step_of_one_s_own_changes_nothing() -> None:
    def losses(**hooks: Any) -> Any:
        ranvier.utils.set_random_seed(2)
        model = Own([layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        asked.append(model)
        return hooked(model, **hooks).history

    asked: list[Any] = []
    ask = losses(on_train_batch_begin=lambda batch, logs: asked[-1].get_metrics_result())
    assert ask == losses(on_train_batch_begin=lambda batch, logs: None)


class Looking(metrics.SparseCategoricalAccuracy):
    """Whose total asks the model for its metrics when it is set."""

    model: Any = None

    @property
    def total(self) -> float:
        return self._total

    @total.setter
    def total(self, value: float) -> None:
        self._total = value
        if self.model is not None:
            model, self.model = self.model, None
            model.get_metrics_result()
            self.model = model


def test_a_metric_may_ask_for_metrics_while_it_is_set() -> None:
    model = dense()
    looking = Looking(name="looking")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[looking])
    model.train_on_batch(X, Y)
    looking.model = model
    seen: list[Any] = []
    hooked(model, on_train_batch_end=lambda batch, logs: seen.append(logs["looking"]))
    assert len(seen) == 5


def test_a_result_of_one_metric_s_own_is_what_logs_have(monkeypatch: Any) -> None:
    model = dense()
    own = metrics.SparseCategoricalAccuracy()
    monkeypatch.setattr(own, "result", lambda: -1.0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[own])
    seen: list[Any] = []
    hooked(model, on_train_batch_end=lambda b, logs: seen.append(logs[own.name]))
    assert seen == [-1.0] * 5


@pytest.mark.parametrize("watch", [False, True])
@pytest.mark.parametrize("batches", [False, True])
def test_the_warning_of_data_that_ran_out_names_its_caller(watch: bool, batches: bool) -> None:
    hook = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    data = iter([(X, Y)] * 2) if batches else X
    rest = {} if batches else {"y": Y}
    with pytest.warns(RuntimeWarning, match="ran out after") as seen:
        dense().fit(
            data, **rest, batch_size=None if batches else 11, steps_per_epoch=3, verbose=0,
            callbacks=[hook] if watch else [],
        )  # fmt: skip
    assert seen[0].filename == __file__


def test_a_name_that_utf_8_cannot_write_trains() -> None:
    model = dense(name="a\ud800b")
    hooked(model, on_train_batch_end=lambda batch, logs: None)
    with pytest.raises(ValueError, match=r"ud800.*class numbers"):
        model.train_on_batch(X, Y + 7)


def test_very_many_metrics_are_watched_too() -> None:
    model = dense()
    many = [metrics.SparseCategoricalAccuracy(name=f"a{i}") for i in range(70)]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=many)
    seen: list[Any] = []
    hooked(model, on_train_batch_end=lambda batch, logs: seen.append(logs))
    assert len(seen) == 5 and list(seen[-1]) == ["loss", *(m.name for m in many)]
    assert len(set(seen[-1].values())) == 2
