"""Activation functions and `derivative` against Keras and JAX, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier

from .keras_reference import jax, keras

BOTH = [
    ("linear", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.3}),
    ("relu", {"max_value": 1.5}),
    ("relu", {"negative_slope": 0.2, "max_value": 1.5, "threshold": 0.5}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("relu6", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("elu", {}),
    ("elu", {"alpha": 0.4}),
    ("selu", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("silu", {}),
    ("swish", {}),
    ("hard_sigmoid", {}),
    ("exponential", {}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("log_softmax", {}),
]
# nothing where a derivative jumps: JAX and Keras differ there among themselves
X = np.random.default_rng(1).normal(scale=4, size=(9, 31))


def tolerance(name, rtol, atol):
    # Keras on JAX computes tanh, and it alone, in float32 whatever it is given
    return {"rtol": 1e-6, "atol": 1e-6} if name == "tanh" else {"rtol": rtol, "atol": atol}


@pytest.mark.parametrize(("name", "arguments"), BOTH, ids=str)
def test_values(double, name, arguments):
    theirs = np.asarray(getattr(keras.activations, name)(jax.numpy.asarray(X), **arguments))
    ours = getattr(ranvier.activations, name)(X, **arguments)
    np.testing.assert_allclose(ours, theirs, **tolerance(name, 1e-13, 1e-14))
    single = getattr(ranvier.activations, name)(X.astype("float32"), **arguments)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, theirs, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted({name for name, arguments in BOTH if not arguments}))
def test_derivative_is_that_of_keras_function(double, name):
    ours = ranvier.activations.derivative(name)(X)
    function = getattr(keras.activations, name)
    if name in ("softmax", "log_softmax"):
        expected = jax.vmap(jax.jacobian(lambda row: function(row[None])[0]))(jax.numpy.asarray(X))
    else:
        expected = jax.vmap(jax.grad(function))(jax.numpy.asarray(X.ravel())).reshape(X.shape)
    np.testing.assert_allclose(ours, np.asarray(expected), **tolerance(name, 1e-9, 1e-12))


def test_the_lectures_step_has_derivative_zero():
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(ranvier.activations.binary_step(x), [0, 1, 1])
    np.testing.assert_array_equal(ranvier.activations.derivative("binary_step")(x), [0, 0, 0])


@pytest.mark.parametrize("name", sorted({name for name, _ in BOTH}))
def test_names_go_to_keras_and_back(name):
    function = ranvier.activations.get(name)
    written = ranvier.activations.serialize(function)
    assert keras.activations.serialize(keras.activations.get(name)) == written
    assert ranvier.activations.deserialize(written) is function


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: a.get("sigmoyd"), "sigmoyd.*Did you mean.*sigmoid"),
        (lambda a: a.get("mich"), "mish"),
        (lambda a: a.derivative(lambda x: x), "derivative"),
        (lambda a: a.softmax(np.zeros((2, 3)), axis=5), "axis"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(ranvier.activations)
