"""Backward passes of all layers against central differences in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.testing import check_gradients

ACTIVATIONS = [
    "relu", "sigmoid", "tanh", "softplus", "softsign", "elu", "selu", "gelu", "silu",
    "hard_sigmoid", "exponential", "relu6", "leaky_relu", "softmax", "log_softmax", "linear",
]  # fmt: skip

LAYERS: list[Any] = [
    *[lambda a=a: L.Dense(5, activation=a, dtype="float64") for a in ACTIVATIONS],
    *[lambda a=a: L.Activation(a, dtype="float64") for a in ACTIVATIONS],
    lambda: L.Dense(5, use_bias=False, dtype="float64"),
    lambda: L.Dense(5, activation="tanh", activity_regularizer="l1l2", dtype="float64"),
    lambda: L.ReLU(1.0, 0.2, 0.5, dtype="float64"),
    lambda: L.LeakyReLU(0.3, dtype="float64"),
    lambda: L.ELU(0.7, dtype="float64"),
    lambda: L.PReLU("ones", dtype="float64"),
    lambda: L.Softmax(dtype="float64"),
    lambda: L.Flatten(dtype="float64"),
    lambda: L.Reshape((2, 3), dtype="float64"),
    lambda: L.RepeatVector(3, dtype="float64"),
    lambda: L.Dropout(0.3, seed=5, dtype="float64"),
    lambda: L.GaussianNoise(0.3, seed=5, dtype="float64"),
    lambda: L.GaussianDropout(0.3, seed=5, dtype="float64"),
    lambda: L.AlphaDropout(0.3, seed=5, dtype="float64"),
    lambda: L.Identity(dtype="float64"),
    lambda: L.ActivityRegularization(0.1, 0.2, dtype="float64"),
    lambda: L.Rescaling(2.5, 1.0, dtype="float64"),
    lambda: L.Normalization(mean=0.5, variance=4.0, axis=None, dtype="float64"),
]


@pytest.mark.parametrize("make", LAYERS, ids=range(len(LAYERS)))
def test_layer(make: Any, rng: np.random.Generator) -> None:
    check_gradients(make(), rng.normal(size=(4, 6)) + 0.05, tolerance=1e-7)


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Permute((2, 1), dtype="float64"),
        lambda: L.Flatten("channels_first", dtype="float64"),
        lambda: L.PReLU("ones", shared_axes=[1], dtype="float64"),
        lambda: L.Softmax(axis=1, dtype="float64"),
        lambda: L.Dropout(0.4, noise_shape=(None, 1, 3), seed=5, dtype="float64"),
        lambda: L.AlphaDropout(0.4, noise_shape=(None, 1, 3), seed=5, dtype="float64"),
        lambda: L.Dense(4, activation="gelu", dtype="float64"),
        lambda: L.Flatten(dtype="float64"),
        lambda: L.EinsumDense("abc,cde->adbe", (2, 5, 3), "gelu", "e", dtype="float64"),
        lambda: L.EinsumDense("abc,cde->abde", (5, 2, 3), "softmax", "de", dtype="float64"),
        lambda: L.EinsumDense("abc,bcd->adb", (2, 5), "softmax", "db", dtype="float64"),
        lambda: L.EinsumDense("abc,cd->ad", 4, "tanh", "d", dtype="float64"),
        lambda: L.EinsumDense("ab...,bc->ac...", 4, "tanh", "c", dtype="float64"),
    ],
)
def test_layer_on_sequences(make: Any, rng: np.random.Generator) -> None:
    check_gradients(make(), rng.normal(size=(3, 5, 3)), tolerance=1e-7)


def test_whole_model(rng: np.random.Generator) -> None:
    model = ranvier.Sequential(
        [
            ranvier.Input((6,), dtype="float64"),
            L.Dense(7, activation="tanh", dtype="float64"),
            L.Dropout(0.2, seed=3, dtype="float64"),
            L.Dense(5, dtype="float64"),
            L.PReLU("ones", dtype="float64"),
            L.Dense(3, activation="softmax", dtype="float64"),
        ]
    )
    check_gradients(model, rng.normal(size=(5, 6)), tolerance=1e-7)


class Cube(L.Layer):
    """A layer written by a user, with a weight."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), initializer="ones", name="scale")

    def forward(self, x: np.ndarray, training: bool = False) -> Any:
        return self.scale.value * x**3, x

    def backward(self, cache: np.ndarray, dy: np.ndarray) -> Any:
        return 3 * self.scale.value * cache**2 * dy, [(dy * cache**3).sum(axis=0)]


def test_users_layer_alone_and_between_ours(rng: np.random.Generator) -> None:
    check_gradients(Cube(dtype="float64"), rng.normal(size=(4, 3)), tolerance=1e-7)
    model = ranvier.Sequential(
        [
            L.Dense(4, activation="tanh", dtype="float64"),
            Cube(dtype="float64"),
            L.Dense(2, dtype="float64"),
        ]
    )
    check_gradients(model, rng.normal(size=(5, 3)), tolerance=1e-7)


class WrongCube(Cube):
    def backward(self, cache: np.ndarray, dy: np.ndarray) -> Any:
        return 2 * self.scale.value * cache**2 * dy, [(dy * cache**3).sum(axis=0)]


def test_check_gradients_finds_a_wrong_one(rng: np.random.Generator) -> None:
    with pytest.raises(AssertionError, match="gradient of x"):
        check_gradients(WrongCube(dtype="float64"), rng.normal(size=(4, 3)))


def test_check_gradients_wants_float64() -> None:
    with pytest.raises(ValueError, match="float64"):
        check_gradients(L.Dense(2), np.ones((2, 3)))
