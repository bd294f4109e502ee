"""Images beside Keras: the ops on the same numbers, the layers on the same draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import reference

from .keras_reference import jax, keras, our_gradients
from .layer_checks import check_config, check_forward_and_gradients, ids

CHANNELS_FIRST = {"data_format": "channels_first"}

SIZES = [((7, 5), (7, 5)), ((7, 5), (13, 11)), ((12, 9), (5, 4)), ((1, 1), (3, 4)), ((6, 8), (6, 3)),
         ((3, 40), (9, 7)), ((17, 4), (1, 1)), ((10, 10), (15, 15))]  # fmt: skip


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(
    "interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_resize(sizes: Any, interpolation: str, antialias: bool, rng: np.random.Generator) -> None:
    old, new = sizes
    channels = (1, 3, 5)[SIZES.index(sizes) % 3]
    x = rng.normal(size=(2, *old, channels)).astype("float32")
    expected = keras.ops.image.resize(x, new, interpolation, antialias)
    got = ranvier.ops.resize_images(x, new, interpolation, antialias)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("old", [(7, 5), (5, 7), (4, 4), (1, 9), (12, 30), (9, 8)], ids=str)
@pytest.mark.parametrize("new", [(6, 6), (3, 8), (8, 3), (1, 5), (20, 21)], ids=str)
@pytest.mark.parametrize("how", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_resize_to_an_aspect_ratio(old: Any, new: Any, how: str, rng: np.random.Generator) -> None:
    layout = CHANNELS_FIRST if sum(old) % 2 else {}
    interpolation = ("nearest", "bilinear", "bicubic")[(old[0] + new[1]) % 3]
    x = rng.normal(size=(2, 3, *old) if layout else (2, *old, 3)).astype("float32")
    arguments = {"interpolation": interpolation, how: True, "fill_value": 2.5, **layout}
    expected = keras.ops.image.resize(x, new, **arguments)
    got = ranvier.ops.resize_images(x, new, **arguments)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=5e-6)


def nearest(old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixel in which each new one's middle lies, and whether it is where one begins."""
    middle = (2 * np.arange(new) + 1) * old
    return middle // (2 * new), middle % (2 * new) == 0


def test_nearest_pixels_of_every_size() -> None:
    for old in range(1, 12):
        x = np.arange(old * old, dtype="float32").reshape(old, old, 1)
        for new in range(1, 21):
            sizes = new, 40 - new  # the other half along the other axis
            (rows, row_edges), (columns, column_edges) = (nearest(old, n) for n in sizes)
            got = ranvier.ops.resize_images(x, sizes, "nearest")
            np.testing.assert_array_equal(got, x[rows][:, columns])
            # where a pixel begins, XLA's floats may come to the one before
            expected = np.asarray(keras.ops.image.resize(x, sizes, "nearest"))
            clear = np.ix_(~row_edges, ~column_edges)
            np.testing.assert_array_equal(got[clear], expected[clear], err_msg=f"{old} to {sizes}")


def transforms(rng: np.random.Generator, n: int) -> np.ndarray:
    """Near the identity, and far from it: up to several images away."""
    t = np.zeros((n, 8))
    t[:, [0, 4]] = 1
    t[:, [0, 1, 3, 4]] += rng.normal(scale=0.6, size=(n, 4))
    t[:, [2, 5]] = rng.normal(scale=9, size=(n, 2))
    return t.astype("float32")


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize(
    "shape", [(7, 9, 3), (8, 5, 1), (6, 6, 4), (70, 66, 2), (2, 3, 3)], ids=str
)
@pytest.mark.parametrize("layout", [{}, CHANNELS_FIRST], ids=["last", "first"])
def test_affine_bilinear(fill_mode: str, shape: Any, layout: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, *shape)).astype("float32")
    t = transforms(rng, 5)
    arguments = {"fill_mode": fill_mode, "fill_value": 1.5, **layout}
    if layout:
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    expected = keras.ops.image.affine_transform(x, t, **arguments)
    got = ranvier.ops.affine_transform(x, t, **arguments)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=2e-3 if shape[0] > 50 else 2e-4)
    single = ranvier.ops.affine_transform(x[2], t[2], **arguments)
    np.testing.assert_array_equal(single, got[2])


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_affine_nearest(fill_mode: str, rng: np.random.Generator) -> None:
    """Halves included: all these places are exact in float32."""
    x = rng.normal(size=(6, 9, 7, 3)).astype("float32")
    t = np.zeros((6, 8), "float32")
    t[:, [0, 4]] = [[1, 1], [2, 0.5], [-1, 1], [0, 0], [0.25, -2], [1, 1]]
    t[:, [1, 3]] = [[0, 0], [0, 0], [0.5, 0], [1, -1], [0.5, 0.5], [0, 0]]
    t[:, [2, 5]] = [[0.5, -0.5], [-3, 1.5], [6, 2], [0, 8], [-20, 11], [1.5, 40]]
    arguments = {"interpolation": "nearest", "fill_mode": fill_mode, "fill_value": -3.0}
    expected = keras.ops.image.affine_transform(x, t, **arguments)
    got = ranvier.ops.affine_transform(x, t, **arguments)
    np.testing.assert_array_equal(got, expected)


# -- layers that need no random numbers -------------------------------------------------------

FIXED: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Resizing", {"height": 5, "width": 4}, (8, 9, 3)),
    ("Resizing", {"height": 11, "width": 13, "interpolation": "nearest"}, (8, 9, 1)),
    ("Resizing", {"height": 3, "width": 17, "interpolation": "bicubic", "antialias": True}, (8, 9, 2)),
    ("Resizing", {"height": 5, "width": 5, "interpolation": "lanczos3", "antialias": True}, (8, 9, 3)),
    ("Resizing", {"height": 4, "width": 4, "interpolation": "lanczos5"}, (8, 9, 3)),
    ("Resizing", {"height": 6, "width": 4, "crop_to_aspect_ratio": True}, (8, 9, 3)),
    ("Resizing", {"height": 6, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 0.5}, (8, 9, 3)),
    ("Resizing", {"height": 3, "width": 9, "pad_to_aspect_ratio": True, **CHANNELS_FIRST}, (3, 8, 9)),
    ("Resizing", {"height": 6, "width": 12, **CHANNELS_FIRST}, (3, 8, 9)),
    ("Resizing", {"height": 8, "width": 9}, (8, 9, 3)),
    ("CenterCrop", {"height": 3, "width": 4}, (8, 9, 3)),
    ("CenterCrop", {"height": 8, "width": 9}, (8, 9, 3)),
    ("CenterCrop", {"height": 5, "width": 5, **CHANNELS_FIRST}, (3, 8, 9)),
    ("CenterCrop", {"height": 12, "width": 7}, (8, 9, 3)),
    ("CenterCrop", {"height": 10, "width": 30}, (8, 9, 3)),
    ("CenterCrop", {"height": 5, "width": 20, **CHANNELS_FIRST}, (3, 8, 9)),
]  # fmt: skip

RANDOM: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("RandomFlip", {}, (8, 9, 3)),
    ("RandomFlip", {"mode": "horizontal", "seed": 5}, (8, 9, 1)),
    ("RandomFlip", {"mode": "vertical", "seed": 5}, (8, 9, 4)),
    ("RandomFlip", {"mode": "horizontal", "seed": 5, **CHANNELS_FIRST}, (3, 8, 9)),
    *[
        ("RandomRotation", {"factor": 0.3, "seed": 3, "fill_mode": mode, "fill_value": 0.25}, (8, 9, 3))
        for mode in ("constant", "nearest", "wrap", "reflect")
    ],
    ("RandomRotation", {"factor": (0.05, 0.2)}, (9, 7, 2)),
    ("RandomRotation", {"factor": (-0.6, 2), **CHANNELS_FIRST}, (3, 8, 9)),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": (0.1, 0.3)}, (8, 9, 3)),
    ("RandomTranslation", {"height_factor": (-1, 1), "width_factor": 1, "fill_mode": "wrap"}, (6, 7, 1)),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0, **CHANNELS_FIRST}, (3, 6, 7)),
    ("RandomZoom", {"height_factor": 0.5}, (8, 9, 3)),
    ("RandomZoom", {"height_factor": (-0.7, -0.2), "width_factor": (0.5, 1.0)}, (8, 9, 3)),
    ("RandomZoom", {"height_factor": 0.9, "fill_mode": "constant", **CHANNELS_FIRST}, (3, 6, 7)),
    ("RandomContrast", {"factor": 0.5, "value_range": [-1, 1]}, (6, 7, 3)),
    ("RandomContrast", {"factor": (0.2, 0.9), "value_range": (-9, 9), "seed": 2}, (6, 7, 1)),
    ("RandomContrast", {"factor": (-0.5, 1.5), **CHANNELS_FIRST}, (3, 6, 7)),
    ("RandomBrightness", {"factor": 0.5, "value_range": (-2.0, 2.0)}, (6, 7, 3)),
    ("RandomBrightness", {"factor": (-0.1, 0.3), "value_range": (5, -5), **CHANNELS_FIRST}, (3, 6, 7)),
    *[
        ("RandomCrop", {"height": h, "width": w, "seed": 4, **layout}, (3, 8, 9) if layout else (8, 9, 3))
        for h, w in ((5, 6), (8, 6), (5, 9), (8, 9), (10, 9), (12, 20), (4, 30), (30, 3))
        for layout in ({}, CHANNELS_FIRST)
    ],
]  # fmt: skip


@pytest.mark.parametrize("case", FIXED, ids=ids)
def test_forward_and_gradients(case: Any, rng: np.random.Generator) -> None:
    check_forward_and_gradients(case, rng)


@pytest.mark.parametrize("case", FIXED + RANDOM, ids=ids)
def test_config_is_keras_own_and_round_trips(case: Any) -> None:
    check_config(case)


def drawn(layer: Any, theirs: Any, shape: tuple[int, ...], stream: int) -> Any:
    """What our layer draws for a batch of that shape, as Keras' own layer keeps it."""
    n = shape[0]
    h, w = shape[2:] if layer.data_format == "channels_first" else shape[1:3]
    name, seed = type(layer).__name__, layer.seed

    def between(limits: Any, u: np.ndarray) -> np.ndarray:
        return limits[0] + (limits[1] - limits[0]) * u

    one = reference.random_uniform(n, seed, stream, "float64")
    u, v = reference.random_uniform((n, 2), seed, stream, "float64").T
    if name == "RandomFlip":
        return {"flips": (one <= 0.5).reshape(n, 1, 1, 1)}
    if name == "RandomRotation":
        zero = np.zeros(n, "float32")
        angle = (360 * between(theirs.factor, u)).astype("float32")
        matrix = theirs._compute_affine_matrix(
            0.5, 0.5, angle, zero, zero, zero + 1, zero, zero, h, w
        )
        return {"rotation_matrix": matrix}
    if name == "RandomTranslation":
        down = between((theirs.height_lower, theirs.height_upper), u) * h
        right = between((theirs.width_lower, theirs.width_upper), v) * w
        return {"translations": np.stack([right, down], 1).astype("float32")}
    if name == "RandomZoom":
        high = 1 + between((theirs.height_lower, theirs.height_upper), u)[:, None]
        even = theirs.width_factor is None
        wide = high if even else 1 + between((theirs.width_lower, theirs.width_upper), v)[:, None]
        return {"height_zoom": high, "width_zoom": wide}
    if name == "RandomContrast":
        factor = between((1 - theirs.factor[0], 1 + theirs.factor[1]), one)
        return {"contrast_factor": factor.reshape(n, 1, 1, 1).astype("float32")}
    if name == "RandomBrightness":
        delta = between(theirs.factor, one) * (theirs.value_range[1] - theirs.value_range[0])
        return {"rgb_delta": delta.reshape(n, 1, 1, 1).astype("float32")}
    if h > layer.height and w > layer.width:
        y, x = reference.random_uniform(2, seed, stream, "float64")
        return int(y * (h - layer.height + 1)), int(x * (w - layer.width + 1))
    return theirs.get_random_transformation(np.zeros(shape, "float32"), training=True)


@pytest.mark.parametrize("case", RANDOM, ids=ids)
def test_random_layers_do_what_keras_does_with_the_same_draws(
    case: Any, rng: np.random.Generator
) -> None:
    name, arguments, shape = case
    arguments = {"seed": 11, **arguments}
    theirs = getattr(keras.layers, name)(**arguments)
    layer = getattr(ranvier.layers, name)(**arguments)
    model = ranvier.Sequential([ranvier.Input(shape), layer])
    x = rng.normal(scale=1.5, size=(6, *shape)).astype("float32")

    # the first pass of a network has stream 0
    transformation = drawn(layer, theirs, x.shape, 0)

    def run(images: Any) -> Any:
        return theirs.transform_images(images, transformation, training=True)

    expected = np.asarray(run(x))
    r = rng.normal(size=expected.shape).astype("float32")
    dx = jax.grad(lambda images: (run(images) * r).sum())(x)
    y, our_dx, _ = our_gradients(model, x, r)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(our_dx, dx, rtol=1e-4, atol=3e-5)
    if (arguments.get("height"), arguments.get("width")) != (8, 9):  # a crop of everything
        assert not np.array_equal(y, x)


@pytest.mark.parametrize("case", RANDOM, ids=ids)
def test_random_layers_do_nothing_in_inference(case: Any, rng: np.random.Generator) -> None:
    name, arguments, shape = case
    theirs = keras.Sequential([keras.Input(shape), getattr(keras.layers, name)(**arguments)])
    ours = ranvier.Sequential([ranvier.Input(shape), getattr(ranvier.layers, name)(**arguments)])
    x = rng.normal(size=(4, *shape)).astype("float32")
    assert ours.output_shape == theirs.output_shape
    expected = theirs(x, training=False)
    if name == "RandomCrop":
        # Keras 3 returns the whole image, which does not fit its own output shape; its
        # documentation (and Keras 2) say what CenterCrop does to small images
        h, w = arguments["height"], arguments["width"]
        layout = {k: v for k, v in arguments.items() if k == "data_format"}
        expected = keras.ops.image.resize(x, (h, w), crop_to_aspect_ratio=True, **layout)
    for got in (ours(x), ours.predict(x, verbose=0)):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=5e-6)


def test_layers_alone_draw_by_default_as_keras_do(rng: np.random.Generator) -> None:
    x = rng.normal(size=(64, 4, 5, 1)).astype("float32")
    for module in (keras, ranvier):
        layer = module.layers.RandomFlip("horizontal", seed=1)
        first, second = np.asarray(layer(x)), np.asarray(layer(x))
        assert not np.array_equal(first, x)
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(layer(x, training=False), x)
        assert np.asarray(layer(x[0])).shape == (4, 5, 1)
