"""Losses against Keras: value, gradient, config; and gradients by central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.testing import check_gradients

from .keras_reference import jax, keras

# (class, constructor arguments, kind of labels and predictions)
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanSquaredError", {}, "values"),
    ("MeanAbsoluteError", {}, "values"),
    ("BinaryCrossentropy", {}, "probabilities"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "probabilities"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary logits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary logits"),
    ("CategoricalCrossentropy", {}, "one hot"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one hot"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one hot logits"),
    ("CategoricalCrossentropy", {"from_logits": True, "axis": 1}, "one hot logits"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "class logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "class logits"),
]
IDS = [f"{name}-{arguments}-{kind}" for name, arguments, kind in CASES]


def data(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    logits = 3 * rng.normal(size=(12, 4))
    e = np.exp(logits)
    classes = rng.integers(0, 4, 12)
    return {
        "values": (rng.normal(size=(12, 4)), logits),
        "probabilities": (rng.integers(0, 2, (12, 4)).astype(float), 1 / (1 + 1 / e)),
        "binary logits": (rng.integers(0, 2, (12, 4)).astype(float), logits),
        "one hot": (np.eye(4)[classes], e / e.sum(axis=1, keepdims=True)),
        "one hot logits": (np.eye(4)[classes], logits),
        "classes": (classes, e / e.sum(axis=1, keepdims=True)),
        "class logits": (classes, logits),
    }[kind]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_value_and_gradient(
    case: Any, weighted: bool, reduction: str, rng: np.random.Generator, double: None
) -> None:
    name, arguments, kind = case
    y_true, y_pred = data(kind, rng)
    weights = rng.uniform(0.1, 2, 12) if weighted else None
    theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
    ours = getattr(ranvier.losses, name)(**arguments, reduction=reduction)

    def value(p: Any) -> Any:
        return theirs(y_true, p, sample_weight=weights)

    expected, gradient = jax.value_and_grad(value)(y_pred)
    np.testing.assert_allclose(ours(y_true, y_pred, weights), expected, rtol=1e-6)
    np.testing.assert_allclose(
        ours.gradient(y_true, y_pred, weights), gradient, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_no_reduction_gives_a_value_a_sample(
    case: Any, rng: np.random.Generator, double: None
) -> None:
    name, arguments, kind = case
    y_true, y_pred = data(kind, rng)
    expected = getattr(keras.losses, name)(**arguments, reduction="none")(y_true, y_pred)
    got = getattr(ranvier.losses, name)(**arguments, reduction="none")(y_true, y_pred)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_gradient_is_the_derivative(case: Any, rng: np.random.Generator) -> None:
    name, arguments, kind = case
    y_true, y_pred = data(kind, rng)
    if "logits" not in kind and kind != "values":
        y_pred = 0.1 + 0.8 * y_pred  # away from 0, where differences are too coarse
    loss = getattr(ranvier.losses, name)(**arguments)
    check_gradients(loss, y_pred, y_true)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case: Any) -> None:
    name, arguments, _ = case
    ours = getattr(ranvier.losses, name)(**arguments, reduction="sum", name="mine")
    config = ranvier.losses.serialize(ours)
    again = ranvier.losses.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert (again.name, again.reduction) == ("mine", "sum")
    # real Keras reads it and writes the same
    theirs = keras.losses.deserialize(config)
    assert keras.losses.serialize(theirs)["config"] == config["config"]


@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_safe_at_extreme_logits(logit: float) -> None:
    x = np.array([[logit]], "float32")
    for label in (0.0, 1.0):
        loss = ranvier.losses.BinaryCrossentropy(from_logits=True)
        expected = max(logit, 0) - logit * label + np.log1p(np.exp(-abs(logit)))
        assert loss(np.array([[label]]), x) == pytest.approx(expected, abs=1e-6)
        assert np.isfinite(loss.gradient(np.array([[label]]), x)).all()
    rows = np.array([[logit, 0.0, -logit]], "float32")
    loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss(np.array([1]), rows) == pytest.approx(100.0, rel=1e-6)
    assert np.isfinite(loss.gradient(np.array([1]), rows)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ranvier.losses.MeanSquaredError(reduction="average"), "reduction"),
        (lambda: ranvier.losses.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing"),
        (lambda: ranvier.losses.CategoricalCrossentropy(axis=0.5), "axis"),
        (lambda: ranvier.losses.SparseCategoricalCrossentropy(ignore_class="a"), "ignore_class"),
        (lambda: ranvier.losses.get("hubert"), "huber"),
        (lambda: ranvier.losses.get("mean_sqared_error"), "mean_squared_error"),
        (lambda: ranvier.losses.get(3), "a loss must be"),
        (
            lambda: ranvier.losses.MeanSquaredError()(np.zeros((2, 3)), np.zeros((2, 4))),
            r"\(2, 4\)",
        ),
        (
            lambda: ranvier.losses.SparseCategoricalCrossentropy()([5], [[0.5, 0.5]]),
            "class number",
        ),
        (
            lambda: ranvier.losses.MeanSquaredError()(
                np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3)
            ),
            "sample_weight",
        ),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_function_of_ones_own_trains(rng: np.random.Generator) -> None:
    def quartic(y_true: Any, y_pred: Any) -> Any:
        return np.mean((y_pred - y_true) ** 4, axis=-1)

    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.normal(size=(40, 2))
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    model.compile("sgd", quartic)
    with pytest.raises(NotImplementedError, match="gradient"):
        model.fit(x, y, verbose=0)
    quartic.gradient = lambda t, p: 4 * (p - t) ** 3 / p.shape[-1]
    model.compile(ranvier.optimizers.SGD(0.05), quartic)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=30, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.7 * before
