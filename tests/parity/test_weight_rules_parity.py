"""Regularizers and constraints against Keras, alone and in training."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier

from .keras_reference import copy_weights, jax, keras

REGULARIZERS = [
    ("L1", {"l1": 0.03}),
    ("L2", {"l2": 0.07}),
    ("L1L2", {"l1": 0.02, "l2": 0.05}),
    ("OrthogonalRegularizer", {"factor": 0.4, "mode": "rows"}),
    ("OrthogonalRegularizer", {"factor": 0.4, "mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {"max_value": 0.7, "axis": 0}),
    ("MaxNorm", {"max_value": 0.7, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {"axis": 0}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {"min_value": 0.4, "max_value": 0.9, "rate": 0.6, "axis": 0}),
]


@pytest.mark.parametrize(("name", "config"), REGULARIZERS)
def test_regularizer_value_and_gradient(double, name, config):
    w = np.random.default_rng(1).normal(size=(5, 4))
    ours = getattr(ranvier.regularizers, name)(**config)
    theirs = getattr(keras.regularizers, name)(**config)
    # as a JAX array: for NumPy's Keras 3.15 normalises columns along the wrong axis
    expected = float(theirs(jax.numpy.asarray(w)))
    assert float(ours(w)) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(
        ours.gradient(w), jax.grad(lambda v: theirs(v))(w), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(("name", "config"), REGULARIZERS)
def test_regularizer_gradient_by_central_differences(name, config):
    w = np.random.default_rng(2).normal(size=(4, 3))
    ours = getattr(ranvier.regularizers, name)(**config)
    gradient = ours.gradient(w)
    h = 1e-6
    for i in np.ndindex(*w.shape):
        e = np.zeros_like(w)
        e[i] = h
        slope = (float(ours(w + e)) - float(ours(w - e))) / (2 * h)
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("name", "config"), CONSTRAINTS)
def test_constraint(name, config):
    w = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
    ours = getattr(ranvier.constraints, name)(**config)(w)
    theirs = np.asarray(getattr(keras.constraints, name)(**config)(w))
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(("name", "config"), REGULARIZERS)
def test_regularizer_config_goes_to_keras_and_back(name, config):
    ours = getattr(ranvier.regularizers, name)(**config)
    theirs = keras.regularizers.deserialize(ranvier.regularizers.serialize(ours))
    assert type(theirs).__name__ == name
    back = ranvier.regularizers.deserialize(keras.regularizers.serialize(theirs))
    assert back.get_config() == pytest.approx(ours.get_config())
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize(("name", "config"), CONSTRAINTS)
def test_constraint_config_goes_to_keras_and_back(name, config):
    ours = getattr(ranvier.constraints, name)(**config)
    theirs = keras.constraints.deserialize(ranvier.constraints.serialize(ours))
    assert type(theirs).__name__ == name
    back = ranvier.constraints.deserialize(keras.constraints.serialize(theirs))
    assert back.get_config() == ours.get_config()


def _model(kit, **rules):
    model = kit.Sequential(
        [
            kit.Input((6,)),
            kit.layers.Dense(5, activation="tanh", **rules),
            kit.layers.Dense(2),
        ]
    )
    model.compile(optimizer=kit.optimizers.SGD(0.1, momentum=0.5), loss="mse")
    return model


def _trained(kit_rules):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(24, 6)), rng.normal(size=(24, 2))
    ours, theirs = _model(ranvier, **kit_rules(ranvier)), _model(keras, **kit_rules(keras))
    copy_weights(ours, theirs)
    histories = [
        m.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]
        for m in (ours, theirs)
    ]
    np.testing.assert_allclose(*histories, rtol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert ours.evaluate(x, y, verbose=0) == pytest.approx(
        theirs.evaluate(x, y, verbose=0), rel=1e-6
    )


@pytest.mark.parametrize(("name", "config"), REGULARIZERS)
def test_training_with_a_regularizer(double, name, config):
    _trained(lambda kit: {"kernel_regularizer": getattr(kit.regularizers, name)(**config)})


def test_training_with_bias_and_activity_regularizers(double):
    _trained(
        lambda kit: {"bias_regularizer": "l2", "activity_regularizer": kit.regularizers.L2(0.1)}
    )


@pytest.mark.parametrize(("name", "config"), CONSTRAINTS)
def test_training_with_a_constraint(double, name, config):
    _trained(lambda kit: {"kernel_constraint": getattr(kit.constraints, name)(**config)})


def test_training_with_a_bias_constraint(double):
    _trained(lambda kit: {"bias_constraint": "non_neg"})


def test_a_plain_function_as_a_regularizer_is_refused():
    with pytest.raises(TypeError, match=r"must be a ranvier.regularizers.Regularizer.*gradient"):
        ranvier.layers.Dense(2, kernel_regularizer=lambda w: (w**3).sum())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ranvier.regularizers.L2(-1.0), "L2: .*-1"),
        (lambda: ranvier.regularizers.L1("a"), "L1: .*'a'"),
        (lambda: ranvier.regularizers.L1L2(l1=float("nan")), "L1L2: .*nan"),
        (lambda: ranvier.regularizers.OrthogonalRegularizer(mode="diagonal"), "mode.*rows"),
        (lambda: ranvier.regularizers.OrthogonalRegularizer()(np.ones(3)), "matrix.*\\(3,\\)"),
        (lambda: ranvier.regularizers.get("l3"), "l3.*Known: l1"),
        (lambda: ranvier.constraints.get("maxnorm"), "maxnorm.*Did you mean.*max_norm"),
        (lambda: ranvier.constraints.MaxNorm(-1.0), "MaxNorm: .*max_value.*-1"),
        (lambda: ranvier.constraints.MinMaxNorm(2.0, 1.0), "MinMaxNorm"),
        (lambda: ranvier.constraints.MinMaxNorm(rate=2.0), "MinMaxNorm: .*rate"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
