"""Cells in NumPy beside the engine's own, and what is trained of layers inside layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def data(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def model_of(*layers: Any, shape: tuple[Any, ...]) -> ranvier.Sequential:
    return ranvier.Sequential([ranvier.Input(shape), *layers])


class NumpyGRU(L.Layer):
    """The equations of GRU (`reset_after=False`), as a user would write them."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        u = self.units
        self.kernel = self.add_weight((input_shape[-1], 3 * u), name="kernel")
        self.recurrent_kernel = self.add_weight((u, 3 * u), name="recurrent_kernel")
        self.bias = self.add_weight((3 * u,), initializer="zeros", name="bias")

    def forward(self, x: Any, states: Any, training: bool = False) -> Any:  # type: ignore[override]
        (h,), u = states, self.units
        a = x @ self.kernel.value + self.bias.value
        gates = 1 / (1 + np.exp(-(a[:, : 2 * u] + h @ self.recurrent_kernel.value[:, : 2 * u])))
        z, r = gates[:, :u], gates[:, u:]
        c = np.tanh(a[:, 2 * u :] + (r * h) @ self.recurrent_kernel.value[:, 2 * u :])
        new = z * h + (1 - z) * c
        return new, [new], (x, h, z, r, c)

    def backward(self, cache: Any, dy: Any, dstates: Any) -> Any:  # type: ignore[override]
        x, h, z, r, c = cache
        u, R = self.units, self.recurrent_kernel.value
        d = dy + dstates[0]
        dc = d * (1 - z) * (1 - c * c)
        drh = dc @ R[:, 2 * u :].T
        dz, dr = d * (h - c) * z * (1 - z), drh * h * r * (1 - r)
        da = np.concatenate([dz, dr, dc], 1)
        dh = d * z + drh * r + da[:, : 2 * u] @ R[:, : 2 * u].T
        dR = np.concatenate([h.T @ da[:, : 2 * u], (r * h).T @ dc], 1)
        return da @ self.kernel.value.T, [dh], [x.T @ da, dR, np.sum(da, 0)]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_cell_of_the_users_trains_as_the_engines_own(
    backwards: bool, rng: np.random.Generator
) -> None:
    x, y = data(rng, 12, 6, 3), data(rng, 12, 2)
    arguments = {"go_backwards": backwards, "return_sequences": backwards}
    cells = [NumpyGRU(4), L.GRUCell(4, reset_after=False)]
    models = [model_of(L.RNN(c, **arguments), L.Flatten(), L.Dense(2), shape=(6, 3)) for c in cells]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile("adam", "mse")
        model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    mask = rng.random((12, 6)) < 0.6
    ours, native = (m.layers[0] for m in models)
    np.testing.assert_allclose(ours(x, mask=mask), native(x, mask=mask), rtol=1e-4, atol=1e-5)


FROZEN: list[Any] = [
    lambda **kw: L.LSTM(3, **kw),
    lambda **kw: L.Bidirectional(L.GRU(3), **kw),
    lambda **kw: L.Bidirectional(L.RNN([L.GRUCell(3), L.LSTMCell(2)]), **kw),
    lambda **kw: L.RNN([L.GRUCell(3), L.LSTMCell(2)], **kw),
    lambda **kw: L.RNN(NumpyGRU(3), **kw),
    lambda **kw: L.RNN([L.LSTMCell(2), NumpyGRU(3)], **kw),
]


@pytest.mark.parametrize("make", FROZEN, ids=range(len(FROZEN)))
@pytest.mark.parametrize("how", ["argument", "attribute", "cells", "variables", "one variable"])
def test_what_is_frozen_stays_and_the_rest_learns(
    make: Any, how: str, rng: np.random.Generator
) -> None:
    x, y = data(rng, 8, 5, 2), data(rng, 8, 1)
    with ranvier.saving.custom_object_scope({"NumpyGRU": NumpyGRU}):
        layer = make(trainable=False) if how == "argument" else make()
    model = model_of(layer, L.Dense(1), shape=(5, 2))
    if how == "attribute":
        layer.trainable = False
    elif how == "cells":
        for inner in layer.inner_layers():
            inner.trainable = False
    elif how == "variables":
        for variable in layer.weights:
            variable.trainable = False
    elif how == "one variable":
        layer.weights[0].trainable = False
    assert len(layer.trainable_weights) == (len(layer.weights) - 1 if how == "one variable" else 0)
    before = [(v, v.numpy()) for v in model.weights]
    frozen = {id(v) for v in layer.non_trainable_weights}
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=4, verbose=0)
    for variable, value in before:
        assert np.array_equal(variable.value, value) == (id(variable) in frozen), variable
    if how == "attribute":
        layer.trainable = True
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=4, verbose=0)
        assert all(not np.array_equal(v.value, value) for v, value in before)
