"""Building, inspecting and changing models."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def test_deferred_build(rng: np.random.Generator) -> None:
    model = ranvier.Sequential([L.Dense(4), L.Dense(2)])
    assert not model.built and model.weights == []
    x = rng.normal(size=(3, 5)).astype("float32")
    assert model(x).shape == (3, 2)
    assert [w.shape for w in model.get_weights()] == [(5, 4), (4,), (4, 2), (2,)]
    assert model.count_params() == 5 * 4 + 4 + 4 * 2 + 2


def test_add_and_pop() -> None:
    model = ranvier.Sequential()
    model.add(ranvier.Input((5,)))
    model.add(L.Dense(4))
    model.add(L.Dense(3))
    assert model.output_shape == (None, 3)
    popped = model.pop()
    assert popped.units == 3
    assert model.output_shape == (None, 4)
    assert model(np.zeros((2, 5), "float32")).shape == (2, 4)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense"]


@pytest.mark.parametrize(
    "how", [{"input_shape": (5,)}, {"input_dim": 5}, {"batch_input_shape": (None, 5)}]
)
def test_keras_2_ways_to_say_the_input(how: dict[str, Any]) -> None:
    model = ranvier.Sequential([L.Dense(4, **how)])
    assert [w.shape for w in model.get_weights()] == [(5, 4), (4,)]
    assert model.input_shape is None or model.input_shape == (None, 5)


def test_summary_says_shapes_and_counts(capsys: Any) -> None:
    model = ranvier.Sequential([ranvier.Input((20,)), L.Dense(100), L.Dense(2)], name="net")
    model.summary()
    text = capsys.readouterr().out
    for part in ('Model: "net"', "(None, 100)", "2,100", "Total params: 2,302 (8.99 KB)"):
        assert part in text
    lines: list[str] = []
    ranvier.Sequential([L.Dense(3)]).summary(print_fn=lines.append)
    assert "unbuilt" in lines[0]


def test_config_and_json_round_trip() -> None:
    model = ranvier.Sequential(
        [
            ranvier.Input((6,)),
            L.Dense(4, activation="relu", kernel_regularizer="l2"),
            L.Dropout(0.3),
        ]
    )
    again = ranvier.Sequential.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert json.loads(model.to_json())["class_name"] == "Sequential"
    assert [w.shape for w in again.get_weights()] == [(6, 4), (4,)]


def test_keras_reads_our_json() -> None:
    keras = pytest.importorskip("keras")
    model = ranvier.Sequential(
        [ranvier.Input((6,)), L.Dense(4, activation="relu"), L.LeakyReLU(0.2), L.Dense(2)]
    )
    theirs = keras.models.model_from_json(model.to_json())
    theirs.set_weights(model.get_weights())
    x = np.ones((3, 6), "float32")
    np.testing.assert_allclose(np.asarray(theirs(x)), model(x), rtol=1e-5, atol=1e-6)
    ours = ranvier.Sequential.from_config(theirs.get_config())
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), model(x), rtol=1e-6)


def test_nested_models(rng: np.random.Generator) -> None:
    inner = ranvier.Sequential([ranvier.Input((5,)), L.Dense(4, activation="tanh")])
    outer = ranvier.Sequential([inner, L.Dense(2)])
    x = rng.normal(size=(3, 5)).astype("float32")
    w = outer.get_weights()
    np.testing.assert_allclose(
        outer(x), np.tanh(x @ w[0] + w[1]) @ w[2] + w[3], rtol=1e-4, atol=1e-5
    )
    outer.compile("sgd", "mse")
    outer.fit(x, np.zeros((3, 2)), verbose=0)
    assert not np.array_equal(inner.get_weights()[0], w[0])
    np.testing.assert_allclose(
        inner(x), np.tanh(x @ inner.get_weights()[0] + inner.get_weights()[1]), rtol=1e-4, atol=1e-5
    )


def test_frozen_layers_do_not_change(rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.Input((5,)), L.Dense(4), L.Dense(2)])
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = model.get_weights()
    x = rng.normal(size=(20, 5))
    model.fit(x, np.zeros((20, 2)), verbose=0)
    after = model.get_weights()
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[2], after[2])
    assert [v.path for v in model.trainable_weights] == [
        f"{model.name}/{model.layers[1].name}/kernel",
        f"{model.name}/{model.layers[1].name}/bias",
    ]
    model.layers[0].trainable = True
    model.fit(x, np.zeros((20, 2)), verbose=0)
    assert not np.array_equal(after[0], model.get_weights()[0])


def test_layers_shared_by_two_models(rng: np.random.Generator) -> None:
    shared = L.Dense(4, activation="relu")
    whole = ranvier.Sequential([ranvier.Input((5,)), shared, L.Dense(2)])
    features = ranvier.Sequential([ranvier.Input((5,)), shared])
    x = rng.normal(size=(20, 5)).astype("float32")
    before = features(x)
    whole.compile("sgd", "mse")
    whole.fit(x, np.ones((20, 2)), verbose=0)
    k, b = shared.get_weights()
    assert not np.allclose(before, features(x))
    np.testing.assert_allclose(features(x), np.maximum(x @ k + b, 0), rtol=1e-4, atol=1e-5)


def test_set_weights_after_training_is_seen(rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.Input((5,)), L.Dense(2)])
    model.compile("sgd", "mse")
    x = rng.normal(size=(20, 5)).astype("float32")
    model.fit(x, np.ones((20, 2)), verbose=0)
    model.set_weights([np.zeros((5, 2)), np.full(2, 7.0)])
    assert np.array_equal(model(x), np.full((20, 2), 7.0, "float32"))


def test_models_can_be_pickled_and_copied(rng: np.random.Generator) -> None:
    import copy

    x = rng.normal(size=(20, 5)).astype("float32")
    y = rng.normal(size=(20, 2))
    model = ranvier.Sequential([ranvier.Input((5,)), L.Dense(4, activation="relu"), L.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, verbose=0)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(again(x), model(x))
        a = again.fit(x, y, shuffle=False, verbose=0).history["loss"]
        kept = model.get_weights()
        assert a[0] > 0
        for p, q in zip(kept, model.get_weights(), strict=True):
            assert np.array_equal(p, q)  # training the copy left the original alone


def test_call_with_training_runs_dropout() -> None:
    model = ranvier.Sequential([ranvier.Input((1000,)), L.Dropout(0.5, seed=1)])
    x = np.ones((1, 1000), "float32")
    assert np.array_equal(model(x), x)
    first, second = model(x, training=True), model(x, training=True)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first, second)
    assert 400 < (first == 0).sum() < 600
