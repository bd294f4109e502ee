"""Cells that stand on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.layers._nested import Nested
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


# Of a cell in a model without a layer around it.
ONE_STEP = "is one step, not a layer; put RNN(...) of it into the model"


def sizes_of(cell: Any) -> list[int]:
    """`cell.state_size` as a list."""
    size = cell.state_size
    return [int(size)] if isinstance(size, (int, np.integer)) else list(size)


def width_of(cell: Any) -> int:
    """`cell.output_size`, or the size of its first state if it does not say."""
    size = getattr(cell, "output_size", None)
    return sizes_of(cell)[0] if size is None else int(size)


class StackedRNNCells(Nested):
    """A stack of cells that acts as one: each takes the output of the one before.

    Args:
        cells: recurrent cells, one or more.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> stack = layers.StackedRNNCells([layers.LSTMCell(4), layers.LSTMCell(2)])
    >>> layers.RNN(stack)(np.ones((3, 5, 1), "float32")).shape
    (3, 2)
    """

    outside_models = ONE_STEP

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(
                f"{self.label}: `cells` must be a list of recurrent cells; got {cells!r}"
            )
        for cell in cells:
            if not isinstance(cell, Layer) or getattr(cell, "state_size", None) is None:
                raise ValueError(
                    f"{self.label}: `cells` must be recurrent cells (Layers with `state_size`); "
                    f"got {cell!r}"
                )
            if isinstance(cell, StackedRNNCells):
                raise ValueError(
                    f"{self.label}: `cells` cannot hold a StackedRNNCells ({cell.label}); list its "
                    "cells"
                )
            if cell.dtype != self.dtype:
                raise ValueError(
                    f"{self.label}: the cells' dtype must be {self.dtype}; {cell.label} has "
                    f"{cell.dtype}"
                )
        self.cells: list[Any] = list(cells)

    def inner_layers(self) -> list[Layer]:
        return self.cells

    @property
    def state_size(self) -> list[Any]:
        """One for each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The last cell's."""
        return width_of(self.cells[-1])

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Zeros, a list of states for each cell."""
        return [
            [np.zeros((batch_size, n), self.dtype) for n in sizes_of(cell)] for cell in self.cells
        ]

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            cell.ensure_built(input_shape)
            input_shape = (input_shape[0], width_of(cell))
        self._prefix_paths()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.output_size)

    def __call__(  # type: ignore[override]
        self, x: Any, states: Any = None, training: bool = False
    ) -> tuple[Array, list[Any]]:
        """One step: (output, new states) of x (N, F) and a list of states for each cell."""
        y = _dtypes.as_input(self.label, x, self.dtype)
        if y.ndim != 2:
            raise ValueError(f"{self.label}: expected input of shape (N, F); got {y.shape}")
        self.ensure_built((None, y.shape[1]))
        given = self.get_initial_state(len(y)) if states is None else states
        if not isinstance(given, (list, tuple)) or len(given) != len(self.cells):
            got = len(given) if isinstance(given, (list, tuple)) else type(given).__name__
            raise ValueError(
                f"{self.label}: `states` must be a list for each of {len(self.cells)} cells; "
                f"got {got}"
            )
        new = []
        for cell, own in zip(self.cells, given, strict=True):
            y, after = cell(y, own, training=training)
            new.append(after)
        return y, new

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StackedRNNCells:
        from ranvier._serialize import deserialize_keras_object

        cells = [
            deserialize_keras_object(cell) if isinstance(cell, dict) else cell
            for cell in config["cells"]
        ]
        return cls(**{**config, "cells": cells})
