"""Pooling, upsampling, padding and cropping against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import reference

from .keras_reference import gradients, keras, our_gradients
from .layer_checks import Case, check_config, check_forward_and_gradients, ids, pair

FIRST = {"data_format": "channels_first"}


def pools(name: str) -> list[Case]:
    """Windows, strides and paddings in one, two and three dimensions."""
    return [
        (f"{name}1D", {"pool_size": 2}, (7, 5)),
        (f"{name}1D", {"pool_size": 3, "strides": 1, "padding": "same"}, (6, 17)),
        (f"{name}1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (8, 1)),
        (f"{name}1D", {"pool_size": 2, "strides": 3}, (11, 3)),
        (f"{name}1D", {"pool_size": 4, "strides": 2, **FIRST}, (3, 9)),
        (f"{name}1D", {"pool_size": 9, "strides": 2, "padding": "same"}, (4, 2)),
        (f"{name}2D", {"pool_size": 2}, (6, 8, 16)),
        (f"{name}2D", {"pool_size": 2}, (7, 5, 33)),
        (f"{name}2D", {"pool_size": 2}, (5, 7, 1)),
        (f"{name}2D", {"pool_size": 2}, (4, 6, 3)),
        (f"{name}2D", {"pool_size": 2, "padding": "same"}, (7, 9, 20)),
        (f"{name}2D", {"pool_size": 3, "strides": 2}, (9, 8, 32)),
        (f"{name}2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (9, 8, 18)),
        (f"{name}2D", {"pool_size": (2, 3), "strides": (1, 2), "padding": "same"}, (5, 6, 4)),
        (f"{name}2D", {"pool_size": (3, 1), "strides": (1, 4)}, (5, 10, 7)),
        (f"{name}2D", {"pool_size": [2, 2], "strides": 1, "padding": "same"}, (4, 4, 64)),
        (f"{name}2D", {"pool_size": (3, 2), **FIRST}, (5, 7, 4)),
        (f"{name}2D", {"pool_size": 17, "strides": 3}, (19, 18, 2)),
        (f"{name}2D", {"pool_size": 17, "strides": 3, "padding": "same"}, (19, 18, 18)),
        (f"{name}3D", {"pool_size": 2}, (4, 5, 6, 3)),
        (f"{name}3D", {"pool_size": (1, 2, 3), "padding": "same"}, (3, 5, 4, 17)),
        (f"{name}3D", {"pool_size": 3, "strides": (1, 2, 1), "padding": "same"}, (4, 3, 5, 2)),
        (f"{name}3D", {"pool_size": (2, 1, 2), "strides": (1, 2, 2), **FIRST}, (2, 3, 4, 5)),
    ]  # fmt: skip


SHAPES = {"1D": (7, 3), "2D": (5, 6, 17), "3D": (3, 4, 2, 5)}
CASES: list[Case] = [
    *pools("MaxPooling"),
    *pools("AveragePooling"),
    *[
        (f"Global{kind}Pooling{axes}", arguments, shape)
        for kind in ("Max", "Average")
        for axes, shape in SHAPES.items()
        for arguments in ({}, {"keepdims": True}, {"keepdims": True, **FIRST}, FIRST)
    ],
    ("GlobalMaxPooling2D", {}, (13, 11, 1)),
    ("GlobalAveragePooling2D", {}, (13, 11, 1)),
    ("GlobalMaxPooling2D", {}, (3, 5, 200)),
    ("GlobalAveragePooling2D", {}, (3, 5, 200)),
    ("UpSampling1D", {"size": 3}, (4, 5)),
    ("UpSampling1D", {}, (3, 1)),
    ("UpSampling2D", {}, (4, 3, 3)),
    ("UpSampling2D", {"size": (3, 1)}, (2, 5, 17)),
    ("UpSampling2D", {"size": 2, **FIRST}, (3, 4, 5)),
    ("UpSampling2D", {"interpolation": "bilinear"}, (4, 3, 3)),
    ("UpSampling2D", {"size": (3, 4), "interpolation": "bilinear"}, (3, 5, 18)),
    ("UpSampling2D", {"size": (1, 5), "interpolation": "bilinear"}, (1, 1, 2)),
    ("UpSampling2D", {"size": (4, 1), "interpolation": "bilinear", **FIRST}, (2, 3, 1)),
    ("UpSampling3D", {}, (2, 3, 2, 4)),
    ("UpSampling3D", {"size": (1, 3, 2), **FIRST}, (2, 3, 2, 4)),
    ("ZeroPadding1D", {}, (4, 3)),
    ("ZeroPadding1D", {"padding": (2, 0), **FIRST}, (4, 3)),
    ("ZeroPadding2D", {}, (4, 3, 2)),
    ("ZeroPadding2D", {"padding": (2, 1)}, (4, 3, 17)),
    ("ZeroPadding2D", {"padding": ((1, 0), (0, 3)), **FIRST}, (4, 3, 2)),
    ("ZeroPadding3D", {}, (2, 3, 2, 1)),
    ("ZeroPadding3D", {"padding": ((0, 2), (1, 0), (2, 1))}, (2, 3, 2, 4)),
    ("ZeroPadding3D", {"padding": 2, **FIRST}, (2, 3, 2, 4)),
    ("Cropping1D", {}, (4, 3)),
    ("Cropping1D", {"cropping": (0, 3)}, (4, 3)),
    ("Cropping2D", {}, (4, 3, 2)),
    ("Cropping2D", {"cropping": (1, 2)}, (4, 6, 17)),
    ("Cropping2D", {"cropping": ((1, 0), (0, 2)), **FIRST}, (4, 3, 5)),
    ("Cropping3D", {}, (3, 4, 5, 2)),
    ("Cropping3D", {"cropping": ((0, 2), (1, 0), (2, 1)), **FIRST}, (2, 3, 2, 4)),
]


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_forward_and_gradients(case: Case, rng: np.random.Generator) -> None:
    check_forward_and_gradients(case, rng, rows=3)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_config_is_keras_own_and_round_trips(case: Case) -> None:
    check_config(case)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_output_shape_of_unknown_extents(case: Case) -> None:
    name, arguments, sample = case
    ours = getattr(ranvier.layers, name)(**arguments)
    theirs = getattr(keras.layers, name)(**arguments)
    channels = 0 if arguments.get("data_format") == "channels_first" else len(sample) - 1
    unknown = tuple(n if i == channels else None for i, n in enumerate(sample))
    for shape in (sample, unknown, (*unknown[:1], *sample[1:])):
        expected = tuple(theirs.compute_output_shape((None, *shape)))
        assert ours.compute_output_shape((None, *shape)) == expected


# JAX compiles each shape anew: every third case.
@pytest.mark.parametrize("case", CASES[::3], ids=ids)
def test_unknown_extents_are_planned_at_run_time(case: Case, rng: np.random.Generator) -> None:
    name, arguments, sample = case
    channels = 0 if arguments.get("data_format") == "channels_first" else len(sample) - 1
    unknown = tuple(n if i == channels else None for i, n in enumerate(sample))
    model = ranvier.Sequential([ranvier.Input(unknown), getattr(ranvier.layers, name)(**arguments)])
    theirs = getattr(keras.layers, name)(**arguments)
    for more in (0, 2, 1):
        shape = [n if i == channels else n + more for i, n in enumerate(sample)]
        x = rng.normal(size=(2, *shape)).astype("float32")
        expected = np.asarray(theirs(x))
        np.testing.assert_allclose(model(x), expected, rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=2e-5, atol=2e-6)


SHORT = [f"{k}Pool{n}D" for k in ("Avg", "Max", "GlobalAvg", "GlobalMax") for n in (1, 2, 3)]


@pytest.mark.parametrize("name", SHORT)
def test_short_names(name: str) -> None:
    layer = getattr(ranvier.layers, name)
    assert layer.__name__ == getattr(keras.layers, name).__name__


def both(case: Case, x: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """Output and gradient of sum(r y), r = 1, 2, ..., ours and theirs."""
    ours, theirs = pair(*case)
    expected = np.asarray(theirs(x))
    r = np.arange(1, expected.size + 1, dtype="float32").reshape(expected.shape)
    dx, _ = gradients(theirs, x, r)
    y, our_dx, _ = our_gradients(ours, x, r)
    np.testing.assert_array_equal(ours(x), y)  # with and without an index: the same
    return y, our_dx, expected, dx


NAN, INF = float("nan"), float("inf")
VALUES = [
    [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0],
    [1.0, NAN, 3.0, 2.0, 0.0, 1.0, 2.0, NAN],
    [NAN, 1.0, NAN, 2.0, NAN, 3.0, NAN, NAN],
    [NAN, NAN, 5.0, 6.0, NAN, INF, -INF, NAN],
    [-INF, -INF, -INF, -INF, -INF, -INF, NAN, -INF],
    [INF, INF, 1.0, 2.0, INF, -INF, 3.0, INF],
    [0.0, -0.0, -0.0, 0.0, -1.0, -0.0, 0.0, 0.0],
]
WINDOWS: list[dict[str, Any]] = [
    {"pool_size": 2},
    {"pool_size": 2, "strides": 1},
    {"pool_size": 3, "strides": 2},
    {"pool_size": 4},
    {"pool_size": 8},
]


def by_channel(values: list[list[float]], channels: int) -> np.ndarray:
    """(1, W, C), the values' rows along W, in turn."""
    rows = np.array([values[c % len(values)] for c in range(channels)], "float32")
    return np.ascontiguousarray(rows.T[None])


@pytest.mark.parametrize("channels", [1, 3, 16, 21])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_maxima_that_are_equal_or_not_finite(window: dict[str, Any], channels: int) -> None:
    """Every channel another row of VALUES; bit for bit, gradients included."""
    x = by_channel(VALUES, channels)
    y, dx, expected, expected_dx = both(("MaxPooling1D", window, x.shape[1:]), x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(dx, expected_dx)


@pytest.mark.parametrize("channels", [1, 3, 16, 21])
@pytest.mark.parametrize("pool_size", [2, 3, (2, 4), (4, 2)])
def test_ties_in_images(pool_size: Any, channels: int, rng: np.random.Generator) -> None:
    x = rng.choice(np.array([0.0, 1.0, 2.0, -INF], "float32"), size=(4, 8, 8, channels))
    case = ("MaxPooling2D", {"pool_size": pool_size}, x.shape[1:])
    y, dx, expected, expected_dx = both(case, x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(dx, expected_dx)


@pytest.mark.parametrize("channels", [1, 3, 16, 21])
@pytest.mark.parametrize("window", [(2, None), (3, 2), ((2, 4), 1), ((4, 2), 3)], ids=str)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_nan_in_images(window: Any, channels: int, padding: str, rng: np.random.Generator) -> None:
    """Beside the twin: XLA on the CPU drops NaN from images above some size, and only there."""
    few = np.array([0.0, 1.0, 2.0, -INF, NAN], "float32")
    x = rng.choice(few, size=(3, 8, 7, channels), p=[0.4, 0.3, 0.1, 0.1, 0.1])
    expected, index = reference.max_pool_indexed(x, *window, padding)
    dy = rng.normal(size=expected.shape).astype("float32")
    dx = reference.max_pool_backward(dy, index, x.shape, *window, padding)
    arguments = {"pool_size": window[0], "strides": window[1], "padding": padding}
    model = ranvier.Sequential(
        [ranvier.Input(x.shape[1:]), ranvier.layers.MaxPooling2D(**arguments)]
    )
    y, our_dx, _ = our_gradients(model, x, dy)
    np.testing.assert_array_equal(model(x), expected)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(our_dx, dx, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 16, 21])
def test_padding_never_wins(channels: int) -> None:
    """XLA loses the gradients of windows of -inf or NaN to the padding; they stay here."""
    x = np.full((1, 4, channels), -INF, "float32")
    case = ("MaxPooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}, x.shape[1:])
    y, dx, expected, _ = both(case, x)
    np.testing.assert_array_equal(y, expected)
    weights = np.arange(1, 4 * channels + 1).reshape(4, channels)
    np.testing.assert_array_equal(dx[0, 0], weights[:2].sum(0))
    np.testing.assert_array_equal(dx[0, 1:3], weights[2:])
    np.testing.assert_array_equal(dx[0, 3], 0)


@pytest.mark.parametrize("channels", [1, 3, 16, 21, 70])
def test_global_maxima_share_the_gradient(channels: int) -> None:
    values = [*VALUES, [0.0] * 8]
    x = by_channel(values, channels)
    y, dx, expected, expected_dx = both(("GlobalMaxPooling1D", {}, x.shape[1:]), x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 21])
def test_averages_of_what_is_not_finite(channels: int) -> None:
    x = by_channel(VALUES, channels)
    for arguments in ({"pool_size": 2}, {"pool_size": 3, "strides": 1, "padding": "same"}):
        y, dx, expected, expected_dx = both(("AveragePooling1D", arguments, x.shape[1:]), x)
        np.testing.assert_allclose(y, expected, rtol=1e-6)
        np.testing.assert_allclose(dx, expected_dx, rtol=1e-6)


def test_training_follows_the_same_path(rng: np.random.Generator, double: None) -> None:
    """A stack of all of them, between layers with weights."""
    x, y = rng.normal(size=(20, 8, 6, 2)), rng.normal(size=(20, 3))

    def build(module: Any) -> Any:
        layers = module.layers
        return module.Sequential(
            [
                module.Input((8, 6, 2)),
                layers.ZeroPadding2D(((1, 0), (2, 1))),
                layers.Dense(5, activation="tanh"),
                layers.MaxPooling2D(2, padding="same"),
                layers.Dense(4),
                layers.UpSampling2D(2, interpolation="bilinear"),
                layers.AveragePooling2D(3, 2),
                layers.Dense(6, activation="relu"),
                layers.UpSampling2D(),
                layers.Cropping2D(1),
                layers.MaxPooling2D(2, 1),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3),
            ]
        )

    theirs, ours = build(keras), build(ranvier)
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
