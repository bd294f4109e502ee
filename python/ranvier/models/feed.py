"""The data of a run, and what steps go over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rows(NamedTuple):
    """The data of a run (nothing is copied or converted)."""

    x: NDArray[Any]
    y: Any  # an array; None if the model's own steps do without
    weights: NDArray[Any] | None

    def split(self, at: int) -> tuple[Rows, Rows]:
        """The rows before row `at`, and the others (views)."""

        def part(rows: slice) -> Rows:
            y, weights = (None if a is None else a[rows] for a in (self.y, self.weights))
            return Rows(self.x[rows], y, weights)

        return part(slice(at)), part(slice(at, None))


class Feed:
    """What steps go over: rows, so many at a time.

    Args:
        rows: the data.
        batch: rows of a step.
        order: which rows, int64; None: all, as they lie. May be drawn anew between steps.
    """

    __slots__ = ("batch", "native", "order", "rows")

    def __init__(self, rows: Rows, batch: int, order: NDArray[Any] | None = None) -> None:
        self.rows, self.batch, self.order = rows, batch, order
        # what the engine knows it by; it has no sparse rows, and needs labels
        arrays = isinstance(rows.x, np.ndarray) and rows.y is not None
        self.native: Any = _core.feed(*rows, order, batch) if arrays else None

    def take(self, start: int) -> tuple[Any, Any, NDArray[Any] | None]:
        """The step's x, y and weights that begin with row `start`."""
        where: Any = slice(start, start + self.batch)
        if self.order is not None:
            where = self.order[where]
        x, y, weights = self.rows
        return (
            x[where],
            None if y is None else y[where],
            None if weights is None else weights[where],
        )
