"""Three steps of small recurrent cells, worked out from the equations in plain Python floats.

One feature, two units; weights are named by gate, as in a lecture's slides: `w_u` from x to unit u,
`r[v][u]` from h_v to unit u, `b_u`. The results also check in which order gates lie in the weights.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from ranvier import layers, ops

X = [1.0, -0.5, 2.0]


class Gate(NamedTuple):
    w: tuple[float, float]
    r: tuple[tuple[float, float], tuple[float, float]]
    b: tuple[float, float]

    def sum(self, x: float, h: list[float], unit: int) -> float:
        """What goes into the activation."""
        return x * self.w[unit] + self.recurrent(h, unit) + self.b[unit]

    def recurrent(self, h: list[float], unit: int) -> float:
        return h[0] * self.r[0][unit] + h[1] * self.r[1][unit]


I = Gate((0.5, -0.3), ((0.1, 0.4), (-0.2, 0.6)), (0.1, 0.0))
F = Gate((-0.4, 0.2), ((0.3, -0.5), (0.7, 0.1)), (1.0, 1.0))
G = Gate((0.8, 0.6), ((-0.6, 0.2), (0.5, -0.1)), (0.0, -0.2))
O = Gate((0.3, -0.7), ((0.2, 0.9), (-0.8, 0.4)), (0.05, 0.3))
# b' of the GRU with reset_after, of its three gates
INNER = ((0.15, -0.25), (0.35, 0.05), (-0.45, 0.2))


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def weights(*gates: Gate) -> list[np.ndarray]:
    """kernel, recurrent kernel and bias: the gates beside each other."""
    return [
        np.array([[w for gate in gates for w in gate.w]]),
        np.array([[r for gate in gates for r in gate.r[v]] for v in range(2)]),
        np.array([b for gate in gates for b in gate.b]),
    ]


def simple_rnn() -> tuple[list[list[float]], list[list[float]]]:
    h, outputs = [0.0, 0.0], []
    for x in X:
        h = [math.tanh(G.sum(x, h, u)) for u in range(2)]
        outputs.append(h)
    return outputs, [h]


def lstm() -> tuple[list[list[float]], list[list[float]]]:
    h, c, outputs = [0.0, 0.0], [0.0, 0.0], []
    for x in X:
        i = [sigmoid(I.sum(x, h, u)) for u in range(2)]
        f = [sigmoid(F.sum(x, h, u)) for u in range(2)]
        g = [math.tanh(G.sum(x, h, u)) for u in range(2)]
        o = [sigmoid(O.sum(x, h, u)) for u in range(2)]
        c = [f[u] * c[u] + i[u] * g[u] for u in range(2)]
        h = [o[u] * math.tanh(c[u]) for u in range(2)]
        outputs.append(h)
    return outputs, [h, c]


def gru_reset_before() -> tuple[list[list[float]], list[list[float]]]:
    h, outputs = [0.0, 0.0], []
    for x in X:
        z = [sigmoid(I.sum(x, h, u)) for u in range(2)]
        r = [sigmoid(F.sum(x, h, u)) for u in range(2)]
        reset = [r[u] * h[u] for u in range(2)]
        g = [math.tanh(G.sum(x, reset, u)) for u in range(2)]
        h = [z[u] * h[u] + (1.0 - z[u]) * g[u] for u in range(2)]
        outputs.append(h)
    return outputs, [h]


def gru_reset_after() -> tuple[list[list[float]], list[list[float]]]:
    h, outputs = [0.0, 0.0], []
    for x in X:
        z = [sigmoid(I.sum(x, h, u) + INNER[0][u]) for u in range(2)]
        r = [sigmoid(F.sum(x, h, u) + INNER[1][u]) for u in range(2)]
        g = [
            math.tanh(x * G.w[u] + G.b[u] + r[u] * (G.recurrent(h, u) + INNER[2][u]))
            for u in range(2)
        ]
        h = [z[u] * h[u] + (1.0 - z[u]) * g[u] for u in range(2)]
        outputs.append(h)
    return outputs, [h]


def _after() -> list[np.ndarray]:
    kernel, recurrent, bias = weights(I, F, G)
    return [kernel, recurrent, np.stack([bias, np.ravel(INNER)])]


# by the equations; op and layer; weights; arguments
CASES = {
    "simple_rnn": (simple_rnn, ops.simple_rnn, layers.SimpleRNN, weights(G), {}),
    "lstm": (lstm, ops.lstm, layers.LSTM, weights(I, F, G, O), {}),
    "gru_reset_before": (
        gru_reset_before, ops.gru, layers.GRU, weights(I, F, G), {"reset_after": False},
    ),
    "gru_reset_after": (gru_reset_after, ops.gru, layers.GRU, _after(), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_equations(name: str) -> None:
    equations, op, layer_class, values, arguments = CASES[name]
    outputs, states = equations()
    x = np.array(X).reshape(1, 3, 1)
    layer = layer_class(2, return_sequences=True, return_state=True, dtype="float64", **arguments)
    layer.build(x.shape)
    layer.set_weights(values)
    for y, *last in (op(x, *values, **arguments), layer(x)):
        assert y.dtype == np.float64
        np.testing.assert_allclose(y, [outputs], rtol=0, atol=1e-12)
        for state, wanted in zip(last, states, strict=True):
            np.testing.assert_allclose(state, [wanted], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_step_by_step(name: str) -> None:
    equations, op, _, values, arguments = CASES[name]
    outputs, states = equations()
    last = None
    for x, wanted in zip(X, outputs, strict=True):
        y, *given = op(np.array([[[x]]]), *values, initial_state=last, **arguments)
        np.testing.assert_allclose(y[0, 0], wanted, rtol=0, atol=1e-12)
        last = tuple(given) if len(given) == 2 else given[0]
    np.testing.assert_allclose(np.reshape(last, (-1, 2)), states, rtol=0, atol=1e-12)
