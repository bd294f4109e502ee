"""Optimizer state, compile settings and seeds: training after loading is what it would have been."""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

import numpy as np
import pytest

import ranvier

keras = pytest.importorskip("keras")

OPTIMIZERS = {
    "sgd": lambda o: o.SGD(0.1),
    "momentum": lambda o: o.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    "schedule": lambda o: o.SGD(o.schedules.ExponentialDecay(0.2, 2, 0.5), momentum=0.5),
    "adam": lambda o: o.Adam(0.01),
    "amsgrad": lambda o: o.Adam(0.01, beta_1=0.8, amsgrad=True),
    "adamw": lambda o: o.AdamW(0.01, weight_decay=0.1),
    "rmsprop": lambda o: o.RMSprop(0.01),
    "rmsprop all": lambda o: o.RMSprop(0.01, momentum=0.5, centered=True),
    "rmsprop centered": lambda o: o.RMSprop(0.01, centered=True),
    "adagrad": lambda o: o.Adagrad(0.1, initial_accumulator_value=0.3),
    "adadelta": lambda o: o.Adadelta(0.5),
    "adamax": lambda o: o.Adamax(0.01),
    "nadam": lambda o: o.Nadam(0.01),
    "lion": lambda o: o.Lion(0.01),
    "ftrl": lambda o: o.Ftrl(0.1),
    "lamb": lambda o: o.Lamb(0.01),
    "adafactor": lambda o: o.Adafactor(0.01),
    "muon": lambda o: o.Muon(0.01),
    "averages": lambda o: o.Adam(0.01, use_ema=True, ema_momentum=0.8),
    "accumulation": lambda o: o.SGD(0.1, momentum=0.5, gradient_accumulation_steps=2),
}


def model_of(kit: Any, optimizer: Any = None) -> Any:
    L = kit.layers
    model = kit.Sequential(
        [
            kit.Input((5, 3)),
            L.Dense(4, activation="relu", trainable=False),
            L.Flatten(),
            L.Dense(4, activation="tanh"),
            L.BatchNormalization(),
            L.Dense(3, activation="softmax", kernel_regularizer=kit.regularizers.L2(0.01)),
        ]
    )
    if optimizer is not None:
        # for three steps JAX is faster without its compiler
        model.compile(
            optimizer(kit.optimizers), "sparse_categorical_crossentropy", run_eagerly=True
        )
    return model


def batches() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(24, 5, 3)).astype("float32"), np.arange(24) % 3


def train(model: Any) -> None:
    """Three steps."""
    x, y = batches()
    model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)


def same(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_keras_began(name: str, tmp_path: pathlib.Path) -> None:
    theirs = model_of(keras, OPTIMIZERS[name])
    train(theirs)
    theirs.save(tmp_path / "m.keras")
    ours = ranvier.saving.load_model(tmp_path / "m.keras")
    assert ours.optimizer._iterations == 3
    train(theirs)
    train(ours)
    same(ours, theirs)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ranvier_began(name: str, tmp_path: pathlib.Path) -> None:
    ours = model_of(ranvier, OPTIMIZERS[name])
    train(ours)
    ours.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*Skipping variable loading.*")
        theirs = keras.saving.load_model(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras")
    assert int(theirs.optimizer.iterations) == again.optimizer.iterations > 0
    assert again.optimizer._iterations == 3
    for model in (ours, theirs, again):
        train(model)
    same(theirs, ours)
    same(again, ours, 0.0)


@pytest.mark.parametrize("name", ["adam", "rmsprop all"])
def test_weights_files_hold_the_state_too(name: str, tmp_path: pathlib.Path) -> None:
    ours, theirs = model_of(ranvier, OPTIMIZERS[name]), model_of(keras, OPTIMIZERS[name])
    train(ours)
    ours.save_weights(tmp_path / "m.weights.h5")
    again = model_of(ranvier, OPTIMIZERS[name])
    train(again)
    again.load_weights(tmp_path / "m.weights.h5")
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.load_weights(tmp_path / "m.weights.h5")
    for model in (ours, theirs, again):
        train(model)
    same(theirs, ours)
    same(again, ours, 0.0)


def test_random_layers_draw_what_they_would_have(tmp_path: pathlib.Path) -> None:
    L = ranvier.layers
    model = ranvier.Sequential(
        [
            ranvier.Input((5, 3)),
            L.GaussianNoise(0.1),
            L.LSTM(8, dropout=0.3),
            L.Dropout(0.5),
            L.Dense(3),
        ]
    )
    model.compile("adam", "mse")
    x, _ = batches()
    y = np.zeros((24, 3))
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras")
    for one in (model, again):
        one.fit(x, y, epochs=2, shuffle=False, verbose=0)
    same(again, model, 0.0)


def test_the_rate_that_was_set(tmp_path: pathlib.Path) -> None:
    model = model_of(ranvier, OPTIMIZERS["adam"])
    model.save(tmp_path / "m.keras")
    assert ranvier.saving.load_model(tmp_path / "m.keras").optimizer.learning_rate == 0.01
    train(model)
    model.optimizer.learning_rate = 0.003
    model.save_weights(tmp_path / "m.weights.h5")
    other = model_of(ranvier, OPTIMIZERS["adam"])
    other.load_weights(tmp_path / "m.weights.h5")
    assert other.optimizer.learning_rate == pytest.approx(0.003, rel=1e-6)


def test_state_of_another_optimizer_is_left_out(tmp_path: pathlib.Path) -> None:
    model = model_of(ranvier, OPTIMIZERS["adam"])
    train(model)
    model.save_weights(tmp_path / "m.weights.h5")
    other = model_of(ranvier, OPTIMIZERS["momentum"])
    with pytest.warns(UserWarning, match="optimizer 'sgd' is not loaded"):
        other.load_weights(tmp_path / "m.weights.h5")
    same(other, model, 0.0)
    assert other.optimizer.iterations == 0


def test_without_the_optimizer(tmp_path: pathlib.Path) -> None:
    model = model_of(ranvier, OPTIMIZERS["adam"])
    train(model)
    model.save(tmp_path / "m.keras", include_optimizer=False)
    again = ranvier.saving.load_model(tmp_path / "m.keras")
    assert not again.compiled
    same(again, model, 0.0)


@pytest.mark.parametrize("reader", ["ours", "theirs"])
def test_compile_settings(reader: str, tmp_path: pathlib.Path) -> None:
    writer = keras if reader == "ours" else ranvier
    kit = ranvier if reader == "ours" else keras
    model = model_of(writer)
    model.compile(
        writer.optimizers.Adam(
            writer.optimizers.schedules.CosineDecay(0.1, 9), global_clipnorm=0.5
        ),
        writer.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", writer.metrics.TopKCategoricalAccuracy(k=2, name="top"), "mae"],
        weighted_metrics=[writer.metrics.MeanSquaredError()],
    )
    x, y = batches()
    labels = np.eye(3)[y]
    expected = model.evaluate(x, labels, verbose=0, return_dict=True)
    model.save(tmp_path / "m.keras")
    again = kit.saving.load_model(tmp_path / "m.keras")
    got = again.evaluate(x, labels, verbose=0, return_dict=True)
    assert got == pytest.approx(expected, rel=1e-5)
    assert again.optimizer.global_clipnorm == 0.5
    assert type(again.optimizer).__name__ == "Adam"


def test_an_optimizer_of_ones_own(tmp_path: pathlib.Path) -> None:
    class Heavy(ranvier.optimizers.Optimizer):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.m = [self.add_variable_from_reference(v, "m") for v in variables]

        def update_step(self, gradient: Any, variable: Any, learning_rate: float) -> None:
            m = self.m[self._get_variable_index(variable)]
            m.assign(0.9 * m.value - learning_rate * gradient)
            variable.assign(variable.value + m.value)

    model = model_of(ranvier, lambda o: Heavy(0.05))
    train(model)
    model.save(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras", custom_objects={"Heavy": Heavy})
    train(model)
    train(again)
    same(again, model, 0.0)
