"""Layers that change images in NumPy, beside Keras': the same draws put into both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import keras
from .layer_checks import Case, check_config, ids

FIRST = {"data_format": "channels_first"}
RGB, ROWS = (8, 9, 3), (6, 7, 1)

CASES: list[Case] = [
    ("AutoContrast", {}, RGB),
    ("AutoContrast", {"value_range": (-1, 1)}, ROWS),
    ("Equalization", {}, RGB),
    ("Equalization", {"bins": 16, "value_range": [0, 1]}, ROWS),
    ("Equalization", {"bins": 64, **FIRST}, (3, 8, 9)),
    ("Solarization", {}, RGB),
    ("Solarization", {"addition_factor": 0.4, "threshold_factor": (0.2, 0.9), "seed": 3}, RGB),
    ("Solarization", {"threshold_factor": 0.7, "value_range": (-1, 1)}, ROWS),
    ("RandomColorDegeneration", {"factor": 0.6}, RGB),
    ("RandomColorDegeneration", {"factor": (0.2, 0.9), "value_range": (0, 1), **FIRST}, (3, 6, 7)),
    ("RandomSaturation", {"factor": 0.5}, RGB),
    ("RandomSaturation", {"factor": (0.5, 0.95), "value_range": (0, 1), "seed": 4}, RGB),
    ("RandomSaturation", {"factor": (0.1, 0.4), **FIRST}, (3, 6, 7)),
    ("RandomHue", {"factor": 0.7}, RGB),
    ("RandomHue", {"factor": (0.1, 1.0), "value_range": (-1, 1), **FIRST}, (3, 6, 7)),
    ("RandomPosterization", {"factor": 5}, RGB),
    ("RandomPosterization", {"factor": (3, 3), "value_range": (0, 1)}, ROWS),
    ("RandomPosterization", {"factor": (2, 8), **FIRST}, (3, 6, 7)),
    ("RandomSharpness", {"factor": 0.9}, RGB),
    ("RandomSharpness", {"factor": (0.5, 1.0), "value_range": (0, 1), **FIRST}, (3, 6, 7)),
    ("RandomGrayscale", {}, RGB),
    ("RandomGrayscale", {"factor": 0.8, **FIRST}, (3, 6, 7)),
    ("RandomGrayscale", {}, ROWS),
    ("RandomInvert", {}, RGB),
    ("RandomInvert", {"factor": (0.6, 1.0), "value_range": (0, 1), "seed": 2, **FIRST}, (3, 6, 7)),
    ("RandomGaussianBlur", {}, RGB),
    ("RandomGaussianBlur",
     {"factor": (0.5, 1), "kernel_size": (5, 3), "sigma": (0.4, 2.0), **FIRST}, (3, 8, 9)),
    ("RandomErasing", {"fill_value": 9.0}, RGB),
    ("RandomErasing", {"factor": (0.7, 1.0), "scale": (0.1, 0.5), "fill_value": [1, 2.5, 300]}, RGB),
    ("RandomErasing", {"scale": 0.5, "fill_value": 0.5, "value_range": (0, 1), **FIRST}, (3, 6, 7)),
    ("RandomShear", {"x_factor": 0.4, "y_factor": (0.1, 0.3)}, RGB),
    *[
        ("RandomShear", {"x_factor": 0.9, "fill_mode": mode, "fill_value": 7.0}, RGB)
        for mode in ("constant", "nearest", "wrap")
    ],
    ("RandomShear", {"y_factor": 0.3, "interpolation": "nearest", **FIRST}, (3, 6, 7)),
    ("RandomPerspective", {}, RGB),
    ("RandomPerspective", {"factor": (0.7, 1), "scale": 0.3, "fill_value": 9.0, **FIRST}, (3, 8, 9)),
    ("RandomPerspective", {"interpolation": "nearest", "scale": 0.6}, RGB),
]  # fmt: skip

# Config only: what they draw is not Keras' alone to say.
MORE: list[Case] = [
    ("RandomErasing", {}, RGB),
    ("RandomColorJitter", {}, RGB),
    ("RandomColorJitter",
     {"value_range": [0, 1], "brightness_factor": 0.2, "hue_factor": (0.1, 0.2), "seed": 1}, RGB),
    ("RandAugment", {}, RGB),
    ("RandAugment", {"value_range": [0, 1], "num_ops": 3, "factor": (0.1, 0.4), "seed": 7}, RGB),
    ("AugMix", {}, RGB),
    ("AugMix", {"num_chains": 2, "chain_depth": 1, "alpha": 2.5, "all_ops": False,
                "interpolation": "nearest", **FIRST}, (3, 8, 9)),
]  # fmt: skip


def images(case: Case, rng: np.random.Generator, n: int = 12) -> np.ndarray:
    low, high = case[1].get("value_range", (0, 255))
    return rng.uniform(low, high, (n, *case[2])).astype("float32")


def both(case: Case) -> tuple[Any, Any]:
    name, arguments, _ = case
    seed = {} if name in ("AutoContrast", "Equalization") else {"seed": 11}
    arguments = {**arguments, **seed}
    return getattr(ranvier.layers, name)(**arguments), getattr(keras.layers, name)(**arguments)


def drawn(ours: Any, theirs: Any, x: np.ndarray) -> Any:
    """Our first draws for a batch, as Keras' layer keeps them."""
    name, n = type(ours).__name__, len(x)
    rng = np.random.default_rng([11, 0])
    h, w = x.shape[2:] if ours.channels_first else x.shape[1:3]

    def between(*ranges: tuple[float, float]) -> list[np.ndarray]:
        u = rng.random((n, len(ranges)))
        return [(a + (b - a) * u[:, i]).astype("float32") for i, (a, b) in enumerate(ranges)]

    unit = (0, 1)
    if name == "Solarization":
        more, threshold = between(theirs.addition_factor, theirs.threshold_factor)
        return {
            "additions": 255 * more.reshape(-1, 1, 1, 1),
            "thresholds": 255 * threshold.reshape(-1, 1, 1, 1),
        }
    if name == "RandomColorDegeneration":
        return {"factor": between(theirs.factor)[0].reshape(-1, 1, 1, 1)}
    if name == "RandomSaturation":
        (f,) = between(theirs.factor)
        return {"factor": f / (1 - f + 1e-7)}
    if name == "RandomHue":
        sign, f = between(unit, theirs.factor)
        return {"factor": np.where(sign > 0.5, -1, 1).astype("float32") * f * 0.5}
    if name == "RandomPosterization":
        (bits,) = between(theirs.factor)
        return {"shift_factor": (8 - np.floor(bits)).astype("uint8")}
    if name == "RandomSharpness":
        return {"factor": between(theirs.factor)[0]}
    if name == "RandomGrayscale":
        return (between(unit)[0] < theirs.factor).reshape(-1, 1, 1, 1)
    if name == "RandomInvert":
        likely, u = between(theirs.factor, unit)
        return {"apply_inversion": u < likely}
    if name == "RandomGaussianBlur":
        low, high = theirs.sigma
        sigma = (low + (high - low) * rng.random(2) + 1e-6).astype("float32")
        likely, u = between(theirs.factor, unit)
        return {"should_apply_blur": u < likely, "blur_factor": sigma}
    if name == "RandomErasing":
        likely, u, wide, x0, high, y0 = between(
            theirs.factor, unit, theirs.scale, unit, theirs.scale, unit
        )
        wide, high = np.sqrt(wide) * w, np.sqrt(high) * h
        x0, y0 = x0 * (w - wide), y0 * (h - high)
        box = theirs._generate_batch_mask(x.shape, (x0, x0 + wide, y0, y0 + high))
        # Keras on JAX cannot read a list of its own there
        fill = np.clip(np.array(theirs.fill_value, "float32"), *theirs.value_range)
        fill = np.broadcast_to(fill, x.shape)
        return {"apply_erasing": u < likely, "batch_masks": box, "fill_value": fill}
    if name == "RandomShear":
        sign, down, across = between(unit, theirs.y_factor, theirs.x_factor)
        sign = np.where(sign > 0.5, -1, 1)
        shear = np.stack([sign * across, sign * down], 1).astype("float32")
        return {"shear_factor": shear, "input_shape": x.shape}
    if name == "RandomPerspective":
        half = theirs.scale / 2
        likely, u, *moves = between(theirs.factor, unit, *[(-half, half)] * 8)
        start = np.array([[0, 0], [w - 1, 0], [0, h - 1], [w - 1, h - 1]], "float32")
        end = start * (1 + np.stack(moves, 1).reshape(n, 4, 2))
        return {
            "apply_perspective": u < likely,
            "start_points": np.tile(start, (n, 1, 1)),
            "end_points": end,
            "input_shape": x.shape,
        }
    return None


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_same_draws_make_the_same_images(case: Case, rng: np.random.Generator) -> None:
    ours, theirs = both(case)
    x = images(case, rng)
    before = x.copy()
    got = ours(x)
    np.testing.assert_array_equal(x, before)
    expected = np.asarray(theirs.transform_images(x, drawn(ours, theirs, x), training=True))
    low, high = case[1].get("value_range", (0, 255))
    if case[0] == "Equalization":  # XLA's quotients fall below halves, which we round to even
        off = np.abs(got - expected) > 1e-3 * (high - low)
        assert off.mean() < 0.05
        expected = expected + off * (high - low) / 255
    # coordinates of pixels are rounded to float32 there
    close = 2e-3 if case[0] in ("RandomPerspective", "RandomShear") else 1e-5
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=close * (high - low))
    assert got.dtype == np.float32
    assert not np.array_equal(got, x) or case == CASES[22]  # gray is gray


@pytest.mark.parametrize("case", [c for c in CASES + MORE if c[0] != "AutoContrast"], ids=ids)
def test_nothing_happens_in_inference(case: Case, rng: np.random.Generator) -> None:
    ours, theirs = both(case)
    x = images(case, rng)
    for layer in (ours, theirs):
        np.testing.assert_array_equal(layer(x, training=False), x)
    model = ranvier.Sequential([ranvier.Input(case[2]), ours])
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    assert model.output_shape == (None, *case[2])


def check_shear_config(case: Case) -> None:
    """Keras writes (-f, f) for a number f, which its constructor refuses; ours takes both."""
    layer = ranvier.layers.RandomShear(**case[1], name="given")
    config = layer.get_config()
    theirs = keras.layers.RandomShear.from_config(config).get_config()
    again = ranvier.layers.RandomShear.from_config(theirs)
    assert (again._across, again._down) == (layer._across, layer._down)
    factors = {"x_factor": layer._across, "y_factor": layer._down}
    assert {**config, **factors} == theirs


@pytest.mark.parametrize("case", CASES + MORE, ids=ids)
def test_config_is_keras_own_and_round_trips(case: Case) -> None:
    if case[0] == "RandomShear":
        return check_shear_config(case)
    if case[0] != "RandomGrayscale":
        return check_config(case)
    # Keras forgets the seed
    layer = ranvier.layers.RandomGrayscale(seed=3, **case[1])
    config = layer.get_config()
    theirs = keras.layers.RandomGrayscale(seed=3, name=layer.name, **case[1]).get_config()
    assert config == {**theirs, "seed": 3}
    assert type(layer).from_config(config).get_config() == config


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[5], CASES[26]], ids=ids)
def test_one_image_and_bytes(case: Case, rng: np.random.Generator) -> None:
    ours, theirs = both(case)
    x = images(case, rng)[0].astype("uint8")
    got = ours(x)
    assert got.shape == x.shape and got.dtype == np.float32
    batch = x[None].astype("float32")
    expected = theirs.transform_images(batch, drawn(ours, theirs, batch), training=True)
    np.testing.assert_allclose(got, expected[0], rtol=1e-5, atol=3e-3)


def test_contrast_of_channels_first_is_of_each_channel(rng: np.random.Generator) -> None:
    """Keras takes the extremes over channels and rows there; its other layout says what is meant."""
    x = images(CASES[0], rng)
    expected = np.moveaxis(np.asarray(keras.layers.AutoContrast()(x)), -1, 1)
    got = ranvier.layers.AutoContrast(**FIRST)(np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-3)


def test_contrast_keeps_a_channel_of_one_value() -> None:
    x = np.full((2, 3, 4, 1), 7.0, "float32")
    x[1, 0, 0] = np.nan
    for layer in (ranvier.layers.AutoContrast(), keras.layers.AutoContrast()):
        np.testing.assert_array_equal(layer(x), x)


def test_equalization_keeps_a_channel_of_one_value(rng: np.random.Generator) -> None:
    x = np.full((2, 3, 4, 2), 7.0, "float32")
    x[..., 1] = rng.uniform(0, 255, (2, 3, 4))
    got, expected = (m.layers.Equalization()(x) for m in (ranvier, keras))
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(got[..., 0], x[..., 0])


def test_bytes_are_equalized_to_the_bit(rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (4, 20, 30, 3)).astype("uint8")
    x[..., 0] //= 7
    np.testing.assert_array_equal(
        ranvier.layers.Equalization()(x), keras.layers.Equalization()(x.astype("float32"))
    )
