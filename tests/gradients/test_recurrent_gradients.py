"""Backward passes through time against central differences in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.testing import check_gradients

# Those whose derivative reads the input (gelu, silu, softsign) beside those that read the output.
SMOOTH = ["tanh", "sigmoid", "linear", "gelu", "silu", "softsign", "softplus", "elu", "selu"]
KINDS = [
    (L.SimpleRNN, {}),
    (L.LSTM, {}),
    (L.GRU, {"reset_after": True}),
    (L.GRU, {"reset_after": False}),
]
D: dict[str, Any] = {"dtype": "float64"}


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize(("kind", "arguments"), KINDS, ids=lambda v: str(v))
def test_activations(kind: Any, arguments: Any, activation: str, rng: np.random.Generator) -> None:
    layer = kind(3, activation=activation, **arguments, **D)
    check_gradients(layer, 0.7 * rng.normal(size=(3, 5, 2)), tolerance=1e-7)


@pytest.mark.parametrize("gates", ["gelu", "silu", "softsign", "tanh", "linear"])
@pytest.mark.parametrize(("kind", "arguments"), KINDS[1:], ids=lambda v: str(v))
def test_activations_of_gates(
    kind: Any, arguments: Any, gates: str, rng: np.random.Generator
) -> None:
    layer = kind(3, recurrent_activation=gates, **arguments, return_sequences=True, **D)
    check_gradients(layer, 0.7 * rng.normal(size=(3, 4, 2)), tolerance=1e-7)


LAYERS: list[tuple[tuple[int, ...], Any]] = [
    ((2, 1, 3), lambda: L.LSTM(4, **D)),
    ((1, 6, 1), lambda: L.GRU(1, return_sequences=True, go_backwards=True, **D)),
    ((35, 3, 2), lambda: L.GRU(17, return_sequences=True, **D)),
    ((3, 4, 20), lambda: L.LSTM(9, use_bias=False, go_backwards=True, **D)),
    ((2, 30, 2), lambda: L.LSTM(3, **D)),
    ((2, 30, 2), lambda: L.GRU(3, reset_after=False, **D)),
    ((3, 4, 2), lambda: L.SimpleRNN(3, activity_regularizer="l2", return_sequences=True, **D)),
    ((3, 4, 2), lambda: L.LSTM(5, dropout=0.4, recurrent_dropout=0.3, seed=1, **D)),
    ((3, 4, 2), lambda: L.GRU(5, dropout=0.4, recurrent_dropout=0.3, seed=1, **D)),
    ((3, 4, 2), lambda: L.GRU(5, recurrent_dropout=0.3, reset_after=False, seed=1, **D)),
    ((3, 4, 2), lambda: L.SimpleRNN(5, dropout=0.4, recurrent_dropout=0.3, seed=1, **D)),
    ((2, 5, 3), lambda: L.RNN([L.LSTMCell(4, **D), L.GRUCell(3, **D)], **D)),
    ((2, 5, 3), lambda: L.RNN([L.GRUCell(4, **D), L.SimpleRNNCell(3, **D)], True,
                              go_backwards=True, **D)),
    *[((2, 4, 3), lambda m=m: L.Bidirectional(L.LSTM(3, return_sequences=True, **D), m))
      for m in ("concat", "sum", "mul", "ave")],
    *[((2, 4, 3), lambda m=m: L.Bidirectional(L.GRU(3, **D), m))
      for m in ("concat", "sum", "mul", "ave")],
    ((2, 4, 3), lambda: L.Bidirectional(
        L.SimpleRNN(3, return_sequences=True, **D),
        backward_layer=L.GRU(3, return_sequences=True, go_backwards=True, **D))),
    ((2, 4, 3), lambda: L.Bidirectional(  # of two widths: each direction by itself
        L.SimpleRNN(3, **D), backward_layer=L.LSTM(2, go_backwards=True, **D))),
    ((2, 4, 3), lambda: L.Bidirectional(
        L.RNN([L.GRUCell(2, **D), L.LSTMCell(3, **D)], return_sequences=True, **D), "mul")),
    ((2, 4, 3), lambda: L.Bidirectional(L.LSTM(4, dropout=0.4, recurrent_dropout=0.4, seed=2, **D))),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "make"), LAYERS, ids=range(len(LAYERS)))
def test_layer(shape: tuple[int, ...], make: Any, rng: np.random.Generator) -> None:
    check_gradients(make(), rng.normal(size=shape), tolerance=1e-7, samples=60)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize(("kind", "arguments"), KINDS, ids=lambda v: str(v))
def test_first_states_and_last_states_with_a_mask(
    kind: Any, arguments: Any, zero: bool, rng: np.random.Generator
) -> None:
    layer = kind(3, return_sequences=True, zero_output_for_mask=zero, **arguments, **D)
    x = rng.normal(size=(4, 5, 2))
    mask = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], float)
    layer.build(x.shape)
    count = 2 if kind is L.LSTM else 1
    states = [rng.normal(size=(4, 3)) for _ in range(count)]
    r = [rng.normal(size=(4, 5, 3)), *(rng.normal(size=(4, 3)) for _ in range(count))]

    def value(first: list[np.ndarray]) -> tuple[float, Any]:
        y, last, kept = layer.walk(x, first, mask, False, keep=True)
        total = sum(float(np.sum(a * b)) for a, b in zip([y, *last], r, strict=True))
        return total, layer.walk_back(kept, r[0], r[1:])[1]

    for i in range(count):

        def of_one(state: np.ndarray, i: int = i) -> tuple[float, np.ndarray]:
            total, gradients = value([state if k == i else s for k, s in enumerate(states)])
            return total, gradients[i]

        check_gradients(of_one, states[i], tolerance=1e-7)

    def of_input(given: np.ndarray) -> tuple[float, np.ndarray]:
        y, last, kept = layer.walk(given, states, mask, False, keep=True)
        total = sum(float(np.sum(a * b)) for a, b in zip([y, *last], r, strict=True))
        return total, layer.walk_back(kept, r[0], r[1:])[0]

    check_gradients(of_input, x, tolerance=1e-7)


class Leaky(L.Layer):
    """A cell of the user's, with two states of two sizes: `h = a tanh(x W + h' R) + m'[0]`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, 1]

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1], self.units), name="w")
        self.r = self.add_weight((self.units, self.units), name="r")
        self.a = self.add_weight((self.units,), initializer="ones", name="a")

    def forward(self, x: Any, states: Any, training: bool = False) -> Any:  # type: ignore[override]
        h, m = states
        t = np.tanh(x @ self.w.value + h @ self.r.value)
        y = self.a.value * t + m
        return y, [y, 0.5 * m + np.mean(t, 1, keepdims=True)], (x, h, t)

    def backward(self, cache: Any, dy: Any, dstates: Any) -> Any:  # type: ignore[override]
        x, h, t = cache
        dh, dm = dstates
        d = dy + dh
        da = np.sum(d * t, 0)
        dz = (d * self.a.value + dm / self.units) * (1 - t * t)
        before = [dz @ self.r.value.T, 0.5 * dm + np.sum(d, 1, keepdims=True)]
        return dz @ self.w.value.T, before, [x.T @ dz, h.T @ dz, da]


USERS: list[Any] = [
    lambda: L.RNN(Leaky(3, **D), **D),
    lambda: L.RNN(Leaky(3, **D), return_sequences=True, go_backwards=True, **D),
    lambda: L.RNN([L.LSTMCell(2, **D), Leaky(3, **D), L.GRUCell(2, **D)], **D),
    lambda: L.Bidirectional(L.RNN([Leaky(3, **D)], return_sequences=True, **D), "mul"),
]


@pytest.fixture(autouse=True)
def _known() -> Any:
    with ranvier.saving.custom_object_scope({"Leaky": Leaky}):
        yield


@pytest.mark.parametrize("make", USERS, ids=range(len(USERS)))
def test_a_cell_of_the_users(make: Any, rng: np.random.Generator) -> None:
    check_gradients(make(), rng.normal(size=(3, 5, 2)), tolerance=1e-7)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_a_cell_of_the_users_with_a_mask(
    zero: bool, sequences: bool, rng: np.random.Generator
) -> None:
    layer = L.RNN(Leaky(3, **D), sequences, zero_output_for_mask=zero, **D)
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]], float)
    x = rng.normal(size=(3, 4, 2))
    states = [rng.normal(size=(3, n)) for n in (3, 1)]
    layer.build(x.shape)
    r = rng.normal(size=(3, 4, 3) if sequences else (3, 3))
    dlast = [rng.normal(size=s.shape) for s in states]

    def run(x: Any, states: Any) -> tuple[float, Any]:
        y, last, kept = layer.walk(x, states, mask, False, keep=True)
        total = np.sum(y * r) + sum(np.sum(a * b) for a, b in zip(last, dlast, strict=True))
        return float(total), layer.walk_back(kept, r, dlast)

    def of_input(x: Any) -> Any:
        total, (dx, *_) = run(x, states)
        return total, dx

    check_gradients(of_input, x, tolerance=1e-7)
    for i in (0, 1):

        def of_state(s: Any, i: int = i) -> Any:
            total, (_, dstates, _) = run(x, [s if k == i else a for k, a in enumerate(states)])
            return total, dstates[i]

        check_gradients(of_state, states[i], tolerance=1e-7)
    for i, variable in enumerate(layer.cell.weights):

        def of_weight(w: Any, i: int = i, variable: Any = variable) -> Any:
            variable.assign(w)
            total, (_, _, gradients) = run(x, states)
            return total, gradients[i]

        check_gradients(of_weight, variable.numpy(), tolerance=1e-7)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_whole_network(dropout: float, rng: np.random.Generator) -> None:
    # a model with a Python layer draws new patterns at each pass
    users = [] if dropout else [L.RNN(Leaky(4, **D), return_sequences=True, **D)]
    model = ranvier.Sequential([
        ranvier.Input((7, 3), dtype="float64"),
        L.Conv1D(4, 3, padding="causal", activation="tanh", **D),
        L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=dropout, seed=1, **D)),
        *users,
        L.RNN([L.GRUCell(3, **D), L.LSTMCell(2, **D)], return_sequences=True, **D),
        L.GRU(3, recurrent_dropout=dropout, seed=2, **D),
        L.Dense(2, activation="softmax", **D),
    ])  # fmt: skip
    check_gradients(model, rng.normal(size=(3, 7, 3)), tolerance=1e-7)
