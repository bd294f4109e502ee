"""Zeros around sequences, images and volumes, and their ends cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.layers._spatial import (
    check_rank,
    from_channels_last,
    join_shape,
    split_shape,
    standardize_data_format,
    standardize_pairs,
    to_channels_last,
)
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _Framing(Layer):
    """What padding and cropping share."""

    _axes: int
    _grow: bool
    data_format = "channels_last"
    _pairs: tuple[tuple[int, int], ...]

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, self._axes, self.data_format)
        spatial, channels = split_shape(input_shape, self.data_format)
        sign = 1 if self._grow else -1
        framed = tuple(
            None if extent is None else extent + sign * (before + after)
            for extent, (before, after) in zip(spatial, self._pairs, strict=True)
        )
        if not self._grow and any(n is not None and n < 1 for n in framed):
            shown = self._pairs[0] if self._axes == 1 else self._pairs
            raise ValueError(
                f"{self.label}: `cropping` {shown} leaves nothing of input of shape "
                f"{tuple(input_shape)}"
            )
        return join_shape(input_shape[0], framed, channels, self.data_format)

    def lower(self, builder: Builder, x: int) -> int:
        graph, n = builder.graph, self._axes
        x = to_channels_last(graph, x, n, self.data_format)
        before, after = zip(*self._pairs, strict=True)
        x = graph.frame(x, before, after, self._grow)
        return from_channels_last(graph, x, n, self.data_format)


class ZeroPadding1D(_Framing):
    """Zeros before and after a sequence.

    Args:
        padding: how many at each end, or (before, after); >= 0. Default 1.
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).

    Shapes: (N, W, C) to (N, before + W + after, C).

    Raises:
        ValueError: bad arguments, input of another rank.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.ZeroPadding1D((1, 2))(np.ones((1, 2, 1), "float32")).ravel()
    array([0., 1., 1., 0., 0.], dtype=float32)
    """

    _axes, _grow = 1, True

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self._pairs = standardize_pairs(self, "padding", padding, 1)
        self.padding = self._pairs[0]


class ZeroPadding2D(_Framing):
    """Rows and columns of zeros around an image.

    Args:
        padding: how many at all four edges; (rows, columns) for both ends of each; or
            ((top, bottom), (left, right)). >= 0, default (1, 1).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).

    Shapes: (N, H, W, C) to (N, top + H + bottom, left + W + right, C).

    Raises:
        ValueError: bad arguments, input of another rank.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.ZeroPadding2D(((1, 0), (0, 2)))(np.ones((1, 1, 2, 1), "float32"))[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [1., 1., 0., 0.]], dtype=float32)
    """

    _axes, _grow = 2, True

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self.padding = self._pairs = standardize_pairs(self, "padding", padding, 2)


class ZeroPadding3D(_Framing):
    """Zeros around a volume.

    Args:
        padding: how many at all ends; three integers, each for both ends of its axis; or three
            pairs (before, after). >= 0, default ((1, 1), (1, 1), (1, 1)).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).

    Shapes: (N, D, H, W, C) to (N, D', H', W', C), each extent by its padding longer.

    Raises:
        ValueError: bad arguments, input of another rank.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.ZeroPadding3D((0, 1, 2))(np.ones((1, 3, 3, 3, 2), "float32")).shape
    (1, 3, 5, 7, 2)
    """

    _axes, _grow = 3, True

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self.padding = self._pairs = standardize_pairs(self, "padding", padding, 3)


class Cropping1D(_Framing):
    """A sequence without its ends.

    Args:
        cropping: how many steps at each end, or (before, after); >= 0. Default (1, 1).

    Shapes: (N, W, C) to (N, W - before - after, C).

    Raises:
        ValueError: bad arguments, input of another rank, nothing left.

    >>> import numpy as np, ranvier
    >>> x = np.arange(5, dtype="float32").reshape(1, 5, 1)
    >>> ranvier.layers.Cropping1D((1, 2))(x).ravel()
    array([1., 2.], dtype=float32)
    """

    _axes, _grow = 1, False

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pairs = standardize_pairs(self, "cropping", cropping, 1)
        self.cropping = self._pairs[0]


class Cropping2D(_Framing):
    """An image without its outer rows and columns.

    Args:
        cropping: how many at all four edges; (rows, columns) for both ends of each; or
            ((top, bottom), (left, right)). >= 0, default ((0, 0), (0, 0)).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).

    Shapes: (N, H, W, C) to (N, H - top - bottom, W - left - right, C).

    Raises:
        ValueError: bad arguments, input of another rank, nothing left.

    >>> import numpy as np, ranvier
    >>> x = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)
    >>> ranvier.layers.Cropping2D(((1, 0), (1, 1)))(x)[0, :, :, 0]
    array([[ 5.,  6.],
           [ 9., 10.]], dtype=float32)
    """

    _axes, _grow = 2, False

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self.cropping = self._pairs = standardize_pairs(self, "cropping", cropping, 2)


class Cropping3D(_Framing):
    """A volume without its outer elements.

    Args:
        cropping: how many at all ends; three integers, each for both ends of its axis; or three
            pairs (before, after). >= 0, default ((1, 1), (1, 1), (1, 1)).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).

    Shapes: (N, D, H, W, C) to (N, D', H', W', C), each extent by its cropping shorter.

    Raises:
        ValueError: bad arguments, input of another rank, nothing left.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Cropping3D((0, 1, 2))(np.ones((1, 3, 5, 7, 2), "float32")).shape
    (1, 3, 3, 3, 2)
    """

    _axes, _grow = 3, False

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self.cropping = self._pairs = standardize_pairs(self, "cropping", cropping, 3)
