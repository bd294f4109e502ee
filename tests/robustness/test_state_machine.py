"""Build, compile, fit, change, save, load, clone, predict: in any order, by Hypothesis."""

from __future__ import annotations

import copy
import io
import pathlib
import pickle
import tempfile
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import ranvier

L = ranvier.layers
X = np.random.default_rng(3).normal(size=(7, 4)).astype("float32")
LAYERS = {
    "dense": lambda: L.Dense(3, "tanh"),
    "frozen": lambda: L.Dense(4, trainable=False, kernel_regularizer="l2"),
    "dropout": lambda: L.Dropout(0.3),
    "batch": lambda: L.BatchNormalization(),
    "norm": lambda: L.LayerNormalization(),
    "steps": lambda: ranvier.Sequential([L.RepeatVector(3), L.GRU(2)]),
    "prelu": lambda: L.PReLU(),
    "noise": lambda: L.GaussianNoise(0.1),
}


class Model(RuleBasedStateMachine):
    """What must hold: files, clones and copies predict the same bits; predicting changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        ranvier.utils.set_random_seed(5)
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name) / "m.keras"
        self.model: Any = ranvier.Sequential([ranvier.Input((4,)), L.Dense(3)])
        self.compiled = False

    def teardown(self) -> None:
        self.directory.cleanup()

    @property
    def size(self) -> int:
        return int(self.model.output_shape[-1])

    @property
    def y(self) -> Any:
        return np.full((7, self.size), 0.5)

    @precondition(lambda self: len(self.model.layers) < 6)
    @rule(kind=st.sampled_from(sorted(LAYERS)))
    def add(self, kind: str) -> None:
        self.model.add(LAYERS[kind]())

    @precondition(lambda self: len(self.model.layers) > 1)
    @rule()
    def pop(self) -> None:
        self.model.pop()

    @rule(optimizer=st.sampled_from(["sgd", "adam", "rmsprop", "lion", "ftrl"]))
    def compile(self, optimizer: str) -> None:
        self.model.compile(optimizer, "mse", metrics=["mae"])
        self.compiled = True

    @precondition(lambda self: self.compiled)
    @rule(batch=st.integers(1, 9), epochs=st.integers(0, 2), shuffle=st.booleans())
    def fit(self, batch: int, epochs: int, shuffle: bool) -> None:
        history = self.model.fit(
            X, self.y, batch_size=batch, epochs=epochs, shuffle=shuffle, verbose=0
        )
        assert np.isfinite(history.history.get("loss", [])).all()

    @precondition(lambda self: self.compiled)
    @rule()
    def evaluate(self) -> None:
        before = self.model.get_weights()
        assert np.isfinite(self.model.evaluate(X, self.y, verbose=0)).all()
        same(before, self.model.get_weights())

    @rule(data=st.data())
    def set_weights(self, data: Any) -> None:
        weights = self.model.get_weights()
        if weights:
            i = data.draw(st.integers(0, len(weights) - 1))
            weights[i] = np.abs(weights[i]) * np.float32(0.5) + np.float32(0.01)
            self.model.set_weights(weights)
            same(weights, self.model.get_weights())

    @rule(which=st.integers(0, 5), trainable=st.booleans())
    def freeze(self, which: int, trainable: bool) -> None:
        self.model.layers[which % len(self.model.layers)].trainable = trainable

    @rule()
    def save_and_load(self) -> None:
        self.model.save(self.path)
        loaded = ranvier.saving.load_model(self.path)
        assert loaded.to_json() == self.model.to_json()
        same([self.model(X)], [loaded(X)])
        same(self.model.get_weights(), loaded.get_weights())
        self.model, self.compiled = loaded, loaded.compiled

    @rule(how=st.sampled_from(["deepcopy", "pickle"]))
    def copied(self, how: str) -> None:
        other = copy.deepcopy(self.model)
        if how == "pickle":
            other = pickle.load(io.BytesIO(pickle.dumps(self.model)))
        same([self.model(X)], [other(X)])
        self.model = other

    @rule()
    def clone(self) -> None:
        other = ranvier.models.clone_model(self.model)
        assert [w.shape for w in other.weights] == [w.shape for w in self.model.weights]
        assert other.to_json() == self.model.to_json()
        other.set_weights(self.model.get_weights())
        same([self.model(X)], [other(X)])

    @rule()
    def wrong_input_changes_nothing(self) -> None:
        before = self.model.get_weights()
        for wrong in (X[:, :3], "x", None, X.astype(complex)):
            try:
                self.model.predict(wrong, verbose=0)
                raise AssertionError(f"taken: {wrong!r}")
            except (TypeError, ValueError):
                pass
        same(before, self.model.get_weights())

    @invariant()
    def predictions_are_finite_and_stay(self) -> None:
        first = self.model(X)
        assert first.shape == (7, self.size) and np.isfinite(first).all()
        same([first], [self.model.predict(X, verbose=0)])
        same([first[2:3]], [self.model(X)[2:3]])


def same(a: Any, b: Any) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
