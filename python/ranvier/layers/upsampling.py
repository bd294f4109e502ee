"""Upsampling of sequences, images and volumes by whole factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.layers._spatial import (
    check_rank,
    from_channels_last,
    is_integer,
    join_shape,
    split_shape,
    standardize_choice,
    standardize_data_format,
    standardize_tuple,
    to_channels_last,
)
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder

# Keras' other ways to interpolate.
_NOT_HERE = ("bicubic", "lanczos3", "lanczos5")


class _UpSampling(Layer):
    """What all upsamplings share."""

    _axes: int
    data_format = "channels_last"
    interpolation = "nearest"
    size: Any

    @property
    def _factors(self) -> tuple[int, ...]:
        return (self.size,) if self._axes == 1 else tuple(self.size)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, self._axes, self.data_format)
        spatial, channels = split_shape(input_shape, self.data_format)
        larger = tuple(
            None if extent is None else extent * factor
            for extent, factor in zip(spatial, self._factors, strict=True)
        )
        return join_shape(input_shape[0], larger, channels, self.data_format)

    def lower(self, builder: Builder, x: int) -> int:
        graph, n = builder.graph, self._axes
        x = to_channels_last(graph, x, n, self.data_format)
        x = graph.upsample(x, self._factors, self.interpolation == "bilinear")
        return from_channels_last(graph, x, n, self.data_format)


class UpSampling1D(_UpSampling):
    """Each step of a sequence `size` times: `y_t = x_(t // size)`.

    Args:
        size: the factor, >= 1. Default 2.

    Shapes: (N, W, C) to (N, size W, C).

    Raises:
        ValueError: a bad `size`, input of another rank.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]], "float32")).ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """

    _axes = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not is_integer(size, 1):
            raise ValueError(f"{self.label}: `size` must be an integer >= 1; got {size!r}")
        self.size = int(size)


class UpSampling2D(_UpSampling):
    """Each pixel of an image `size[0]` times `size[1]` times, or interpolated between pixels.

    "nearest": `y_ij = x_(i // size_0, j // size_1)`. "bilinear": `y_ij` is interpolated linearly
    along both axes at `((i + 0.5) / size_0 - 0.5, (j + 0.5) / size_1 - 0.5)`, where beyond the
    outer pixels' centres their values stay.

    Args:
        size: (rows, columns), or one integer for both. Default (2, 2).
        data_format: "channels_last" (default, (N, H, W, C)) or "channels_first" ((N, C, H, W), by
            an explicit transpose before and after).
        interpolation: "nearest" (default) or "bilinear". Keras' "bicubic", "lanczos3" and
            "lanczos5" are not here.

    Shapes: (N, H, W, C) to (N, size[0] H, size[1] W, C).

    Raises:
        ValueError: bad arguments, input of another rank.

    >>> import numpy as np, ranvier
    >>> x = np.array([[0.0, 4.0]], "float32").reshape(1, 1, 2, 1)
    >>> ranvier.layers.UpSampling2D((1, 2))(x).ravel()
    array([0., 0., 4., 4.], dtype=float32)
    >>> ranvier.layers.UpSampling2D((1, 2), interpolation="bilinear")(x).ravel()
    array([0., 1., 3., 4.], dtype=float32)
    """

    _axes = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self.size = standardize_tuple(self, "size", size, 2)
        if isinstance(interpolation, str) and interpolation.lower() in _NOT_HERE:
            raise ValueError(
                f"{self.label}: `interpolation` '{interpolation.lower()}' of Keras is not in "
                "ranvier, which has 'nearest' and 'bilinear'"
            )
        self.interpolation = standardize_choice(
            self, "interpolation", interpolation, ("nearest", "bilinear")
        )


class UpSampling3D(_UpSampling):
    """Each element of a volume `size[0]` times `size[1]` times `size[2]` times.

    Args:
        size: (depth, height, width), or one integer for all. Default (2, 2, 2).
        data_format: "channels_last" (default, (N, D, H, W, C)) or "channels_first"
            ((N, C, D, H, W), by an explicit transpose before and after).

    Shapes: (N, D, H, W, C) to (N, size[0] D, size[1] H, size[2] W, C).

    Raises:
        ValueError: bad arguments, input of another rank.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.UpSampling3D((1, 2, 3))(np.ones((1, 2, 2, 2, 4), "float32")).shape
    (1, 2, 4, 6, 4)
    """

    _axes = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(self, data_format)
        self.size = standardize_tuple(self, "size", size, 3)
