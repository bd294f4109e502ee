"""Backward passes of normalization against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ranvier import layers as L
from ranvier import ops, reference
from ranvier.testing import check_gradients

D = {"dtype": "float64"}

LAYERS: list[Any] = [
    lambda: L.BatchNormalization(**D),
    lambda: L.BatchNormalization(axis=1, momentum=0.3, epsilon=1e-5, **D),
    lambda: L.BatchNormalization(axis=2, center=False, **D),
    lambda: L.BatchNormalization(scale=False, **D),
    lambda: L.BatchNormalization(trainable=False, **D),
    lambda: L.LayerNormalization(**D),
    lambda: L.LayerNormalization(axis=[1, 3], epsilon=1e-5, **D),
    lambda: L.LayerNormalization(axis=2, center=False, **D),
    lambda: L.LayerNormalization(axis=[2, 3], scale=False, **D),
    lambda: L.RMSNormalization(**D),
    lambda: L.RMSNormalization(axis=[1, 2], **D),
    lambda: L.UnitNormalization(**D),
    lambda: L.UnitNormalization(axis=[1, 2, 3], **D),
    lambda: L.GroupNormalization(2, **D),
    lambda: L.GroupNormalization(-1, axis=1, **D),
    lambda: L.GroupNormalization(3, center=False, **D),
    lambda: L.SpatialDropout2D(0.4, seed=5, **D),
    lambda: L.SpatialDropout2D(0.4, "channels_first", seed=5, **D),
]


@pytest.mark.parametrize("make", LAYERS, ids=range(len(LAYERS)))
def test_layer(make: Callable[[], L.Layer], rng: np.random.Generator) -> None:
    layer = make()
    layer.build((None, 4, 3, 6))
    for variable in layer.trainable_weights:
        variable.assign(rng.uniform(0.5, 2.0, size=variable.shape))
    check_gradients(layer, rng.normal(1.0, 1.5, size=(5, 4, 3, 6)), tolerance=1e-7)


@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_layer_with_rms_scaling(rng: np.random.Generator) -> None:
    layer = L.LayerNormalization(rms_scaling=True, **D)
    check_gradients(layer, rng.normal(1.0, 1.5, size=(5, 6)), tolerance=1e-7)


def numeric(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    gradient, step = np.empty_like(x), 1e-6
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + step
        up = (f(x) * dy).sum()
        x[i] = kept - step
        gradient[i] = (up - (f(x) * dy).sum()) / (2 * step)
        x[i] = kept
    return gradient


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("module", [ops, reference], ids=["native", "twin"])
class TestOps:
    """The twins are held to the same, or they would prove nothing."""

    @pytest.fixture
    def data(self, rng: np.random.Generator) -> Any:
        return (rng.normal(1.0, 2.0, (3, 4, 6)), rng.normal(size=6), rng.normal(size=6),
                rng.normal(size=(3, 4, 6)))  # fmt: skip

    def test_batch(self, module: Any, data: Any) -> None:
        x, gamma, beta, dy = data
        _, mean, variance = module.batch_norm(x, gamma, beta)
        dx, dgamma, dbeta = module.batch_norm_backward(x, mean, variance, dy, gamma)
        close(dx, numeric(lambda v: module.batch_norm(v, gamma, beta)[0], x, dy))
        close(dgamma, numeric(lambda g: module.batch_norm(x, g, beta)[0], gamma, dy))
        close(dbeta, numeric(lambda b: module.batch_norm(x, gamma, b)[0], beta, dy))

    def test_batch_with_given_statistics(self, module: Any, data: Any) -> None:
        x, gamma, beta, dy = data
        mean, variance = gamma.copy(), beta**2 + 0.1

        def f(v: Any, g: Any, b: Any) -> Any:
            return module.batch_norm_inference(v, mean, variance, g, b)

        dx, dgamma, dbeta = module.batch_norm_backward(x, mean, variance, dy, gamma, of_batch=False)
        close(dx, numeric(lambda v: f(v, gamma, beta), x, dy))
        close(dgamma, numeric(lambda g: f(x, g, beta), gamma, dy))
        close(dbeta, numeric(lambda b: f(x, gamma, b), beta, dy))

    def test_group(self, module: Any, data: Any) -> None:
        x, gamma, beta, dy = data
        _, mean, inverse = module.group_norm(x, 3, gamma, beta)
        dx, dgamma, dbeta = module.group_norm_backward(x, mean, inverse, dy, 3, gamma)
        close(dx, numeric(lambda v: module.group_norm(v, 3, gamma, beta)[0], x, dy))
        close(dgamma, numeric(lambda g: module.group_norm(x, 3, g, beta)[0], gamma, dy))
        close(dbeta, numeric(lambda b: module.group_norm(x, 3, gamma, b)[0], beta, dy))

    @pytest.mark.parametrize("rms_scaling", [False, True])
    def test_layer(self, module: Any, data: Any, rms_scaling: bool) -> None:
        x, gamma, beta, dy = data

        def f(v: Any, g: Any, b: Any) -> Any:
            return module.layer_norm(v, g, b, rms_scaling=rms_scaling)[0]

        _, mean, inverse = module.layer_norm(x, gamma, beta, rms_scaling=rms_scaling)
        dx, dgamma, dbeta = module.layer_norm_backward(x, mean, inverse, dy, gamma, rms_scaling)
        close(dx, numeric(lambda v: f(v, gamma, beta), x, dy))
        close(dgamma, numeric(lambda g: f(x, g, beta), gamma, dy))
        close(dbeta, numeric(lambda b: f(x, gamma, b), beta, dy))

    def test_rms(self, module: Any, data: Any) -> None:
        x, gamma, _, dy = data
        _, inverse = module.rms_norm(x, gamma, 0.1)
        dx, dgamma = module.rms_norm_backward(x, inverse, dy, gamma)
        close(dx, numeric(lambda v: module.rms_norm(v, gamma, 0.1)[0], x, dy))
        close(dgamma, numeric(lambda g: module.rms_norm(x, g, 0.1)[0], gamma, dy))

    def test_unit(self, module: Any, data: Any) -> None:
        x, _, _, dy = data
        _, inverse = module.unit_norm(x)
        close(module.unit_norm_backward(x, inverse, dy), numeric(lambda v: module.unit_norm(v)[0], x, dy))  # fmt: skip
        # below epsilon the map is linear
        _, inverse = module.unit_norm(x, 1e6)
        close(module.unit_norm_backward(x, inverse, dy, 1e6), dy / 1e6)
