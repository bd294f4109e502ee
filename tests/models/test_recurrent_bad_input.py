"""What recurrent layers refuse, and that they say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

X = np.zeros((2, 5, 3), "float32")
S = np.zeros((2, 4), "float32")
KINDS = ["SimpleRNN", "LSTM", "GRU"]


class Odd(L.Layer):
    """A cell whose passes return what they are told to."""

    state_size: Any = 4

    def __init__(self, forward: Any = None, backward: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.results = (forward, backward)

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1], 4), name="w")

    def forward(self, x: Any, states: Any, training: bool = False) -> Any:  # type: ignore[override]
        y = x @ self.w.value
        return self.results[0](y) if self.results[0] else (y, [y], x)

    def backward(self, cache: Any, dy: Any, dstates: Any) -> Any:  # type: ignore[override]
        d = dy + dstates[0]
        good = (d @ self.w.value.T, [0 * d], [cache.T @ d])
        return self.results[1](*good) if self.results[1] else good


def fitted(cell: Any) -> Any:
    model = ranvier.Sequential([ranvier.Input((5, 3)), L.RNN(cell)])
    model.compile("sgd", "mse")
    return model.fit(X, S, verbose=0)


def model(*layers: Any, shape: Any = (5, 3), **kwargs: Any) -> Any:
    return ranvier.Sequential([ranvier.Input(shape, **kwargs), *layers])


def built(layer: Any) -> Any:
    layer.build((2, 5, 3))
    return layer


@pytest.mark.parametrize("kind", [*KINDS, "SimpleRNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"units": 0}, ValueError, "`units` must be a positive integer; got 0"),
        ({"units": -3}, ValueError, "`units` must be a positive integer; got -3"),
        ({"units": 2.5}, ValueError, "`units` must be a positive integer; got 2.5"),
        ({"units": "4"}, ValueError, "`units` must be a positive integer; got '4'"),
        ({"units": None}, ValueError, "`units` must be a positive integer; got None"),
        ({"units": True}, ValueError, "`units` must be a positive integer; got True"),
        ({"activation": "tahn"}, ValueError, "tanh"),
        ({"activation": 3}, ValueError, "activation function must be .* got 3"),
        ({"activation": "softmax"}, ValueError, "`activation` must be one of .* elementwise .* got"),
        ({"activation": np.sin}, ValueError, "`activation` must be one of ranvier's elementwise"),
        ({"kernel_initializer": "glorot"}, ValueError, "glorot_uniform"),
        ({"recurrent_initializer": 3.5}, ValueError, "initializer must be .* got 3.5"),
        ({"bias_initializer": "zero_"}, ValueError, "zeros"),
        ({"kernel_regularizer": "l3"}, ValueError, "l2"),
        ({"recurrent_regularizer": "l3"}, ValueError, "l2"),
        ({"bias_regularizer": "l3"}, ValueError, "l2"),
        ({"kernel_constraint": "maxnorm"}, ValueError, "max_norm"),
        ({"recurrent_constraint": "maxnorm"}, ValueError, "max_norm"),
        ({"bias_constraint": "maxnorm"}, ValueError, "max_norm"),
        ({"dropout": "0.5"}, ValueError, "`dropout` must be a finite number; got '0.5'"),
        ({"dropout": float("nan")}, ValueError, "`dropout` must be a finite number; got nan"),
        ({"recurrent_dropout": None}, ValueError, "`recurrent_dropout` must be a finite number; got None"),
        ({"seed": 1.5}, ValueError, "`seed` must be an integer or None; got 1.5"),
        ({"dtype": "float16"}, ValueError, "float16"),
        ({"unit": 3}, TypeError, "unknown argument `unit`. Did you mean 'units'"),
        ({"name": "given", "units": 0}, ValueError, "'given': `units` must be a positive integer; got 0"),
    ],
)  # fmt: skip
def test_arguments(kind: str, arguments: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        getattr(L, kind)(**{"units": 4, **arguments})


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "LSTMCell", "GRUCell"])
def test_activations_of_gates(kind: str) -> None:
    with pytest.raises(ValueError, match=r"`recurrent_activation` must be one of .* elementwise"):
        getattr(L, kind)(4, recurrent_activation="log_softmax")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda l: l(X[0]), r"expected input of shape \(batch, steps, features\); got 2 axes"),
        (lambda l: l(X[0, 0]), "got 1 axis"),
        (lambda l: l(X[None]), "got 4 axes"),
        (lambda l: l(np.float32(1)), "must have a batch axis"),
        (lambda l: l(X[:, :0]), r"expected input of shape \(batch, steps >= 1, 3\); got \(2, 0, 3\)"),
        (lambda l: built(l)(X[..., :2]), r"expected input of shape \(batch, steps >= 1, 3\); got \(2, 5, 2\)"),
        (lambda l: l.build((None, 5, None)), "the last axis of the input must be known"),
        (lambda l: l.build((None, 3)), "got 2 axes"),
        (lambda l: model(l, shape=(3,)), "got 2 axes"),
        (lambda l: model(l, shape=(5, 3, 1)), "got 4 axes"),
        (lambda l: model(l, shape=(5, None)), "the last axis of the input must be known"),
        (lambda l: model(l, shape=(None, 3))(X[:, :0]), r"expected at least one step; got .*\(2, 0, 3\)"),
        (lambda l: l(X, mask=np.ones((2, 4))), r"`mask` must have shape \(batch, steps\) = \(2, 5\); got \(2, 4\)"),
        (lambda l: l(X, mask=np.ones((2, 5, 1))), r"`mask` must .* got \(2, 5, 1\)"),
        (lambda l: l(X, mask=True), r"`mask` must .* got \(\)"),
        (lambda l: l(X, mask=[["a"] * 5] * 2), "`mask` must hold numbers; got dtype"),
        (lambda l: l(X, initial_state=[S] * 3), r"`initial_state` must be \d arrays?; got 3"),
        (lambda l: l(X, initial_state=[S[:1]] * len(l.state_size)),
         r"`initial_state` must have shape \(batch, units\) = \(2, 4\); got \(1, 4\)"),
        (lambda l: l(X, initial_state=[S[:, :3]] * len(l.state_size)), r"got \(2, 3\)"),
        (lambda l: l(X, initial_state=["x"] * len(l.state_size)), "`initial_state` must be an array of numbers"),
        (lambda l: l.reset_states([S]), "needs a built, stateful layer"),
    ],
)  # fmt: skip
def test_inputs(kind: str, call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"{kind}.*{message}"):
        call(getattr(L, kind)(4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        # in a model
        (lambda: model(L.LSTM(4, return_state=True, name="r")), ValueError,
         "LSTM 'r' has several outputs with `return_state`, which a model cannot pass on"),
        (lambda: model(L.RNN(Odd(), return_state=True, name="r"))(X), ValueError,
         "RNN 'r' has several outputs with `return_state`"),
        (lambda: model(L.Bidirectional(L.GRU(4, return_state=True), name="b")), ValueError,
         "Bidirectional 'b' has several outputs with `return_state`"),
        (lambda: model(L.Bidirectional(L.GRU(4), None, name="b")), ValueError,
         "Bidirectional 'b' has two outputs with `merge_mode` None, which a model cannot pass on"),
        (lambda: model(L.LSTMCell(4, name="c")), ValueError, r"LSTMCell 'c' is one step, not a layer; put RNN\(...\) of it into the model"),
        (lambda: model(L.StackedRNNCells([L.GRUCell(4)], name="c")), ValueError,
         "StackedRNNCells 'c' is one step, not a layer"),
        (lambda: model(L.LSTMCell(4, name="c"), shape=(3,)), ValueError, "LSTMCell 'c' is one step"),
        (lambda: L.LSTM(4, use_cudnn=True), ValueError, "`use_cudnn` must be 'auto' or False"),
        (lambda: L.GRU(4, use_cudnn=True), ValueError, "`use_cudnn` must be 'auto' or False"),
        (lambda: L.LSTM(4, return_sequence=True), TypeError, "unknown argument `return_sequence`. Did you mean 'return_sequences'"),
        (lambda: L.LSTM(4).unit, AttributeError, "'LSTM' object has no attribute 'unit'"),
        # stateful
        (lambda: L.GRU(4, stateful=True, name="g").build((None, 5, 3)), ValueError,
         r"GRU 'g': `stateful` needs a fixed batch size; .*Input\(batch_shape"),
        (lambda: built(L.GRU(4, stateful=True)).reset_states([S[:1]]), ValueError, r"= \(2, 4\); got \(1, 4\)"),
        (lambda: built(L.GRU(4, stateful=True, name="g"))(X[:1], initial_state=[S[:1]]), ValueError,
         "GRU 'g': a stateful layer expects batches of the 2 rows"),
        # cells
        (lambda: L.LSTMCell(4, name="c")(X), ValueError, r"LSTMCell 'c': expected input of shape \(N, F\); got \(2, 5, 3\)"),
        (lambda: (lambda c: (c(X[:, 0]), c(X[:, 0, :2])))(L.GRUCell(4, name="c")), ValueError,
         r"GRUCell 'c': expected input of shape \(N, 3\); got \(2, 2\)"),
        (lambda: L.LSTMCell(4, name="c")(X[:, 0], [S]), ValueError, "LSTMCell 'c': `initial_state` must be 2 arrays; got 1"),
        (lambda: L.StackedRNNCells([], name="s"), ValueError, "StackedRNNCells 's': `cells` must be a list"),
        (lambda: L.StackedRNNCells(L.GRUCell(3)), ValueError, "`cells` must be a list of recurrent cells"),
        (lambda: L.StackedRNNCells([L.Dense(3)], name="s"), ValueError, r"'s': `cells` must be .* got <Dense"),
        (lambda: L.StackedRNNCells([L.GRUCell(3), L.GRUCell(3, dtype="float64")]), ValueError, "dtype must be float32"),
        (lambda: L.StackedRNNCells([L.GRUCell(3), L.LSTMCell(2)], name="s")(X[:, 0], [[S]]), ValueError,
         "StackedRNNCells 's': `states` must be a list for each of 2 cells; got 1"),
        (lambda: L.StackedRNNCells([L.GRUCell(3)], name="s")(X), ValueError, r"expected input of shape \(N, F\)"),
        (lambda: L.RNN(L.Dense(3), name="r"), ValueError, "RNN 'r': `cell` must be a recurrent cell .* got <Dense"),
        (lambda: L.RNN(3), ValueError, "`cell` must be a recurrent cell .* got 3"),
        (lambda: L.RNN(L.LSTMCell), ValueError, "`cell` must be a recurrent cell"),
        (lambda: L.RNN([]), ValueError, "`cells` must be a list of recurrent cells"),
        (lambda: L.RNN(L.GRUCell(3), dtype="float64", name="r"), ValueError, "RNN 'r': the cell's dtype must be the layer's, float64; got float32"),
        # both directions
        (lambda: L.Bidirectional(L.Dense(3)), ValueError, "Bidirectional: `layer` must be a recurrent layer; got <Dense"),
        (lambda: L.Bidirectional(L.LSTMCell(3)), ValueError, "`layer` must be a recurrent layer; got <LSTMCell"),
        (lambda: L.Bidirectional(None), ValueError, "`layer` must be a recurrent layer; got None"),
        (lambda: L.Bidirectional(L.GRU(3), "max", name="b"), ValueError, "Bidirectional 'b': `merge_mode` must be one of .* got 'max'"),
        (lambda: L.Bidirectional(L.GRU(3), ["sum"]), ValueError, r"`merge_mode` must be one of .* got \['sum'\]"),
        (lambda: L.Bidirectional(L.GRU(3), backward_layer=L.Dense(3)), ValueError, "`backward_layer` must be a recurrent layer"),
        (lambda: L.Bidirectional(L.GRU(3), backward_layer=L.GRU(3)), ValueError, "must differ in `go_backwards`"),
        (lambda: L.Bidirectional(L.GRU(3), backward_layer=L.GRU(3, go_backwards=True, return_sequences=True)), ValueError,
         "must have the same `return_sequences`; got False and True"),
        (lambda: L.Bidirectional(L.GRU(3), "sum", backward_layer=L.GRU(2, go_backwards=True), name="b")(X), ValueError,
         "Bidirectional 'b': `merge_mode` 'sum' needs outputs of the same width; got 3 and 2"),
        (lambda: L.Bidirectional(L.GRU(3), weights=[S], name="b")(X), ValueError, "Bidirectional 'b': expected 6 weight arrays; got 1"),
        (lambda: L.Bidirectional(L.GRU(4), name="b")(X, initial_state=S), ValueError, "Bidirectional 'b': `initial_state` must be a list"),
        (lambda: L.Bidirectional(L.GRU(4))(X, initial_state=[S]), ValueError, "`initial_state` must be a list .* got 1 states"),
        (lambda: L.Bidirectional(L.GRU(4))(X, mask=np.ones((2, 4))), ValueError, r"Bidirectional.*`mask` must have .* \(2, 4\)"),
        (lambda: L.Bidirectional(L.GRU(4), name="b")(X[0]), ValueError, r"expected input of shape \(batch, steps, features\); got 2 axes"),
        (lambda: L.Bidirectional(L.GRU(4), name="b")(X[0], mask=np.ones(5)), ValueError, "expected input of shape"),
        # cells of the user's
        (lambda: L.RNN(Odd(lambda y: y, name="o"))(X), TypeError, r"Odd 'o': forward\(x, states, training\) must return \(output"),
        (lambda: L.RNN(Odd(lambda y: (y, [y], None, 1)))(X), TypeError, "must return"),
        (lambda: L.RNN(Odd(lambda y: (y[:1], [y], 0), name="o"))(X), ValueError,
         r"Odd 'o': forward.* shapes \[\(2, 4\), \(2, 4\)\]; got \[\(1, 4\), \(2, 4\)\]"),
        (lambda: L.RNN(Odd(lambda y: (y, [y, y], 0)))(X), ValueError, "an output and new states of shapes"),
        (lambda: L.RNN(Odd(lambda y: (y, [y.sum(1)], 0)))(X), ValueError, "an output and new states of shapes"),
        (lambda: fitted(Odd(None, lambda *a: a[:2], name="o")), TypeError, r"Odd 'o': backward\(cache, dy, dstates\) must return"),
        (lambda: fitted(Odd(None, lambda dx, ds, dw: (dx, ds * 2, dw))), ValueError, "gradients of the states of shapes"),
        (lambda: fitted(Odd(None, lambda dx, ds, dw: (dx, ds, dw * 2), name="o")), ValueError,
         r"Odd 'o': backward\(\) must return a gradient for each trainable weight, of shapes \[\(3, 4\)\]"),
        (lambda: fitted(Odd(None, lambda dx, ds, dw: (dx, ds, [dw[0].T]))), ValueError, r"got \[\(4, 3\)\]"),
        (lambda: fitted(Odd(None, lambda dx, ds, dw: (dx[:, :1], ds, dw), name="o")), ValueError,
         r"Odd 'o': backward\(\) must return a gradient of the input of shape \(2, 3\); got \(2, 1\)"),
        (lambda: L.RNN(Odd())(X[:, :0]), ValueError, "steps >= 1"),
        # sizes that cannot be held
        (lambda: L.LSTM(2**40)(X), MemoryError, r"LSTM '\w+': cannot allocate a weight of shape"),
    ],
)  # fmt: skip
def test_message(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_error_in_the_data_leaves_the_layer_usable() -> None:
    layer = L.LSTM(4)
    expected = layer(X)
    for bad in (X[..., :2], X[:, :0], X[0]):
        with pytest.raises(ValueError):
            layer(bad)
    assert np.array_equal(layer(X), expected)


LAYERS: dict[str, Any] = {
    **{kind: lambda kind=kind: getattr(L, kind)(4, return_sequences=True) for kind in KINDS},
    "Bidirectional": lambda: L.Bidirectional(L.GRU(4, return_sequences=True), "sum"),
    "stack": lambda: L.RNN([L.GRUCell(3), L.LSTMCell(4)], return_sequences=True),
    "user's": lambda: L.RNN(Odd(), return_sequences=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_nan_and_infinity_go_through_their_rows_alone(name: str, rng: np.random.Generator) -> None:
    layer = LAYERS[name]()
    x = rng.normal(size=(35, 6, 3)).astype("float32")
    x[1, 2, 0] = np.nan
    x[3, 0] = np.inf
    x[4, 1, 2] = -np.inf
    with np.errstate(all="ignore"):
        wrapped = model(layer, shape=(6, 3))
        results = [layer(x), np.array(wrapped(x)), wrapped.predict(x, verbose=0)]
    clean = np.delete(x, [1, 3, 4], 0)
    for y in results:
        assert np.isnan(y[1]).any()
        np.testing.assert_allclose(np.delete(y, [1, 3, 4], 0), layer(clean), rtol=1e-5, atol=1e-6)
        if name in KINDS:  # the steps before are untouched, those after are not
            assert np.isfinite(y[1, :2]).all() and np.isnan(y[1, 2:]).all()


@pytest.mark.parametrize("name", LAYERS)
def test_arrays_of_all_kinds_give_what_a_plain_one_gives(
    name: str, rng: np.random.Generator
) -> None:
    layer = LAYERS[name]()
    x = rng.normal(size=(4, 6, 3)).astype("float16").astype("float32")
    mask = rng.random((4, 6)) < 0.6
    layer.build(x.shape)
    network = model(layer, shape=(6, 3))
    plain, masked = layer(x), layer(x, mask=mask)
    readonly = x.copy()
    readonly.flags.writeable = False
    strided = np.repeat(x, 2, axis=1)[:, ::2]
    kinds = [
        x.astype("float16"),
        x.astype("float64"),
        np.asfortranarray(x),
        x[::-1, ::-1].copy()[::-1, ::-1],
        strided,
        x.astype(">f4"),
        x.astype(">f8"),
        readonly,
        x.tolist(),
        np.lib.stride_tricks.as_strided(x.transpose(1, 0, 2).copy(), x.shape, (12, 48, 4)),
    ]
    for given in kinds:
        assert np.array_equal(layer(given), plain)
        if not isinstance(given, list):
            np.testing.assert_allclose(network(given), plain, rtol=1e-6, atol=1e-7)
    for given in (mask.astype(int), mask.tolist(), np.asfortranarray(mask), mask[::-1].copy()[::-1],
                  mask.astype("float64"), mask * 7):  # fmt: skip
        assert np.array_equal(layer(x, mask=given), masked)
    whole = np.arange(72).reshape(4, 6, 3) % 5
    for dtype in ("int8", "uint8", "int64", ">i4"):
        assert np.array_equal(layer(whole.astype(dtype)), layer(whole.astype("float32")))
    assert np.array_equal(layer(whole > 2), layer((whole > 2).astype("float32")))


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_all_kinds(kind: str, rng: np.random.Generator) -> None:
    layer = getattr(L, kind)(4)
    states = [rng.normal(size=(2, 4)).astype("f") for _ in range(2 if kind == "LSTM" else 1)]
    expected = layer(X, initial_state=states)
    for change in (np.asfortranarray, lambda s: s.astype(">f4"), lambda s: s.tolist(),
                   lambda s: s.astype("float64"), lambda s: np.repeat(s, 2, 1)[:, ::2]):  # fmt: skip
        assert np.array_equal(layer(X, initial_state=[change(s) for s in states]), expected)
    assert np.array_equal(layer(X, initial_state=tuple(states)), expected)
    if kind != "LSTM":
        assert np.array_equal(layer(X, initial_state=states[0]), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_no_rows(name: str) -> None:
    layer = LAYERS[name]()
    assert layer(X[:0]).shape == (0, 5, 4)
    assert model(layer).predict(X[:0], verbose=0).shape == (0, 5, 4)
