"""Layers that only move elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.layers._spatial import standardize_data_format, to_channels_last
from ranvier.layers.layer import Layer, Shape, integers, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


def _product(extents: tuple[int | None, ...]) -> int | None:
    n = 1
    for extent in extents:
        if extent is None:
            return None
        n *= extent
    return n


class Flatten(Layer):
    """(N, ...) to (N, product of the rest), in C order.

    Args:
        data_format: "channels_last" (default), or "channels_first": the channels (axis 1) go to the
            end first, so that either format gives the same order.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Flatten()(np.zeros((2, 3, 4), "float32")).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)

    def build(self, input_shape: Shape) -> None:
        self._axes = len(input_shape) - 2

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], _product(tuple(input_shape[1:])))

    def lower(self, builder: Builder, x: int) -> int:
        x = to_channels_last(builder.graph, x, self._axes, self.data_format)
        return builder.graph.reshape(x, [-1])


class Reshape(Layer):
    """(N, ...) to (N, *target_shape), in C order.

    Args:
        target_shape: of a sample; one extent may be -1.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Reshape((2, -1))(np.zeros((5, 6), "float32")).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        shape = integers(self, "target_shape", target_shape, -1)
        if sum(n == -1 for n in shape) > 1:
            raise ValueError(
                f"{self.label}: `target_shape` must be integers, at most one of them -1; "
                f"got {target_shape!r}"
            )
        self.target_shape = shape

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        total = _product(tuple(input_shape[1:]))
        known = _product(tuple(n for n in self.target_shape if n != -1)) or 0
        if total is None:
            return (input_shape[0], *(None if n == -1 else n for n in self.target_shape))
        fits = known and total % known == 0 if -1 in self.target_shape else known == total
        if not fits:
            raise ValueError(
                f"{self.label}: cannot reshape a sample of shape {tuple(input_shape[1:])} "
                f"({total} elements) into {self.target_shape}"
            )
        return (input_shape[0], *(total // known if n == -1 else n for n in self.target_shape))

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.reshape(x, list(self.target_shape))


class Permute(Layer):
    """Reorders the axes of a sample.

    Args:
        dims: 1-based order, e.g. (2, 1) swaps the two axes after the batch axis.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Permute((2, 1))(np.zeros((5, 2, 3), "float32")).shape
    (5, 3, 2)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = integers(self, "dims", dims, 0)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self.label}: `dims` must be a permutation of 1..{len(self.dims)}; "
                f"got {self.dims}"
            )

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"{self.label}: `dims` {self.dims} wants samples of {len(self.dims)} axes; "
                f"got input shape {input_shape}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *(input_shape[d] for d in self.dims))

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.permute(x, list(self.dims))


class RepeatVector(Layer):
    """(N, C) to (N, n, C): each row n times.

    Args:
        n: how often, >= 1.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RepeatVector(3)(np.zeros((5, 2), "float32")).shape
    (5, 3, 2)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = positive_int(self, "n", n)

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) != 2:
            raise ValueError(f"{self.label}: expected input (N, C); got shape {input_shape}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.n, input_shape[1])

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.repeat(x, self.n)
