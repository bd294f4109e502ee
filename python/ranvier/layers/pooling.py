"""Pooling over windows of sequences, images and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.layers._spatial import (
    check_rank,
    from_channels_last,
    join_shape,
    split_shape,
    standardize_data_format,
    standardize_padding,
    standardize_tuple,
    to_channels_last,
    window_extent,
)
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _Pooling(Layer):
    """What all poolings over windows share."""

    _axes: int
    _average: bool

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        n = self._axes
        self.pool_size = standardize_tuple(self, "pool_size", pool_size, n)
        self.strides = (
            self.pool_size if strides is None else standardize_tuple(self, "strides", strides, n)
        )
        self.padding = standardize_padding(self, padding)
        self.data_format = standardize_data_format(self, data_format)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, self._axes, self.data_format)
        spatial, channels = split_shape(input_shape, self.data_format)
        pooled = tuple(
            window_extent(extent, window, stride, self.padding)
            for extent, window, stride in zip(spatial, self.pool_size, self.strides, strict=True)
        )
        if any(n is not None and n < 1 for n in pooled):
            raise ValueError(
                f"{self.label}: `pool_size` {self.pool_size} with padding '{self.padding}' does "
                f"not fit into input of shape {tuple(input_shape)}"
            )
        return join_shape(input_shape[0], pooled, channels, self.data_format)

    def lower(self, builder: Builder, x: int) -> int:
        graph, n = builder.graph, self._axes
        x = to_channels_last(graph, x, n, self.data_format)
        x = graph.pool(x, self._average, self.pool_size, self.strides, self.padding == "same")
        return from_channels_last(graph, x, n, self.data_format)


class MaxPooling1D(_Pooling):
    """The largest of each window along a sequence: `y_o = max_k x_(o strides + k)`.

    Windows with a NaN give NaN. The gradient goes to the first of equal maxima.

    Args:
        pool_size: length of the window, >= 1. Default 2.
        strides: step from window to window, >= 1; None: `pool_size`.
        padding: "valid" (windows inside the input only) or "same" (`ceil(W / strides)` windows;
            those over an end hold fewer elements).
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).

    Shapes: (N, W, C) to (N, W', C) with `W' = (W - pool_size) // strides + 1`, or
    `ceil(W / strides)` if "same".

    Raises:
        ValueError: bad arguments, input of another rank, a window longer than the input.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[1.0], [3.0], [2.0], [0.0]]], "float32")
    >>> ranvier.layers.MaxPooling1D(2)(x).ravel()
    array([3., 2.], dtype=float32)
    """

    _axes, _average = 1, False

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(_Pooling):
    """The largest of each window of an image: `y_ij = max_kl x_(i s_0 + k, j s_1 + l)`.

    Windows with a NaN give NaN. The gradient goes to the first of equal maxima, in C order.

    Args:
        pool_size: (height, width) of the window, or one integer for both. Default (2, 2).
        strides: as `pool_size`, the step from window to window; None: `pool_size`.
        padding: "valid" (windows inside the input only) or "same" (`ceil(extent / stride)` windows;
            those over an edge hold fewer elements).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).

    Shapes: (N, H, W, C) to (N, H', W', C); see `MaxPooling1D`.

    Raises:
        ValueError: bad arguments, input of another rank, a window larger than the input.

    >>> import numpy as np, ranvier
    >>> x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    >>> ranvier.layers.MaxPooling2D()(x)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """

    _axes, _average = 2, False

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(_Pooling):
    """The largest of each window of a volume.

    Windows with a NaN give NaN. The gradient goes to the first of equal maxima, in C order.

    Args:
        pool_size: (depth, height, width) of the window, or one integer for all. Default (2, 2, 2).
        strides: as `pool_size`, the step from window to window; None: `pool_size`.
        padding: "valid" (windows inside the input only) or "same" (`ceil(extent / stride)` windows;
            those over an edge hold fewer elements).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).

    Shapes: (N, D, H, W, C) to (N, D', H', W', C); see `MaxPooling1D`.

    Raises:
        ValueError: bad arguments, input of another rank, a window larger than the input.

    >>> import numpy as np, ranvier
    >>> x = np.arange(8, dtype="float32").reshape(1, 2, 2, 2, 1)
    >>> ranvier.layers.MaxPooling3D()(x).ravel()
    array([7.], dtype=float32)
    """

    _axes, _average = 3, False

    def __init__(
        self,
        pool_size: Any = (2, 2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(_Pooling):
    """The mean of each window along a sequence: `y_o = mean_k x_(o strides + k)`.

    Args:
        pool_size: length of the window, >= 1.
        strides: step from window to window, >= 1; None: `pool_size`.
        padding: "valid" (windows inside the input only) or "same" (`ceil(W / strides)` windows;
            those over an end are divided by the number of elements that they hold).
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W), by an
            explicit transpose before and after).

    Shapes: (N, W, C) to (N, W', C) with `W' = (W - pool_size) // strides + 1`, or
    `ceil(W / strides)` if "same".

    Raises:
        ValueError: bad arguments, input of another rank, a window longer than the input.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[1.0], [3.0], [2.0], [0.0], [5.0]]], "float32")
    >>> ranvier.layers.AveragePooling1D(2, padding="same")(x).ravel()
    array([2., 1., 5.], dtype=float32)
    """

    _axes, _average = 1, True


class AveragePooling2D(_Pooling):
    """The mean of each window of an image: `y_ij = mean_kl x_(i s_0 + k, j s_1 + l)`.

    Args:
        pool_size: (height, width) of the window, or one integer for both.
        strides: as `pool_size`, the step from window to window; None: `pool_size`.
        padding: "valid" (windows inside the input only) or "same" (`ceil(extent / stride)` windows;
            those over an edge are divided by the number of elements that they hold).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).

    Shapes: (N, H, W, C) to (N, H', W', C); see `AveragePooling1D`.

    Raises:
        ValueError: bad arguments, input of another rank, a window larger than the input.

    >>> import numpy as np, ranvier
    >>> x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    >>> ranvier.layers.AveragePooling2D(2)(x)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """

    _axes, _average = 2, True


class AveragePooling3D(_Pooling):
    """The mean of each window of a volume.

    Args:
        pool_size: (depth, height, width) of the window, or one integer for all.
        strides: as `pool_size`, the step from window to window; None: `pool_size`.
        padding: "valid" (windows inside the input only) or "same" (`ceil(extent / stride)` windows;
            those over an edge are divided by the number of elements that they hold).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).

    Shapes: (N, D, H, W, C) to (N, D', H', W', C); see `AveragePooling1D`.

    Raises:
        ValueError: bad arguments, input of another rank, a window larger than the input.

    >>> import numpy as np, ranvier
    >>> x = np.arange(8, dtype="float32").reshape(1, 2, 2, 2, 1)
    >>> ranvier.layers.AveragePooling3D(2)(x).ravel()
    array([3.5], dtype=float32)
    """

    _axes, _average = 3, True
