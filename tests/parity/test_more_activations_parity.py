"""The rarer activations against Keras and JAX, alone, in layers and in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import jax, keras

BOTH: list[tuple[str, dict[str, Any]]] = [
    ("celu", {}),
    ("celu", {"alpha": 0.4}),
    ("hard_shrink", {}),
    ("hard_shrink", {"threshold": 2.0}),
    ("hard_silu", {}),
    ("hard_swish", {}),
    ("hard_tanh", {}),
    ("log_sigmoid", {}),
    ("mish", {}),
    ("soft_shrink", {}),
    ("soft_shrink", {"threshold": 2.0}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("squareplus", {}),
    ("squareplus", {"b": 1.0}),
    ("tanh_shrink", {}),
    ("glu", {}),
    ("glu", {"axis": 0}),
    ("threshold", {"threshold": 1.0, "default_value": -2.0}),
]
PLAIN = sorted({name for name, arguments in BOTH if not arguments and name != "glu"})
X = np.random.default_rng(1).normal(scale=4, size=(8, 30))
# where pieces meet; JAX has a derivative of one side or the other there, and we the same
KNOTS = np.array([-3.0, -0.5, 0.0, 0.5, 3.0, -1e4, 1e4])


def loose(name: str) -> dict[str, float]:
    """Keras on JAX computes tanh in float32 whatever it is given."""
    return {"rtol": 1e-6, "atol": 1e-6} if name in ("mish", "tanh_shrink") else {"rtol": 1e-12}


@pytest.mark.parametrize(("name", "arguments"), BOTH, ids=str)
def test_values(double: None, name: str, arguments: dict[str, Any]) -> None:
    theirs = np.asarray(getattr(keras.activations, name)(jax.numpy.asarray(X), **arguments))
    function = getattr(ranvier.activations, name)
    np.testing.assert_allclose(function(X, **arguments), theirs, **{"atol": 1e-13, **loose(name)})
    single = function(X.astype("float32"), **arguments)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, theirs, rtol=2e-5, atol=2e-6)


def test_derivatives(double: None) -> None:
    for name in PLAIN:
        function = getattr(keras.activations, name)
        x = X.ravel() if name == "sparse_sigmoid" else np.concatenate([X.ravel(), KNOTS])
        expected = jax.vmap(jax.grad(function))(jax.numpy.asarray(x))
        ours = ranvier.activations.derivative(name)(x)
        np.testing.assert_allclose(ours, expected, err_msg=name, **{"atol": 1e-12, **loose(name)})
    expected = jax.vmap(jax.jacobian(lambda row: keras.activations.glu(row)))(jax.numpy.asarray(X))
    np.testing.assert_allclose(ranvier.activations.derivative("glu")(X), expected, atol=1e-12)
    np.testing.assert_array_equal(
        ranvier.activations.threshold.derivative(X, 1.0, -2.0), (X > 1).astype(float)
    )


def test_sparsemax_is_the_projection_onto_the_simplex() -> None:
    def projected(row: np.ndarray) -> np.ndarray:
        low, high = row.min() - 1, row.max()
        for _ in range(200):  # sum max(x - tau, 0) = 1, by bisection
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
        return np.maximum(row - low, 0)

    x = X / 8
    expected = np.array([projected(row) for row in x])
    assert np.any((expected > 0).sum(axis=1) > 2)
    np.testing.assert_allclose(ranvier.activations.sparsemax(x), expected, atol=1e-12)
    np.testing.assert_allclose(ranvier.activations.sparsemax(x.T, axis=0), expected.T, atol=1e-12)
    step = 1e-6
    for j in range(3):
        aside = np.zeros(x.shape[1])
        aside[j] = step
        difference = ranvier.activations.sparsemax(x + aside) - ranvier.activations.sparsemax(
            x - aside
        )
        np.testing.assert_allclose(
            ranvier.activations.derivative("sparsemax")(x)[..., j],
            difference / (2 * step),
            atol=1e-7,
        )


def test_one_hot_sparsemax_is_keras(double: None) -> None:
    theirs = keras.activations.sparsemax(jax.numpy.asarray(20 * np.eye(4) + X[:4, :4] / 9))
    np.testing.assert_allclose(
        ranvier.activations.sparsemax(20 * np.eye(4) + X[:4, :4] / 9), theirs, atol=1e-12
    )


@pytest.mark.parametrize("name", [*PLAIN, "glu", "sparsemax"])
def test_layers_train_with_it(name: str, rng: np.random.Generator) -> None:
    """Gradients of a model by central differences, in the fused layer and in one of its own."""
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    fused = name not in ("glu", "sparsemax")
    middle: list[Any] = [ranvier.layers.Dense(8, activation=name, dtype="float64")]
    if not fused:
        middle = [ranvier.layers.Dense(8, dtype="float64")]
    model = ranvier.Sequential(
        [
            ranvier.Input((4,)),
            *middle,
            ranvier.layers.Activation(name, dtype="float64"),
            ranvier.layers.Dense(3, dtype="float64"),
        ]
    )
    model.compile(ranvier.optimizers.SGD(0.02), "mse")
    model.build((None, 4))
    start = [w.copy() for w in model.get_weights()]
    model.fit(x, y, batch_size=6, epochs=1, verbose=0)
    kernel = model.get_weights()[0]
    step = 1e-6
    for i, j in [(0, 0), (3, 5)]:
        values = []
        for sign in (1, -1):
            moved = [w.copy() for w in start]
            moved[0][i, j] += sign * step
            model.set_weights(moved)
            values.append(model.evaluate(x, y, verbose=0))
        slope = (values[0] - values[1]) / (2 * step)
        assert (start[0][i, j] - kernel[i, j]) / 0.02 == pytest.approx(slope, abs=2e-7)


def test_glu_in_a_layer(rng: np.random.Generator) -> None:
    layer = ranvier.layers.Activation("glu")
    assert layer.compute_output_shape((None, 3, 6)) == (None, 3, 3)
    x = rng.normal(size=(2, 3, 6)).astype("float32")
    np.testing.assert_allclose(layer(x), keras.activations.glu(x), rtol=1e-5)
    with pytest.raises(ValueError, match="even"):
        ranvier.layers.Activation("glu")(x[..., :5])
    with pytest.raises(ValueError, match=r"layers.Activation\('glu'\)"):
        ranvier.Sequential(
            [ranvier.Input((4,)), ranvier.layers.Dense(4, activation="glu")]
        ).predict(np.zeros((1, 4)))


@pytest.mark.parametrize("name", [*PLAIN, "glu", "sparsemax", "threshold"])
def test_names_go_to_keras_and_back(name: str) -> None:
    function = ranvier.activations.get(name)
    written = ranvier.activations.serialize(function)
    assert keras.activations.serialize(keras.activations.get(name)) == written
    assert ranvier.activations.deserialize(written) is function


def test_infinities_and_nan() -> None:
    for name in [*PLAIN]:
        function = getattr(ranvier.activations, name)
        assert np.isnan(function(np.array([np.nan]))).all(), name
        assert not np.isnan(function(np.array([np.inf]))).any(), name
    assert ranvier.activations.threshold(np.array([-np.inf]), 0.0, 2.0) == 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: a.celu(X, alpha=0.0), "alpha"),
        (lambda a: a.squareplus(X, b=-1.0), "b"),
        (lambda a: a.glu(X[:, :3]), "even"),
        (lambda a: a.sparsemax(X, axis=4), "axis"),
        (
            lambda a: ranvier.Sequential(
                [ranvier.Input((4,)), ranvier.layers.Dense(2, activation="threshold")]
            ).predict(np.zeros((1, 4))),
            "threshold",
        ),
    ],
)
def test_bad_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(ranvier.activations)
