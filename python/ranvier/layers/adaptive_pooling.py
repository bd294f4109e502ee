"""Pooling to an output of given extents, whatever the input's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ranvier.layers._spatial import (
    check_rank,
    from_channels_last,
    join_shape,
    split_shape,
    standardize_data_format,
    standardize_tuple,
    to_channels_last,
)
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _AdaptivePooling(Layer):
    """What all adaptive poolings share: one axis is pooled after the other, the first one first."""

    _axes: ClassVar[int]
    _average: ClassVar[bool]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = standardize_tuple(self, "output_size", output_size, self._axes)
        self.data_format = standardize_data_format(self, data_format)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, self._axes, self.data_format)
        spatial, channels = split_shape(input_shape, self.data_format)
        if 0 in spatial:
            raise ValueError(
                f"{self.label}: nothing to pool in input of shape {tuple(input_shape)}"
            )
        return join_shape(input_shape[0], self.output_size, channels, self.data_format)

    def lower(self, builder: Builder, x: int) -> int:
        graph, n = builder.graph, self._axes
        x = to_channels_last(graph, x, n, self.data_format)
        for axis, size in enumerate(self.output_size, 1):
            x = graph.adaptive_pool(x, self._average, axis, size)
        return from_channels_last(graph, x, n, self.data_format)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """The mean over windows of a sequence: `y_ic = mean_(t in W_i) x_tc`.

    W_i is from floor(i T / O) to ceil((i + 1) T / O), of extent T and O windows.

    Args:
        output_size: the number of windows, an integer >= 1.
        data_format: "channels_last" (default) or "channels_first", (N, C, W).

    Shapes: (N, W, C) to (N, O1, C); extents may vary.

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.AdaptiveAveragePooling1D(2)
    >>> layer(np.array([[[1.0], [2.0], [6.0]]], "float32"))[0, :, 0]
    array([1.5, 4. ], dtype=float32)
    """

    _axes, _average = 1, True


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """The mean over windows of an image: `y_ic = mean_(t in W_i) x_tc` along each axis.

    W_i is from floor(i T / O) to ceil((i + 1) T / O), of extent T and O windows.

    Args:
        output_size: windows along H, W: integers >= 1, or one for all.
        data_format: "channels_last" (default) or "channels_first", (N, C, H, W).

    Shapes: (N, H, W, C) to (N, O1, O2, C); extents may vary.

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AdaptiveAveragePooling2D(2)(np.ones((1, 4, 5, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    _axes, _average = 2, True


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """The mean over windows of a volume: `y_ic = mean_(t in W_i) x_tc` along each axis.

    W_i is from floor(i T / O) to ceil((i + 1) T / O), of extent T and O windows.

    Args:
        output_size: windows along D, H, W: integers >= 1, or one for all.
        data_format: "channels_last" (default) or "channels_first", (N, C, D, H, W).

    Shapes: (N, D, H, W, C) to (N, O1, O2, O3, C); extents may vary.

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AdaptiveAveragePooling3D(2)(np.ones((1, 4, 5, 7, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    _axes, _average = 3, True


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The largest over windows of a sequence: `y_ic = max_(t in W_i) x_tc`.

    W_i is from floor(i T / O) to ceil((i + 1) T / O), of extent T and O windows.
    The gradient goes to the first of equal maxima. NaN in a window gives NaN.

    Args:
        output_size: the number of windows, an integer >= 1.
        data_format: "channels_last" (default) or "channels_first", (N, C, W).

    Shapes: (N, W, C) to (N, O1, C); extents may vary.

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.AdaptiveMaxPooling1D(2)
    >>> layer(np.array([[[1.0], [2.0], [6.0]]], "float32"))[0, :, 0]
    array([2., 6.], dtype=float32)
    """

    _axes, _average = 1, False


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """The largest over windows of an image: `y_ic = max_(t in W_i) x_tc` along each axis.

    W_i is from floor(i T / O) to ceil((i + 1) T / O), of extent T and O windows.
    The gradient goes to the first of equal maxima. NaN in a window gives NaN.

    Args:
        output_size: windows along H, W: integers >= 1, or one for all.
        data_format: "channels_last" (default) or "channels_first", (N, C, H, W).

    Shapes: (N, H, W, C) to (N, O1, O2, C); extents may vary.

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AdaptiveMaxPooling2D(2)(np.ones((1, 4, 5, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    _axes, _average = 2, False


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """The largest over windows of a volume: `y_ic = max_(t in W_i) x_tc` along each axis.

    W_i is from floor(i T / O) to ceil((i + 1) T / O), of extent T and O windows.
    The gradient goes to the first of equal maxima. NaN in a window gives NaN.

    Args:
        output_size: windows along D, H, W: integers >= 1, or one for all.
        data_format: "channels_last" (default) or "channels_first", (N, C, D, H, W).

    Shapes: (N, D, H, W, C) to (N, O1, O2, O3, C); extents may vary.

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AdaptiveMaxPooling3D(2)(np.ones((1, 4, 5, 7, 3), "float32")).shape
    (1, 2, 2, 2, 3)
    """

    _axes, _average = 3, False
