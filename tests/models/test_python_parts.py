"""Layers, losses, optimizers and regularizers in NumPy give what the engine's own do."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
W = RNG.uniform(0.1, 2, 50)
Z = RNG.normal(size=(50, 3)).astype("float32")


class Same(L.Layer):
    def forward(self, x: Any, training: bool = False) -> Any:
        return x * 1.0, None

    def backward(self, cache: Any, dy: Any) -> Any:
        return dy, []


class Squares(ranvier.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return np.mean((y_pred - y_true) ** 2, axis=-1)

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        return 2 * (y_pred - y_true) / y_pred.shape[-1]


class Descent(ranvier.optimizers.Optimizer):
    def __init__(self, learning_rate: float = 0.01, name: str = "descent") -> None:
        super().__init__(learning_rate=learning_rate, name=name)

    def update_step(self, gradient: Any, variable: Any, learning_rate: float) -> None:
        variable.assign(variable.value - learning_rate * gradient)


class Ridge(ranvier.regularizers.Regularizer):
    def __call__(self, w: Any) -> float:
        return float(0.01 * np.sum(w**2))

    def gradient(self, w: Any) -> Any:
        return 0.02 * w


def numbers(part: str, reduction: str, weighted: bool, constraint: Any) -> list[float]:
    """Everything that a run reports, and the weights it ends with."""
    ranvier.utils.set_random_seed(1)
    penalty = None if part in ("activity layer", "activity twin") else "l1"
    first = L.Dense(
        8,
        activation="tanh",
        kernel_regularizer=Ridge() if part == "regularizer" else "l2",
        kernel_constraint=constraint,
        activity_regularizer="l1" if part == "activity twin" else penalty,
    )
    own = {"layer": [Same()], "activity layer": [Same(activity_regularizer="l1")]}.get(part, [])
    model = ranvier.Sequential([ranvier.Input((4,)), first, *own, L.Dense(3)])
    loss = Squares if part == "loss" else ranvier.losses.MeanSquaredError
    model.compile(
        Descent() if part == "optimizer" else "sgd",
        loss(reduction=reduction),
        metrics=["mse"],
        weighted_metrics=["mae"],
    )
    weights = W if weighted else None
    data = {"batch_size": 16, "verbose": 0, "sample_weight": weights}
    history = model.fit(X, Z, epochs=2, shuffle=False, validation_split=0.2, **data).history
    scores = model.evaluate(X, Z, **data)
    return [*itertools.chain(*history.values()), *scores, *model.get_weights()[0].ravel()]


@pytest.mark.parametrize("constraint", [None, "max_norm"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_python_parts_are_the_engines(reduction: str, weighted: bool, constraint: Any) -> None:
    expected = numbers("none", reduction, weighted, constraint)
    for part in ("layer", "loss", "optimizer", "regularizer"):
        np.testing.assert_allclose(
            numbers(part, reduction, weighted, constraint),
            expected,
            rtol=1e-4,
            atol=1e-5,
            err_msg=part,
        )


def test_activity_regularizer_of_a_python_layer() -> None:
    np.testing.assert_allclose(
        numbers("activity layer", "sum_over_batch_size", True, None),
        numbers("activity twin", "sum_over_batch_size", True, None),
        rtol=1e-4,
        atol=1e-5,
    )


def test_the_shape_of_a_python_layer_is_found_as_in_keras() -> None:
    class Pairs(L.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight((input_shape[-1], 2), name="w")

        def forward(self, x: Any, training: bool = False) -> Any:
            return x @ self.w.value, x

        def backward(self, cache: Any, dy: Any) -> Any:
            return dy @ self.w.value.T, [cache.T @ dy]

    model = ranvier.Sequential([ranvier.Input((4,)), Pairs(), L.Dense(3)])
    assert model.output_shape == (None, 3)
    assert model.layers[1].kernel.shape == (2, 3)
    model.compile("sgd", "mse")
    first, *_, last = model.fit(X, Z, epochs=5, verbose=0).history["loss"]
    assert last < first


class Scale(L.Layer):
    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((), initializer="ones", name="factor")

    def forward(self, x: Any, training: bool = False) -> Any:
        return x * self.factor.value, x

    def backward(self, cache: Any, dy: Any) -> Any:
        return dy * self.factor.value, [np.sum(dy * cache)]


@pytest.mark.parametrize("trainable", [True, False])
def test_a_frozen_layer_may_give_its_gradients(trainable: bool) -> None:
    scale = Scale(trainable=trainable)
    model = ranvier.Sequential([L.Input((4,)), L.Dense(3), scale])
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, Z, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before[0])
    assert (scale.factor.numpy() != 1) == trainable
