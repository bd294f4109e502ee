"""Parts of models share the model's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.layers.layer import reset_names
from ranvier.models import up_to


def small() -> ranvier.Sequential:
    return ranvier.Sequential(
        [
            ranvier.Input((8, 8, 2)),
            L.Rescaling(0.5),
            L.Conv2D(4, 3, activation="relu", name="first"),
            L.MaxPooling2D(name="pool"),
            L.Flatten(),
            L.Dropout(0.5),
            L.Dense(3, activation="softmax", name="last"),
        ],
        name="net",
    )


@pytest.fixture
def x(rng: np.random.Generator) -> Any:
    return rng.normal(size=(12, 8, 8, 2)).astype("float32")


def by_hand(model: ranvier.Sequential, x: Any, n: int) -> Any:
    """The output of the first n layers, each called alone."""
    for layer in model.layers[:n]:
        x = layer(x, training=False)
    return x


@pytest.mark.parametrize("n", range(1, 7))
def test_a_part_gives_what_its_layers_give_one_by_one(x: Any, n: int) -> None:
    model = small()
    part = up_to(model, n - 1)
    assert part.layers == model.layers[:n]
    np.testing.assert_allclose(part(x), by_hand(model, x, n), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(part(x), up_to(model, n - 7)(x))
    np.testing.assert_array_equal(part(x), up_to(model, model.layers[n - 1])(x))
    assert part.output_shape == (None, *part(x).shape[1:])


def test_nothing_is_made_or_renamed(x: Any) -> None:
    model = small()
    names, paths = [l.name for l in model.layers], [v.path for v in model.weights]
    values = model.get_weights()
    # as far as automatic names go, no layer was made: the next ones are the first ones
    reset_names()
    part = up_to(model, "pool")
    assert L.InputLayer((1,)).name == "input_layer" and ranvier.Sequential().name == "sequential"
    assert part.name == "net_up_to_pool"
    assert [l.name for l in model.layers] == names and [v.path for v in model.weights] == paths
    assert all(a is b for a, b in zip(part.weights, model.weights, strict=False))
    for before, now in zip(values, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)


def test_training_the_model_trains_the_part_and_the_other_way_round(x: Any) -> None:
    model = small()
    part = up_to(model, "first")
    before = part(x)
    y = np.arange(len(x)) % 3
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    after = part(x)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_allclose(after, by_hand(model, x, 2), rtol=1e-6, atol=1e-6)
    part.compile("sgd", "mse")
    part.fit(x, np.zeros_like(after), epochs=2, verbose=0)
    assert np.abs(part(x) - after).max() > 1e-4
    np.testing.assert_allclose(part(x), by_hand(model, x, 2), rtol=1e-6, atol=1e-6)
    whole = model(x)
    model.fit(x, y, epochs=1, verbose=0)
    assert np.abs(model(x) - whole).max() > 1e-6
    np.testing.assert_allclose(model(x), by_hand(model, x, 6), rtol=1e-5, atol=1e-6)


def test_layers_given_to_a_second_model_are_shared_too(x: Any) -> None:
    model = small()
    other = ranvier.Sequential([*model.layers[:3], L.Flatten(), L.Dense(2, name="new")])
    other.compile("sgd", "mse")
    before = model.get_weights()
    model(x)
    other.fit(x, np.zeros((len(x), 2)), epochs=1, verbose=0)
    for old, shared, now in zip(before[:2], other.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(shared, now)
        assert np.abs(old - now).max() > 0
    np.testing.assert_array_equal(before[2], model.get_weights()[2])


def test_parts_inside_models_inside(x: Any) -> None:
    inner = ranvier.Sequential([L.Conv2D(3, 3, name="same"), L.ReLU(name="sign")], name="inner")
    first = ranvier.Sequential([L.Conv2D(5, 1, name="same")], name="outer")
    model = ranvier.Sequential([ranvier.Input((8, 8, 2)), first, inner, L.Flatten()])
    part = up_to(model, "sign")
    np.testing.assert_allclose(
        part(x), np.maximum(inner.layers[0](first(x)), 0), rtol=1e-5, atol=1e-6
    )
    deep = up_to(model, inner.layers[0])
    np.testing.assert_allclose(deep(x), inner.layers[0](first(x)), rtol=1e-5, atol=1e-6)
    assert up_to(model, "same")(x).shape == (12, 8, 8, 5)  # of two, the one that runs first
    np.testing.assert_array_equal(up_to(model, inner)(x), up_to(model, 1)(x))


def test_frozen_layers_stay_frozen_and_dtypes_stay(x: Any) -> None:
    model = ranvier.Sequential(
        [ranvier.Input((8, 8, 2)), L.Conv2D(2, 3, dtype="float64", name="c")]
    )
    model.get_layer("c").trainable = False
    part = up_to(model, "c")
    assert part.trainable_weights == [] and part(x).dtype == np.float64


def test_height_and_width_that_vary(rng: np.random.Generator) -> None:
    model = ranvier.Sequential(
        [ranvier.Input((None, None, 1)), L.Conv2D(2, 3), L.GlobalMaxPooling2D()]
    )
    part = up_to(model, 0)
    assert part(rng.normal(size=(1, 5, 9, 1))).shape == (1, 3, 7, 2)
    assert part(rng.normal(size=(1, 6, 4, 1))).shape == (1, 4, 2, 2)


def test_errors_say_what_was_wanted() -> None:
    model = small()
    with pytest.raises(ValueError, match=r"'net': no layer 'frist'; Did you mean 'first'\?"):
        up_to(model, "frist")
    with pytest.raises(ValueError, match="there are 6 layers; got index 6"):
        up_to(model, 6)
    with pytest.raises(ValueError, match="'net': no layer <Dense"):
        up_to(model, L.Dense(2))
    with pytest.raises(ValueError, match="not known yet"):
        up_to(ranvier.Sequential([L.Dense(2)]), 0)
    with pytest.raises(TypeError, match="must be a Sequential; got <Dense"):
        up_to(L.Dense(2), 0)  # type: ignore[arg-type]
