"""Pooling over all positions of sequences, images and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.layers._spatial import (
    check_rank,
    from_channels_last,
    join_shape,
    split_shape,
    standardize_data_format,
    to_channels_last,
)
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _GlobalPooling(Layer):
    """What all global poolings share."""

    _axes: int
    _average: bool

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        if keepdims not in (True, False):
            raise ValueError(f"{self.label}: `keepdims` must be True or False; got {keepdims!r}")
        self.keepdims = bool(keepdims)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, self._axes, self.data_format)
        spatial, channels = split_shape(input_shape, self.data_format)
        if 0 in spatial:
            raise ValueError(
                f"{self.label}: nothing to pool in input of shape {tuple(input_shape)}"
            )
        kept = (1,) * self._axes if self.keepdims else ()
        return join_shape(input_shape[0], kept, channels, self.data_format)

    def lower(self, builder: Builder, x: int) -> int:
        graph, n = builder.graph, self._axes
        x = to_channels_last(graph, x, n, self.data_format)
        x = graph.global_pool(x, self._average, n, self.keepdims)
        return from_channels_last(graph, x, n, self.data_format) if self.keepdims else int(x)


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest over all positions of a sequence: `y_c = max_t x_tc`.

    The gradient is divided among equal maxima. NaN in a channel gives NaN.

    Args:
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W)).
        keepdims: whether the pooled axes stay, with extent 1. Default False.

    Shapes: (N, W, C) to (N, C); with `keepdims` to (N, 1, C).

    Raises:
        ValueError: bad arguments, input of another rank or without positions.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GlobalMaxPooling1D()(np.array([[[1.0, 5.0], [3.0, 2.0]]], "float32"))
    array([[3., 5.]], dtype=float32)
    """

    _axes, _average = 1, False


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest over all pixels of an image: `y_c = max_ij x_ijc`.

    The gradient is divided among equal maxima. NaN in a channel gives NaN.

    Args:
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W)).
        keepdims: whether the pooled axes stay, with extent 1. Default False.

    Shapes: (N, H, W, C) to (N, C); with `keepdims` to (N, 1, 1, C).

    Raises:
        ValueError: bad arguments, input of another rank or without pixels.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GlobalMaxPooling2D()(np.ones((2, 4, 5, 3), "float32")).shape
    (2, 3)
    """

    _axes, _average = 2, False


class GlobalMaxPooling3D(_GlobalPooling):
    """The largest over all elements of a volume.

    The gradient is divided among equal maxima. NaN in a channel gives NaN.

    Args:
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W)).
        keepdims: whether the pooled axes stay, with extent 1. Default False.

    Shapes: (N, D, H, W, C) to (N, C); with `keepdims` to (N, 1, 1, 1, C).

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.GlobalMaxPooling3D(keepdims=True)
    >>> layer(np.ones((2, 4, 5, 6, 3), "float32")).shape
    (2, 1, 1, 1, 3)
    """

    _axes, _average = 3, False


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean over all positions of a sequence: `y_c = mean_t x_tc`.

    With a mask (of Masking or Embedding) the mean is over the positions that count; NaN where there
    are none, as in Keras. No mask passes on.

    Args:
        data_format: "channels_last" (default, (N, W, C)) or "channels_first" ((N, C, W)).
        keepdims: whether the pooled axes stay, with extent 1. Default False.

    Shapes: (N, W, C) to (N, C); with `keepdims` to (N, 1, C).

    Raises:
        ValueError: bad arguments, input of another rank or without positions.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GlobalAveragePooling1D()(np.array([[[1.0, 5.0], [3.0, 2.0]]], "float32"))
    array([[2. , 3.5]], dtype=float32)
    """

    _axes, _average = 1, True
    supports_masking = True

    def lower(self, builder: Builder, x: int) -> int:
        mask = builder.masks.get(x)
        if mask is None:
            return super().lower(builder, x)
        x = to_channels_last(builder.graph, x, 1, self.data_format)
        x = builder.graph.sequence("masked_mean", [x, mask], [], [self.keepdims])
        return from_channels_last(builder.graph, x, 1, self.data_format) if self.keepdims else x

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        return None

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean over all pixels of an image: `y_c = mean_ij x_ijc`.

    Args:
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W)).
        keepdims: whether the pooled axes stay, with extent 1. Default False.

    Shapes: (N, H, W, C) to (N, C); with `keepdims` to (N, 1, 1, C).

    Raises:
        ValueError: bad arguments, input of another rank or without pixels.

    Reference: Lin et al., Network in network, arXiv 1312.4400 (2013), section 3.2.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GlobalAveragePooling2D()(np.ones((2, 4, 5, 3), "float32")).shape
    (2, 3)
    """

    _axes, _average = 2, True


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean over all elements of a volume.

    Args:
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W)).
        keepdims: whether the pooled axes stay, with extent 1. Default False.

    Shapes: (N, D, H, W, C) to (N, C); with `keepdims` to (N, 1, 1, 1, C).

    Raises:
        ValueError: bad arguments, input of another rank or without elements.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GlobalAveragePooling3D()(np.ones((2, 4, 5, 6, 3), "float32")).shape
    (2, 3)
    """

    _axes, _average = 3, True
