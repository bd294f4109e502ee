"""Gates, states and gradients of recurrent layers, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier.inspect._find import Place, place_of
from ranvier.inspect._probe import Probe, require_rows, seen_by, states_kept
from ranvier.inspect._walk import first_states, steps_used, walk
from ranvier.layers._recurrent import walk_forward
from ranvier.layers.cells import NativeCell
from ranvier.models import Sequential
from ranvier.models.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers import Bidirectional, Layer
    from ranvier.layers.rnn import RNN

    Array = NDArray[Any]

# The engine's cache has each of its parts rounded up to so many elements (csrc/rnn/layout.hpp).
_UNIT = 16


class LSTMGates(NamedTuple):
    """What an LSTM computes at each step, each an array (N, T, units)."""

    forget: NDArray[Any]
    input: NDArray[Any]
    candidate: NDArray[Any]
    output: NDArray[Any]
    cell: NDArray[Any]
    hidden: NDArray[Any]


def lstm_gates(
    model: Sequential | RNN | Bidirectional,
    x: Any,
    layer: Layer | str | int | None = None,
    *,
    mask: Any = None,
) -> LSTMGates:
    """The gates and states of an LSTM at every step:
    `c_t = f_t c_(t-1) + i_t c~_t`, `h_t = o_t tanh(c_t)`.

    The numbers are the engine's own. The layers before it run as in `predict`; stateful layers
    begin with the states that they have, and keep them.

    Args:
        model: a Sequential with an LSTM in it, or an LSTM alone.
        x: sequences as the model takes them; (N, T, F) for a layer alone.
        layer: the LSTM: itself, its name or its place; one of the two in a Bidirectional by itself
            or its name. None for the first in the model.
        mask: (N, T), False where a step is skipped; only for a layer alone.

    Returns:
        `LSTMGates`: forget f, input i, candidate c~, output o, cell c and hidden h, each
        (N, T, units) of the model's dtype. Steps are in the order in which the layer walks: with
        `go_backwards` the first is x's last. Gates of a skipped step are NaN, its states as before.

    Raises:
        TypeError: `model` is neither a Sequential nor a recurrent layer.
        ValueError: there is no (such) LSTM, or `x` does not fit or is empty.

    Reference: Hochreiter & Schmidhuber, Neural Computation 9 (1997); Gers et al. (2000).

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential([ranvier.Input((None, 1)), layers.LSTM(3), layers.Dense(1)])
    >>> gates = ranvier.inspect.lstm_gates(model, np.ones((2, 7, 1)))
    >>> gates.cell.shape, bool(((gates.forget > 0) & (gates.forget < 1)).all())
    ((2, 7, 3), True)
    """
    place = place_of("lstm_gates", model, layer, "lstm")
    given, used = seen_by("lstm_gates", model, place, x, mask)
    lstm = place.layer
    states = first_states(lstm, given)
    _, _, tape = walk_forward(lstm.cells[0], lstm.walks()[0], given, states, used, keep=True)
    assert tape is not None
    return _decoded(tape.cache, given.shape, lstm.cells[0].units, steps_used(lstm, used))


def _decoded(cache: Array, shape: tuple[int, ...], units: int, used: Array | None) -> LSTMGates:
    """The cache, which lies time-major: h, c, act(c) and the gates i, f, c~, o."""
    rows, steps = shape[:2]
    at = 0

    def take(of_steps: int, columns: int) -> Array:
        nonlocal at
        n = of_steps * rows * columns
        part = cache[at : at + n].reshape(of_steps, rows, columns)
        at += -(-n // _UNIT) * _UNIT
        return np.ascontiguousarray(np.swapaxes(part, 0, 1))

    hidden, cell = take(steps + 1, units)[:, 1:], take(steps + 1, units)[:, 1:]
    take(steps, units)
    gates = take(steps, 4 * units)
    if used is not None:
        gates = np.where(used[:, :, None], gates, gates.dtype.type(np.nan))
    i, f, candidate, o = (gates[:, :, k * units : (k + 1) * units].copy() for k in range(4))
    return LSTMGates(f, i, candidate, o, cell.copy(), hidden.copy())


def rnn_states(
    model: Sequential | RNN | Bidirectional,
    x: Any,
    layer: Layer | str | int | None = None,
    *,
    mask: Any = None,
) -> Array:
    """The hidden state of a recurrent layer after every step.

    Args:
        model, x, layer, mask: as `lstm_gates` takes them; the layer may be a SimpleRNN, GRU,
            LSTM or an `RNN` of one cell, also of your own (its first state is taken).

    Returns:
        Array (N, T, units) of the model's dtype, in the order in which the layer walks.

    Raises:
        TypeError: `model` is neither a Sequential nor a recurrent layer.
        ValueError: there is no (such) recurrent layer of one cell, or `x` does not fit or is empty.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.SimpleRNN(3)
    >>> states = ranvier.inspect.rnn_states(layer, np.ones((2, 7, 1)))
    >>> states.shape, np.array_equal(states[:, -1], layer(np.ones((2, 7, 1))))
    ((2, 7, 3), True)
    """
    place = place_of("rnn_states", model, layer, "any")
    given, used = seen_by("rnn_states", model, place, x, mask)
    cell = place.layer.cells[0]
    if not isinstance(cell, NativeCell):
        return walk(place.layer, given, used)[1]
    how = place.layer.walks()[0]._replace(sequences=True, zero_masked=False)
    return walk_forward(cell, how, given, first_states(place.layer, given), used)[0]


def gradient_through_time(
    model: Sequential, x: Any, y: Any, layer: Layer | str | int | None = None
) -> Array:
    """How large the gradient of the loss in the hidden state is at each step:
    `g_t = mean_n |dL_n / dh_(n,t)|`.

    Where it shrinks towards the first steps, what came early is not learned (the vanishing
    gradient); where it grows, training is unstable. It is exact: the layer is walked step by step,
    the rest of the model by the engine, all as in `predict`, without dropout.

    Args:
        model: a compiled Sequential with a recurrent layer.
        x, y: sequences and labels as `fit` takes them.
        layer: a SimpleRNN, LSTM or GRU, as `lstm_gates` takes it; None for the first in the model.

    Returns:
        Array (T,) of float64, in the order in which the layer walks: the 2-norm over the units of
        the gradient of a sample's own loss, averaged over the samples. Of an LSTM, h_t with c_t
        held fixed.

    Raises:
        TypeError: `model` is no Sequential.
        ValueError: it is not compiled, there is no (such) layer, or data do not fit.

    Reference: Bengio, Simard & Frasconi, IEEE Transactions on Neural Networks 5 (1994).

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential([ranvier.Input((None, 1)), layers.SimpleRNN(3), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> ranvier.inspect.gradient_through_time(model, np.ones((2, 9, 1)), np.ones((2, 1))).shape
    (9,)
    """
    if not isinstance(model, Sequential):
        raise TypeError(
            f"inspect.gradient_through_time: `model` must be a compiled Sequential; got {model!r}"
        )
    model._need_compiled("gradient_through_time")
    place = place_of("gradient_through_time", model, layer, "native")
    rows = model._rows(x, y, None)
    require_rows("gradient_through_time", rows.x)
    model._check_values(rows)
    array = np.ascontiguousarray(rows.x, model.dtype)
    with states_kept(place.layers):
        gradient = _hidden_gradient(model, place, array, rows.y)
    # the loss is a mean over the samples, but for one that sums them
    samples = 1 if model._loss.reduction == "sum" else len(array)
    sizes = np.linalg.norm(gradient.astype(np.float64), axis=2)
    return samples * sizes.mean(axis=0)


def _hidden_gradient(model: Sequential, place: Place, x: Array, y: Array) -> Array:
    """(N, T, units), of the batch's loss."""
    probe = Probe(place)
    chain = [*place.layers[: place.at], probe, *place.layers[place.at + 1 :]]
    net = Network(chain, x.shape[1:], model.dtype)
    predictions, tape = net.forward(x, 0, training=False)
    mask = net.mask  # of the outputs: they are left out of the loss
    dy = model._loss.gradient(y, predictions, **({} if mask is None else {"mask": mask}))
    net.backward(tape, np.ascontiguousarray(dy, model.dtype))
    assert probe.gradient is not None
    return probe.gradient
