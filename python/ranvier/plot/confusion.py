"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.plot._figure import finish, new_figure

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# More classes than this are coloured but not numbered.
_NUMBERED = 25


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    names: Sequence[Any] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """How often each class (row) was taken for each (column).

    Args:
        y_true: the right classes: (N,) numbers or texts, or (N, K) one-hot.
        y_pred: the predicted ones, likewise, or (N, K) probabilities as `predict` gives them; of
            one column, (N, 1), the class is 1 above 0.5.
        names: of the classes 0, 1, ... for the axes; None for the classes themselves.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        ValueError: of different lengths or empty, fractions as classes, or classes beyond `names`.
        MissingExtra: matplotlib is not installed.

    >>> import ranvier
    >>> figure = ranvier.plot.confusion_matrix(["cat", "dog", "dog"], ["cat", "dog", "cat"])
    >>> figure.axes[0].get_title()
    '2 of 3 right'
    """
    counts, found = count_pairs(y_true, y_pred, names)
    size = 1.8 + 0.42 * len(found)
    figure = new_figure(size + 0.4, size)
    axes = figure.subplots()
    draw_counts(axes, counts, found)
    axes.set_title(f"{np.trace(counts)} of {counts.sum()} right")
    return finish(figure, path)


def count_pairs(
    y_true: Any, y_pred: Any, names: Sequence[Any] | None = None
) -> tuple[NDArray[Any], list[str]]:
    """(how often the pair of classes (row, column) occurs, the classes' names)."""
    true, most_true = _classes("y_true", y_true)
    predicted, most_predicted = _classes("y_pred", y_pred)
    if len(true) != len(predicted) or not len(true):
        raise ValueError(
            "plot.confusion_matrix: `y_true` and `y_pred` must have as many rows, 1 or more; got "
            f"{len(true)} and {len(predicted)}"
        )
    if (true.dtype.kind in "US") != (predicted.dtype.kind in "US"):
        raise ValueError(
            "plot.confusion_matrix: `y_true` and `y_pred` must both be numbers or both texts; got "
            f"{true[0]!r} and {predicted[0]!r}"
        )
    known = np.unique(np.concatenate([true, predicted]))
    if names is not None or most_true or most_predicted:
        known = np.arange(len(names) if names is not None else max(most_true, most_predicted))
    for argument, y in (("y_true", true), ("y_pred", predicted)):
        strange = y[~np.isin(y, known)]
        if len(strange):
            raise ValueError(
                f"plot.confusion_matrix: `{argument}` has class {strange[0]!s}, but there are "
                f"{len(known)} classes, 0 to {len(known) - 1}"
            )
    counts = np.zeros((len(known), len(known)), int)
    np.add.at(counts, (np.searchsorted(known, true), np.searchsorted(known, predicted)), 1)
    return counts, [str(name) for name in (known if names is None else names)]


def draw_counts(axes: Axes, counts: NDArray[Any], names: Sequence[str]) -> None:
    """The matrix with its numbers, the true class downwards, the predicted one to the right."""
    # by square roots: next to hundreds of right answers, single mistakes are to be seen
    shades = np.sqrt(counts)
    axes.imshow(shades, cmap="Blues")
    if len(names) <= _NUMBERED:
        for i, j in zip(*np.nonzero(counts), strict=True):
            dark = 2 * shades[i, j] > shades.max()
            axes.text(j, i, str(counts[i, j]), ha="center", va="center",
                      color="white" if dark else "black")  # fmt: skip
    step = -(-len(names) // 50)
    at = range(0, len(names), step)
    longest = max(len(name) for name in names)
    axes.set_xticks(at, names[::step], rotation=90 if longest > 3 else 0)
    axes.set_yticks(at, names[::step])
    axes.set(xlabel="predicted", ylabel="true")


def _classes(argument: str, y: Any) -> tuple[NDArray[Any], int]:
    """(the class of each row, the number of classes if columns tell it, else 0)."""
    array = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if array.dtype.kind == "O":
        array = array.astype(str)
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "fiub":
        return array.argmax(axis=1), array.shape[1]
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
        if argument == "y_pred" and array.dtype.kind == "f":
            return (array > 0.5).astype(np.int64), 0
    if array.ndim != 1 or array.dtype.kind not in "fiubUS":
        raise ValueError(
            f"plot.confusion_matrix: `{argument}` must be classes (N,) or columns of "
            f"probabilities (N, K); got shape {array.shape}, dtype {array.dtype}"
        )
    if array.dtype.kind == "f":
        strange = array[~(np.isfinite(array) & (array == np.round(array)))]
        if len(strange):
            raise ValueError(
                f"plot.confusion_matrix: `{argument}` must hold class numbers; got {strange[0]!s}"
            )
    return array.astype(np.int64) if array.dtype.kind in "fb" else array, 0
