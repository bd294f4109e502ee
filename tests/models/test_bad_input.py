"""Errors say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def model_of(*layers: Any, loss: str = "sparse_categorical_crossentropy") -> ranvier.Sequential:
    model = ranvier.Sequential([ranvier.Input((4,)), *layers])
    model.compile("sgd", loss)
    return model


X = np.zeros((6, 4), "float32")
Y = np.array([0, 1, 2, 0, 1, 2])


def soft() -> ranvier.Sequential:
    return model_of(L.Dense(3, activation="softmax", name="top"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: soft().fit(X[:, :3], Y), ValueError, r"expected input of shape \(None, 4\); got \(6, 3\)"),
        (lambda: soft().fit(X[0], Y), ValueError, r"expected input of shape"),
        (lambda: soft().fit(X, Y[:5]), ValueError, "same number of rows; x has 6, y has 5"),
        (lambda: soft().fit(X[:0], Y[:0]), ValueError, "empty"),
        (lambda: soft().fit(X, Y + 1), ValueError, r"class numbers in 0\.\.2"),
        (lambda: soft().fit(X, Y - 1), ValueError, r"class numbers in 0\.\.2"),
        (lambda: soft().fit(X, np.array([np.nan] * 6)), ValueError, "class numbers"),
        (lambda: soft().fit(X, np.eye(3)[Y]), ValueError, "categorical_crossentropy"),
        (lambda: soft().fit(np.array([["a", 1.0, None, 2]] * 6, object), Y), TypeError, "must hold numbers"),
        (lambda: soft().fit(np.array([["a"] * 4] * 6), Y), TypeError, "must hold numbers"),
        (lambda: soft().fit(X.astype(complex), Y), TypeError, "complex"),
        (lambda: soft().fit(X), ValueError, "`y`"),
        (lambda: soft().fit(X, Y, batch_size=0), ValueError, "batch_size"),
        (lambda: soft().fit(X, Y, batch_size=2.5), TypeError, "batch_size"),
        (lambda: soft().fit(X, Y, epochs=-1), ValueError, "epochs"),
        (lambda: soft().fit(X, Y, validation_split=1.0), ValueError, "validation_split"),
        (lambda: soft().fit(X, Y, sample_weight=np.ones(5)), ValueError, "sample_weight has 5"),
        (lambda: soft().fit(X, Y, class_weight={"a": 1}), ValueError, "integer keys"),
        (lambda: soft().fit(X, Y, steps_per_epoch=0), ValueError, "steps_per_epoch"),
        (lambda: soft().fit(3, Y), (TypeError, ValueError), "x"),
        (lambda: soft().predict("abc"), (TypeError, ValueError), "x"),
        (lambda: soft()(X[:, :2]), ValueError, r"got \(6, 2\)"),
        (lambda: ranvier.Sequential([L.Dense(3)]).fit(X, Y), ValueError, "compile"),
        (lambda: ranvier.Sequential([L.Dense(3)]).evaluate(X, Y), ValueError, "compile"),
        (lambda: ranvier.Sequential().predict(X), ValueError, "without layers"),
        (lambda: ranvier.Sequential([L.Dense(3)]).set_weights([]), ValueError, "weights do not exist"),
        (lambda: ranvier.Sequential([L.Dense(3)]).count_params(), ValueError, "build"),
        (lambda: ranvier.Sequential([L.Dense]), ValueError, "not the class"),
        (lambda: ranvier.Sequential([3]), ValueError, "wants a layer"),
        (lambda: soft().add(ranvier.Input((3,))), ValueError, "Input must come first"),
        (lambda: soft().compile("adamm", "mse"), ValueError, "adam"),
        (lambda: soft().compile("adam", "mean_square_error"), ValueError, "mean_squared_error"),
        (lambda: L.Dense(0), ValueError, r"Dense 'dense\w*': `units` must be a positive integer; got 0"),
        (lambda: L.Dense(-3), ValueError, "got -3"),
        (lambda: L.Dense(2.5), ValueError, "got 2.5"),
        (lambda: L.Dense(True), ValueError, "got True"),
        (lambda: L.Dense(3, activation="rellu"), ValueError, "relu"),
        (lambda: L.Dense(3, kernel_initializer="glorot"), ValueError, "glorot_uniform"),
        (lambda: L.Dense(3, activatoin="relu"), TypeError, "activation"),
        (lambda: L.Dense(3, dtype="float16"), ValueError, "float16"),
        (lambda: L.Dropout(1.5), ValueError, r"\[0, 1\]"),
        (lambda: L.Dropout(-0.1), ValueError, r"\[0, 1\]"),
        (lambda: L.GaussianNoise(-1), ValueError, ">= 0"),
        (lambda: L.RepeatVector(0), ValueError, "positive"),
        (lambda: L.Permute((1, 3)), ValueError, "permutation"),
        (lambda: L.Reshape((-1, -1)), ValueError, "at most one"),
        (lambda: model_of(L.Reshape((3, 2))), ValueError, "cannot reshape"),
        (lambda: model_of(L.Permute((2, 1))), ValueError, "wants samples of 2 axes"),
        (lambda: model_of(L.RepeatVector(2), L.RepeatVector(2)), ValueError, r"\(N, C\)"),
        (lambda: L.LeakyReLU(-0.1), ValueError, "negative_slope"),
        (lambda: L.ReLU(max_value=-1), ValueError, "max_value"),
        (lambda: L.Normalization(mean=1.0), ValueError, "both"),
        (lambda: L.Normalization()(X), ValueError, "adapt"),
        (lambda: model_of(L.Softmax(axis=3))(X), ValueError, "axis 3"),
        (lambda: ranvier.Input(), ValueError, "shape"),
        (lambda: ranvier.Input((-2,)), ValueError, ">= 0"),
        (lambda: soft().get_layer("nope"), ValueError, "top"),
        (lambda: soft().set_weights([np.zeros((4, 3))]), ValueError, "expected 2 weight arrays; got 1"),
        (lambda: soft().set_weights([np.zeros((3, 4)), np.zeros(3)]), ValueError, r"\(4, 3\)"),
        (lambda: soft().build((None, 9)), ValueError, "already built"),
    ],
)  # fmt: skip
def test_message(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_weights_are_untouched_after_a_refused_label() -> None:
    model = soft()
    before = model.get_weights()
    with pytest.raises(ValueError, match="class numbers"):
        model.fit(X, Y + 5, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    model.fit(X, Y, verbose=0)


def test_sizes_that_cannot_be_allocated_are_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        ranvier.Sequential([ranvier.Input((10**9,)), L.Dense(10**9)])


def test_names_must_be_unique() -> None:
    with pytest.raises(ValueError, match="unique"):
        ranvier.Sequential([L.Dense(2, name="a"), L.Dense(2, name="a")])
