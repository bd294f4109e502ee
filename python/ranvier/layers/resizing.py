"""Layers that bring images to a size, in training and inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._checks import number
from ranvier.layers._image import ImageLayer, one_of
from ranvier.layers.layer import Shape, positive_int
from ranvier.ops.images import RESIZE_INTERPOLATIONS

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class Resizing(ImageLayer):
    """Images of another size: `y_ij = sum_kl R_ik C_jl x_kl`, R and C from the interpolation.

    Args:
        height, width: of the output, positive.
        interpolation: "bilinear" (default), "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: resize the greatest part in the middle that has the output's ratio of
            height and width. Default False.
        pad_to_aspect_ratio: first widen the image to that ratio. Default False; not both.
        fill_mode: how it is widened: only "constant".
        fill_value: the constant. Default 0.
        antialias: when an image shrinks, weigh as many pixels as fall on one. Default False.
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to (N, height, width, C), or (N, C, H, W) likewise; H and W may vary.

    The result is float also for images of integers, which Keras rounds when the layer is called on
    its own.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Resizing(1, 4)(np.array([[[0.0], [4.0]]]))[0, :, 0]
    array([0., 1., 3., 4.], dtype=float32)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive_int(self, "height", height)
        self.width = positive_int(self, "width", width)
        self.interpolation = one_of(self, "interpolation", interpolation, RESIZE_INTERPOLATIONS)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(
                f"{self.label}: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can "
                "be True"
            )
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = one_of(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value = number(self.label, "fill_value", fill_value)
        self.antialias = bool(antialias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.resized(input_shape, self.height, self.width)

    def lower(self, builder: Builder, x: int) -> int:
        crop, pad = self.crop_to_aspect_ratio, self.pad_to_aspect_ratio
        return builder.graph.resizing(
            x, self.height, self.width, self.interpolation, self.antialias,
            "crop" if crop else "pad" if pad else "stretch", float(self.fill_value),
            self.channels_first,
        )  # fmt: skip


class CenterCrop(ImageLayer):
    """The middle of the images: `y_ij = x_(i + (H - height) // 2, j + (W - width) // 2)`.

    Of images that are too small, the greatest part of the output's ratio of height and width in
    the middle, resized (bilinear).

    Args:
        height, width: of the output, positive.
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to (N, height, width, C), or (N, C, H, W) likewise; H and W may vary.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.CenterCrop(1, 2)(np.arange(4.0).reshape(1, 4, 1))[0, :, 0]
    array([1., 2.], dtype=float32)
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive_int(self, "height", height)
        self.width = positive_int(self, "width", width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.resized(input_shape, self.height, self.width)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.center_crop(x, self.height, self.width, self.channels_first)
