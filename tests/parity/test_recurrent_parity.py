"""Recurrent layers against Keras: outputs, states, gradients of weights, input and states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import copy_weights, keras
from .recurrent_reference import (
    ZEROS,
    assert_near,
    flat,
    layers_of,
    our_graph_pass,
    their_pass,
)

STATE_ACTS = ["tanh", "relu", "sigmoid", "gelu", "silu", "softsign", "linear", "elu", "selu"]
GATE_ACTS = ["sigmoid", "hard_sigmoid", "relu", "silu", "tanh"]


def compare(
    kind: str,
    arguments: dict[str, Any],
    shape: tuple[int, int, int],
    mask: np.ndarray | None,
    rng: np.random.Generator,
    states: bool = True,
) -> None:
    """One layer: walked with states and mask, within a model, and called."""
    x = rng.normal(size=shape).astype("f")
    arguments = {**ZEROS, **arguments, "return_state": True}
    ours, theirs = layers_of(lambda k: getattr(k, kind)(**arguments), shape, rng)
    count = 2 if kind == "LSTM" else 1
    units = arguments["units"]
    first = [rng.normal(size=(shape[0], units)).astype("f") for _ in range(count)]
    want = their_pass(theirs, x, first, mask, rng)

    numbers = None if mask is None else np.ascontiguousarray(mask, "f")
    y, last, kept = ours.walk(x, first, numbers, True, keep=True)
    dx, dfirst, dw = ours.walk_back(kept, want["r"][0], want["r"][1:])
    assert_near([y, *last], want["out"])
    assert_near(dx, want["dx"])
    assert_near(dfirst, want["dstates"])
    assert_near(dw, want["dw"])
    assert_near(ours(x, initial_state=first, mask=mask), want["out"])

    # in a model, without states given or returned: as walked
    y, _, kept = ours.walk(x, None, None, True, keep=True)
    walked = (y, *ours.walk_back(kept, want["r"][0])[::2])
    ours.return_state = False
    assert_near(our_graph_pass(ours, x, None, want["r"][0]), walked, 1e-6)


@pytest.mark.parametrize("seed", range(18))
def test_options_at_random(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kind = ["SimpleRNN", "LSTM", "GRU"][seed % 3]

    def pick(values: Any) -> Any:
        return values[rng.integers(len(values))]

    units, features = pick([1, 3, 8, 16, 17, 50]), pick([1, 3, 20])
    batch, steps = pick([1, 2, 5, 33]), pick([1, 2, 7])
    arguments = {
        "units": units,
        "return_sequences": pick([False, True]),
        "go_backwards": pick([False, True]),
        "use_bias": pick([False, True, True]),
        "zero_output_for_mask": pick([False, True]),
        "activation": pick(STATE_ACTS),
    }
    if kind != "SimpleRNN":
        arguments["recurrent_activation"] = pick(GATE_ACTS)
    if kind == "GRU":
        arguments["reset_after"] = seed % 2 == 0
    mask = pick([None, *[rng.random((batch, steps)) < 0.6] * 2])
    compare(kind, arguments, (batch, steps, features), mask, rng)


MASKS = np.array([
    [0, 0, 1, 1, 1, 1],
    [1, 1, 1, 0, 0, 0],
    [1, 0, 0, 1, 0, 1],
    [0, 0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 1],
], bool)  # fmt: skip


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("zero", [False, True])
def test_masks_at_the_start_middle_end_and_of_whole_rows(
    kind: str, zero: bool, rng: np.random.Generator
) -> None:
    arguments = {"units": 4, "return_sequences": True, "zero_output_for_mask": zero}
    compare(kind, arguments, (5, 6, 3), MASKS, rng)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_all_steps_masked_leave_the_first_states(kind: str, rng: np.random.Generator) -> None:
    layer = getattr(ranvier.layers, kind)(3, return_sequences=True, return_state=True)
    x = rng.normal(size=(2, 4, 5)).astype("f")
    first = [rng.normal(size=(2, 3)).astype("f") for _ in range(2 if kind == "LSTM" else 1)]
    y, *last = layer(x, initial_state=first, mask=np.zeros((2, 4)))
    for a, b in zip(last, first, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(y, np.repeat(first[0][:, None], 4, 1))


# -- cells ------------------------------------------------------------------------------------

CELLS = [
    ("SimpleRNNCell", {"activation": "gelu"}),
    ("LSTMCell", {"recurrent_activation": "hard_sigmoid"}),
    ("GRUCell", {"reset_after": False}),
    ("GRUCell", {"use_bias": False}),
]


@pytest.mark.parametrize(("kind", "arguments"), CELLS, ids=lambda v: str(v))
def test_one_step_of_a_cell(kind: str, arguments: Any, rng: np.random.Generator) -> None:
    ours, theirs = layers_of(lambda k: getattr(k, kind)(5, **ZEROS, **arguments), (4, 3), rng)
    x = rng.normal(size=(4, 3)).astype("f")
    states = [rng.normal(size=(4, 5)).astype("f") for _ in flat(theirs.get_initial_state(4))]
    assert_near(ours.get_initial_state(4), theirs.get_initial_state(4), 0)
    assert ours.state_size == theirs.state_size
    assert_near(ours(x, states), theirs(x, states))
    assert_near(ours(x), theirs(x, theirs.get_initial_state(4)))


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_stacked_cells(sequences: bool, backwards: bool, rng: np.random.Generator) -> None:
    def make(k: Any) -> Any:
        cells = [k.LSTMCell(4, **ZEROS), k.GRUCell(6, **ZEROS), k.SimpleRNNCell(2, **ZEROS)]
        return k.RNN(cells, sequences, True, backwards, zero_output_for_mask=backwards)

    x = rng.normal(size=(5, 6, 3)).astype("f")
    ours, theirs = layers_of(make, x.shape, rng)
    sizes = [(4, 4), (6,), (2,)]
    states = [[rng.normal(size=(5, n)).astype("f") for n in group] for group in sizes]
    want = their_pass(theirs, x, states, MASKS, rng)
    assert ours.state_size == theirs.state_size
    assert ours.compute_output_shape((None, None, 3)) == theirs.compute_output_shape(
        (None, None, 3)
    )
    y, *last = ours(x, initial_state=states, mask=MASKS)
    assert [len(group) for group in last] == [2, 1, 1]  # a list a cell
    assert_near([y, last], want["out"])
    assert_near(ours(x, initial_state=flat(states), mask=MASKS), want["out"])
    y, last, kept = ours.walk(x, flat(states), MASKS.astype("f"), True, keep=True)
    dx, dfirst, dw = ours.walk_back(kept, want["r"][0], want["r"][1:])
    for got, expected in ((dx, "dx"), (dfirst, "dstates"), (dw, "dw")):
        assert_near(got, want[expected])


def test_one_step_of_stacked_cells(rng: np.random.Generator) -> None:
    ours, theirs = layers_of(
        lambda k: k.StackedRNNCells([k.GRUCell(4, **ZEROS), k.LSTMCell(2, **ZEROS)]), (3, 5), rng
    )
    x = rng.normal(size=(3, 5)).astype("f")
    assert ours.output_size == theirs.output_size == 2
    assert ours.state_size == theirs.state_size
    assert_near(ours(x), theirs(x, theirs.get_initial_state(3)))


# -- both directions --------------------------------------------------------------------------

BOTH: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("LSTM", {"return_sequences": True}, {}, True),
    ("LSTM", {}, {}, True),
    ("GRU", {"return_sequences": True, "reset_after": False}, {"merge_mode": "sum"}, True),
    ("GRU", {}, {"merge_mode": "mul"}, True),
    ("GRU", {"return_sequences": True}, {"merge_mode": "mul"}, False),
    ("SimpleRNN", {"return_sequences": True}, {"merge_mode": "ave"}, True),
    ("SimpleRNN", {"activation": "gelu"}, {"merge_mode": "ave"}, False),
]


@pytest.mark.parametrize(("kind", "inner", "outer", "masked"), BOTH, ids=lambda v: str(v))
def test_bidirectional_in_a_model(
    kind: str, inner: Any, outer: Any, masked: bool, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(5, 6, 3)).astype("f")
    mask = MASKS if masked else None
    ours, theirs = layers_of(
        lambda k: k.Bidirectional(getattr(k, kind)(4, **ZEROS, **inner), **outer), x.shape, rng
    )
    if mask is not None:
        x[~mask] = 0  # Masking()
    want = their_pass(theirs, x, None, mask, rng)
    assert_near(ours(x, mask=mask), want["out"])
    if mask is None or hasattr(ranvier.layers, "Masking"):
        y, dx, dw = our_graph_pass(ours, x, mask, want["r"][0])
        for got, expected in (([y], "out"), (dx, "dx"), (dw, "dw")):
            assert_near(got, want[expected])
    assert ours.compute_output_shape((None, 6, 3)) == theirs.compute_output_shape((None, 6, 3))


@pytest.mark.parametrize("mode", ["concat", "sum", None])
def test_bidirectional_with_states_and_its_own_backward_layer(
    mode: str | None, rng: np.random.Generator
) -> None:
    def make(k: Any) -> Any:
        shared = {"return_sequences": True, "return_state": True, **ZEROS}
        back = k.LSTM(4, activation="relu", go_backwards=True, **shared)
        return k.Bidirectional(k.LSTM(4, **shared), mode, backward_layer=back)

    x = rng.normal(size=(5, 6, 3)).astype("f")
    ours, theirs = layers_of(make, x.shape, rng)
    states = [rng.normal(size=(5, 4)).astype("f") for _ in range(4)]
    assert_near(ours(x), theirs(x))
    assert_near(
        ours(x, initial_state=states, mask=MASKS), theirs(x, initial_state=states, mask=MASKS)
    )
    assert ours.compute_output_shape((2, 6, 3)) == theirs.compute_output_shape((2, 6, 3))


def test_bidirectional_over_stacked_cells(rng: np.random.Generator) -> None:
    """A graph of one direction at a time."""

    def make(k: Any) -> Any:
        cells = [k.GRUCell(4, **ZEROS), k.LSTMCell(3, **ZEROS)]
        return k.Bidirectional(k.RNN(cells, return_sequences=True), "mul")

    x = rng.normal(size=(5, 6, 3)).astype("f")
    ours, theirs = layers_of(make, x.shape, rng)
    want = their_pass(theirs, x, None, None, rng)
    y, dx, dw = our_graph_pass(ours, x, None, want["r"][0])
    for got, expected in (([y], "out"), (dx, "dx"), (dw, "dw")):
        assert_near(got, want[expected])
    assert_near(ours(x, mask=MASKS), theirs(x, mask=MASKS))


def test_the_forward_layer_of_bidirectional_is_a_copy_with_weights_of_its_own() -> None:
    for k in (keras.layers, ranvier.layers):
        layer = k.SimpleRNN(2, name="r")
        both = k.Bidirectional(layer, name="b")
        both.build((None, 3, 1))
        assert both.forward_layer is not layer
        assert (both.forward_layer.name, both.backward_layer.name) == ("forward_r", "backward_r")
        assert not both.forward_layer.go_backwards and both.backward_layer.go_backwards
        assert [w.path for w in both.weights][::3] == [
            f"b/forward_r/{both.forward_layer.cell.name}/kernel",
            f"b/backward_r/{both.backward_layer.cell.name}/kernel",
        ]


# -- training ---------------------------------------------------------------------------------


def model_of(k: Any, layer: Any, steps: int | None = 6) -> Any:
    return k.Sequential([k.Input((steps, 3)), layer(k.layers), k.layers.Dense(2)])


TRAINED = {
    "simple": ("sgd", lambda k: k.SimpleRNN(5, kernel_regularizer="l2")),
    "lstm": ("adam", lambda k: k.LSTM(5, recurrent_regularizer="l2", kernel_constraint="max_norm")),
    "gru": (
        "adam",
        lambda k: k.GRU(5, activity_regularizer="l2", recurrent_constraint="unit_norm"),
    ),
    "both": ("sgd", lambda k: k.Bidirectional(k.LSTM(4), "ave")),
    "stack": ("rmsprop", lambda k: k.RNN([k.GRUCell(5), k.LSTMCell(4)])),
}


@pytest.mark.parametrize("name", TRAINED)
def test_ten_training_steps_follow_the_same_path(name: str, rng: np.random.Generator) -> None:
    optimizer, layer = TRAINED[name]
    x, y = rng.normal(size=(30, 6, 3)).astype("f"), rng.normal(size=(30, 2)).astype("f")
    theirs, ours = (model_of(k, layer) for k in (keras, ranvier))
    copy_weights(ours, theirs)
    losses = []
    for model in (theirs, ours):
        model.compile(optimizer, "mse")
        arguments = {"batch_size": 6, "epochs": 2, "shuffle": False, "verbose": 0}
        losses.append(model.fit(x, y, **arguments).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=5e-5)
    # (Adam divides by gradients: where one is near 0, rounding shows)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=5e-5)
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-3, atol=1e-4
    )


# (Keras on JAX forgets the states between the steps of `fit`; called, it keeps them.)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateful_layer_goes_on_where_it_stopped(kind: str, rng: np.random.Generator) -> None:
    shape = (5, 3, 2)
    ours, theirs = layers_of(
        lambda k: getattr(k, kind)(4, stateful=True, return_sequences=True, **ZEROS), shape, rng
    )
    for _ in range(3):
        x, mask = rng.normal(size=shape).astype("f"), rng.random((5, 3)) < 0.7
        assert_near(ours(x, mask=mask), theirs(x, mask=mask))
        assert_near([v.value for v in ours.states], [v.value for v in theirs.states])
    for layer in (ours, theirs):
        layer.reset_state()
        assert not any(np.any(np.asarray(v.value)) for v in layer.states)
    assert_near(ours(x), theirs(x))
