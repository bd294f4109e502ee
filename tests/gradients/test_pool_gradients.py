"""Backward passes of pooling, upsampling, padding and cropping against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.testing import check_gradients

D = {"dtype": "float64"}
FIRST = {"data_format": "channels_first"}

LINES: list[Any] = [
    lambda: L.MaxPooling1D(2, **D),
    lambda: L.MaxPooling1D(3, 2, "same", **D),
    lambda: L.MaxPooling1D(3, 1, "same", **FIRST, **D),
    lambda: L.AveragePooling1D(2, **D),
    lambda: L.AveragePooling1D(3, 2, "same", **D),
    lambda: L.AveragePooling1D(2, 3, **FIRST, **D),
    lambda: L.AdaptiveMaxPooling1D(4, **D),
    lambda: L.AdaptiveAveragePooling1D(4, **FIRST, **D),
    lambda: L.GlobalMaxPooling1D(**D),
    lambda: L.GlobalAveragePooling1D(keepdims=True, **D),
    lambda: L.UpSampling1D(3, **D),
    lambda: L.ZeroPadding1D((2, 1), **D),
    lambda: L.Cropping1D((2, 1), **D),
]
IMAGES: list[Any] = [
    lambda: L.MaxPooling2D(2, **D),
    lambda: L.MaxPooling2D(2, padding="same", **D),
    lambda: L.MaxPooling2D((3, 2), 1, "same", **D),
    lambda: L.MaxPooling2D((2, 3), (3, 1), **D),
    lambda: L.MaxPooling2D(2, **FIRST, **D),
    lambda: L.AveragePooling2D(2, **D),
    lambda: L.AveragePooling2D(3, 2, "same", **D),
    lambda: L.AveragePooling2D((3, 2), 1, **D),
    lambda: L.AdaptiveMaxPooling2D((3, 2), **FIRST, **D),
    lambda: L.AdaptiveAveragePooling2D((3, 2), **D),
    lambda: L.GlobalMaxPooling2D(keepdims=True, **FIRST, **D),
    lambda: L.GlobalAveragePooling2D(**FIRST, **D),
    lambda: L.UpSampling2D((2, 3), **D),
    lambda: L.UpSampling2D((2, 3), interpolation="bilinear", **D),
    lambda: L.UpSampling2D(4, interpolation="bilinear", **FIRST, **D),
    lambda: L.ZeroPadding2D(((1, 0), (0, 2)), **D),
    lambda: L.Cropping2D(((1, 0), (0, 2)), **FIRST, **D),
]
VOLUMES: list[Any] = [
    lambda: L.MaxPooling3D(2, **D),
    lambda: L.MaxPooling3D((2, 1, 3), 1, "same", **D),
    lambda: L.AveragePooling3D((1, 2, 2), (2, 1, 2), "same", **D),
    lambda: L.AdaptiveMaxPooling3D((2, 3, 2), **D),
    lambda: L.AdaptiveAveragePooling3D(2, **FIRST, **D),
    lambda: L.GlobalMaxPooling3D(**D),
    lambda: L.GlobalAveragePooling3D(keepdims=True, **D),
    lambda: L.UpSampling3D((1, 2, 3), **D),
    lambda: L.ZeroPadding3D(((1, 0), (0, 2), (1, 1)), **D),
    lambda: L.Cropping3D(((1, 0), (0, 1), (1, 1)), **FIRST, **D),
]


def check(make: Any, rng: np.random.Generator, *shape: int) -> None:
    """On input of this shape, channels last; moved where the layer wants them."""
    layer = make()
    if getattr(layer, "data_format", None) == "channels_first":
        shape = (shape[0], shape[-1], *shape[1:-1])
    check_gradients(layer, rng.normal(size=shape), tolerance=1e-7)


# lanes of float64 are 2, 4 or 8: fewer channels, as many, and some more
@pytest.mark.parametrize("channels", [1, 3, 8, 11])
@pytest.mark.parametrize("make", LINES, ids=range(len(LINES)))
def test_sequences(make: Any, channels: int, rng: np.random.Generator) -> None:
    check(make, rng, 2, 7, channels)


@pytest.mark.parametrize("channels", [1, 9])
@pytest.mark.parametrize("make", IMAGES, ids=range(len(IMAGES)))
def test_images(make: Any, channels: int, rng: np.random.Generator) -> None:
    check(make, rng, 2, 4, 5, channels)


@pytest.mark.parametrize("channels", [2, 9])
@pytest.mark.parametrize("make", VOLUMES, ids=range(len(VOLUMES)))
def test_volumes(make: Any, channels: int, rng: np.random.Generator) -> None:
    check(make, rng, 1, 3, 4, 3, channels)


def test_windows_of_more_than_256_elements(rng: np.random.Generator) -> None:
    for make in (L.MaxPooling2D, L.AveragePooling2D):
        check_gradients(
            make(17, 2, dtype="float64"), rng.normal(size=(1, 19, 18, 1)), tolerance=1e-7
        )


def test_whole_model(rng: np.random.Generator) -> None:
    model = ranvier.Sequential(
        [
            ranvier.Input((6, 6, 2), **D),
            L.ZeroPadding2D(1, **D),
            L.Dense(3, activation="tanh", **D),
            L.MaxPooling2D(2, **D),
            L.UpSampling2D(2, interpolation="bilinear", **D),
            L.AveragePooling2D(3, 1, **D),
            L.GlobalMaxPooling2D(**D),
            L.Dense(2, **D),
        ]
    )
    check_gradients(model, rng.normal(size=(3, 6, 6, 2)), tolerance=1e-7)


def _trained(threads: int, set_threads: Any) -> list[np.ndarray]:
    set_threads(threads)
    rng = np.random.default_rng(3)
    ranvier.utils.set_random_seed(11)
    model = ranvier.Sequential(
        [
            ranvier.Input((40, 40, 3)),
            L.Dense(20, activation="relu"),
            L.MaxPooling2D(2),
            L.AveragePooling2D(3, 1, "same"),
            L.MaxPooling2D(3, 2, "same"),
            L.UpSampling2D(2),
            L.Dense(6, activation="relu"),
            L.MaxPooling2D(3, 1),
            L.UpSampling2D(2, interpolation="bilinear"),
            L.ZeroPadding2D(2),
            L.Cropping2D(3),
            L.GlobalMaxPooling2D(keepdims=True),
            L.GlobalAveragePooling2D(),
            L.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    x, y = rng.normal(size=(16, 40, 40, 3)).astype("float32"), rng.normal(size=(16, 2))
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    # fewer images than threads: divided by rows
    model.fit(x[:1], y[:1], batch_size=1, epochs=2, verbose=0)
    return [*model.get_weights(), model.predict(x, verbose=0)]


def test_any_number_of_threads_trains_the_same_bits(threads: Any) -> None:
    one = _trained(1, threads)
    for n in (2, 3):
        for a, b in zip(one, _trained(n, threads), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("images", [1, 2, 5])
@pytest.mark.parametrize("channels", [1, 3, 16, 20])
def test_rows_and_images_give_the_same_bits(
    images: int, channels: int, threads: Any, rng: np.random.Generator
) -> None:
    """One image is divided by rows, several by images; one thread takes all at once."""
    from ranvier import ops

    side = 300 if channels < 8 else 120
    x = rng.normal(size=(images, side, side, channels)).astype("float32")
    for window in ((3, 2, "same"), (2, None, "valid"), (3, 1, "valid")):
        y, index = ops.max_pool_indexed(x, *window)
        dy = rng.normal(size=y.shape).astype("float32")
        results = []
        for n in (1, 2, 4):
            threads(n)
            results.append(
                (
                    *ops.max_pool_indexed(x, *window),
                    ops.max_pool_backward(dy, index, x.shape, *window),
                    ops.average_pool_backward(dy, x.shape, *window),
                )
            )
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(a, b)
