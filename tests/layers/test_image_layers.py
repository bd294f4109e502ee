"""Image layers in models: what is drawn, from bytes, for any threads, for any size of image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier import ops, reference

N = 4000


def ramp(axis: int, n: int = N, side: int = 9) -> np.ndarray:
    """n images whose pixel (i, j) is i or j."""
    one = np.broadcast_to(
        np.arange(float(side)).reshape((-1, 1) if axis == 0 else (1, -1)), (side, side)
    )
    return np.tile(one[None, :, :, None], (n, 1, 1, 1))


def check_uniform(values: np.ndarray, low: float, high: float) -> None:
    """In the range, with the mean, the variance and the spread of a uniform distribution."""
    wide = high - low
    assert low - 1e-5 * wide <= values.min() and values.max() <= high + 1e-5 * wide
    assert abs(values.mean() - (low + high) / 2) < 0.03 * wide
    assert abs(values.var() - wide**2 / 12) < 0.03 * wide**2
    counts, _ = np.histogram(values, 10, (low, high))
    assert counts.min() > 0.8 * N / 10
    assert len(np.unique(values)) > 0.99 * N


def images_of(layer: Any, x: np.ndarray) -> np.ndarray:
    return layer(x).astype(float)


def test_rotation_draws_angles() -> None:
    y = images_of(L.RandomRotation((-0.1, 0.2), dtype="float64", seed=3), ramp(1))
    # around the middle column = j cos - i sin + ...
    angle = np.arctan2(-(y[:, 5, 4, 0] - y[:, 3, 4, 0]), y[:, 4, 5, 0] - y[:, 4, 3, 0])
    check_uniform(angle / (2 * np.pi), -0.1, 0.2)


def test_translation_draws_distances_of_both_axes() -> None:
    layer = L.RandomTranslation((-0.2, 0.3), 0.25, seed=3, dtype="float64")
    down = 4 - images_of(layer, ramp(0))[:, 4, 4, 0]
    check_uniform(down / 9, -0.2, 0.3)
    layer = L.RandomTranslation((-0.2, 0.3), 0.25, seed=3, dtype="float64")
    right = 4 - images_of(layer, ramp(1))[:, 4, 4, 0]
    check_uniform(right / 9, -0.25, 0.25)
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.05


@pytest.mark.parametrize("width", [None, (-0.5, 0.25)])
def test_zoom_draws_scales_of_both_axes(width: Any) -> None:
    scales = []
    for axis, (before, after) in enumerate((((3, 4), (5, 4)), ((4, 3), (4, 5)))):
        y = images_of(L.RandomZoom(0.25, width, seed=3, dtype="float64"), ramp(axis))
        scales.append((y[:, *after, 0] - y[:, *before, 0]) / 2)
        np.testing.assert_allclose(y[:, 4, 4, 0], 4)
    check_uniform(scales[0], 0.75, 1.25)
    if width is None:
        np.testing.assert_allclose(scales[0], scales[1], rtol=1e-12)
    else:
        check_uniform(scales[1], 0.5, 1.25)
        assert abs(np.corrcoef(*scales)[0, 1]) < 0.05


def test_contrast_and_brightness_draw_numbers() -> None:
    x = np.tile(np.array([-1.0, 1.0]).reshape(1, 1, 2, 1), (N, 3, 1, 1))
    y = images_of(L.RandomContrast((0.3, 0.6), (-9, 9), seed=3, dtype="float64"), x)
    check_uniform(y[:, 0, 1, 0], 0.7, 1.6)
    np.testing.assert_allclose(y[:, 0, 0, 0], -y[:, 0, 1, 0])
    y = images_of(L.RandomContrast(0.3, (-9, 9), seed=3, dtype="float64"), x)
    check_uniform(y[:, 0, 1, 0], 1.0, 1.3)
    y = images_of(L.RandomBrightness((-0.2, 0.1), (-10, 10), seed=3, dtype="float64"), x)
    check_uniform(y[:, 0, 1, 0] - 1, -4, 2)


def test_flips_are_half_of_all() -> None:
    x = np.arange(6.0).reshape(1, 2, 3, 1)
    mirrored = {
        "horizontal": x[:, :, ::-1],
        "vertical": x[:, ::-1],
        "horizontal_and_vertical": x[:, ::-1, ::-1],
    }
    for mode, other in mirrored.items():
        y = images_of(L.RandomFlip(mode, seed=3), np.tile(x, (N, 1, 1, 1)))
        kept, turned = (y == x).all((1, 2, 3)), (y == other).all((1, 2, 3))
        assert (kept ^ turned).all()
        assert abs(turned.mean() - 0.5) < 0.03


def test_crops_are_everywhere() -> None:
    x = np.arange(30.0).reshape(1, 5, 6, 1)
    layer = L.RandomCrop(3, 5, seed=3)
    corners = [layer(x)[0, 0, 0, 0] for _ in range(600)]
    places, counts = np.unique(corners, return_counts=True)
    assert places.tolist() == [0, 1, 6, 7, 12, 13]
    assert counts.min() > 60
    y = L.RandomCrop(3, 5, seed=3)(np.tile(x, (9, 1, 1, 1)))
    assert (y == y[:1]).all()  # one place for the batch, as Keras draws it


LAYERS = [
    lambda: L.RandomFlip(seed=3),
    lambda: L.RandomRotation(0.2, seed=3),
    lambda: L.RandomTranslation(0.2, 0.3, fill_mode="constant", seed=3),
    lambda: L.RandomZoom(0.5, seed=3),
    lambda: L.RandomContrast(0.5, (-3, 3), seed=3),
    lambda: L.RandomBrightness(0.2, (-3, 3), seed=3),
    lambda: L.RandomCrop(7, 6, seed=3),
]  # fmt: skip


@pytest.mark.parametrize("make", LAYERS, ids=range(len(LAYERS)))
def test_seeds_steps_and_batches(make: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(32, 9, 8, 3)).astype("float32")
    model = ranvier.Sequential([ranvier.Input((9, 8, 3)), make()])
    again = ranvier.Sequential([ranvier.Input((9, 8, 3)), make()])
    first, second = model(x, training=True), model(x, training=True)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(again(x, training=True), first)
    np.testing.assert_array_equal(again(x, training=True), second)
    # an image's numbers do not depend on how many images stand behind it
    third = ranvier.Sequential([ranvier.Input((9, 8, 3)), make()])
    np.testing.assert_array_equal(third(x[:5], training=True), first[:5])


@pytest.mark.parametrize("make", LAYERS, ids=range(len(LAYERS)))
@pytest.mark.parametrize("shape", [(40, 33, 3), (65, 70, 1), (20, 24, 16)], ids=str)
def test_any_number_of_threads_gives_the_same_bits(
    make: Any, shape: Any, rng: np.random.Generator, threads: Any
) -> None:
    x = rng.normal(size=(24, *shape)).astype("float32")
    results = []
    for count in (1, 2, 3):
        threads(count)
        model = ranvier.Sequential([ranvier.Input(shape), make()])
        net = model.network()
        y, tape = net.forward(x, 5, want_input_gradient=True)
        results.append((y.copy(), net.backward(tape, np.cos(y)).copy()))
    for y, dx in results[1:]:
        np.testing.assert_array_equal(y, results[0][0])
        np.testing.assert_array_equal(dx, results[0][1])


def test_rotation_is_the_op_on_the_drawn_angles(rng: np.random.Generator) -> None:
    x = rng.normal(size=(10, 12, 7, 3)).astype("float32")
    y = L.RandomRotation(0.3, "constant", seed=9, fill_value=1.0)(x)
    u = reference.random_uniform((10, 2), 9, 0, "float64")[:, 0]
    angle = 2 * np.pi * 0.3 * (2 * u - 1)
    cos, sin, zero = np.cos(angle), np.sin(angle), 0 * angle
    cx, cy = 3.0, 5.5
    rows = [cos, -sin, cx - cx * cos + cy * sin, sin, cos, cy - cx * sin - cy * cos, zero, zero]
    expected = ops.affine_transform(x, np.stack(rows, 1), "bilinear", "constant", 1.0)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def classifier(augment: list[Any], shape: Any = (8, 8, 3)) -> ranvier.Sequential:
    ranvier.utils.set_random_seed(5)
    head = [L.Rescaling(1 / 255), L.Flatten(), L.Dense(16, activation="relu"), L.Dense(2)]
    model = ranvier.Sequential([ranvier.Input(shape), *augment, *head])
    loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def pictures(rng: np.random.Generator, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Bytes: the upper half is the brighter one, or the lower."""
    y = rng.integers(0, 2, n)
    x = rng.integers(0, 120, (n, 8, 8, 3))
    x[y == 0, :4] += 110
    x[y == 1, 4:] += 110
    return x.astype("uint8"), y


def test_trains_from_bytes(rng: np.random.Generator, threads: Any) -> None:
    x, y = pictures(rng)
    weights = []
    for count, data in ((1, x), (2, x), (1, x.astype("float32"))):
        threads(count)
        model = classifier(
            [
                L.RandomFlip("horizontal", seed=1),
                L.RandomRotation(0.05, seed=2),
                L.RandomTranslation(0.1, 0.1, seed=3),
                L.RandomZoom(0.1, seed=4),
                L.RandomContrast(0.2, seed=5),
                L.RandomBrightness(0.1, seed=6),
            ]
        )
        history = model.fit(data, y, epochs=12, batch_size=32, verbose=0).history
        assert history["loss"][-1] < 0.5 * history["loss"][0]
        assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.95
        weights.append(model.get_weights())
    for other in weights[1:]:
        for a, b in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_each_epoch_sees_other_images(rng: np.random.Generator) -> None:
    """With a rate of 0 only the augmentation can change the loss of an epoch."""
    x, y = pictures(rng, 64)
    for augment, changes in (([L.RandomFlip("vertical", seed=1)], True), ([], False)):
        model = classifier(augment)
        model.compile(ranvier.optimizers.SGD(0.0), model.loss)
        loss = model.fit(x, y, epochs=3, batch_size=64, shuffle=False, verbose=0).history["loss"]
        assert (len(set(loss)) == 3) == changes


def test_images_of_any_size(rng: np.random.Generator) -> None:
    model = ranvier.Sequential(
        [
            ranvier.Input((None, None, 3)),
            L.RandomFlip(seed=1),
            L.RandomRotation(0.1, seed=1),
            L.Resizing(8, 8),
            L.Flatten(),
            L.Dense(2),
        ]
    )
    assert model.output_shape == (None, 2)
    model.compile("sgd", "mse")
    for h, w in ((9, 14), (5, 5), (30, 2)):
        x = rng.normal(size=(4, h, w, 3)).astype("float32")
        model.train_on_batch(x, np.zeros((4, 2)))
        small = reference.resize_images(x, (8, 8))
        kernel, bias = model.get_weights()
        np.testing.assert_allclose(
            model.predict(x, verbose=0), small.reshape(4, -1) @ kernel + bias, rtol=1e-4, atol=1e-5
        )
    for layer, shape in (
        (L.CenterCrop(4, 5), (None, 4, 5, 3)),
        (L.RandomCrop(4, 5), (None, 4, 5, 3)),
        (L.Resizing(4, 5), (None, 4, 5, 3)),
        (L.RandomZoom(0.1), (None, None, None, 3)),
    ):
        model = ranvier.Sequential([ranvier.Input((None, None, 3)), layer])
        assert model.output_shape == shape
        for h, w in ((9, 14), (3, 20), (4, 5)):
            x = rng.normal(size=(2, h, w, 3)).astype("float32")
            want = tuple(n or m for n, m in zip(shape, x.shape, strict=True))
            assert model(x).shape == model(x, training=True).shape == want


def test_nan_and_infinity_stay_where_they_are() -> None:
    x = np.ones((1, 6, 6, 1), "float32")
    x[0, 1, 1] = np.nan
    x[0, 4, 4] = np.inf
    y = L.RandomBrightness((0.1, 0.1), (0, 10))(x)
    assert np.isnan(y[0, 1, 1, 0]) and y[0, 4, 4, 0] == 10
    assert np.isnan(y).sum() == 1
    y = L.RandomFlip("horizontal", seed=1)(np.tile(x, (8, 1, 1, 1)))
    assert np.isnan(y).sum() == np.isinf(y).sum() == 8
    y = L.RandomTranslation((1 / 6, 1 / 6), 0.0, interpolation="nearest")(x)
    assert np.isnan(y[0, 2, 1, 0]) and np.isnan(y).sum() == 1
