"""Masks in models: layers written in Python, models inside, threads, training."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

B, T, F = 12, 6, 3


def data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.normal(size=(B, T, F)).astype("float32")
    kept = rng.random((B, T)) < 0.6
    kept[0] = False
    x[~kept] = 0
    return x, rng.normal(size=(B, T, 2)).astype("float32"), kept


class Double(L.Layer):
    """y = 2 x, in Python."""

    supports_masking = True
    seen: Any = None

    def forward(self, x: Any, training: bool = False, mask: Any = None) -> Any:
        self.seen = mask
        return 2 * x, None

    def backward(self, cache: Any, dy: Any) -> Any:
        return 2 * dy, []

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Deaf(L.Layer):
    """y = x, in Python; knows no masks."""

    def forward(self, x: Any, training: bool = False) -> Any:
        return x, None

    def backward(self, cache: Any, dy: Any) -> Any:
        return dy, []


def models(*middle: Any) -> list[ranvier.Sequential]:
    """The same numbers with and without layers in Python."""
    made = []
    for inner in middle:
        model = ranvier.Sequential(
            [
                L.Input((T, F)),
                L.Masking(),
                L.Dense(4, "tanh"),
                inner,
                L.BatchNormalization(),
                L.Dense(2, activity_regularizer=ranvier.regularizers.L2(0.01)),
            ]
        )
        model.compile(
            ranvier.optimizers.SGD(0.1),
            "mse",
            metrics=["mae", "RootMeanSquaredError"],
            weighted_metrics=["mse"],
        )
        if made:
            model.set_weights(made[0].get_weights())
        made.append(model)
    return made


@pytest.mark.parametrize("weights", [None, (B,), (B, 1), (B, T)])
def test_masks_pass_through_layers_written_in_python(
    weights: Any, rng: np.random.Generator
) -> None:
    nested = ranvier.Sequential([Double(name="inside"), L.Activation("linear")])
    native, python, inside = models(L.Rescaling(2.0), Double(), nested)
    x, y, kept = data(rng)
    w = {} if weights is None else {"sample_weight": rng.random(weights)}
    for model in (python, inside):
        np.testing.assert_allclose(model(x), native(x), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), native.predict(x, verbose=0), rtol=1e-5, atol=1e-6
        )
    got = [m.evaluate(x, y, **w, batch_size=5, verbose=0) for m in (native, python, inside)]
    np.testing.assert_allclose(got[1:], [got[0]] * 2, rtol=1e-5)
    runs = [
        m.fit(x, y, **w, batch_size=5, epochs=3, verbose=0, shuffle=False).history
        for m in (native, python, inside)
    ]
    for history in runs[1:]:
        for name, values in history.items():
            np.testing.assert_allclose(values, runs[0][name], rtol=1e-4)
    for a, b in zip(native.get_weights(), python.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    python(x)
    np.testing.assert_array_equal(python.layers[2].seen, kept)
    # and the masked steps were indeed left out
    padded = np.where(kept[..., None], y, 99.0)
    np.testing.assert_allclose(
        native.evaluate(x, padded, verbose=0)[0], native.evaluate(x, y, verbose=0)[0], rtol=1e-5
    )


def test_a_layer_in_python_that_knows_no_masks_ends_them(rng: np.random.Generator) -> None:
    x, y, _ = data(rng)
    model, _ = models(Deaf(name="deaf"), L.Rescaling(1.0))
    with pytest.warns(UserWarning, match=r"Layer 'deaf' \(of type Deaf\) was passed an input with"):
        loss = model.evaluate(x, y, verbose=0)[0]
    with pytest.warns(UserWarning, match="destroy the mask"):
        p = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        loss, np.mean((p - y) ** 2) + 0.01 * np.sum(p**2) / len(p), rtol=1e-5
    )


def test_a_layer_in_python_makes_a_mask(rng: np.random.Generator) -> None:
    class Positive(Deaf):
        def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
            return inputs[..., 0] > 0

    assert Positive.supports_masking and not Deaf.supports_masking
    x, y, _ = data(rng)
    model = ranvier.Sequential([L.Input((T, F)), Positive(), L.Dense(2)])
    model.compile("sgd", "mse")
    counts = (x[..., 0] > 0)[..., None]
    expected = np.sum(counts * (model(x) - y) ** 2) / counts.sum() / 2
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)


def test_models_and_layers_take_masks(rng: np.random.Generator) -> None:
    x, _, kept = data(rng)
    with_mask = ranvier.Sequential([L.Input((T, F)), L.Dense(4), L.GlobalAveragePooling1D()])
    masking = ranvier.Sequential([L.Input((T, F)), L.Masking(), *with_mask.layers])
    for mask in (kept, kept.astype("int8"), kept * 3.0):
        np.testing.assert_array_equal(with_mask(x, mask=mask)[1:], masking(x)[1:])
    assert not np.allclose(with_mask(x)[1:], masking(x)[1:])
    inner = L.GlobalAveragePooling1D()
    np.testing.assert_allclose(
        inner(x, mask=kept)[1:],
        [row[k].mean(axis=0) for row, k in zip(x[1:], kept[1:], strict=True)],
        rtol=1e-5,
        atol=1e-6,
    )
    outer = ranvier.Sequential([L.Input((T, F)), L.Masking(), with_mask])
    np.testing.assert_array_equal(outer(x), masking(x))


def test_metrics_leave_masked_steps_out_in_training_too(rng: np.random.Generator) -> None:
    """Keras on JAX loses the mask between the loss and the metrics of `fit`."""
    x, y, kept = data(rng)
    model = ranvier.Sequential([L.Input((T, F)), L.Masking(), L.Dense(2)])
    model.compile(ranvier.optimizers.SGD(0.0), "mse", metrics=["mae", _far])
    p = model.predict(x, verbose=0)
    history = model.fit(x, y, batch_size=B, verbose=0).history
    np.testing.assert_allclose(history["mae"][0], np.abs(p - y)[kept].mean(), rtol=1e-5)
    np.testing.assert_allclose(history["_far"][0], _far(y, p)[kept].mean(), rtol=1e-5)


def _far(y_true: Any, y_pred: Any) -> Any:
    return np.max(np.abs(y_true - y_pred), axis=-1)


@pytest.mark.parametrize("trained", [True, False])
def test_time_distributed_of_a_layer_in_python(trained: bool, rng: np.random.Generator) -> None:
    class Scale(Deaf):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((input_shape[-1],), initializer="ones", name="factor")

        def forward(self, x: Any, training: bool = False) -> Any:
            return x * self.factor.value, x

        def backward(self, cache: Any, dy: Any) -> Any:
            gradients = [np.sum(dy * cache, axis=0)] if self.trainable else []
            return dy * self.factor.value, gradients

    x, y, kept = data(rng)
    wrapped = L.TimeDistributed(Scale())
    model = ranvier.Sequential([L.Input((None, F)), L.Masking(), L.Dense(3), wrapped, L.Dense(2)])
    assert not wrapped.is_native
    wrapped.trainable = trained
    assert len(wrapped.trainable_weights) == trained and len(model.weights) == 5
    model.compile("sgd", "mse")
    history = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert (wrapped.layer.factor.value != 1).any() == trained
    # the mask passes on
    p = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        model.evaluate(x, y, verbose=0), np.mean((p - y)[kept] ** 2), rtol=1e-5
    )


def test_a_frozen_wrapper_trains_nothing(rng: np.random.Generator) -> None:
    x, y, _ = data(rng)
    wrapped = L.TimeDistributed(L.Dense(2))
    model = ranvier.Sequential([L.Input((T, F)), wrapped])
    wrapped.trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not model.trainable_weights and len(model.non_trainable_weights) == 2


@pytest.mark.parametrize("number", [2, 3])
def test_training_gives_the_same_bits_for_any_number_of_threads(
    number: int, threads: Any, rng: np.random.Generator
) -> None:
    words = rng.integers(0, 3000, (512, 60))
    words[:, 40:] = 0
    y = rng.integers(0, 2, 512)
    results = []
    for n in (1, number):
        threads(n)
        ranvier.utils.set_random_seed(5)
        model = ranvier.Sequential(
            [
                L.Input((60,), dtype="int32"),
                L.Embedding(3000, 96, mask_zero=True),
                L.BatchNormalization(),
                L.TimeDistributed(L.Dense(48, "tanh")),
                L.GlobalAveragePooling1D(),
                L.Dense(2, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(words, y, batch_size=128, epochs=2, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_masked_last_layer(rng: np.random.Generator) -> None:
    """The node that makes the mask comes after the one that makes the output."""
    x = np.array([[1, 0, 2], [0, 0, 0]])
    y = rng.normal(size=(2, 3, 4))
    model = ranvier.Sequential([L.Input((3,)), L.Embedding(3, 4, mask_zero=True)])
    model.compile(ranvier.optimizers.SGD(1.0), "mse")
    table = model.get_weights()[0]
    p = model.predict(x, verbose=0)
    np.testing.assert_array_equal(p, table[x])
    np.testing.assert_allclose(
        model.evaluate(x, y, verbose=0), np.mean((p - y)[x != 0] ** 2), rtol=1e-5
    )
    model.fit(x, y, verbose=0)
    expected = table.copy()
    np.subtract.at(expected, x, (x != 0)[..., None] * 2 * (p - y) / 4 / 2)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-5, atol=1e-6)


def test_a_small_text_model_learns(rng: np.random.Generator) -> None:
    """Which of two words is in the sentence; padding must not count."""
    n = 400
    x = np.zeros((n, 20), np.int64)
    y = rng.integers(0, 2, n)
    for row, label in zip(x, y, strict=True):
        length = rng.integers(1, 20)
        row[:length] = rng.integers(3, 50, length)
        row[rng.integers(0, length)] = 1 + label
    model = ranvier.Sequential(
        [
            L.Input((None,), dtype="int64"),
            L.Embedding(50, 8, mask_zero=True),
            L.GlobalAveragePooling1D(),
            L.Dense(1, "sigmoid"),
        ]
    )
    model.compile(ranvier.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(x, y, epochs=30, verbose=0).history
    assert history["accuracy"][-1] > 0.97
    # longer sentences, and the same padded more
    more = np.concatenate([x, np.zeros((n, 13), np.int64)], axis=1)
    np.testing.assert_allclose(
        model.predict(more, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
