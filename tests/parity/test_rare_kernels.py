"""Losses whose training the engine does, against the same losses in NumPy (which see Keras)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import ops

LOSSES: list[Any] = [
    ranvier.losses.Huber(delta=0.3),
    ranvier.losses.LogCosh(),
    ranvier.losses.Hinge(),
    ranvier.losses.SquaredHinge(),
    ranvier.losses.Poisson(),
    ranvier.losses.MeanSquaredLogarithmicError(),
    ranvier.losses.MeanAbsolutePercentageError(),
]
IDS = [loss.name for loss in LOSSES]


@pytest.mark.parametrize("labels", ["numbers", "binary", "signs"])
@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
def test_values_and_gradients(loss: Any, labels: str, rng: np.random.Generator) -> None:
    kind, parameter, _ = loss.native
    for columns in (1, 3, 37):
        p = rng.uniform(0.01, 3, (23, columns))
        if kind not in ("poisson", "mean_squared_logarithmic_error"):
            p = p - 1.5
        t = rng.uniform(0.0, 2, p.shape)
        if labels != "numbers":
            t = rng.integers(0, 2, p.shape) * (2.0 if labels == "signs" else 1.0)
            t = t - 1 if labels == "signs" else t
        p[0, 0] = t[0, 0]  # a bend
        values, dy = ops.loss(kind, t, p, label_smoothing=parameter, gradient=True)
        np.testing.assert_allclose(values, loss.call(t, p), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(dy, loss.gradient_call(t, p), rtol=1e-12, atol=1e-13)
        single = [a.astype("float32") for a in (t, p)]
        values, _ = ops.loss(kind, *single, label_smoothing=parameter)
        np.testing.assert_allclose(values, loss.call(*single), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
def test_bends_extremes_and_nan(loss: Any) -> None:
    kind, parameter, _ = loss.native
    t = np.array([[1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 1.0]])
    p = np.array([[1.0, -1.0, 0.8, 1e-7, 300.0, -300.0, 0.0]])
    if kind == "poisson":
        p = np.abs(p)
    for dtype in ("float64", "float32"):
        pair = t.astype(dtype), p.astype(dtype)
        values, dy = ops.loss(kind, *pair, label_smoothing=parameter, gradient=True)
        np.testing.assert_allclose(values, loss.call(*pair), rtol=1e-5)
        np.testing.assert_allclose(dy, loss.gradient_call(*pair), rtol=1e-5, atol=1e-6)
    values, _ = ops.loss(kind, t, np.full_like(p, np.nan), label_smoothing=parameter)
    assert np.isnan(values).all()


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
def test_the_engine_trains_as_python_does(loss: Any, rng: np.random.Generator) -> None:
    class Mine(type(loss)):  # type: ignore[misc]
        """Written anew, for all the engine knows: steps go through Python."""

    own = Mine.from_config(loss.get_config())
    assert own.native is None
    assert loss.native is not None
    x = rng.normal(size=(40, 3))
    y = rng.integers(0, 2, (40, 2)).astype("float64")
    weights = rng.uniform(0.5, 2, 40)
    results = []
    for one in (loss, own):
        ranvier.utils.set_random_seed(1)
        model = ranvier.Sequential(
            [
                ranvier.Input((3,)),
                ranvier.layers.Dense(2, activation="softplus", dtype="float64"),
            ]
        )
        model.compile(ranvier.optimizers.SGD(0.01), one)
        history = model.fit(x, y, epochs=2, batch_size=16, sample_weight=weights, verbose=0)
        results.append((history.history["loss"], model.get_weights()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-9)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
