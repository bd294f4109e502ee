"""The losses written in NumPy against Keras: value, gradient, config; and central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.testing import check_gradients

from .keras_reference import jax, keras

# (class, constructor arguments, kind of labels and predictions)
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanAbsolutePercentageError", {}, "values"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("Huber", {"delta": 0.7}, "values"),
    ("LogCosh", {}, "values"),
    ("CosineSimilarity", {}, "values"),
    ("CosineSimilarity", {"axis": 1}, "images"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "binary"),
    ("SquaredHinge", {}, "signs"),
    ("SquaredHinge", {}, "binary"),
    ("CategoricalHinge", {}, "one hot"),
    ("KLDivergence", {}, "distributions"),
    ("Poisson", {}, "positive"),
    ("BinaryFocalCrossentropy", {}, "probabilities"),
    (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5, "label_smoothing": 0.2},
        "probabilities",
    ),
    ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 0.0}, "binary"),
    ("BinaryFocalCrossentropy", {"axis": 1}, "masks"),
    ("CategoricalFocalCrossentropy", {}, "distributions"),
    (
        "CategoricalFocalCrossentropy",
        {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 1.5, "label_smoothing": 0.1},
        "distributions",
    ),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, "one hot"),
    ("CategoricalFocalCrossentropy", {"axis": 1}, "masks"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, "classes"),
    ("Dice", {}, "masks"),
    ("Dice", {"axis": (1, 2)}, "masks"),
    ("Tversky", {"alpha": 0.2, "beta": 0.7}, "masks"),
    ("Tversky", {"alpha": 0.2, "beta": 0.7, "axis": -1}, "masks"),
    ("Circle", {"gamma": 3.0, "margin": 0.3}, "embeddings"),
    ("Circle", {"gamma": 3.0, "remove_diagonal": False}, "embeddings"),
    ("CTC", {}, "sequences"),
]
IDS = [f"{name}-{arguments}-{kind}" for name, arguments, kind in CASES]


def data(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    logits = 2 * rng.normal(size=(6, 4))
    e = np.exp(logits)
    classes = rng.integers(0, 4, 6)
    embeddings = logits / np.linalg.norm(logits, axis=1, keepdims=True)
    hot, ones = np.eye(4)[classes], rng.integers(0, 2, (6, 4)).astype(float)
    ones[0, :2] = 0, 1
    labels = np.array([[1, 1, 0], [2, 1, 2], [3, 0, 0], [1, 3, 3], [0, 0, 0], [1, 2, 3]])
    return {
        "values": (rng.normal(size=(6, 4)), logits),
        "images": (rng.normal(size=(6, 3, 4)), rng.normal(size=(6, 3, 4))),
        "positive": (rng.uniform(0, 3, (6, 4)), rng.uniform(0.1, 3, (6, 4))),
        "signs": (2 * ones - 1, logits),
        "binary": (ones, logits),
        "one hot": (hot, logits),
        "distributions": (hot, e / e.sum(axis=1, keepdims=True)),
        "probabilities": (ones, 1 / (1 + 1 / e)),
        "classes": (classes, e / e.sum(axis=1, keepdims=True)),
        "masks": (
            rng.integers(0, 2, (6, 3, 4)).astype(float),
            rng.uniform(0.05, 0.95, (6, 3, 4)),
        ),
        "embeddings": (np.array([0, 1, 1, 0, 2, 1]), embeddings),
        "sequences": (labels, rng.normal(size=(6, 5, 4))),
    }[kind]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_value_and_gradient(case: Any, rng: np.random.Generator, double: None) -> None:
    name, arguments, kind = case
    y_true, y_pred = data(kind, rng)
    their_values = getattr(keras.losses, name)(**arguments, reduction="none")(y_true, y_pred)
    our = getattr(ranvier.losses, name)
    np.testing.assert_allclose(
        our(**arguments, reduction="none")(y_true, y_pred), their_values, rtol=1e-6, atol=1e-9
    )
    weights = rng.uniform(0.1, 2, np.shape(their_values) or 6)
    for reduction, given in [("sum", None), ("mean_with_sample_weight", weights)]:
        if not np.shape(their_values):
            given = None  # Keras divides by the sum of weights twice
        expected = getattr(keras.losses, name)(**arguments, reduction=reduction)(
            y_true, y_pred, given
        )
        got = our(**arguments, reduction=reduction)(y_true, y_pred, given)
        np.testing.assert_allclose(got, expected, rtol=1e-6)

    theirs, ours = getattr(keras.losses, name)(**arguments), our(**arguments)
    expected, gradient = jax.value_and_grad(lambda p: theirs(y_true, p, weights))(y_pred)
    np.testing.assert_allclose(ours(y_true, y_pred, weights), expected, rtol=1e-6)
    np.testing.assert_allclose(
        ours.gradient(y_true, y_pred, weights),
        gradient,
        rtol=2e-6,
        atol=1e-7 if name == "CTC" else 1e-8,  # JAX has CTC in single precision
    )


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_gradient_is_the_derivative(case: Any, rng: np.random.Generator) -> None:
    name, arguments, kind = case
    y_true, y_pred = data(kind, rng)
    check_gradients(getattr(ranvier.losses, name)(**arguments), y_pred, y_true)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case: Any) -> None:
    name, arguments, _ = case
    ours = getattr(ranvier.losses, name)(**arguments, reduction="sum", name="mine")
    config = ranvier.losses.serialize(ours)
    again = ranvier.losses.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert (again.name, again.reduction) == ("mine", "sum")
    for argument, value in arguments.items():
        assert list(np.ravel(getattr(again, argument))) == list(np.ravel(value))
    # real Keras reads it; what it writes is less for some, whose arguments it then forgets
    theirs = getattr(keras.losses, name).from_config(config["config"])
    written = keras.losses.serialize(theirs)
    same = {key: config["config"][key] for key in written["config"] if key != "axis"}
    assert {key: v for key, v in written["config"].items() if key != "axis"} == same
    assert ranvier.losses.deserialize(written).name == "mine"


def test_function_forms(rng: np.random.Generator, double: None) -> None:
    for name, kind, arguments in [
        ("huber", "values", {"delta": 0.5}),
        ("log_cosh", "values", {}),
        ("mean_absolute_percentage_error", "values", {}),
        ("mean_squared_logarithmic_error", "positive", {}),
        ("cosine_similarity", "images", {"axis": 1}),
        ("hinge", "binary", {}),
        ("squared_hinge", "signs", {}),
        ("categorical_hinge", "one hot", {}),
        ("kl_divergence", "distributions", {}),
        ("poisson", "positive", {}),
        ("binary_focal_crossentropy", "binary", {"from_logits": True, "gamma": 1.0}),
        ("categorical_focal_crossentropy", "one hot", {"from_logits": True, "alpha": 0.5}),
        ("categorical_generalized_cross_entropy", "classes", {"q": 0.4}),
        ("dice", "masks", {"axis": 0}),
        ("tversky", "masks", {"alpha": 0.3, "axis": 2}),
        ("ctc", "sequences", {}),
        ("circle", "embeddings", {"gamma": 2.0}),
    ]:
        y_true, y_pred = data(kind, rng)
        expected = getattr(keras.losses, name)(y_true, y_pred, **arguments)
        got = getattr(ranvier.losses, name)(y_true, y_pred, **arguments)
        np.testing.assert_allclose(got, expected, rtol=1e-6, err_msg=name)
    y_true, y_pred = data("embeddings", rng)
    refs = {"ref_labels": y_true[:4], "ref_embeddings": y_pred[:4], "remove_diagonal": False}
    expected = keras.losses.circle(y_true, y_pred, **refs)
    np.testing.assert_allclose(ranvier.losses.circle(y_true, y_pred, **refs), expected, rtol=1e-6)


def test_edges_of_clips_and_margins(double: None) -> None:
    """Where a clip or a margin just binds, the derivative is what JAX has."""
    for name, y_true, y_pred in [
        ("KLDivergence", [[0.0, 1.0, 0.0]], [[0.0, 1.0, 1e-7]]),
        ("Hinge", [[1.0, -1.0, 1.0]], [[1.0, -1.0, 2.0]]),
        ("SquaredHinge", [[1.0, -1.0, 1.0]], [[1.0, -1.0, 2.0]]),
        ("CategoricalHinge", [[1.0, 0.0, 0.0]], [[1.0, 0.5, 0.5]]),
        ("CategoricalHinge", [[1.0, 0.0]], [[1.0, -1.0]]),
        ("MeanSquaredLogarithmicError", [[1.0, 1.0]], [[-1.0, 1e-7]]),
        ("MeanAbsolutePercentageError", [[1.0, 0.0]], [[1.5, 1.0]]),
        ("Huber", [[0.0, 0.0]], [[1.0, -1.0]]),
        ("LogCosh", [[0.0, 0.0]], [[500.0, -500.0]]),
        ("BinaryFocalCrossentropy", [[1.0, 0.0, 1.0]], [[0.0, 1.0, 1.0]]),
        ("CategoricalFocalCrossentropy", [[1.0, 0.0]], [[1.0, 0.0]]),
    ]:
        t, p = np.array(y_true), np.array(y_pred)
        theirs = getattr(keras.losses, name)()
        expected, gradient = jax.value_and_grad(lambda p, f=theirs, t=t: f(t, p))(p)
        ours = getattr(ranvier.losses, name)()
        np.testing.assert_allclose(ours(t, p), expected, rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(ours.gradient(t, p), gradient, rtol=1e-6, err_msg=name)


def test_masks(rng: np.random.Generator, double: None) -> None:
    y_true, y_pred = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))
    mask = rng.integers(0, 2, (3, 4)).astype(bool)
    mask[0, 0] = True
    weights = rng.uniform(size=(3, 4))
    for name in ("Huber", "CosineSimilarity"):
        masked = jax.numpy.asarray(y_pred)
        keras.src.backend.set_keras_mask(masked, jax.numpy.asarray(mask))
        expected = getattr(keras.losses, name)()(y_true, masked, weights)
        got = getattr(ranvier.losses, name)()(y_true, y_pred, weights, mask=mask)
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_ctc_of_labels_that_do_not_fit(double: None) -> None:
    labels, logits = np.array([[1, 1, 1]]), np.zeros((1, 4, 3))
    expected = np.asarray(keras.losses.ctc(labels, logits))
    got = ranvier.losses.ctc(labels, logits)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert got[0] > 1e4
    assert np.isfinite(ranvier.losses.CTC().gradient(labels, logits)).all()


def test_circle_without_company_counts_nothing() -> None:
    alone = ranvier.losses.Circle()
    embeddings = np.eye(3)
    assert alone(np.array([0, 1, 2]), embeddings) == 0
    assert not alone.gradient(np.array([0, 1, 2]), embeddings).any()


@pytest.mark.parametrize(
    ("loss", "outputs", "activation"),
    [
        ("huber", 3, "linear"),
        ("hinge", 1, "tanh"),
        ("kl_divergence", 3, "softmax"),
        ("poisson", 1, "softplus"),
        ("dice", 1, "sigmoid"),
        ("categorical_focal_crossentropy", 3, "softmax"),
        ("categorical_generalized_cross_entropy", 3, "softmax"),
        ("cosine_similarity", 3, "linear"),
    ],
)
def test_trains(loss: str, outputs: int, activation: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(64, 4)).astype("float32")
    classes = np.argmax(x[:, :outputs], axis=1) if outputs > 1 else (x[:, 0] > 0).astype(int)
    y: Any = classes if "generalized" in loss else np.eye(3)[classes]
    y = classes[:, None].astype("float32") if outputs == 1 else y
    model = ranvier.Sequential(
        [ranvier.Input((4,)), ranvier.layers.Dense(outputs, activation=activation)]
    )
    model.compile(ranvier.optimizers.Adam(0.05), loss)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=20, batch_size=16, verbose=0, sample_weight=np.ones(64))
    after = model.evaluate(x, y, verbose=0)
    assert after < before - 0.2 * abs(before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ranvier.losses.Huber(delta="a"), "delta"),
        (lambda: ranvier.losses.Huber(delta=-1), "delta"),
        (lambda: ranvier.losses.CosineSimilarity(axis=0.5), "axis"),
        (lambda: ranvier.losses.CosineSimilarity(axis=4)([[1.0]], [[1.0]]), "axis 4"),
        (lambda: ranvier.losses.Dice(axis="a"), "axis"),
        (lambda: ranvier.losses.Tversky(alpha=None), "alpha"),
        (lambda: ranvier.losses.BinaryFocalCrossentropy(label_smoothing=2), "label_smoothing"),
        (lambda: ranvier.losses.CategoricalFocalCrossentropy(gamma=-1), "gamma"),
        (
            lambda: ranvier.losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.2, 0.3])(
                [[0.0, 1.0]], [[0.5, 0.5]]
            ),
            "alpha",
        ),
        (lambda: ranvier.losses.CategoricalGeneralizedCrossEntropy(q=1), "q"),
        (
            lambda: ranvier.losses.CategoricalGeneralizedCrossEntropy()([2], [[0.5, 0.5]]),
            "class numbers",
        ),
        (lambda: ranvier.losses.Huber()(np.zeros((2, 3)), np.zeros((2, 4))), r"\(2, 4\)"),
        (lambda: ranvier.losses.CTC()(np.zeros((2, 3)), np.zeros((2, 4))), "logits"),
        (lambda: ranvier.losses.CTC()([[5]], np.zeros((1, 4, 3))), "class numbers"),
        (lambda: ranvier.losses.Circle()(np.zeros(2), np.zeros((3, 4))), "embeddings"),
        (lambda: ranvier.losses.circle([0, 1], np.zeros((3, 4))), "one label"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
