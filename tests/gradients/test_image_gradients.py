"""Backward passes of the layers on images against central differences in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.testing import check_gradients

FILL_MODES = ("constant", "nearest", "wrap", "reflect")
FIRST = {"data_format": "channels_first"}

LAYERS: list[tuple[Any, dict[str, Any]]] = [
    (L.RandomFlip, {}),
    (L.RandomFlip, {"mode": "horizontal", **FIRST}),
    *[
        (L.RandomRotation, {"factor": 0.4, "fill_mode": mode, "interpolation": how, "fill_value": 2.0})
        for mode in FILL_MODES
        for how in ("bilinear", "nearest")
    ],
    (L.RandomRotation, {"factor": 0.4, **FIRST}),
    (L.RandomTranslation, {"height_factor": 0.6, "width_factor": 1.0, "fill_mode": "wrap"}),
    (L.RandomTranslation, {"height_factor": 0.6, "width_factor": 0.0, "fill_mode": "constant"}),
    (L.RandomZoom, {"height_factor": 0.8, "width_factor": (-0.5, 0.1)}),
    (L.RandomZoom, {"height_factor": (0.5, 1.0), "fill_mode": "nearest"}),
    # clipped in part
    (L.RandomContrast, {"factor": 0.9, "value_range": (-1.0, 0.8)}),
    (L.RandomContrast, {"factor": (0.3, 0.4), "value_range": (-9, 9), **FIRST}),
    (L.RandomBrightness, {"factor": 0.5, "value_range": (-1.0, 0.8)}),
    *[
        (L.RandomCrop, {"height": h, "width": w, **layout})
        for h, w in ((3, 3), (3, 9), (9, 4), (7, 7))
        for layout in ({}, FIRST)
    ],
    (L.CenterCrop, {"height": 3, "width": 2}),
    (L.CenterCrop, {"height": 9, "width": 4, **FIRST}),
    *[
        (L.Resizing, {"height": h, "width": w, "interpolation": how, "antialias": h < 5})
        for h, w in ((3, 4), (11, 7), (1, 1), (5, 13))
        for how in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    ],
    (L.Resizing, {"height": 4, "width": 9, "crop_to_aspect_ratio": True}),
    (L.Resizing, {"height": 4, "width": 9, "pad_to_aspect_ratio": True, "fill_value": 3.0}),
    (L.Resizing, {"height": 9, "width": 4, "pad_to_aspect_ratio": True, **FIRST}),
]  # fmt: skip


def label(case: Any) -> str:
    return f"{case[0].__name__}-{'-'.join(f'{k}={v}' for k, v in case[1].items())}".replace(" ", "")


@pytest.mark.parametrize("case", LAYERS, ids=label)
def test_layer(case: Any, rng: np.random.Generator) -> None:
    make, arguments = case
    seed = {"seed": 6} if make.__name__.startswith("Random") else {}
    shape = (3, 2, 5, 6) if arguments.get("data_format") else (3, 5, 6, 2)
    check_gradients(make(dtype="float64", **seed, **arguments), rng.normal(size=shape))


def test_three_channels_and_many_columns(rng: np.random.Generator) -> None:
    """The kernels' own paths: three channels, and more columns than one block of them has."""
    for layer in (
        L.RandomRotation(0.2, seed=1, dtype="float64"),
        L.Resizing(4, 50, dtype="float64"),
    ):
        check_gradients(layer, rng.normal(size=(2, 3, 70, 3)))


def test_whole_model(rng: np.random.Generator) -> None:
    """The gradient passes through to what stands before the augmentation."""
    model = ranvier.Sequential(
        [
            ranvier.Input((18,), dtype="float64"),
            L.Dense(24, activation="tanh", dtype="float64"),
            L.Reshape((4, 3, 2), dtype="float64"),
            L.RandomFlip("horizontal", seed=1, dtype="float64"),
            L.RandomRotation(0.2, seed=2, dtype="float64"),
            L.RandomZoom(0.3, seed=2, dtype="float64"),
            L.RandomContrast(0.3, value_range=(-3, 3), seed=4, dtype="float64"),
            L.RandomCrop(3, 2, seed=3, dtype="float64"),
            L.Resizing(4, 4, dtype="float64"),
            L.Flatten(dtype="float64"),
            L.Dense(2, dtype="float64"),
        ]
    )
    check_gradients(model, rng.normal(size=(5, 18)))
