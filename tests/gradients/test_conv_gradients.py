"""Backward passes of convolutions against central differences in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.testing import check_gradients

SMOOTH = ["linear", "tanh", "sigmoid", "softplus", "gelu", "silu", "elu", "softmax"]

LAYERS: list[tuple[tuple[int, ...], Any]] = [
    *[((3, 6, 5, 2), lambda a=a: L.Conv2D(3, 3, activation=a, dtype="float64")) for a in SMOOTH],
    ((2, 9, 3), lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2, dtype="float64")),
    ((2, 9, 3), lambda: L.Conv1D(4, 4, 2, padding="same", activation="tanh", dtype="float64")),
    ((2, 8, 7, 4), lambda: L.Conv2D(6, (3, 2), (2, 3), "same", groups=2, dtype="float64")),
    ((2, 9, 8, 3), lambda: L.Conv2D(5, 5, 3, dtype="float64", use_bias=False)),
    ((2, 9, 9, 16), lambda: L.Conv2D(17, 3, padding="same", activation="tanh", dtype="float64")),
    ((2, 3, 6, 7), lambda: L.Conv2D(4, 3, data_format="channels_first", dtype="float64")),
    ((2, 6, 7, 3), lambda: L.Conv2D(4, 3, dilation_rate=(2, 3), dtype="float64")),
    ((2, 6, 5, 3), lambda: L.Conv2D(2, 1, activity_regularizer="l2", dtype="float64")),
    ((2, 4, 5, 3, 2), lambda: L.Conv3D(3, 2, padding="same", activation="gelu", dtype="float64")),
    ((2, 9, 3), lambda: L.DepthwiseConv1D(3, 2, depth_multiplier=2, dtype="float64")),
    ((2, 7, 6, 5), lambda: L.DepthwiseConv2D(3, padding="same", activation="elu", dtype="float64")),
    ((2, 7, 6, 3), lambda: L.DepthwiseConv2D(3, 2, depth_multiplier=3, dtype="float64")),
    ((2, 9, 3), lambda: L.SeparableConv1D(4, 3, activation="tanh", dtype="float64")),
    ((2, 7, 6, 3), lambda: L.SeparableConv2D(4, 3, 2, depth_multiplier=2, dtype="float64")),
    ((2, 5, 3), lambda: L.Conv1DTranspose(4, 3, 2, "same", activation="tanh", dtype="float64")),
    ((2, 4, 5, 3), lambda: L.Conv2DTranspose(4, 2, 3, output_padding=1, dtype="float64")),
    ((2, 4, 5, 3), lambda: L.Conv2DTranspose(4, 3, dilation_rate=2, padding="same", dtype="float64")),
    ((2, 2, 3, 2, 3), lambda: L.Conv3DTranspose(2, 3, 2, "same", activation="gelu", dtype="float64")),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "make"), LAYERS, ids=range(len(LAYERS)))
def test_layer(shape: tuple[int, ...], make: Any, rng: np.random.Generator) -> None:
    check_gradients(make(), rng.normal(size=shape) + 0.05, tolerance=1e-7)


def test_whole_network(rng: np.random.Generator) -> None:
    model = ranvier.Sequential(
        [
            ranvier.Input((9, 8, 3), dtype="float64"),
            L.Conv2D(5, 3, activation="tanh", dtype="float64"),
            L.DepthwiseConv2D(3, padding="same", dtype="float64"),
            L.PReLU("ones", shared_axes=[1, 2], dtype="float64"),
            L.Conv2DTranspose(4, 3, 2, "same", activation="silu", dtype="float64"),
            L.Dropout(0.2, seed=3, dtype="float64"),
            L.SeparableConv2D(3, 3, 2, dtype="float64"),
            L.Flatten(dtype="float64"),
            L.Dense(3, activation="softmax", dtype="float64"),
        ]
    )
    check_gradients(model, rng.normal(size=(3, 9, 8, 3)), tolerance=1e-7)
