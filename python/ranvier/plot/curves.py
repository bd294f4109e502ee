"""How training went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.plot._figure import finish, new_figure

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure


def history(history: Any, *, path: str | os.PathLike[str] | None = None) -> Figure:
    """The loss and each metric by epoch: training a solid line, validation a dashed one.

    Args:
        history: what `fit` returns, or its `history`: a dictionary of names to one number an epoch.
            If there are fewer numbers of validation than epochs, `fit` validated every k-th epoch:
            k is taken to be the least that gives so many (if none does, they are spread evenly).
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        TypeError: something else.
        ValueError: nothing was recorded.
        MissingExtra: matplotlib is not installed.

    >>> import ranvier
    >>> figure = ranvier.plot.history({"loss": [3.0, 2.0], "val_loss": [4.0, 3.0]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['training', 'validation']
    """
    record = getattr(history, "history", history)
    if not isinstance(record, dict):
        raise TypeError(
            "plot.history: `history` must be what fit() returns or a dictionary of lists; got "
            f"{history!r}"
        )
    epochs = max((len(values) for values in record.values()), default=0)
    if not epochs:
        raise ValueError("plot.history: nothing was recorded: fit has not finished an epoch")
    numbers = np.arange(1, epochs + 1)
    recorded = getattr(history, "epoch", [])
    if len(recorded) == epochs:  # training that went on begins at `initial_epoch`
        numbers = np.asarray(recorded) + 1
    names = [name for name in record if not _is_validation(name, record)]
    figure = new_figure(4.8 * len(names), 3.8)
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        pair = [(name, "training", "-"), (f"val_{name}", "validation", "--")]
        for key, label, style in pair:
            values = record.get(key)
            if values:
                at = _validated(numbers, len(values))
                axes.plot(at, values, style, label=label, marker="." if len(values) < 30 else "")
        axes.set(xlabel="epoch", ylabel=name, title=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return finish(figure, path)


def _is_validation(name: str, record: dict[str, Any]) -> bool:
    return name.startswith("val_") and name[4:] in record


def _validated(numbers: Any, n: int) -> Any:
    """The epochs that `n` values are of."""
    for every in range(1, len(numbers) + 1):
        if len(numbers) // every == n:
            return numbers[every - 1 :: every]
    return np.linspace(numbers[0], numbers[-1], n)
