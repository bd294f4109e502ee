"""Metrics against Keras over several batches, with and without weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import keras

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "integers"),
    ("BinaryAccuracy", {"threshold": 0.3}, "probabilities"),
    ("CategoricalAccuracy", {}, "one hot"),
    ("SparseCategoricalAccuracy", {}, "classes"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "classes"),
    ("MeanSquaredError", {}, "values"),
    ("RootMeanSquaredError", {}, "values"),
    ("MeanAbsoluteError", {}, "values"),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "probabilities"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "one hot"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "classes"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "classes"),
    ("R2Score", {}, "values"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "values"),
    ("R2Score", {"class_aggregation": None, "num_regressors": 3}, "values"),
]
IDS = [f"{name}-{arguments}" for name, arguments, _ in CASES]


def batches(kind: str, rng: np.random.Generator) -> list[Any]:
    result = []
    for n in (9, 4, 1):
        logits = rng.normal(size=(n, 5))
        e = np.exp(logits)
        classes = rng.integers(0, 5, n)
        y_true, y_pred = {
            "integers": (rng.integers(0, 3, (n, 5)), rng.integers(0, 3, (n, 5))),
            "values": (rng.normal(size=(n, 5)), logits),
            "probabilities": (rng.integers(0, 2, (n, 5)), 1 / (1 + 1 / e)),
            "binary logits": (rng.integers(0, 2, (n, 5)), logits),
            "one hot": (np.eye(5)[classes], e / e.sum(axis=1, keepdims=True)),
            "classes": (classes, e / e.sum(axis=1, keepdims=True)),
        }[kind]
        result.append((y_true.astype("float32"), y_pred.astype("float32"), rng.uniform(0.1, 2, n)))
    return result


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_running_value(case: Any, weighted: bool, rng: np.random.Generator) -> None:
    name, arguments, kind = case
    theirs, ours = (
        getattr(keras.metrics, name)(**arguments),
        getattr(ranvier.metrics, name)(**arguments),
    )
    for y_true, y_pred, weights in batches(kind, rng):
        given = weights.astype("float32") if weighted else None
        theirs.update_state(y_true, y_pred, given)
        ours.update_state(y_true, y_pred, given)
        np.testing.assert_allclose(ours.result(), theirs.result(), rtol=2e-5, atol=2e-6)
    ours.reset_state()
    theirs.reset_state()
    y_true, y_pred, _ = batches(kind, rng)[0]
    np.testing.assert_allclose(ours(y_true, y_pred), theirs(y_true, y_pred), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case: Any) -> None:
    name, arguments, _ = case
    ours = getattr(ranvier.metrics, name)(**arguments, name="mine")
    config = ranvier.metrics.serialize(ours)
    again = ranvier.metrics.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    theirs = keras.metrics.deserialize(config)
    assert type(theirs).__name__ == name
    assert theirs.name == "mine"
    for argument, value in arguments.items():
        assert getattr(again, argument) == value


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_in_fit_as_in_keras(case: Any, native: bool, rng: np.random.Generator) -> None:
    """The engine's count within training, and the same by way of Python."""
    name, arguments, kind = case
    if kind == "integers" or "num_regressors" in arguments:
        return  # a network's outputs are not integers; Keras on JAX cannot adjust a score in fit
    y_true = np.concatenate([b[0] for b in batches(kind, rng)])
    x = rng.normal(size=(len(y_true), 3)).astype("float32")
    last = "sigmoid" if kind == "probabilities" else "softmax" if kind != "values" else "linear"
    loss = {"classes": "sparse_categorical_crossentropy", "one hot": "categorical_crossentropy"}

    def model_of(module: Any) -> Any:
        model = module.Sequential([module.Input((3,)), module.layers.Dense(5, activation=last)])
        metric = getattr(module.metrics, name)(**arguments)
        weighted = getattr(module.metrics, name)(**arguments, name="weighted")
        if module is ranvier and not native:
            for m in (metric, weighted):
                m.__class__ = type("Own", (type(m),), {"native": None})
        model.compile("sgd", loss.get(kind, "mse"), metrics=[metric], weighted_metrics=[weighted])
        return model

    theirs, ours = model_of(keras), model_of(ranvier)
    ours.set_weights(theirs.get_weights())
    weights = rng.uniform(0.1, 2, len(x))
    a = theirs.fit(
        x, y_true, batch_size=4, epochs=2, shuffle=False, verbose=0, sample_weight=weights
    )
    b = ours.fit(x, y_true, batch_size=4, epochs=2, shuffle=False, verbose=0, sample_weight=weights)
    assert set(a.history) == set(b.history)
    for key, value in a.history.items():
        np.testing.assert_allclose(
            np.array(b.history[key]), np.array(value), rtol=2e-4, atol=1e-5, err_msg=key
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ranvier.metrics.TopKCategoricalAccuracy(k=0), "`k`"),
        (lambda: ranvier.metrics.BinaryAccuracy(threshold=2), "threshold"),
        (lambda: ranvier.metrics.R2Score("mean"), "class_aggregation"),
        (lambda: ranvier.metrics.R2Score()(np.zeros(3), np.zeros(3)), "outputs"),
        (
            lambda: ranvier.metrics.MeanSquaredError()(np.zeros((2, 3)), np.zeros((2, 4))),
            r"\(2, 4\)",
        ),
        (lambda: ranvier.metrics.SparseCategoricalAccuracy()([[1, 2]], [[0.1, 0.9]]), "y_true"),
        (lambda: ranvier.metrics.Mean()([1.0, 2.0], [1.0, 2.0, 3.0]), "sample_weight"),
        (lambda: ranvier.metrics.get("acuracy"), "accuracy"),
        (lambda: ranvier.metrics.get("AUCC"), "AUC"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_metric_that_does_not_fit_the_labels_is_refused(rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["mse"])
    with pytest.raises(ValueError, match="metric"):
        model.fit(rng.normal(size=(8, 3)), rng.integers(0, 4, 8), verbose=0)


def test_names_in_history(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))

    def worst(y_true: Any, y_pred: Any) -> Any:
        return np.max(np.abs(y_true - y_pred), axis=-1)

    model = ranvier.Sequential([ranvier.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", worst, ranvier.metrics.MeanAbsoluteError(name="m")])
    history = model.fit(x, y, verbose=0, validation_data=(x, y)).history
    assert list(history) == [
        "loss",
        "mae",
        "worst",
        "m",
        "val_loss",
        "val_mae",
        "val_worst",
        "val_m",
    ]
    assert history["mae"] == history["m"]
    assert history["worst"][0] == pytest.approx(history["mae"][0], rel=1e-6)
