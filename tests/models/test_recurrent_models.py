"""Recurrent layers in models: lengths, states, dropout, threads, long sequences."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

KINDS = [L.SimpleRNN, L.LSTM, L.GRU]
Threads = Any


def data(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def sequences(*layers: Any, shape: tuple[Any, ...] = (None, 1)) -> ranvier.Sequential:
    return ranvier.Sequential([ranvier.Input(shape), *layers])


# -- lengths ------------------------------------------------------------------------------------


def test_one_model_for_sequences_of_all_lengths(rng: np.random.Generator) -> None:
    model = sequences(L.Bidirectional(L.LSTM(4, return_sequences=True)), L.GRU(3), L.Dense(1))
    model.compile("sgd", "mse")
    assert model.layers[0].compute_output_shape((None, None, 1)) == (None, None, 8)
    weights = model.get_weights()
    for steps in (5, 2, 9, 1, 5):
        x = data(rng, 4, steps, 1)
        fixed = sequences(
            L.Bidirectional(L.LSTM(4, return_sequences=True)), L.GRU(3), L.Dense(1),
            shape=(steps, 1),
        )  # fmt: skip
        fixed.set_weights(weights)
        assert np.array_equal(model(x), fixed(x))
        assert np.array_equal(model.predict(x, verbose=0), fixed(x))
        fixed.compile("sgd", "mse")
        for one in (model, fixed):
            one.train_on_batch(x, np.ones((4, 1)))
        weights = model.get_weights()
        for a, b in zip(weights, fixed.get_weights(), strict=True):
            assert np.array_equal(a, b)


LENGTHS = """
import resource
import numpy as np, ranvier
from ranvier import layers as L

model = ranvier.Sequential([
    L.Input((None, 4)), L.Bidirectional(L.LSTM(32, return_sequences=True)), L.GRU(32), L.Dense(1),
])
model.compile("adam", "mse")

def held():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * resource.getpagesize()

def turn():
    for steps in range(1, 121):
        x = np.ones((16, steps, 4), "float32")
        model.train_on_batch(x, np.zeros((16, 1)))
        model.predict(x, verbose=0)

turn()
before = held()
turn()
turn()
print(held() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_lengths_seen() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LENGTHS], capture_output=True, text=True, check=True, env=os.environ
    )
    assert int(told.stdout.split()[-1]) < 4_000_000


# -- states ---------------------------------------------------------------------------------------


class Running(L.Layer):
    """A cell in NumPy: what it has seen so far, faded."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def forward(self, x: Any, states: Any, training: bool = False) -> Any:  # type: ignore[override]
        y = 0.5 * states[0] + x @ self.kernel.value
        return y, [y], x

    def backward(self, cache: Any, dy: Any, dstates: Any) -> Any:  # type: ignore[override]
        d = dy + dstates[0]
        return d @ self.kernel.value.T, [0.5 * d], [cache.T @ d]


STATEFUL: list[Any] = [
    *[lambda kind=kind, **kw: kind(4, **kw) for kind in KINDS],
    lambda **kw: L.RNN([L.LSTMCell(4), L.GRUCell(3)], **kw),
    lambda **kw: L.RNN(Running(), **kw),
    lambda **kw: L.RNN([L.GRUCell(2), Running()], **kw),
]


@pytest.mark.parametrize("make", STATEFUL, ids=range(len(STATEFUL)))
def test_pieces_of_a_stateful_model_make_up_the_whole(make: Any, rng: np.random.Generator) -> None:
    x = data(rng, 3, 12, 2)
    whole = make(return_sequences=True)
    expected = whole(x)
    model = ranvier.Sequential([
        ranvier.Input(batch_shape=(3, None, 2)), make(return_sequences=True, stateful=True)
    ])  # fmt: skip
    model.set_weights(whole.get_weights())
    for again in range(2):
        parts = [model(x[:, a:b]) for a, b in ((0, 5), (5, 6), (6, 12))]
        np.testing.assert_allclose(np.concatenate(parts, 1), expected, rtol=1e-5, atol=1e-6)
        if again == 0:
            assert any(np.any(v.value) for v in model.layers[0].states)
            model.reset_states()
            assert not any(np.any(v.value) for v in model.layers[0].states)


@pytest.mark.parametrize("make", STATEFUL, ids=range(len(STATEFUL)))
def test_predict_takes_batches_of_the_states_rows_in_turn(
    make: Any, rng: np.random.Generator
) -> None:
    x = data(rng, 9, 4, 2)
    model = ranvier.Sequential([
        ranvier.Input(batch_shape=(3, 4, 2)), make(stateful=True), L.Dense(1)
    ])  # fmt: skip
    expected = np.concatenate([model(x[i : i + 3]) for i in (0, 3, 6)])
    for arguments in ({}, {"batch_size": 3}, {"batch_size": 3, "verbose": 2}):
        model.reset_states()
        got = model.predict(x, **{"verbose": 0, **arguments})
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    model.reset_states()
    loss = model.evaluate(x, np.zeros((9, 1)), batch_size=3, verbose=0)
    np.testing.assert_allclose(loss, np.mean(expected**2), rtol=1e-5)


@pytest.mark.parametrize("make", STATEFUL, ids=range(len(STATEFUL)))
def test_fit_of_a_stateful_model_carries_states_from_batch_to_batch(
    make: Any, rng: np.random.Generator
) -> None:
    """Without learning, the last states are those of all pieces seen."""
    x = data(rng, 12, 4, 2)
    model = ranvier.Sequential([
        ranvier.Input(batch_shape=(3, 4, 2)), make(stateful=True), L.Dense(1)
    ])  # fmt: skip
    model.compile(ranvier.optimizers.SGD(0.0), "mse")
    for i in range(0, 12, 3):
        model(x[i : i + 3])
    expected = [v.numpy() for v in model.layers[0].states]
    model.reset_states()
    model.fit(x, np.zeros((12, 1)), batch_size=3, shuffle=False, verbose=0)
    for a, b in zip(model.layers[0].states, expected, strict=True):
        np.testing.assert_allclose(a.value, b, rtol=1e-5, atol=1e-6)
        assert not a.trainable


@pytest.mark.parametrize("make", STATEFUL, ids=range(len(STATEFUL)))
def test_a_stateful_model_refuses_other_batch_sizes(make: Any, rng: np.random.Generator) -> None:
    layer = make(stateful=True)
    model = ranvier.Sequential([ranvier.Input(batch_shape=(3, 4, 2)), layer])
    model.compile("sgd", "mse")
    wanted = rf"{type(layer).__name__} '{layer.name}': a stateful layer expects batches of the 3 "
    y = np.zeros(model.predict(data(rng, 3, 4, 2), verbose=0).shape)
    for call in (
        lambda: model(data(rng, 4, 4, 2)),
        lambda: model(data(rng, 6, 4, 2)),  # two batches
        lambda: model(data(rng, 6, 4, 2).astype("float64")),
        lambda: model.predict(data(rng, 4, 4, 2), verbose=0),
        lambda: model.train_on_batch(data(rng, 2, 4, 2), y[:2]),
        lambda: layer(data(rng, 2, 4, 2)),
    ):
        with pytest.raises(ValueError, match=wanted):
            call()
    with pytest.raises(ValueError, match="`stateful` needs a fixed batch size"):
        sequences(make(stateful=True), shape=(4, 2))


def test_states_can_be_set(rng: np.random.Generator) -> None:
    layer = L.LSTM(3, stateful=True)
    x, states = data(rng, 2, 4, 5), [data(rng, 2, 3), data(rng, 2, 3)]
    layer.build(x.shape)
    layer.reset_states(states)
    plain = L.LSTM(3)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    assert np.array_equal(layer(x), plain(x, initial_state=states))


# -- dropout --------------------------------------------------------------------------------------

DROPPED = [{"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.3, "recurrent_dropout": 0.3}]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shares", DROPPED, ids=str)
def test_dropout_only_in_training_and_by_the_seed(
    kind: Any, shares: Any, rng: np.random.Generator
) -> None:
    x = data(rng, 6, 5, 4)
    plain = kind(8)
    plain.build(x.shape)

    def outputs(seed: int, wrap: bool) -> list[np.ndarray]:
        layer = kind(8, **shares, seed=seed)
        layer.build(x.shape)
        layer.set_weights(plain.get_weights())
        model = sequences(layer, shape=(5, 4)) if wrap else layer
        np.testing.assert_allclose(model(x), plain(x), rtol=1e-5, atol=1e-6)
        return [np.array(model(x, training=True)) for _ in range(2)]

    for wrap in (False, True):
        first, again, other = outputs(3, wrap), outputs(3, wrap), outputs(4, wrap)
        assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
        assert not np.allclose(first[0], first[1])  # new patterns at each call
        assert not np.allclose(first[0], other[0])
        assert not np.allclose(first[0], plain(x))


def test_one_pattern_over_all_steps_and_its_mean() -> None:
    """h_t = h_(t-1) + x_t with x = 1: t times the same pattern, whose mean is 1."""
    layer = L.SimpleRNN(
        64, "linear", dropout=0.25, return_sequences=True, seed=1, kernel_initializer="identity",
        recurrent_initializer="identity",
    )  # fmt: skip
    y = layer(np.ones((200, 5, 64), "float32"), training=True)
    kept = y[:, 0] != 0
    np.testing.assert_allclose(y[:, 0][kept], 1 / 0.75, rtol=1e-6)
    np.testing.assert_allclose(y, y[:, :1] * np.arange(1, 6)[:, None], rtol=1e-5)
    assert abs(kept.mean() - 0.75) < 0.02
    assert len({row.tobytes() for row in kept}) == 200  # a pattern a row


def test_one_recurrent_pattern_over_all_steps_and_its_mean() -> None:
    """h_t = m h_(t-1), h_0 = 1: powers of the same pattern."""
    layer = L.SimpleRNN(
        64, "linear", recurrent_dropout=0.25, return_sequences=True, seed=1,
        kernel_initializer="zeros", recurrent_initializer="identity",
    )  # fmt: skip
    x = np.zeros((200, 3, 2), "float32")
    y = layer(x, initial_state=[np.ones((200, 64))], training=True)
    kept = y[:, 0] != 0
    assert abs(kept.mean() - 0.75) < 0.02
    for t in range(3):
        np.testing.assert_allclose(y[:, t], kept * (1 / 0.75) ** (t + 1), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_dropped(kind: Any, rng: np.random.Generator) -> None:
    """Keras drops nothing then; here nothing of x is left."""
    layer = kind(4, dropout=1.0)
    x = data(rng, 3, 5, 2)
    y = layer(x, training=True)
    assert np.isfinite(y).all()
    assert np.array_equal(y, layer(np.zeros_like(x)))


@pytest.mark.parametrize("kind", KINDS)
def test_no_dropout_in_the_backward_pass_of_one_without_training(
    kind: Any, rng: np.random.Generator
) -> None:
    x, dy = data(rng, 3, 4, 2), data(rng, 3, 5)
    gradients: list[list[np.ndarray]] = []
    weights = None
    for shares in ({}, {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 1}):
        layer = kind(5, **shares)
        layer.build(x.shape)
        weights = weights or layer.get_weights()
        layer.set_weights(weights)
        _, _, kept = layer.walk(x, None, None, False, keep=True)
        dx, _, dw = layer.walk_back(kept, dy)
        gradients.append([dx, *dw])
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# -- threads --------------------------------------------------------------------------------------

STACKS: list[Any] = [
    *[lambda kind=kind: [kind(33, return_sequences=True), kind(7)] for kind in KINDS],
    lambda: [L.GRU(20, reset_after=False, dropout=0.2, recurrent_dropout=0.2, seed=1)],
    lambda: [L.Bidirectional(L.LSTM(17, return_sequences=True)), L.Bidirectional(L.GRU(5), "mul")],
    lambda: [L.RNN([L.LSTMCell(9), L.GRUCell(18)])],
]


@pytest.mark.parametrize("batch", [1, 2, 3, 33])
@pytest.mark.parametrize("stack", range(len(STACKS)))
def test_the_same_bits_for_any_number_of_threads(
    stack: int, batch: int, threads: Threads, rng: np.random.Generator
) -> None:
    x, y = data(rng, 3 * batch, 20, 16), data(rng, 3 * batch, 2)
    found = []
    for n in (1, 2, 3):
        threads(n)
        ranvier.utils.set_random_seed(5)
        model = sequences(*STACKS[stack](), L.Dense(2), shape=(20, 16))
        model.compile("adam", "mse")
        results = [np.array(model(x[:batch])), model.predict(x, verbose=0)]
        net = model.network()
        out, tape = net.forward(x[:batch], 3, want_input_gradient=True)
        results += [out.copy(), np.array(net.backward(tape, np.ones_like(out)))]
        results.append(net.gradient.copy())
        model.fit(x, y, batch_size=batch, epochs=2, verbose=0)
        found.append(results + model.get_weights())
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("stack", range(len(STACKS)))
def test_several_threads_predict_at_once(stack: int, rng: np.random.Generator) -> None:
    model = sequences(*STACKS[stack](), shape=(None, 16))
    inputs = [data(rng, rows, steps, 16) for rows, steps in ((1, 3), (33, 20), (2, 7), (8, 1))]
    expected = [model.predict(x, verbose=0) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: model.predict(inputs[i % 4], verbose=0), range(80)))
    assert all(np.array_equal(y, expected[i % 4]) for i, y in enumerate(found))


# -- long sequences -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_thousand_steps(kind: Any, scale: float, rng: np.random.Generator) -> None:
    x = rng.normal(scale=scale, size=(2, 1000, 3))
    models = []
    for dtype in ("float64", "float32"):
        layer = kind(16, return_sequences=True, dtype=dtype)
        models.append(ranvier.Sequential([ranvier.Input((None, 3), dtype=dtype), layer]))
    models[1].set_weights(models[0].get_weights())
    r = rng.normal(size=(2, 1000, 16))
    found = []
    for model, dtype in zip(models, ("float64", "float32"), strict=True):
        net = model.network()
        y, tape = net.forward(x.astype(dtype), 0, want_input_gradient=True)
        y = y.copy()
        dx = np.array(net.backward(tape, r.astype(dtype)))
        found.append([y, dx, net.gradient.copy()[: sum(v.size for v in model.weights)]])
    for a, b in zip(found[1], found[0], strict=True):
        assert np.isfinite(a).all()
        if scale == 1.0 or kind is not L.SimpleRNN:  # (which is near chaos there)
            np.testing.assert_allclose(a, b, rtol=0, atol=2e-3 * np.abs(b).max())
