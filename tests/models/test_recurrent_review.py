"""What a hostile reader of the recurrent layers found: each of these once went wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


class Decay(L.Layer):
    """h = rate h' + x, one rate a unit."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.rate = self.add_weight((self.state_size,), initializer="ones", name="rate")

    def forward(self, x: Any, states: Any, training: bool = False) -> Any:  # type: ignore[override]
        h = self.rate.value * states[0] + x
        return h, [h], states[0]

    def backward(self, cache: Any, dy: Any, dstates: Any) -> Any:  # type: ignore[override]
        d = dy + dstates[0]
        return d, [self.rate.value * d], [(d * cache).sum(axis=0)]


def shared(kind: str) -> list[L.Layer]:
    cell, dense = L.SimpleRNNCell(2), L.Dense(2)
    return {
        "cell in two layers": [L.RNN(cell, return_sequences=True), L.RNN(cell)],
        "cell in a stack": [L.RNN([cell, cell])],
        "layer in a wrapper": [L.TimeDistributed(dense), dense],
        "layer in a model": [ranvier.Sequential([dense]), dense],
    }[kind]


@pytest.mark.parametrize(
    "kind", ["cell in two layers", "cell in a stack", "layer in a wrapper", "layer in a model"]
)
def test_a_layer_has_one_place_in_a_model(kind: str) -> None:
    model = ranvier.Sequential([L.Input((3, 2)), *shared(kind)])
    with pytest.raises(ValueError, match="may have one place only"):
        model(np.ones((1, 3, 2), "float32"))


def test_the_gradient_of_a_users_cell_is_that_of_the_states_it_began_with() -> None:
    layer = L.RNN(Decay(), stateful=True)
    layer.ensure_built((1, 2, 3))
    layer.reset_states([np.full((1, 3), 5.0)])
    _, kept = layer.forward(np.ones((1, 2, 3), "float32"), True)
    _, (gradient,) = layer.backward(kept, np.ones((1, 3), "float32"))
    # h2 = r (5 r + 1) + 1, so dh2 / dr = 10 r + 1
    np.testing.assert_array_equal(gradient, [11, 11, 11])


def test_bidirectional_refuses_what_it_would_drop() -> None:
    with pytest.raises(ValueError, match=r"Bidirectional .*`activity_regularizer` belongs to"):
        L.Bidirectional(L.LSTM(4, activity_regularizer="l2"))
    with pytest.raises(
        ValueError, match=r"Bidirectional .*`dtype` must be .* float64; got float32"
    ):
        L.Bidirectional(L.LSTM(4, dtype="float64"), dtype="float32")


def test_steps_written_anew_are_taken(rng: np.random.Generator) -> None:
    class Larger(L.SimpleRNNCell):
        def forward(self, x: Any, states: Any, training: bool = False, stream: int = 0) -> Any:
            y, after, cache = super().forward(x, states, training, stream)
            return 100 * y, after, cache

    x = rng.normal(size=(2, 1, 3)).astype("float32")
    cell = Larger(4)
    np.testing.assert_allclose(L.RNN(cell)(x), cell(x[:, 0])[0], rtol=1e-6)

    class Twice(L.Dense):
        def forward(self, x: Any, training: bool = False) -> Any:
            return 2 * (x @ self.kernel.value), None

    dense = Twice(4)
    model = ranvier.Sequential([L.Input((3,)), dense])
    np.testing.assert_allclose(model(x[:, 0]), 2 * x[:, 0] @ dense.kernel.value, rtol=1e-5)


@pytest.mark.parametrize("nested", [False, True])
def test_a_stateful_model_comes_back_from_its_config(nested: bool) -> None:
    if nested:
        inner = ranvier.Sequential([L.RNN(L.LSTMCell(3), stateful=True)])
        model = ranvier.Sequential([L.Input(batch_shape=(2, None, 3)), inner])
    else:
        model = ranvier.Sequential([L.LSTM(2, stateful=True)])
        model.build((2, 3, 3))
    again = ranvier.Sequential.from_config(model.get_config())
    x = np.ones((2, 3, 3), "float32")
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(x), again(x))


def test_what_cannot_be_inside_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"TimeDistributed .*LSTMCell '"):
        L.TimeDistributed(L.LSTMCell(2))
    with pytest.raises(ValueError, match=r"TimeDistributed .*LSTM '.*`return_state`"):
        L.TimeDistributed(L.LSTM(2, return_state=True))
    with pytest.raises(ValueError, match="cannot hold a StackedRNNCells"):
        L.RNN([L.StackedRNNCells([L.LSTMCell(2)]), L.GRUCell(2)])
    with pytest.raises(ValueError, match=r"Masking .*`mask_value` must be a number"):
        L.Masking(10**400)
    model = ranvier.Sequential([L.Input((None, 3)), L.RNN(Decay(), name="decay")])
    with pytest.raises(ValueError, match="RNN 'decay': expected input"):
        model.predict(np.zeros((2, 0, 3)), verbose=0)
    with pytest.raises(MemoryError, match="LSTM 'huge': cannot allocate states"):
        ranvier.Sequential(
            [L.Input(batch_shape=(2**50, None, 2)), L.LSTM(3, stateful=True, name="huge")]
        )
