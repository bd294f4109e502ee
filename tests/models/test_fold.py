"""Batch normalization folded into the layer before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def trained_statistics(model: Any, rng: np.random.Generator) -> None:
    """Every weight, the moving statistics among them, away from what it began as."""
    model.set_weights(
        [
            np.abs(rng.normal(size=w.shape)) + 0.3
            if w.ndim == 1
            else rng.normal(scale=0.4, size=w.shape)
            for w in model.get_weights()
        ]
    )


CASES: list[tuple[Any, tuple[int, ...], list[str]]] = [
    (lambda: [L.Conv2D(5, 3), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D()], (9, 8, 3),
     ["Conv2D", "MaxPooling2D"]),
    (lambda: [L.Conv2D(5, 3, use_bias=False, padding="same"),
              L.BatchNormalization(scale=False), L.Activation("tanh")], (6, 7, 2), ["Conv2D"]),
    (lambda: [L.Conv1D(4, 2), L.BatchNormalization(center=False), L.ReLU(negative_slope=0.1)],
     (9, 3), ["Conv1D", "ReLU"]),
    (lambda: [L.Conv3D(3, 2), L.BatchNormalization()], (4, 5, 4, 2), ["Conv3D"]),
    (lambda: [L.DepthwiseConv2D(3, depth_multiplier=2), L.BatchNormalization()], (6, 6, 3),
     ["DepthwiseConv2D"]),
    (lambda: [L.SeparableConv2D(4, 3), L.BatchNormalization()], (6, 6, 3), ["SeparableConv2D"]),
    (lambda: [L.Conv2DTranspose(4, 3, strides=2), L.BatchNormalization(),
              L.Activation("sigmoid")], (4, 5, 3), ["Conv2DTranspose"]),
    (lambda: [L.Dense(6), L.BatchNormalization(), L.Activation("softmax"), L.Dense(2)], (5,),
     ["Dense", "Dense"]),
    (lambda: [L.Conv2D(4, 3, data_format="channels_first"), L.BatchNormalization(axis=1)],
     (3, 6, 7), ["Conv2D"]),
    # these stay
    (lambda: [L.Conv2D(5, 3, activation="relu"), L.BatchNormalization()], (9, 8, 3),
     ["Conv2D", "BatchNormalization"]),
    (lambda: [L.Conv2D(5, 3), L.BatchNormalization(axis=1)], (9, 8, 3),
     ["Conv2D", "BatchNormalization"]),
    (lambda: [L.BatchNormalization(), L.Conv2D(5, 3)], (9, 8, 3),
     ["BatchNormalization", "Conv2D"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_predictions_stay(case: Any, rng: np.random.Generator) -> None:
    make, shape, kinds = case
    model = ranvier.Sequential([ranvier.Input(shape), *make()])
    trained_statistics(model, rng)
    before = model.get_weights()
    folded = ranvier.models.fold(model)
    assert [type(layer).__name__ for layer in folded.layers] == kinds
    x = rng.normal(size=(5, *shape)).astype("float32")
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(folded.predict(x, verbose=0), y, rtol=2e-5, atol=2e-5)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    folded.set_weights([np.zeros_like(w) for w in folded.get_weights()])  # nothing is shared
    np.testing.assert_array_equal(model.predict(x, verbose=0), y)


def test_models_inside_models(rng: np.random.Generator) -> None:
    inner = ranvier.Sequential([L.Conv2D(3, 3), L.BatchNormalization()])
    model = ranvier.Sequential([ranvier.Input((8, 8, 2)), inner, L.Flatten(), L.Dense(2)])
    trained_statistics(model, rng)
    folded = ranvier.models.fold(model)
    assert len(folded.layers[0].layers) == 1
    x = rng.normal(size=(3, 8, 8, 2)).astype("float32")
    np.testing.assert_allclose(folded(x), model(x), rtol=2e-5, atol=2e-5)


def test_a_layer_that_was_built_by_hand(rng: np.random.Generator) -> None:
    layer = L.Conv2D(3, 3)
    layer.build((None, 8, 8, 2))
    model = ranvier.Sequential([ranvier.Input((8, 8, 2)), layer, L.BatchNormalization()])
    trained_statistics(model, rng)
    folded = ranvier.models.fold(model)
    assert len(folded.layers) == 1
    x = rng.normal(size=(3, 8, 8, 2)).astype("float32")
    np.testing.assert_allclose(folded(x), model(x), rtol=2e-5, atol=2e-5)


def test_what_cannot_be_folded_is_said() -> None:
    with pytest.raises(ValueError, match="not known yet"):
        ranvier.models.fold(ranvier.Sequential([L.Conv2D(3, 3)]))
    with pytest.raises(TypeError, match="Sequential"):
        ranvier.models.fold(L.Dense(2))  # type: ignore[arg-type]
