"""What all pictures share: figures without pyplot, mosaics of tiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier._extras import need

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_DPI = 110
# No side of a figure is longer, in inches: a picture of 10,000 tiles is still one that opens.
_LONGEST = 40.0


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, its size in inches."""
    need("matplotlib", "plot", "ranvier.plot needs")
    from matplotlib.figure import Figure

    size = (min(max(width, 2.0), _LONGEST), min(max(height, 2.0), _LONGEST))
    return Figure(figsize=size, layout="constrained")


def finish(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Saves the figure if `path` is given, and returns it."""
    if path is not None:
        figure.savefig(path, dpi=_DPI)
    return figure


def count(function: str, argument: str, value: Any) -> int:
    """`value`, checked to be an integer >= 1."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 1:
        raise ValueError(f"plot.{function}: `{argument}` must be an integer >= 1; got {value!r}")
    return int(value)


def columns_for(n: int) -> int:
    """How many columns a grid of `n` tiles has: wider than high, as screens are."""
    return max(1, math.ceil(math.sqrt(1.6 * n)))


def mosaic(tiles: NDArray[Any], columns: int) -> NDArray[Any]:
    """Tiles (n, h, w) or (n, h, w, 3) in one array, NaN (drawn as nothing) in and around gaps."""
    n, h, w = tiles.shape[:3]
    rows = -(-n // columns)
    # a gap of one pixel is too wide between tiles of three, and too narrow between tiles of 100
    gap = max(1, round(max(h, w) / 14))
    extents = (rows * (h + gap) + gap, columns * (w + gap) + gap, *tiles.shape[3:])
    result = np.full(extents, np.nan, np.float64)
    for i, tile in enumerate(tiles):
        top, left = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        result[top : top + h, left : left + w] = tile
    return result


class Mosaic(NamedTuple):
    """Tiles to be drawn as one picture: (n, h, w) on a scale, or (n, h, w, 3) in colour."""

    tiles: NDArray[Any]
    columns: int
    title: str
    scale: str  # what the numbers are; stands at the scale
    options: dict[str, Any]  # for matplotlib's imshow
    below: str = ""
    beside: str = ""

    @property
    def rows(self) -> int:
        return -(-len(self.tiles) // self.columns)

    def draw(self, axes: Axes) -> None:
        """Draws title, tiles without ticks, and the scale."""
        picture = mosaic(self.tiles, self.columns)
        if picture.ndim == 3:  # NaN is drawn as nothing only on a scale
            picture = np.where(np.isnan(picture), 1.0, picture)
        axes.set(xticks=[], yticks=[], xlabel=self.below, ylabel=self.beside)
        axes.set_title(self.title, fontsize=10)
        for side in axes.spines.values():
            side.set_visible(False)
        image = axes.imshow(picture, interpolation="nearest", **self.options)
        if picture.ndim == 2:
            axes.figure.colorbar(image, ax=axes, label=self.scale, shrink=0.8)


def as_colours(tiles: NDArray[Any]) -> NDArray[Any]:
    """Numbers as brightness in [0, 1]: as they are, from [0, 255], or from their own range."""
    tiles = np.asarray(tiles, np.float64)
    known = tiles[np.isfinite(tiles)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        return tiles
    if low >= 0 and high <= 255:
        return tiles / 255
    return (tiles - low) / (high - low or 1.0)
