"""Images in rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._dtypes import as_numeric
from ranvier.plot._figure import as_colours, columns_for, count, finish, new_figure

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def images(
    x: Any,
    labels: Sequence[Any] | NDArray[Any] | None = None,
    *,
    columns: int | None = None,
    most: int = 64,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Images in a grid, each under its label.

    Args:
        x: images: (N, H, W), (N, H, W, 1) in grey or (N, H, W, 3) in colour. Numbers in [0, 1] or
            [0, 255] are brightness; of others, the least is black and the greatest white.
        labels: a text or number for each image, or None.
        columns: how many images a row has, >= 1; None for a grid wider than high.
        most: how many images are drawn at most, from the first on, >= 1. Default 64.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        TypeError: `x` does not hold numbers.
        ValueError: `x` is no batch of images, or there are not as many labels.
        MissingExtra: matplotlib is not installed.

    >>> import numpy as np, ranvier
    >>> figure = ranvier.plot.images(np.zeros((3, 8, 8)), ["cat", "dog", "cat"], columns=2)
    >>> [axes.get_title() for axes in figure.axes]
    ['cat', 'dog', 'cat']
    """
    x = as_numeric("plot.images", x)
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)) or x.size == 0:
        raise ValueError(
            "plot.images: `x` must be images of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3); "
            f"got {x.shape}" + (" (reshape flat rows)" if x.ndim == 2 else "")
        )
    if labels is not None and len(labels) != len(x):
        raise ValueError(f"plot.images: {len(x)} images need as many `labels`; got {len(labels)}")
    shown = as_colours(x[: count("images", "most", most)])
    n = len(shown)
    columns = columns_for(n) if columns is None else count("images", "columns", columns)
    columns = min(columns, n)
    rows = -(-n // columns)
    height = x.shape[1] / x.shape[2]
    figure = new_figure(columns * 0.95, rows * (0.95 * min(max(height, 0.2), 5.0) + 0.25))
    for i, image in enumerate(shown):
        axes = figure.add_subplot(rows, columns, i + 1)
        if image.shape[-1] == 1 and image.ndim == 3:
            image = image[..., 0]
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        if labels is not None:
            axes.set_title(str(labels[i]), fontsize=8)
    return finish(figure, path)
