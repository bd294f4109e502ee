"""What goes on in a recurrent layer, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._dtypes import as_numeric
from ranvier.inspect import LSTMGates
from ranvier.inspect import gradient_through_time as sizes_of
from ranvier.inspect import lstm_gates as gates_of
from ranvier.inspect import rnn_states as states_of
from ranvier.models import Sequential
from ranvier.plot._figure import finish, new_figure

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ranvier.layers import Bidirectional, Layer
    from ranvier.layers.rnn import RNN

# In the order in which an LSTM computes them, three in a row.
_PANELS = {
    "forget": "forget gate f",
    "input": "input gate i",
    "candidate": "candidate c~",
    "output": "output gate o",
    "cell": "cell state c",
    "hidden": "hidden state h",
}
_GATES = ("forget", "input", "output")


def lstm_gates(
    model: Sequential | RNN | Bidirectional | LSTMGates,
    x: Any = None,
    layer: Layer | str | int | None = None,
    *,
    row: int = 0,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The gates and states of an LSTM over one sequence: units downwards, steps to the right.

    Gates are on a scale from 0 (shut) to 1 (open), the candidate and the states on scales that are
    symmetric about 0. Steps that a mask skips are empty.

    Args:
        model: a Sequential with an LSTM or an LSTM alone, or what `inspect.lstm_gates` gave.
        x, layer: as `inspect.lstm_gates` takes them.
        row: which of the sequences is drawn. Default 0, the first.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        TypeError, ValueError: as `inspect.lstm_gates`; no such row.
        MissingExtra: matplotlib is not installed.

    >>> import numpy as np, ranvier
    >>> figure = ranvier.plot.lstm_gates(ranvier.layers.LSTM(4), np.ones((1, 5, 3)))
    >>> [axes.get_title() for axes in figure.axes][:3]
    ['forget gate f', 'input gate i', 'candidate c~']
    """
    found = model if isinstance(model, LSTMGates) else gates_of(model, x, layer)
    row = _row("lstm_gates", row, len(found.hidden))
    units, steps = found.hidden.shape[2], found.hidden.shape[1]
    wide, high = min(max(0.12 * steps, 2.6), 5.0), min(max(0.12 * units, 1.6), 6.0)
    figure = new_figure(3 * (wide + 0.9), 2 * (high + 0.8))
    for axes, (name, title) in zip(figure.subplots(2, 3).flat, _PANELS.items(), strict=True):
        _heat_map(axes, getattr(found, name)[row], title, gate=name in _GATES)
    return finish(figure, path)


def rnn_states(
    model: Sequential | RNN | Bidirectional | NDArray[Any],
    x: Any = None,
    layer: Layer | str | int | None = None,
    *,
    row: int = 0,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The hidden state of a recurrent layer over one sequence: units downwards, steps to the right.

    Args:
        model: a Sequential with a recurrent layer or such a layer alone, or states (N, T, units) as
            `inspect.rnn_states` gives them.
        x, layer: as `inspect.rnn_states` takes them.
        row: which of the sequences is drawn. Default 0, the first.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        TypeError, ValueError: as `inspect.rnn_states`; states of another shape; no such row.
        MissingExtra: matplotlib is not installed.

    >>> import numpy as np, ranvier
    >>> figure = ranvier.plot.rnn_states(ranvier.layers.SimpleRNN(4), np.ones((1, 5, 3)))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('step', 'unit')
    """
    states = model if isinstance(model, np.ndarray) else states_of(model, x, layer)
    states = as_numeric("plot.rnn_states", states, "model")
    if states.ndim != 3 or states.size == 0:
        raise ValueError(
            f"plot.rnn_states: states must have shape (N, T, units); got {states.shape}"
        )
    row = _row("rnn_states", row, len(states))
    wide = min(max(0.12 * states.shape[1], 3.2), 16.0)
    figure = new_figure(wide + 0.9, min(max(0.12 * states.shape[2], 1.6), 9.0) + 0.8)
    _heat_map(figure.subplots(), states[row], "hidden state h", gate=False)
    return finish(figure, path)


def gradient_through_time(
    models: Any,
    x: Any = None,
    y: Any = None,
    layer: Layer | str | int | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """How large the gradient in the hidden state is at each step, a line a model, on a log scale.

    Args:
        models: a dictionary of labels to compiled Sequentials, or to arrays (T,) as
            `inspect.gradient_through_time` gives them; or one of these alone.
        x, y, layer: as `inspect.gradient_through_time` takes them, for all models.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        TypeError, ValueError: as `inspect.gradient_through_time`; no models; arrays that are not
            sizes.
        MissingExtra: matplotlib is not installed.

    >>> import numpy as np, ranvier
    >>> figure = ranvier.plot.gradient_through_time({"a": [1e-3, 1e-2, 1], "b": [0.5, 0.8, 1]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['a', 'b']
    """
    named = models if isinstance(models, dict) else {getattr(models, "name", ""): models}
    lines = {str(name): _sizes(one, x, y, layer) for name, one in named.items()}
    if not lines:
        raise ValueError("plot.gradient_through_time: `models` must have one model or more")
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    for name, sizes in lines.items():
        # 0 has no place on a log scale: the line has a gap there
        shown = np.where(sizes > 0, sizes, np.nan)
        marker = "." if len(sizes) < 30 else ""
        axes.plot(np.arange(1, len(sizes) + 1), shown, marker=marker, label=name)
    if any((sizes > 0).any() for sizes in lines.values()):
        axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="|dL/dh|", title="gradient of the loss in the hidden state")
    axes.grid(alpha=0.3)
    if any(lines):
        axes.legend()
    return finish(figure, path)


def _sizes(one: Any, x: Any, y: Any, layer: Any) -> NDArray[Any]:
    if isinstance(one, Sequential):
        return sizes_of(one, x, y, layer)
    sizes = as_numeric("plot.gradient_through_time", one, "models")
    if sizes.ndim != 1 or not sizes.size or (sizes < 0).any():
        raise ValueError(
            "plot.gradient_through_time: `models` must be compiled Sequentials or their gradients' "
            f"sizes, arrays (T,) >= 0; got shape {sizes.shape}"
        )
    return sizes


def _row(function: str, row: Any, rows: int) -> int:
    whole = isinstance(row, (int, np.integer)) and not isinstance(row, bool)
    if not whole or not -rows <= row < rows:
        raise ValueError(f"plot.{function}: there are {rows} sequences; got row {row!r}")
    return int(row) % rows


def _heat_map(axes: Axes, values: NDArray[Any], title: str, gate: bool) -> None:
    """(T, units), turned so that time goes to the right."""
    largest = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values))) or 1.0
    # gates of unusual activations may leave [0, 1]
    scale = (0.0, max(1.0, largest)) if gate else (-largest, largest)
    image = axes.imshow(
        values.T,
        aspect="auto",
        interpolation="nearest",
        cmap="viridis" if gate else "RdBu_r",
        vmin=scale[0],
        vmax=scale[1],
        extent=(0.5, len(values) + 0.5, values.shape[1] - 0.5, -0.5),
    )
    axes.set(xlabel="step", ylabel="unit")
    axes.set_title(title, fontsize=10)
    for axis in (axes.xaxis, axes.yaxis):
        locator: Any = axis.get_major_locator()
        locator.set_params(integer=True)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
