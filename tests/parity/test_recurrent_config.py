"""Recurrent layers' configuration beside Keras': arguments, configs, copies, names, summary."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import keras
from .layer_checks import _plain

RULES = {
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "glorot_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l1",
    "bias_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "unit_norm",
    "bias_constraint": "non_neg",
    "dropout": 0.25,
    "recurrent_dropout": 0.5,
}
WALK = {
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
}
GATES = {"activation": "relu", "recurrent_activation": "hard_sigmoid", "seed": 4}

Make = Any
LAYERS: dict[str, Make] = {
    "SimpleRNN": lambda k: k.SimpleRNN(3, name="given"),
    "SimpleRNN all": lambda k: k.SimpleRNN(
        3, "relu", **RULES, **WALK, activity_regularizer=None, trainable=False, name="given"
    ),
    "LSTM": lambda k: k.LSTM(3, name="given"),
    "LSTM all": lambda k: k.LSTM(
        3, **GATES, **RULES, **WALK, unit_forget_bias=False, activity_regularizer="l2", name="given"
    ),
    "GRU": lambda k: k.GRU(3, name="given"),
    "GRU all": lambda k: k.GRU(
        3, **GATES, **RULES, **WALK, reset_after=False, activity_regularizer="l1", name="given"
    ),
    "SimpleRNNCell": lambda k: k.SimpleRNNCell(3, "relu", **RULES, seed=3, name="given"),
    "LSTMCell": lambda k: k.LSTMCell(3, **GATES, **RULES, unit_forget_bias=False, name="given"),
    "GRUCell": lambda k: k.GRUCell(3, **GATES, **RULES, reset_after=False, name="given"),
    "StackedRNNCells": lambda k: k.StackedRNNCells(
        [k.LSTMCell(3, name="a"), k.GRUCell(2, "relu", name="b")], name="given"
    ),
    "RNN": lambda k: k.RNN(k.LSTMCell(3, dropout=0.1, name="a"), **WALK, name="given"),
    "Bidirectional": lambda k: k.Bidirectional(k.LSTM(3, name="a"), name="given"),
    "Bidirectional all": lambda k: k.Bidirectional(
        k.GRU(3, return_sequences=True, name="a"),
        "mul",
        backward_layer=k.GRU(3, "relu", return_sequences=True, go_backwards=True, name="b"),
        trainable=False,
        name="given",
    ),
}


def comparable(config: Any) -> Any:
    """Without the names of inner cells, what Keras adds once built, and what only ours keeps."""
    config = _plain(config)
    if isinstance(config, dict):
        # Keras' SimpleRNN loses its seed
        return {k: comparable(v) for k, v in config.items() if k not in ("build_config", "seed")}
    return [comparable(v) for v in config] if isinstance(config, list) else config


@pytest.mark.parametrize("name", LAYERS)
def test_config_is_keras_own_and_round_trips(name: str) -> None:
    ours, theirs = LAYERS[name](ranvier.layers), LAYERS[name](keras.layers)
    config = ours.get_config()
    assert comparable(config) == comparable(theirs.get_config())
    again = type(ours).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert ours.clone().get_config() == config
    if "dtype" not in name:
        written = keras.saving.serialize_keras_object(theirs)
        read = ranvier.saving.deserialize_keras_object(json.loads(json.dumps(written)))
        assert comparable(read.get_config()) == comparable(theirs.get_config())


@pytest.mark.parametrize("name", LAYERS)
def test_the_config_of_a_built_layer_is_the_same(name: str) -> None:
    layer = LAYERS[name](ranvier.layers)
    before = layer.get_config()
    layer.build((4, 3) if "Cell" in name else (4, 5, 3))
    assert layer.get_config() == before


@pytest.mark.parametrize(
    "name",
    ["SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell", "RNN", "StackedRNNCells",
     "Bidirectional"],
)  # fmt: skip
def test_arguments_and_their_order_are_keras_own(name: str) -> None:
    def arguments(module: Any) -> list[tuple[str, Any]]:
        parameters = inspect.signature(getattr(module.layers, name).__init__).parameters
        return [(p.name, p.default) for p in parameters.values()]

    ours, theirs = arguments(ranvier), arguments(keras)
    if name.endswith("Cell"):  # by name only, as most of them are given
        assert dict(ours).items() <= {**dict(theirs), "self": inspect.Parameter.empty}.items()
        known = getattr(ranvier.layers, name).constructor_arguments()
        assert {n for n, _ in theirs} - {"self", "kwargs"} <= set(known)
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_keras_2_spellings(name: str) -> None:
    layer = getattr(ranvier.layers, name)(4, batch_input_shape=(2, 5, 3), implementation=1)
    model = ranvier.Sequential([layer])
    assert model.input_shape == (2, 5, 3)
    assert model.output_shape == (2, 4)
    model = ranvier.Sequential([getattr(ranvier.layers, name)(4, input_shape=(None, 3))])
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize("name", LAYERS)
def test_pickled_and_deep_copied(name: str, rng: np.random.Generator) -> None:
    layer = LAYERS[name](ranvier.layers)
    x = rng.normal(size=(4, 3) if "Cell" in name else (4, 5, 3)).astype("f")
    layer.build(x.shape)

    def outputs(layer: Any) -> list[np.ndarray]:
        def listed(y: Any) -> Any:
            return [b for a in y for b in listed(a)] if isinstance(y, (list, tuple)) else [y]

        return listed(layer(x))

    for again in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert again.get_config() == layer.get_config()
        assert [w.path for w in again.weights] == [w.path for w in layer.weights]
        for state in getattr(again, "states", None) or ():
            state.assign(np.zeros(state.shape))
        if getattr(layer, "stateful", False):
            layer.reset_state()
        for a, b in zip(outputs(again), outputs(layer), strict=True):
            assert np.array_equal(a, b)


@pytest.mark.parametrize("name", LAYERS)
def test_weights_have_keras_names_and_order(name: str) -> None:
    layers = [LAYERS[name](k) for k in (ranvier.layers, keras.layers)]
    for layer in layers:
        for cell in (getattr(layer, "cell", None),):
            if cell is not None:
                cell.name = "inner"
        for i, one in enumerate(("forward_layer", "backward_layer")):
            if hasattr(layer, one):
                getattr(layer, one).cell.name = f"cell_{i}"
        layer.build((4, 3) if "Cell" in name else (4, 5, 3))
    ours, theirs = layers
    assert [(w.path, w.shape) for w in ours.weights] == [(w.path, tuple(w.shape)) for w in theirs.weights]  # fmt: skip
    assert ours.count_params() == theirs.count_params()
    for kind in ("trainable_weights", "non_trainable_weights"):
        assert len(getattr(ours, kind)) == len(getattr(theirs, kind))


def test_attributes_that_keras_has() -> None:
    for k in (keras.layers, ranvier.layers):
        layer = k.LSTM(4, recurrent_activation="relu", dropout=0.5)
        layer.build((2, 3, 5))
        assert layer.units == layer.cell.units == 4
        assert tuple(layer.cell.kernel.shape) == (5, 16)
        assert tuple(layer.cell.recurrent_kernel.shape) == (4, 16)
        assert layer.state_size == [4, 4] == layer.cell.state_size
        assert layer.dropout == 0.5
        assert layer.unit_forget_bias is True
        assert layer.recurrent_activation.__name__ == "relu"
        assert [tuple(s.shape) for s in layer.get_initial_state(7)] == [(7, 4), (7, 4)]
        np.testing.assert_array_equal(np.asarray(layer.cell.bias)[4:8], 1)
        assert k.GRU(3).state_size == [3]
        both = k.Bidirectional(k.GRU(3, stateful=True))
        both.build((2, 3, 5))
        assert [tuple(s.shape) for s in both.states] == [(2, 3), (2, 3)]
        assert both.stateful and not both.return_sequences
        both.reset_state()


def test_flags_of_layers_inside() -> None:
    for k in (keras.layers, ranvier.layers):
        both = k.Bidirectional(k.RNN([k.GRUCell(2), k.LSTMCell(3)]))
        both.build((2, 3, 5))
        both.trainable = False
        inner = [both.forward_layer, both.backward_layer]
        assert not any(x.trainable for x in inner)
        assert not any(c.trainable for x in inner for c in x.cell.cells)
        assert both.trainable_weights == []
        both.trainable = True
        both.forward_layer.cell.cells[0].trainable = False
        assert len(both.trainable_weights) == 9
        assert len(both.non_trainable_weights) == 3


def test_dropout_outside_0_and_1_is_taken_to_the_limit_as_in_keras() -> None:
    for k in (keras.layers, ranvier.layers):
        layer = k.LSTM(3, dropout=1.5, recurrent_dropout=-1)
        assert (layer.dropout, layer.recurrent_dropout) == (1.0, 0.0)


def test_first_values_of_both_directions(rng: np.random.Generator) -> None:
    weights = [rng.normal(size=s) for s in [(3, 2), (2, 2), (2,)] * 2]
    layer = ranvier.layers.Bidirectional(ranvier.layers.SimpleRNN(2), weights=weights)
    layer.build((None, 4, 3))
    for a, b in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b.astype("f"))


def test_summary_and_shapes_of_a_model() -> None:
    def rows(k: Any) -> list[str]:
        layers = k.layers
        model = k.Sequential([
            k.Input((None, 3)),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both"),
            layers.RNN([layers.GRUCell(5), layers.SimpleRNNCell(2)], name="stack"),
            layers.Dense(1, name="last"),
        ])  # fmt: skip
        texts: list[str] = []
        model.summary(print_fn=lambda text, **kwargs: texts.append(text), line_length=80)
        return [line for line in "\n".join(texts).split("\n") if "None" in line or "params" in line]

    assert [r.split() for r in rows(ranvier)] == [r.split() for r in rows(keras)]
