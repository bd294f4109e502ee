"""A convolution that pooling follows runs as one node, and is the same to the bit as two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

PAIRS: list[Any] = [
    lambda: (L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D()),
    lambda: (L.Conv2D(5, 3), L.MaxPooling2D(3, 2, padding="same")),
    lambda: (L.Conv2D(17, 5, 2, "same", activation="leaky_relu"), L.MaxPooling2D((3, 2), 1)),
    lambda: (L.Conv2D(6, 1, groups=3, activation="relu"), L.MaxPooling2D(2, 3)),
    lambda: (L.DepthwiseConv2D(3, activation="relu"), L.MaxPooling2D()),
    lambda: (L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"), L.MaxPooling2D()),
    # not monotonic, or not with its gradient at hand: these stay two
    lambda: (L.Conv2D(8, 3, activation="gelu"), L.MaxPooling2D()),
    lambda: (L.Conv2D(8, 3, activation="relu6"), L.MaxPooling2D()),
    lambda: (L.Conv2D(8, 3, activation="tanh"), L.MaxPooling2D()),
    lambda: (L.Conv2D(8, 3, activation="relu"), L.AveragePooling2D(2)),
]


@pytest.mark.parametrize("make", PAIRS, ids=range(len(PAIRS)))
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_one_node_is_two(make: Any, rows: int, rng: np.random.Generator, threads: Any) -> None:
    x = rng.normal(size=(rows, 23, 21, 3)).astype("float32")
    x[0, 4, 5, 1] = np.nan
    x[-1, 17, 3, 0] = np.inf
    conv, pool = make()
    between = conv(x)
    apart = pool(between)
    model = ranvier.Sequential([L.Input(x.shape[1:]), conv, pool])
    for n in (1, 2, 3, 4):
        threads(n)
        for training in (False, True):
            np.testing.assert_array_equal(model(x, training=training), apart)


def test_errors_name_the_layer_of_the_two_that_does_not_fit() -> None:
    model = ranvier.Sequential(
        [
            L.Input((None, None, 3)),
            L.Conv2D(4, 3, activation="relu", name="first"),
            L.MaxPooling2D(4, name="second"),
        ]
    )
    x = np.zeros((2, 9, 9, 3), "float32")
    assert model(x).shape == (2, 1, 1, 4)
    with pytest.raises(ValueError, match="Conv2D 'first'"):
        model(x[:, :2])
    with pytest.raises(ValueError, match="MaxPooling2D 'second'"):
        model(x[:, :5])


def test_a_frozen_convolution_stays_and_what_is_before_it_learns(rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 9, 9, 2)).astype("float32")
    model = ranvier.Sequential(
        [
            L.Input(x.shape[1:]),
            L.Conv2D(3, 1, name="before"),
            L.Conv2D(4, 3, activation="relu", name="frozen", trainable=False),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    before, frozen = (model.get_layer(name).get_weights() for name in ("before", "frozen"))
    model.fit(x, rng.normal(size=6), verbose=0)
    for a, b in zip(model.get_layer("frozen").get_weights(), frozen, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(model.get_layer("before").get_weights()[0], before[0])
