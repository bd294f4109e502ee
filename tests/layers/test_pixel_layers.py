"""Layers that change images in NumPy: what is drawn, in models, for any layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.testing import check_gradients

MAKE: dict[str, Any] = {
    "Solarization": lambda **k: L.Solarization(0.3, 0.6, **k),
    "RandomColorDegeneration": lambda **k: L.RandomColorDegeneration(0.5, **k),
    "RandomSaturation": lambda **k: L.RandomSaturation((0.1, 0.9), **k),
    "RandomHue": lambda **k: L.RandomHue(0.5, **k),
    "RandomPosterization": lambda **k: L.RandomPosterization(4, **k),
    "RandomSharpness": lambda **k: L.RandomSharpness(0.9, **k),
    "RandomGrayscale": lambda **k: L.RandomGrayscale(**k),
    "RandomInvert": lambda **k: L.RandomInvert(**k),
    "RandomGaussianBlur": lambda **k: L.RandomGaussianBlur(**k),
    "RandomErasing": lambda **k: L.RandomErasing(**k),
    "RandomShear": lambda **k: L.RandomShear(0.3, 0.2, **k),
    "RandomPerspective": lambda **k: L.RandomPerspective(**k),
    "RandomColorJitter": lambda **k: L.RandomColorJitter((0, 255), 0.2, 0.2, (0.3, 0.7), 0.1, **k),
    "RandAugment": lambda **k: L.RandAugment(num_ops=4, **k),
    "AugMix": lambda **k: L.AugMix(**k),
}
BATCHED = ("RandAugment", "AugMix", "RandomColorJitter")  # their parts draw for whole batches


def bytes_of(rng: np.random.Generator, n: int = 9, h: int = 8, w: int = 7) -> np.ndarray:
    return rng.integers(0, 256, (n, h, w, 3)).astype("uint8")


@pytest.mark.parametrize("name", MAKE)
def test_seeds_steps_and_batches(name: str, rng: np.random.Generator) -> None:
    x = bytes_of(rng, 32)
    model = ranvier.Sequential([ranvier.Input((8, 7, 3)), MAKE[name](seed=3)])
    again = ranvier.Sequential([ranvier.Input((8, 7, 3)), MAKE[name](seed=3)])
    first, second = model(x, training=True), model(x, training=True)
    assert first.dtype == np.float32
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(again(x, training=True), first)
    np.testing.assert_array_equal(again(x, training=True), second)
    alone = MAKE[name](seed=3)
    np.testing.assert_array_equal(alone(x), first)
    assert not np.array_equal(alone(x), first)
    assert not np.array_equal(MAKE[name](seed=4)(x), first)
    if name not in BATCHED:
        # an image's numbers do not depend on how many images stand behind it
        third = MAKE[name](seed=3)(x[:5])
        if name == "RandomErasing":  # its noise does
            assert ((third != x[:5]) == (first[:5] != x[:5])).all()
        else:
            np.testing.assert_array_equal(third, first[:5])
    assert np.isfinite(first).all()
    assert first.min() >= -1e-3 and first.max() <= 255.001


@pytest.mark.parametrize("name", [*MAKE, "AutoContrast", "Equalization"])
def test_layouts_and_types(name: str, rng: np.random.Generator) -> None:
    x = bytes_of(rng)
    make = MAKE.get(name)
    seed = {"seed": 5} if make else {}
    make = make or getattr(L, name)
    last = make(**seed)(x)
    first = make(data_format="channels_first", **seed)(np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), last, rtol=1e-5, atol=1e-3)
    doubles = make(dtype="float64", **seed)(x)
    assert doubles.dtype == np.float64
    off = np.abs(doubles - last) > 0.05
    assert off.mean() < 0.02  # what falls on another side of a threshold
    assert make(**seed)(x[0]).shape == x.shape[1:]
    assert make(**seed)(x[:0]).shape == (0, *x.shape[1:])
    model = ranvier.Sequential([ranvier.Input((None, None, 3)), make(**seed)])
    assert model.output_shape == (None, None, None, 3)
    assert model(x, training=True).shape == x.shape


def test_shares() -> None:
    x = np.full((4000, 2, 2, 3), 10.0)
    x[..., 1] = 90
    for layer, share in (
        (L.RandomGrayscale(0.3, seed=1), 0.3),
        (L.RandomInvert((0.7, 0.7), seed=1), 0.7),
        (L.RandomInvert(1.0, seed=1), 0.5),
        (L.RandomErasing(0.8, fill_value=3.0, scale=(1, 1), seed=1), 0.4),
        (L.RandomGaussianBlur((0.2, 0.2), seed=1), 0.2),
    ):
        changed = (np.asarray(layer(x)) != x.astype("float32")).any((1, 2, 3))
        assert abs(changed.mean() - share) < 0.03, layer


def test_erasing_by_noise_and_of_some_size() -> None:
    x = np.full((500, 20, 30, 3), 100.0, "float32")
    y = L.RandomErasing((1, 1), (0.25, 0.25), value_range=(-300, 255), seed=2)(x)
    erased = (y != x).any(-1)
    assert set(erased.sum((1, 2))) <= {10 * 15, 9 * 15, 10 * 14, 9 * 14, 11 * 15, 10 * 16, 11 * 16}
    noise = y[erased].ravel()
    inside = noise[np.abs(noise) < 250]
    assert abs(np.mean(noise == 255) - 0.159) < 0.01  # beyond one deviation
    assert abs(np.median(inside)) < 12
    # everywhere but where a rectangle would have to begin at 0 exactly
    assert erased.any(0)[1:, 1:].all()


def test_perspective_of_tiny_images() -> None:
    for shape in ((3, 1, 5, 1), (3, 5, 1, 1), (3, 1, 1, 1)):
        x = np.arange(np.prod(shape)).reshape(shape).astype("float32")
        assert np.isfinite(L.RandomPerspective(seed=1)(x)).all()


def test_saturation_stays_in_the_range(rng: np.random.Generator) -> None:
    """Keras 3.15 clips it to the range of values: 255 times full colour makes negative pixels."""
    y = L.RandomSaturation((0.9, 0.9))(bytes_of(rng))
    assert y.min() >= 0 and y.max() <= 255
    np.testing.assert_allclose(y.min(-1)[y.max(-1) > 0].min(), 0, atol=1e-3)


def test_inverting_any_range() -> None:
    x = np.array([[[-1.0], [0.5]]])
    y = L.RandomInvert((1, 1), (-1, 1))(x)  # Keras 3.15: high - x, up to 2
    np.testing.assert_array_equal(y[0, :, 0], [1.0, -0.5])


def test_solarization_adds_parts_of_the_range() -> None:
    """Keras 3.15 draws between `lower` and 255 `upper`."""
    x = np.zeros((200, 1, 1, 1))
    y = L.Solarization((0.4, 0.4), (1, 1))(x)
    np.testing.assert_allclose(y, 0.4 * 255, rtol=1e-6)


def test_training_on_changed_images(rng: np.random.Generator, threads: Any) -> None:
    """Bytes, many layers in front, the same weights for any number of threads."""
    y = rng.integers(0, 2, 150)
    x = rng.integers(0, 120, (150, 8, 8, 3))
    x[y == 0, :4] += 110
    x[y == 1, 4:] += 110
    weights = []
    for count in (1, 2):
        threads(count)
        ranvier.utils.set_random_seed(5)
        model = ranvier.Sequential(
            [
                ranvier.Input((8, 8, 3)),
                L.RandomFlip("horizontal", seed=1),
                L.Pipeline([L.RandomHue(0.2, seed=2), L.RandomSharpness(0.5, seed=3)]),
                L.RandAugment(num_ops=1, factor=0.1, seed=4),
                L.Rescaling(1 / 255),
                L.Flatten(),
                L.Dense(16, activation="relu"),
                L.Dense(2),
            ]
        )
        loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        model.fit(x.astype("uint8"), y, epochs=15, batch_size=25, verbose=0)
        assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.95
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_goes_on_after_a_file(tmp_path: Any, rng: np.random.Generator) -> None:
    x, y = bytes_of(rng, 30), rng.normal(size=(30, 2))

    def make() -> ranvier.Sequential:
        layers = [L.RandomHue(0.3), L.AugMix(), L.Rescaling(1 / 255), L.Flatten(), L.Dense(2)]
        model = ranvier.Sequential([ranvier.Input((8, 7, 3)), *layers])
        model.compile("adam", "mse")
        return model

    model = make()
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras")
    for one in (model, again):
        one.fit(x, y, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_gradient_in_inference_is_that_of_nothing(rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.Input((4, 5, 3)), L.RandomHue(0.1), L.Flatten()])
    net = model.network()
    x, r = rng.normal(size=(2, 4, 5, 3)).astype("float32"), rng.normal(size=(2, 60))
    _, tape = net.forward(x, 0, want_input_gradient=True, training=False)
    dx = net.backward(tape, r.astype("float32"))
    np.testing.assert_array_equal(dx, r.reshape(x.shape).astype("float32"))


def test_augmix_is_a_mixture(rng: np.random.Generator) -> None:
    x = rng.uniform(0, 255, (6, 8, 8, 3))
    np.testing.assert_allclose(L.AugMix(factor=0.0, all_ops=False, seed=1).num_chains, 3)
    y = L.AugMix((0, 255), factor=0.0, chain_depth=1, seed=1)(x)
    assert not np.array_equal(y, x)
    gentle, strong = (
        np.abs(L.AugMix(factor=f, all_ops=True, seed=1)(x) - x).mean() for f in (0.01, 0.9)
    )
    assert gentle <= strong


def test_pipeline_of_text_and_weights(rng: np.random.Generator) -> None:
    text = L.Pipeline(
        [L.StringLookup(vocabulary=["a", "b"]), L.CategoryEncoding(3, "one_hot"), L.Dense(2)]
    )
    assert text(["a", "q"]).shape == (2, 2)
    inside = L.Pipeline([L.Dense(3, activation="tanh"), L.Dropout(0.5, seed=1), L.Dense(2)])
    model = ranvier.Sequential([ranvier.Input((4,)), inside])
    assert [w.shape for w in model.get_weights()] == [(4, 3), (3,), (3, 2), (2,)]
    x = rng.normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(model(x), inside(x, training=False))
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, np.ones((5, 2)), verbose=0)
    assert not np.array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_stft_gradients(mode: str, padding: str, layout: str, rng: np.random.Generator) -> None:
    layer = L.STFTSpectrogram(
        mode, 6, 4, 8, padding=padding, expand_dims=padding == "same", data_format=layout,
        window=None, dtype="float64",
    )  # fmt: skip
    x = rng.normal(size=(2, 15, 2) if layout == "channels_last" else (2, 2, 15))
    if mode == "angle":  # where imaginary parts are zero the angle jumps
        layer.ensure_built((None, *x.shape[1:]))
        layer.set_weights([w + rng.normal(scale=0.2, size=w.shape) for w in layer.get_weights()])
    assert check_gradients(layer, x, tolerance=1e-5) < 1e-5
