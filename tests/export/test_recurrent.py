"""Recurrent layers by ONNX Runtime beside `predict`, with masks of any form."""

from __future__ import annotations

import itertools
import pathlib
from typing import Any

import numpy as np
import onnxruntime
import pytest

import ranvier
from ranvier import layers as L

from .checks import agree, exported, operators

STEPS, FEATURES = 6, 3


def stack(*layers: Any, shape: Any = (None, FEATURES), dtype: str = "float32") -> Any:
    model = ranvier.Sequential([ranvier.Input(shape, dtype=dtype), *layers])
    values = np.random.default_rng(3)
    model.set_weights([
        values.uniform(0.1 if w.name == "moving_variance" else -0.9, 0.9, w.shape)
        for w in model.weights
    ])  # fmt: skip
    return model


def sequences(masked: bool) -> np.ndarray:
    """Steps that Masking skips: at the front, in between, at the end, all, none."""
    x = np.random.default_rng(5).normal(size=(6, STEPS, FEATURES)).astype("float32")
    if masked:
        for row, steps in enumerate(((0, 1), (2, 4), (4, 5), range(STEPS), (), (0, 3, 5))):
            x[row, list(steps)] = 0
    return x


CELLS: dict[str, Any] = {
    "SimpleRNN": (L.SimpleRNN, {}),
    "LSTM": (L.LSTM, {}),
    "GRU": (L.GRU, {}),
    "GRU before": (L.GRU, {"reset_after": False}),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("masked", [False, True])
def test_walks(cell: str, masked: bool, tmp_path: pathlib.Path) -> None:
    make, more = CELLS[cell]
    x = sequences(masked)
    for seq, back, zero, bias in itertools.product((False, True), repeat=4):
        if zero and not masked:
            continue
        layer = make(
            4, return_sequences=seq, go_backwards=back, zero_output_for_mask=zero, use_bias=bias,
            **more,
        )  # fmt: skip
        proto = agree(stack(*([L.Masking()] if masked else []), layer), x, tmp_path)
        assert ("Scan" in operators(proto)) == masked


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("act", ["linear", "relu", "hard_sigmoid", "elu", "softsign", "gelu"])
def test_activations(cell: str, act: str, tmp_path: pathlib.Path) -> None:
    make, more = CELLS[cell]
    if make is not L.SimpleRNN:
        more = {**more, "recurrent_activation": "relu" if act == "relu" else "hard_sigmoid"}
    proto = agree(stack(make(4, activation=act, **more)), sequences(False), tmp_path)
    assert ("Scan" in operators(proto)) == (act != "relu")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("masked", [False, True])
def test_doubles(cell: str, masked: bool, tmp_path: pathlib.Path) -> None:
    make, more = CELLS[cell]
    layers = [make(4, dtype="float64", return_sequences=True, **more), make(2, dtype="float64")]
    first = [L.Masking(dtype="float64")] if masked else []
    model = stack(*first, *layers, dtype="float64")
    agree(model, sequences(masked).astype("float64"), tmp_path, 1e-12, 1e-14)


def _stateful(kind: str) -> list[Any]:
    keep: Any = {"stateful": True}
    return {
        "LSTM": [L.LSTM(4, return_sequences=True, name="first", **keep), L.LSTM(2, name="last", **keep)],
        "GRU backwards": [L.GRU(4, go_backwards=True, name="first", **keep)],
        "SimpleRNN in a model": [ranvier.Sequential([L.SimpleRNN(3, name="first", **keep)]), L.Dense(2)],
        "GRU before": [L.GRU(4, reset_after=False, return_sequences=True, name="first", **keep)],
        "a stack": [L.RNN([L.LSTMCell(3), L.GRUCell(2)], name="first", **keep)],
        "other activations": [L.LSTM(3, "elu", name="first", **keep)],
        "bidirectional": [L.Bidirectional(L.LSTM(3, return_sequences=True, name="first", **keep), name="both")],
    }[kind]  # fmt: skip


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "kind",
    ["LSTM", "GRU backwards", "SimpleRNN in a model", "GRU before", "a stack", "other activations",
     "bidirectional"],
)  # fmt: skip
def test_states_are_inputs_and_outputs(kind: str, masked: bool, tmp_path: pathlib.Path) -> None:
    layers = [*([L.Masking()] if masked else []), *_stateful(kind)]
    model = ranvier.Sequential([ranvier.Input(batch_shape=(6, None, FEATURES), name="x"), *layers])
    values = np.random.default_rng(3)
    model.set_weights([values.uniform(-0.9, 0.9, w.shape) for w in model.weights])
    model.reset_states()
    proto = exported(model, tmp_path)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (given, *states), (made, *left) = session.get_inputs(), session.get_outputs()
    assert given.name == "x" and given.shape[0] == made.shape[0] == "batch"
    assert states and [s.name + "_next" for s in states] == [s.name for s in left]
    assert all(
        (s.shape == t.shape and "first" in s.name) or "last" in s.name
        for s, t in zip(states, left, strict=True)
    )
    feed = {s.name: np.zeros((6, s.shape[1]), "float32") for s in states}
    rng = np.random.default_rng(1)
    for _ in range(3):
        x = sequences(masked)
        x = x * rng.uniform(0.5, 2, (6, 1, 1)).astype("float32")
        small = session.run(None, {"x": x[:2], **{k: v[:2] for k, v in feed.items()}})
        y, *after = session.run(None, {"x": x, **feed})
        np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
        for a, b in zip(small, [y, *after], strict=True):
            np.testing.assert_allclose(a, b[:2], rtol=1e-4, atol=1e-6)
        feed = dict(zip(feed, after, strict=True))


def test_states_of_doubles_and_a_batch_that_is_told(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([
        ranvier.Input(batch_shape=(4, 5, 2), dtype="float64"), L.LSTM(3, stateful=True, name="own", dtype="float64"),
    ])  # fmt: skip
    proto = exported(
        model, tmp_path, input_signature=ranvier.Input(batch_shape=(1, 5, 2), dtype="float64")
    )
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    assert [(i.name, i.shape) for i in session.get_inputs()[1:]] == [
        ("own/state_0", [1, 3]), ("own/state_1", [1, 3]),
    ]  # fmt: skip
    x, zero = np.random.default_rng(0).normal(size=(1, 5, 2)), np.zeros((1, 3))
    given = {session.get_inputs()[0].name: x, "own/state_0": zero, "own/state_1": zero}
    y, h, _ = session.run(None, given)
    np.testing.assert_allclose(y, model.predict(np.repeat(x, 4, 0), verbose=0)[:1], rtol=1e-12)
    np.testing.assert_array_equal(y, h)


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("seq", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_bidirectional(mode: str, seq: bool, masked: bool, tmp_path: pathlib.Path) -> None:
    layer = L.Bidirectional(L.LSTM(4, return_sequences=seq), merge_mode=mode)
    model = stack(*([L.Masking()] if masked else []), layer)
    proto = agree(model, sequences(masked), tmp_path)
    assert masked or "Slice" not in operators(proto)  # turned twice is not turned


def test_bidirectional_of_stacks(tmp_path: pathlib.Path) -> None:
    forward = L.RNN([L.LSTMCell(4), L.GRUCell(2)], return_sequences=True)
    back = L.RNN([L.SimpleRNNCell(5), L.GRUCell(3)], return_sequences=True, go_backwards=True)
    model = stack(L.Masking(), L.Bidirectional(forward, backward_layer=back), L.LSTM(2))
    agree(model, sequences(True), tmp_path)


@pytest.mark.parametrize("back", [False, True])
def test_stacks_and_layers_behind_each_other(back: bool, tmp_path: pathlib.Path) -> None:
    cells = [L.SimpleRNNCell(4), L.LSTMCell(3), L.GRUCell(2)]
    for first in ([], [L.Masking()]):
        model = stack(*first, L.RNN(cells, return_sequences=True, go_backwards=back), L.GRU(3))
        agree(model, sequences(bool(first)), tmp_path)
        cells = [type(cell).from_config(cell.get_config()) for cell in cells]


def test_masks_pass_on(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    ids = rng.integers(0, 7, (5, 8))
    ids[0, :3] = ids[1, 5:] = ids[2] = 0
    model = stack(
        L.Embedding(7, 4, mask_zero=True), L.Dropout(0.3), L.LSTM(5, return_sequences=True),
        L.TimeDistributed(L.Dense(3, activation="relu")), L.BatchNormalization(),
        L.Activation("tanh"), ranvier.Sequential([L.GRU(4, return_sequences=True)]),
        L.Bidirectional(L.SimpleRNN(3, return_sequences=True)), L.LayerNormalization(), L.LSTM(2),
        shape=(None,),
    )  # fmt: skip
    agree(model, ids, tmp_path)


@pytest.mark.parametrize("keepdims", [False, True])
def test_masked_mean(keepdims: bool, tmp_path: pathlib.Path) -> None:
    x = sequences(True)  # one of no steps: NaN in both
    agree(stack(L.Masking(), L.GlobalAveragePooling1D(keepdims=keepdims)), x, tmp_path)


@pytest.mark.parametrize("value", [0.0, -1.5, 2])
def test_masking_of_other_values(value: float, tmp_path: pathlib.Path) -> None:
    x = sequences(True)
    x[x == 0] = value
    x[1, 1] = [value, 0, value]
    agree(stack(L.Masking(value), L.SimpleRNN(2)), x, tmp_path)
    agree(stack(L.Masking(value)), x, tmp_path)


def test_time_distributed(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    inner = ranvier.Sequential([L.Conv2D(2, 2), L.BatchNormalization(), L.GlobalMaxPooling2D()])
    for steps in (None, 3):
        model = stack(
            L.TimeDistributed(inner), L.TimeDistributed(L.Activation("glu")), L.GRU(2),
            shape=(steps, 4, 5, 1),
        )  # fmt: skip
        agree(model, rng.normal(size=(4, 3, 4, 5, 1)).astype("float32"), tmp_path)
        inner = type(inner).from_config(inner.get_config())
    model = stack(L.TimeDistributed(L.UnitNormalization()), shape=(None, None, 2))
    agree(model, rng.normal(size=(4, 3, 5, 2)).astype("float32"), tmp_path)
