"""Normalization layers beside Keras: output, gradients, moving statistics, configuration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import copy_weights, jax, keras, our_gradients
from .layer_checks import Case, _plain, check_config, check_forward_and_gradients, ids, pair

ROWS: list[Case] = [
    ("LayerNormalization", {}, (7,)),
    ("LayerNormalization", {}, (1,)),
    ("LayerNormalization", {}, (3,)),
    ("LayerNormalization", {"epsilon": 1e-5}, (16,)),
    ("LayerNormalization", {"center": False}, (5, 33)),
    ("LayerNormalization", {"scale": False}, (5, 130)),
    ("LayerNormalization", {"center": False, "scale": False}, (4, 6)),
    ("LayerNormalization", {"axis": 1}, (4, 6)),
    ("LayerNormalization", {"axis": [1, 2]}, (4, 6)),
    ("LayerNormalization", {"axis": [-1, -3]}, (2, 3, 5)),
    ("LayerNormalization", {"axis": (3, 1, 2)}, (2, 3, 5)),
    ("LayerNormalization", {"axis": -2}, (2, 3, 5)),
    ("LayerNormalization", {"rms_scaling": True}, (4, 19)),
    ("RMSNormalization", {}, (7,)),
    ("RMSNormalization", {"epsilon": 0.5}, (3, 40)),
    # Keras cannot do axes that are not the last: it broadcasts `scale` along others
    ("RMSNormalization", {"axis": [3, 2]}, (2, 3, 5)),
    ("UnitNormalization", {}, (7,)),
    ("UnitNormalization", {}, (3, 65)),
    ("UnitNormalization", {"axis": 1}, (4, 6)),
    ("UnitNormalization", {"axis": [1, 2]}, (4, 6)),
    ("UnitNormalization", {"axis": (-1, 1)}, (2, 3, 5)),
    ("GroupNormalization", {"groups": 2}, (6,)),
    ("GroupNormalization", {"groups": 1}, (4, 5)),
    ("GroupNormalization", {"groups": -1}, (4, 5)),
    ("GroupNormalization", {"groups": 3, "epsilon": 1e-5}, (3, 4, 9)),
    ("GroupNormalization", {}, (5, 3, 64)),
    ("GroupNormalization", {"groups": 3, "axis": 1}, (9, 4, 5)),
    ("GroupNormalization", {"groups": 2, "axis": 2, "center": False}, (3, 4, 5)),
    ("GroupNormalization", {"groups": 2, "axis": -2}, (4, 3)),
    ("GroupNormalization", {"groups": 2, "scale": False}, (2, 3, 2, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=ids)
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_rows_and_groups(case: Case, rng: np.random.Generator) -> None:
    check_forward_and_gradients(case, rng, rows=5)


@pytest.mark.parametrize("case", ROWS, ids=ids)
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_config_is_keras_own_and_round_trips(case: Case) -> None:
    check_config(case)


BATCH: list[Case] = [
    ("BatchNormalization", {}, (5,)),
    ("BatchNormalization", {}, (1,)),
    ("BatchNormalization", {}, (33,)),
    ("BatchNormalization", {"momentum": 0.5, "epsilon": 1e-5}, (7, 3)),
    ("BatchNormalization", {"center": False}, (3, 4, 2)),
    ("BatchNormalization", {"scale": False}, (3, 4, 64)),
    ("BatchNormalization", {"center": False, "scale": False, "momentum": 0.0}, (9, 10)),
    ("BatchNormalization", {"axis": 1}, (4, 6)),
    ("BatchNormalization", {"axis": 1, "momentum": 1}, (2, 3, 5)),
    ("BatchNormalization", {"axis": -2}, (2, 3, 5)),
    ("BatchNormalization", {"axis": 3}, (5, 7, 1)),
    ("BatchNormalization", {}, (2, 3, 2, 4)),
    ("BatchNormalization", {}, (530,)),
]  # fmt: skip


def with_weights(case: Case, rng: np.random.Generator) -> tuple[Any, Any]:
    """Our model and theirs with the same random weights, variances positive."""
    ours, theirs = pair(*case)
    weights = [rng.uniform(0.3, 2.0, size=w.shape) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    copy_weights(ours, theirs)
    return ours, theirs


def training_gradients(model: Any, x: np.ndarray, r: np.ndarray) -> Any:
    """Of sum(r * model(x, training=True)): (y, non-trainable weights after), dx, dw."""
    trainable = [v.value for v in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]

    def value(weights: Any, inputs: Any) -> Any:
        out, after = model.stateless_call(weights, fixed, inputs, training=True)
        return (out * r).sum(), (out, after)

    (_, kept), (dw, dx) = jax.value_and_grad(value, argnums=(0, 1), has_aux=True)(trainable, x)
    return kept, np.asarray(dx), [np.asarray(g) for g in dw]


@pytest.mark.parametrize("case", BATCH, ids=ids)
def test_batch_in_training(case: Case, rng: np.random.Generator) -> None:
    ours, theirs = with_weights(case, rng)
    x = rng.normal(1.0, 1.5, size=(5, *case[2])).astype("float32")
    r = rng.normal(size=x.shape).astype("float32")
    (expected, after), dx, dw = training_gradients(theirs, x, r)

    y, our_dx, our_dw = our_gradients(ours, x, r)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(our_dx, dx, rtol=1e-4, atol=5e-5)
    assert len(our_dw) == len(dw)
    for a, b in zip(our_dw, dw, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    for a, b in zip(ours.non_trainable_weights, after, strict=True):
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", BATCH, ids=ids)
def test_batch_in_inference(case: Case, rng: np.random.Generator) -> None:
    ours, theirs = with_weights(case, rng)
    x = rng.normal(1.0, 1.5, size=(11, *case[2])).astype("float32")
    before = ours.get_weights()
    assert ours.output_shape == theirs.output_shape
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(ours.predict(x, verbose=0), np.asarray(theirs(x)), rtol=2e-5, atol=2e-6)  # fmt: skip
    for a, b in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", BATCH, ids=ids)
def test_frozen_batch_uses_and_keeps_its_statistics(case: Case, rng: np.random.Generator) -> None:
    ours, theirs = with_weights(case, rng)
    ours.layers[0].trainable = theirs.layers[0].trainable = False
    x = rng.normal(1.0, 1.5, size=(4, *case[2])).astype("float32")
    r = rng.normal(size=x.shape).astype("float32")
    (expected, _), dx, dw = training_gradients(theirs, x, r)
    before = ours.get_weights()
    y, our_dx, our_dw = our_gradients(ours, x, r)
    np.testing.assert_allclose(y, expected, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(our_dx, dx, rtol=2e-5, atol=2e-6)
    assert our_dw == dw == []
    np.testing.assert_array_equal(ours(x, training=True), y)
    for a, b in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", BATCH, ids=ids)
def test_batch_config(case: Case) -> None:
    """Keras' own without batch renormalization; Keras' with it makes our layer too."""
    name, arguments, _ = case
    theirs = getattr(keras.layers, name)(**arguments, name="given").get_config()
    ours = getattr(ranvier.layers, name)(**arguments, name="given")
    without = {k: v for k, v in theirs.items() if not k.startswith("renorm")}
    assert _plain(ours.get_config()) == _plain(without)
    assert type(ours).from_config(theirs).get_config() == ours.get_config()


def test_one_row(rng: np.random.Generator) -> None:
    """Variance 0 everywhere: y is beta, and no gradient passes."""
    ours, theirs = with_weights(("BatchNormalization", {}, (6,)), rng)
    x = rng.normal(size=(1, 6)).astype("float32")
    (expected, after), dx, _ = training_gradients(theirs, x, x)
    y, our_dx, _ = our_gradients(ours, x, x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(our_dx, dx, atol=1e-5)  # a difference of numbers up to 60
    for a, b in zip(ours.non_trainable_weights, after, strict=True):
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-6)


@pytest.mark.parametrize("name", ["BatchNormalization", "LayerNormalization"])
def test_nan_and_infinity_stay_where_keras_has_them(name: str, rng: np.random.Generator) -> None:
    ours, theirs = with_weights((name, {}, (4,)), rng)
    x = rng.normal(size=(5, 4)).astype("float32")
    x[1, 2], x[3, 0] = np.nan, np.inf
    expected = np.asarray(theirs(x, training=True))
    assert np.isnan(expected).any() and np.isfinite(expected).any()
    np.testing.assert_allclose(ours(x, training=True), expected, rtol=1e-5, atol=1e-6)


STACKS: list[tuple[str, Any, list[tuple[str, dict[str, Any]]]]] = [
    ("sgd", (6,), [("Dense", {"units": 8, "use_bias": False}), ("BatchNormalization", {"momentum": 0.9}),
                   ("ReLU", {}), ("Dense", {"units": 3, "activation": "softmax"})]),
    ("adam", (4, 6), [("BatchNormalization", {"axis": 1, "gamma_regularizer": "l2"}), ("Flatten", {}),
                      ("Dense", {"units": 5, "activation": "tanh"}),
                      ("BatchNormalization", {"center": False, "beta_initializer": "ones"}),
                      ("Dense", {"units": 3, "activation": "softmax"})]),
    ("rmsprop", (3, 4, 6), [("Dense", {"units": 8, "use_bias": False}), ("GroupNormalization", {"groups": 4}),
                            ("LayerNormalization", {"gamma_constraint": "non_neg"}),
                            ("RMSNormalization", {}), ("UnitNormalization", {"axis": 2}),
                            ("Flatten", {}), ("Dense", {"units": 3, "activation": "softmax"})]),
]  # fmt: skip


def stack(module: Any, shape: tuple[int, ...], layers: Any) -> Any:
    return module.Sequential(
        [module.Input(shape), *(getattr(module.layers, n)(**a) for n, a in layers)]
    )


@pytest.mark.parametrize("case", STACKS, ids=lambda c: c[0])
@pytest.mark.parametrize("frozen", [False, True])
def test_fit_follows_the_same_path(
    case: Any, frozen: bool, rng: np.random.Generator, double: None
) -> None:
    optimizer, shape, layers = case
    ours, theirs = stack(ranvier, shape, layers), stack(keras, shape, layers)
    copy_weights(ours, theirs)
    for model in (ours, theirs):
        if frozen:
            next(
                layer for layer in model.layers if "Norm" in type(layer).__name__
            ).trainable = False
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.normal(1.0, 2.0, size=(37, *shape)), rng.integers(0, 3, 37)
    arguments = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
    expected = theirs.fit(x, y, validation_data=(x[:9], y[:9]), **arguments).history
    history = ours.fit(x, y, validation_data=(x[:9], y[:9]), **arguments).history
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-7, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-6)


DROPOUT: list[Case] = [
    ("SpatialDropout1D", {"rate": 0.4}, (5, 3)),
    ("SpatialDropout2D", {"rate": 0.4, "seed": 3}, (4, 5, 3)),
    ("SpatialDropout2D", {"rate": 0.4, "data_format": "channels_first"}, (3, 4, 5)),
    ("SpatialDropout2D", {"rate": 0.0}, (3, 4, 5)),
    ("SpatialDropout3D", {"rate": 0.4}, (2, 4, 5, 3)),
    ("SpatialDropout3D", {"rate": 0.4, "data_format": "channels_first"}, (3, 2, 4, 5)),
]  # fmt: skip


@pytest.mark.parametrize("case", DROPOUT, ids=ids)
def test_spatial_dropout(case: Case, rng: np.random.Generator) -> None:
    """Both drop whole channels and nothing else, and scale the others alike."""
    ours, theirs = pair(*case)
    x = rng.uniform(1, 2, size=(60, *case[2])).astype("float32")
    np.testing.assert_array_equal(ours(x), x)
    assert ours.output_shape == theirs.output_shape
    first = case[1].get("data_format") == "channels_first"
    axes = tuple(range(2, x.ndim)) if first else tuple(range(1, x.ndim - 1))
    kept = 1 - case[1]["rate"]
    for y in (np.asarray(theirs(x, training=True)), ours(x, training=True)):
        ratio = y / x
        np.testing.assert_allclose(ratio.max(axes), ratio.min(axes), rtol=1e-6)
        np.testing.assert_allclose(np.unique(ratio.round(5)), np.unique([0, 1 / kept] if kept < 1 else [1]), rtol=1e-5)  # fmt: skip
        share = (ratio.max(axes) > 0).mean()
        assert abs(share - kept) < 0.15  # 180 channels: four deviations
    r = rng.normal(size=x.shape).astype("float32")
    y, dx, _ = our_gradients(ours, x, r)
    np.testing.assert_allclose(dx, r * y / x, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", DROPOUT, ids=ids)
def test_spatial_dropout_config(case: Case) -> None:
    check_config(case)
