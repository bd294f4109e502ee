"""Pictures of recurrent layers, read from matplotlib's own objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

pytest.importorskip("matplotlib")

from ranvier import inspect, plot


def shown(axes: Any) -> Any:
    return np.ma.filled(np.ma.asarray(axes.images[0].get_array(), dtype=float), np.nan)


def maps(figure: Any) -> Any:
    """The axes with pictures: colour bars are axes too."""
    return [axes for axes in figure.axes if axes.images]


@pytest.fixture
def model() -> ranvier.Sequential:
    model = ranvier.Sequential(
        [
            ranvier.Input((None, 2)),
            L.SimpleRNN(3, return_sequences=True, name="plain"),
            L.LSTM(5, name="gated"),
            L.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("row", [0, 1, -1])
def test_gates_are_what_inspect_gives(model: Any, rng: Any, row: int) -> None:
    x = rng.normal(size=(3, 7, 2))
    want = inspect.lstm_gates(model, x, "gated")
    for figure in (plot.lstm_gates(model, x, row=row), plot.lstm_gates(want, row=row)):
        drawn = maps(figure)
        titles = [axes.get_title() for axes in drawn]
        assert titles == [
            "forget gate f",
            "input gate i",
            "candidate c~",
            "output gate o",
            "cell state c",
            "hidden state h",
        ]
        for axes, values in zip(drawn, want, strict=True):
            np.testing.assert_allclose(shown(axes), values[row].T)
            assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "unit")
            low, high = axes.images[0].get_clim()
            if "gate" in axes.get_title():
                assert (low, high) == (0, 1)
            else:
                assert low == -high == -np.abs(values[row]).max()
        # the first step stands at 1, the first unit at 0, downwards
        assert drawn[0].images[0].get_extent() == [0.5, 7.5, 4.5, -0.5]


def test_masked_steps_are_empty(rng: Any) -> None:
    mask = np.array([[True, False, True]])
    found = inspect.lstm_gates(L.LSTM(2), rng.normal(size=(1, 3, 1)), mask=mask)
    drawn = maps(plot.lstm_gates(found))
    assert np.isnan(shown(drawn[0])).tolist() == [[False, True, False]] * 2
    assert drawn[2].images[0].get_clim()[1] > 0


def test_gates_outside_0_to_1_are_drawn(rng: Any) -> None:
    layer = L.LSTM(2, recurrent_activation="relu", bias_initializer="ones")
    drawn = maps(plot.lstm_gates(layer, 9 * rng.normal(size=(1, 3, 1))))
    assert drawn[0].images[0].get_clim()[1] > 1


@pytest.mark.parametrize("layer", [None, "gated", 0])
def test_states_are_what_inspect_gives(model: Any, rng: Any, layer: Any) -> None:
    x = rng.normal(size=(2, 40, 2))
    want = inspect.rnn_states(model, x, layer)
    for figure in (plot.rnn_states(model, x, layer, row=1), plot.rnn_states(want, row=1)):
        (axes,) = maps(figure)
        np.testing.assert_allclose(shown(axes), want[1].T)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "unit")
        assert axes.get_title() == "hidden state h"


def test_states_of_zeros() -> None:
    (axes,) = maps(plot.rnn_states(np.zeros((1, 3, 2))))
    assert axes.images[0].get_clim() == (-1, 1)


def test_gradients_of_several_models_on_one_log_scale(model: Any, rng: Any) -> None:
    other = ranvier.Sequential([ranvier.Input((None, 2)), L.GRU(4), L.Dense(1)])
    other.compile("sgd", "mse")
    x, y = rng.normal(size=(4, 9, 2)), rng.normal(size=(4, 1))
    (axes,) = plot.gradient_through_time({"plain": model, "GRU": other}, x, y).axes
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "|dL/dh|")
    for line, (name, one) in zip(axes.lines, {"plain": model, "GRU": other}.items(), strict=True):
        assert line.get_label() == name
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 10))
        np.testing.assert_array_equal(line.get_ydata(), inspect.gradient_through_time(one, x, y))
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["plain", "GRU"]
    (axes,) = plot.gradient_through_time(model, x, y, "gated").axes
    assert axes.lines[0].get_label() == model.name
    want = inspect.gradient_through_time(model, x, y, "gated")
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), want)


def test_gradients_that_have_vanished(tmp_path: Any) -> None:
    figure = plot.gradient_through_time([0.0, 0.0, 1e-30, 1.0], path=tmp_path / "g.png")
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).tolist() == [True, True, False, False]
    figure = plot.gradient_through_time([0.0, 0.0], path=tmp_path / "g.png")
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: plot.lstm_gates(m, np.ones((2, 3, 2)), row=2), ValueError, "plot.lstm_gates: there are 2 sequences; got row 2"),
        (lambda m: plot.lstm_gates(m, np.ones((2, 3, 2)), row=0.5), ValueError, "got row 0.5"),
        (lambda m: plot.lstm_gates(m, np.ones((2, 3, 2)), "plain"), ValueError, "must be an LSTM"),
        (lambda m: plot.lstm_gates(m), TypeError, "`x` must be an array of numbers; got None"),
        (lambda m: plot.rnn_states(np.ones((2, 3))), ValueError, r"shape \(N, T, units\); got \(2, 3\)"),
        (lambda m: plot.rnn_states(m, np.ones((2, 3, 2)), row=-3), ValueError, "got row -3"),
        (lambda m: plot.gradient_through_time({}), ValueError, "one model or more"),
        (lambda m: plot.gradient_through_time([[1.0]]), ValueError, r"got shape \(1, 1\)"),
        (lambda m: plot.gradient_through_time([-1.0]), ValueError, ">= 0"),
        (lambda m: plot.gradient_through_time({"a": "b"}), TypeError, "array of numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(model: Any, call: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call(model)


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_pictures_are_saved(model: Any, tmp_path: Any, ending: str) -> None:
    x = np.ones((1, 3, 2))
    plot.lstm_gates(model, x, path=tmp_path / f"gates.{ending}")
    plot.rnn_states(model, x, path=str(tmp_path / f"states.{ending}"))
    plot.gradient_through_time(model, x, [1.0], path=tmp_path / f"gradient.{ending}")
    for path in tmp_path.iterdir():
        assert path.stat().st_size > 500
