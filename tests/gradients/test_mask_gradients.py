"""Backward passes with masks, and of tables, against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.models.network import Network
from ranvier.testing import check_gradients

D = {"dtype": "float64"}
KEPT = np.array([[0, 0, 1, 1], [1, 1, 0, 0], [1, 0, 0, 1], [1] * 4, [0] * 4], np.float64)

MASKED: list[Any] = [
    lambda: [L.BatchNormalization(**D)],
    lambda: [L.BatchNormalization(center=False, scale=False, epsilon=1e-2, **D)],
    lambda: [L.BatchNormalization(trainable=False, **D)],
    lambda: [L.TimeDistributed(L.BatchNormalization(**D))],
    lambda: [L.Dense(4, "tanh", **D), L.BatchNormalization(**D), L.GlobalAveragePooling1D(**D)],
    lambda: [L.GlobalAveragePooling1D(keepdims=True, **D)],
]


@pytest.mark.parametrize("make", MASKED, ids=range(len(MASKED)))
def test_of_masked_input(make: Callable[[], Any], rng: np.random.Generator) -> None:
    rows = slice(0, 4) if any(isinstance(f, L.GlobalAveragePooling1D) for f in make()) else slice(5)
    x, mask = rng.normal(size=(5, 4, 3))[rows], np.ascontiguousarray(KEPT[rows])
    layers = make()
    shape: Any = (None, 4, 3)
    for layer in layers:
        layer.ensure_built(shape)
        shape = layer.compute_output_shape(shape)
    net = Network(layers, (4, 3), "float64")
    y, tape = net.forward(x, 3, want_input_gradient=True, mask=mask)
    r = rng.normal(size=y.shape)
    dx = net.backward(tape, r.copy())
    gradient = net.gradient.copy()

    def value() -> float:
        return float(np.sum(r * net.forward(x, 3, want_input_gradient=True, mask=mask)[0]))

    targets = [(x, dx)] + [
        (s.variable.value, gradient[s.offset : s.offset + s.variable.size]) for s in net.trained
    ]
    for at, told in targets:
        flat, told = at.reshape(-1), np.reshape(told, -1)
        for i in rng.permutation(flat.size)[:20]:
            kept = flat[i]
            flat[i] = kept + 1e-6
            above = value()
            flat[i] = kept - 1e-6
            below = value()
            flat[i] = kept
            assert abs((above - below) / 2e-6 - told[i]) < 1e-6 * max(1.0, np.abs(told).max())


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Masking(**D),
        lambda: L.TimeDistributed(L.Dense(3, "tanh", **D)),
        lambda: L.TimeDistributed(ranvier.Sequential([L.Dense(3, **D), L.LayerNormalization(**D)])),
    ],
)
def test_layer(make: Callable[[], L.Layer], rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4, 2)) + 3
    check_gradients(make(), x)


def test_of_a_table(rng: np.random.Generator) -> None:
    x = rng.integers(0, 5, (6, 4)).astype(np.float64)  # row 5 is not named, others several times
    layer = L.Embedding(6, 3, mask_zero=True, **D)
    layer.ensure_built((None, 4))
    net = Network([layer], (4,), "float64")
    net.gradient[:] = np.nan
    y, tape = net.forward(x, 0, want_input_gradient=True)
    r = rng.normal(size=y.shape)
    assert not net.backward(tape, r.copy()).any()  # numbers have no gradient
    told = net.gradient[: layer.embeddings.size].reshape(6, 3)
    expected = np.zeros((6, 3))
    np.add.at(expected, x.astype(int), r)
    np.testing.assert_allclose(told, expected, rtol=1e-12, atol=1e-12)
    assert not told[5].any()
