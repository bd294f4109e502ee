"""Gates and states beside the lecture's equations in NumPy, gradients beside central differences."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.inspect._walk import walk, walk_back

inspect = ranvier.inspect

ACTS: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


def lecture_lstm(x: Any, weights: Any, act: Any, gate: Any, mask: Any = None) -> dict[str, Any]:
    """The lecture's equations for each row, step and unit; weights apart for each gate."""
    W, R, b = weights
    n, steps, _ = x.shape
    units = R.shape[0]
    part = {name: slice(k * units, (k + 1) * units) for k, name in enumerate("ifgo")}
    names = ("forget", "input", "candidate", "output", "cell", "hidden")
    found = {name: np.zeros((n, steps, units)) for name in names}
    for row in range(n):
        h, c = np.zeros(units), np.zeros(units)
        for t in range(steps):
            z = {k: x[row, t] @ W[:, s] + h @ R[:, s] + b[s] for k, s in part.items()}
            f, i, g, o = gate(z["f"]), gate(z["i"]), act(z["g"]), gate(z["o"])
            if mask is not None and not mask[row, t]:
                f = i = g = o = np.full(units, np.nan)
            else:
                c = f * c + i * g
                h = o * act(c)
            for name, value in zip(names, (f, i, g, o, c, h), strict=True):
                found[name][row, t] = value
    return found


def noisy(layer: Any, rng: Any) -> Any:
    """Weights, biases too, that are not special."""
    layer.set_weights([rng.normal(0, 0.7, w.shape) for w in layer.get_weights()])
    return layer


def built(layer: Any, features: int, rng: Any) -> Any:
    layer.build((None, None, features))
    return noisy(layer, rng)


@pytest.mark.parametrize(("n", "steps", "units"), [(3, 7, 5), (1, 1, 1), (2, 4, 16), (17, 3, 9)])
@pytest.mark.parametrize(
    ("act", "gate"), [("tanh", "sigmoid"), ("swish", "hard_sigmoid"), ("relu", "sigmoid")]
)
def test_gates_are_the_lectures(
    rng: Any, n: int, steps: int, units: int, act: str, gate: str
) -> None:
    layer = L.LSTM(units, activation=act, recurrent_activation=gate, dtype="float64")
    built(layer, 2, rng)
    x = rng.normal(size=(n, steps, 2))
    got = inspect.lstm_gates(layer, x)
    want = lecture_lstm(x, layer.get_weights(), ACTS[act], ACTS[gate])
    assert got._fields == tuple(want)
    for name, expected in want.items():
        np.testing.assert_allclose(
            getattr(got, name), expected, rtol=1e-12, atol=1e-13, err_msg=name
        )
    np.testing.assert_array_equal(got.hidden, inspect.rnn_states(layer, x))


def test_one_step_worked_by_hand() -> None:
    """One unit, one input of 1, all weights a half: z = 1/2 for each gate at the first step."""
    layer = L.LSTM(1, dtype="float64")
    layer.build((None, None, 1))
    layer.set_weights([np.full((1, 4), 0.5), np.full((1, 4), 0.5), np.zeros(4)])
    got = inspect.lstm_gates(layer, np.ones((1, 1, 1)))
    s, t = 0.6224593312018546, 0.46211715726000973  # sigmoid and tanh of 1/2
    c = s * t  # the forget gate forgets nothing: there is nothing yet
    assert got.forget.item() == got.input.item() == got.output.item() == pytest.approx(s, abs=1e-15)
    assert got.candidate.item() == pytest.approx(t, abs=1e-15)
    assert got.cell.item() == pytest.approx(c, abs=1e-15)
    assert got.hidden.item() == pytest.approx(s * np.tanh(c), abs=1e-15)


def test_gates_for_any_number_of_threads(rng: Any, threads: Any) -> None:
    layer = built(L.LSTM(24), 3, rng)
    x = rng.normal(size=(70, 30, 3)).astype("float32")
    threads(1)
    want = inspect.lstm_gates(layer, x)
    threads(4)
    for a, b in zip(want, inspect.lstm_gates(layer, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gates_of_masked_steps(rng: Any) -> None:
    layer = built(
        L.LSTM(3, dtype="float64", return_sequences=True, zero_output_for_mask=True), 2, rng
    )
    x, mask = rng.normal(size=(4, 6, 2)), rng.random((4, 6)) < 0.6
    mask[:, 2] = False  # a step that no row uses
    mask[0] = True
    got = inspect.lstm_gates(layer, x, mask=mask)
    want = lecture_lstm(x, layer.get_weights(), np.tanh, ACTS["sigmoid"], mask)
    for name, expected in want.items():
        np.testing.assert_allclose(
            getattr(got, name), expected, rtol=1e-12, atol=1e-13, err_msg=name
        )
    np.testing.assert_array_equal(inspect.rnn_states(layer, x, mask=mask), got.hidden)


def test_backwards_is_the_order_of_the_walk(rng: Any) -> None:
    x, mask = rng.normal(size=(2, 5, 2)), np.array([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]], bool)
    layer = built(L.LSTM(3, dtype="float64", go_backwards=True), 2, rng)
    got = inspect.lstm_gates(layer, x, mask=mask)
    want = lecture_lstm(x[:, ::-1], layer.get_weights(), np.tanh, ACTS["sigmoid"], mask[:, ::-1])
    np.testing.assert_allclose(got.cell, want["cell"], rtol=1e-12)
    np.testing.assert_allclose(got.forget, want["forget"], rtol=1e-12)


@pytest.fixture
def model(rng: Any) -> ranvier.Sequential:
    model = ranvier.Sequential(
        [
            ranvier.Input((None, 2)),
            L.Conv1D(3, 2, padding="causal", activation="tanh", name="before", dtype="float64"),
            L.Dropout(0.5, dtype="float64"),
            ranvier.Sequential(
                [L.SimpleRNN(4, return_sequences=True, name="simple", dtype="float64")],
                name="inner",
            ),
            L.LSTM(
                3,
                return_sequences=True,
                name="first",
                dtype="float64",
                dropout=0.5,
                recurrent_dropout=0.5,
            ),
            L.Bidirectional(
                L.LSTM(2, return_sequences=True, name="both", dtype="float64"), name="wrapped"
            ),
            L.BatchNormalization(dtype="float64", name="norm"),
            L.GRU(4, name="gated", dtype="float64"),
            L.Dense(2, name="last", dtype="float64"),
        ]
    )
    norm = model.get_layer("norm")
    norm.set_weights([rng.uniform(0.5, 2, w.shape) for w in norm.get_weights()])
    model.compile("sgd", "mse")
    return model


def test_layers_inside_models(model: Any, rng: Any) -> None:
    x = rng.normal(size=(3, 6, 2))
    between = [model.layers[0](x)]
    for layer in model.layers[2:6]:
        between.append(layer(between[-1]))
    before, simple, first = between[0], between[1], between[2]
    np.testing.assert_allclose(inspect.rnn_states(model, x), simple, rtol=1e-12)
    for how in ("simple", model.layers[2].layers[0]):
        np.testing.assert_allclose(inspect.rnn_states(model, x, how), simple, rtol=1e-12)
    for how in ("first", 3, model.layers[3], None):
        got = inspect.lstm_gates(model, x, how)
        np.testing.assert_allclose(got.hidden, first, rtol=1e-12)
        want = lecture_lstm(simple, model.layers[3].get_weights(), np.tanh, ACTS["sigmoid"])
        np.testing.assert_allclose(got.forget, want["forget"], rtol=1e-12)
    both = model.get_layer("wrapped")
    for how, layer in (("wrapped", both.forward_layer), (both, both.forward_layer),
                       ("backward_both", both.backward_layer), (both.backward_layer, both.backward_layer)):  # fmt: skip
        given = first[:, ::-1] if layer is both.backward_layer else first
        want = lecture_lstm(given, layer.get_weights(), np.tanh, ACTS["sigmoid"])
        np.testing.assert_allclose(inspect.lstm_gates(model, x, how).cell, want["cell"], rtol=1e-11)
    alone = inspect.lstm_gates(both, first, "backward_both")
    np.testing.assert_allclose(alone.cell, want["cell"], rtol=1e-11)
    assert before.shape == (3, 6, 3)


def test_cells_of_ones_own(rng: Any) -> None:
    class Decay(L.Layer):
        state_size = 2

        def forward(self, x: Any, states: Any, training: bool = False) -> Any:
            new = 0.5 * states[0] + x
            return 3 * new, [new], None

    x = rng.normal(size=(2, 4, 2)).astype("float32")
    layer = L.RNN(Decay())
    want = np.zeros((2, 4, 2))
    for t in range(4):
        want[:, t] = x[:, t] + (0.5 * want[:, t - 1] if t else 0)
    np.testing.assert_allclose(inspect.rnn_states(layer, x), want, rtol=1e-6)
    with pytest.raises(ValueError, match="must have an LSTM; it has RNN"):
        inspect.lstm_gates(layer, x)


# -- gradients ----------------------------------------------------------------------------------


def differences(layer: Any, x: Any, mask: Any, dy: Any, step: float = 1e-6) -> Any:
    """The gradient of sum(dy * y) in each hidden state: the walk is stopped, the state moved."""
    n, steps, _ = x.shape
    units = layer.cells[0].units
    order = slice(None, None, -1) if layer.go_backwards else slice(None)
    walked = x[:, order]
    # the engine begins a sequence with its last steps; what is before is done
    one = type(layer).from_config({**layer.get_config(), "go_backwards": False,
                                   "return_sequences": True, "return_state": True,
                                   "zero_output_for_mask": False, "name": None})  # fmt: skip
    one.build((None, None, x.shape[2]))
    one.set_weights(layer.get_weights())
    used = np.ones((n, steps), bool) if mask is None else mask[:, order]

    def rest(t: int, states: Any) -> float:
        """What comes of the states after step t."""
        hidden = [states[0]]
        for s in range(t + 1, steps):
            _, *states = one(walked[:, s : s + 1], initial_state=states, mask=used[:, s : s + 1])
            hidden.append(states[0])
        if not layer.return_sequences:
            shown = hidden[-1] * (used[:, -1:] if layer.zero_output_for_mask else 1)
            return float(np.sum(dy * shown))
        total = 0.0
        for s, h in enumerate(hidden, t):
            total += np.sum(dy[:, s] * h * (used[:, s, None] if layer.zero_output_for_mask else 1))
        return float(total)

    found = np.zeros((n, steps, units))
    for t in range(steps):
        _, *states = one(walked[:, : t + 1], mask=used[:, : t + 1])
        for at in np.ndindex(n, units):
            values = []
            for sign in (1, -1):
                moved = [s.copy() for s in states]
                moved[0][at] += sign * step
                values.append(rest(t, moved))
            found[(at[0], t, at[1])] = (values[0] - values[1]) / (2 * step)
    return found


@pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM, L.GRU])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("masked", ["", "states", "zeros"])
@pytest.mark.parametrize("backwards", [False, True])
def test_gradients_in_hidden_states(
    rng: Any, kind: Any, sequences: bool, masked: str, backwards: bool
) -> None:
    layer = kind(3, dtype="float64", return_sequences=sequences, go_backwards=backwards,
                 zero_output_for_mask=masked == "zeros", dropout=0.4, recurrent_dropout=0.4)  # fmt: skip
    built(layer, 2, rng)
    x = rng.normal(size=(3, 5, 2))
    mask = None
    if masked:
        mask = rng.random((3, 5)) < 0.6
        mask[1, -1 if not backwards else 0] = False
        mask[2, -1 if not backwards else 0] = True
    y, hidden, kept = walk(layer, x, None if mask is None else mask.astype(float))
    np.testing.assert_allclose(y, layer(x, mask=mask), rtol=1e-12)
    np.testing.assert_allclose(hidden, inspect.rnn_states(layer, x, mask=mask), rtol=1e-12)
    dy = rng.normal(size=y.shape)
    dx, dhidden = walk_back(kept, dy)
    np.testing.assert_allclose(dhidden, differences(layer, x, mask, dy), rtol=1e-6, atol=1e-8)
    # the engine's own way back has the same gradient of the input
    tape = layer.walk(x, None, None if mask is None else mask.astype(float), False, keep=True)[2]
    np.testing.assert_allclose(dx, layer.walk_back(tape, dy)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["simple", "first", "forward_both", "backward_both", "gated"])
@pytest.mark.parametrize("loss", ["mse", ranvier.losses.MeanSquaredError(reduction="sum")])
def test_gradient_through_a_model(model: Any, rng: Any, name: str, loss: Any) -> None:
    """Of what is added to the hidden states after the fact; bias-like, so by central differences."""
    model.compile("sgd", loss)
    x, y = rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 2))
    got = inspect.gradient_through_time(model, x, y, name)
    want = np.linalg.norm(_model_differences(model, x, y, name), axis=2).mean(axis=0)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def _model_differences(model: Any, x: Any, y: Any, name: str, step: float = 1e-6) -> Any:
    """The gradient of each sample's own loss: outputs of layers by calls, one after the other."""
    inner = model.get_layer("inner").layers[0]
    both = model.get_layer("wrapped")
    place, layer = {
        "simple": (2, inner),
        "first": (3, model.layers[3]),
        "forward_both": (4, both.forward_layer),
        "backward_both": (4, both.backward_layer),
        "gated": (6, model.layers[6]),
    }[name]
    for own in model.layers[:place]:
        x = own(x)

    def outer(y: Any) -> Any:
        if layer is both.forward_layer:
            return both._merge(y, both.backward_layer(x))
        return both._merge(both.forward_layer(x), y) if layer is both.backward_layer else y

    def own_losses(moved_at: Any, amount: float) -> Any:
        """The layer's walk with one hidden state moved, then the rest of the model."""
        states = [np.zeros((len(x), n)) for n in layer.cells[0].state_sizes]
        outputs = []
        for s in range(x.shape[1]):
            t = x.shape[1] - 1 - s if layer.go_backwards else s
            _, states = layer.cell(x[:, t], states)
            states = [np.array(s) for s in states]
            if moved_at[1] == s:
                states[0][moved_at[0], moved_at[2]] += amount
            outputs.append(states[0])
        h = np.stack(outputs, 1) if layer.return_sequences else outputs[-1]
        h = outer(h)
        for own in model.layers[place + 1 :]:
            h = own(h)
        errors = (h - y) ** 2
        return (
            errors.sum(1)
            if model.loss != "mse" and model._loss.reduction == "sum"
            else errors.mean(1)
        )

    found = np.zeros((len(x), x.shape[1], layer.cells[0].units))
    for at in np.ndindex(found.shape):
        values = [own_losses(at, sign * step)[at[0]] for sign in (1, -1)]
        found[at] = (values[0] - values[1]) / (2 * step)
    if model._loss.reduction == "sum":  # Keras' MSE is a mean over the outputs, then summed
        found /= y.shape[1]
    return found


def test_the_size_does_not_depend_on_the_batch(model: Any, rng: Any) -> None:
    x, y = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 2))
    once = inspect.gradient_through_time(model, x, y)
    twice = inspect.gradient_through_time(model, np.concatenate([x, x]), np.concatenate([y, y]))
    np.testing.assert_allclose(once, twice, rtol=1e-12)


def test_nothing_of_the_model_changes(model: Any, rng: Any) -> None:
    x, y = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 2))
    model.fit(x, y, epochs=1, verbose=0)
    before = [w.copy() for w in model.get_weights()]
    want = model.predict(x, verbose=0)
    inspect.lstm_gates(model, x)
    inspect.gradient_through_time(model, x, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.predict(x, verbose=0), want)
    loss = model.fit(x, y, epochs=1, verbose=0).history["loss"][0]
    assert np.isfinite(loss)


def test_stateful_layers_begin_where_they_are_and_stay_there(rng: Any) -> None:
    model = ranvier.Sequential(
        [
            ranvier.Input(batch_shape=(2, 3, 1)),
            L.GRU(4, stateful=True, return_sequences=True),
            L.LSTM(3, stateful=True, name="second"),
            L.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    x = rng.normal(size=(2, 3, 1)).astype("float32")
    model.predict(x, verbose=0)
    states = [v.numpy() for v in model.layers[0].states + model.layers[1].states]
    got = inspect.lstm_gates(model, x)
    seen = inspect.rnn_states(model, x)
    inspect.gradient_through_time(model, x, np.ones((2, 1)))
    for a, b in zip(states, model.layers[0].states + model.layers[1].states, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
    # as the next prediction goes on
    first = model.layers[0](x)
    np.testing.assert_allclose(seen, first, rtol=1e-6)
    np.testing.assert_allclose(got.hidden[:, -1], model.layers[1](first), rtol=1e-5)
    with pytest.raises(ValueError, match="2 rows"):
        inspect.rnn_states(model, x[:1])


def test_masks_of_the_layers_before(rng: Any) -> None:
    if not hasattr(L, "Masking"):
        pytest.skip("no Masking yet")
    x = rng.normal(size=(3, 5, 2)).astype("float32")
    x[0, 3:] = x[1, :2] = 0
    mask = (x != 0).any(2)
    model = ranvier.Sequential([ranvier.Input((None, 2)), L.Masking(), L.LSTM(3), L.Dense(1)])
    model.compile("sgd", "mse")
    for a, b in zip(
        inspect.lstm_gates(model, x), inspect.lstm_gates(model.layers[1], x, mask=mask), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    got = inspect.gradient_through_time(model, x[:1], np.ones((1, 1)))
    short = inspect.gradient_through_time(model, x[:1, :3], np.ones((1, 1)))
    np.testing.assert_allclose(got[:3], short, rtol=1e-5)
    np.testing.assert_allclose(got[3:], short[-1], rtol=1e-5)


# -- what does not fit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m, x, y: inspect.lstm_gates(L.Dense(2), x), TypeError, "must be a Sequential or a recurrent layer; got <Dense"),
        (lambda m, x, y: inspect.rnn_states(None, x), TypeError, "`model` must be a Sequential"),
        (lambda m, x, y: inspect.lstm_gates(L.GRU(2, name="g"), x), ValueError, "must have an LSTM; it has GRU 'g'"),
        (lambda m, x, y: inspect.lstm_gates(m, x, "gated"), ValueError, "`layer` must be an LSTM in Sequential"),
        (lambda m, x, y: inspect.rnn_states(m, x, "last"), ValueError, "must be a recurrent layer of one cell"),
        (lambda m, x, y: inspect.rnn_states(m, x, "frist"), ValueError, "Did you mean 'first'"),
        (lambda m, x, y: inspect.rnn_states(m, x, 99), ValueError, "got index 99"),
        (lambda m, x, y: inspect.rnn_states(L.LSTM(2), x, "other"), ValueError, "`layer` must be"),
        (lambda m, x, y: inspect.rnn_states(L.RNN([L.LSTMCell(2), L.LSTMCell(2)]), x), ValueError, "of one cell"),
        (lambda m, x, y: inspect.rnn_states(m, x[..., :1]), ValueError, "expected input of shape"),
        (lambda m, x, y: inspect.rnn_states(m, x[:0]), ValueError, r"one sequence or more.*\(0, 4, 2\)"),
        (lambda m, x, y: inspect.lstm_gates(L.LSTM(2), np.ones((2, 0, 1))), ValueError, "of one step or more"),
        (lambda m, x, y: inspect.lstm_gates(L.LSTM(2), x[0]), ValueError, r"\(batch, steps, features\)"),
        (lambda m, x, y: inspect.rnn_states(m.get_layer("gated"), x), ValueError, r"GRU 'gated': expected input of shape \(batch, steps, 4\); got \(3, 4, 2\)"),
        (lambda m, x, y: inspect.rnn_states(ranvier.Sequential(), x), ValueError, "it has none"),
        (lambda m, x, y: inspect.lstm_gates(L.LSTM(2), x, mask=np.ones((3, 3))), ValueError, r"\(batch, steps\)"),
        (lambda m, x, y: inspect.lstm_gates(m, x, mask=np.ones((3, 4))), ValueError, "`mask` is for a recurrent layer alone"),
        (lambda m, x, y: inspect.lstm_gates(m, [["a"]]), TypeError, "must hold numbers"),
        (lambda m, x, y: inspect.gradient_through_time(L.LSTM(2), x, y), TypeError, "must be a compiled Sequential"),
        (lambda m, x, y: inspect.gradient_through_time(ranvier.Sequential([L.LSTM(2)]), x, y), ValueError, "call compile"),
        (lambda m, x, y: inspect.gradient_through_time(m, x, None), ValueError, "`y` is missing"),
        (lambda m, x, y: inspect.gradient_through_time(m, x, y[:1]), ValueError, "rows"),
        (lambda m, x, y: inspect.gradient_through_time(m, x[:0], y[:0]), ValueError, "are empty"),
        (lambda m, x, y: inspect.gradient_through_time(m, x, y, "norm"), ValueError, "a SimpleRNN, LSTM or GRU"),
    ],
)  # fmt: skip
def test_what_does_not_fit(model: Any, rng: Any, call: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(model, rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 2)))


def test_loaded_when_first_asked_for() -> None:
    code = (
        "import sys, ranvier\n"
        "assert 'ranvier.inspect' not in sys.modules\n"
        "assert 'inspect' in dir(ranvier)\n"
        "ranvier.inspect.rnn_states\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
