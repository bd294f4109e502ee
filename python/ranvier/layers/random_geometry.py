"""Layers that move images in training: flips, affine motions, crops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _random
from ranvier.layers._image import AffineLayer, RandomImageLayer, factor_range, loose_range, one_of
from ranvier.layers.layer import Shape, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """Mirrors each image with probability 1/2 in training; `y = x` otherwise.

    Args:
        mode: "horizontal" (left-right), "vertical" (top-bottom) or "horizontal_and_vertical"
            (default): both together, a turn by 180 degrees, as Keras does it.
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to the same, or (N, C, H, W); H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[[1.0], [2.0]]]] * 3)
    >>> ranvier.layers.RandomFlip("horizontal", seed=1)(x)[:, 0, :, 0]
    array([[1., 2.],
           [2., 1.],
           [2., 1.]], dtype=float32)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = one_of(self, "mode", mode, _MODES)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.random_flip(
            x, "horizontal" in self.mode, "vertical" in self.mode, self.channels_first,
            self._stream_seed,
        )  # fmt: skip


class RandomRotation(AffineLayer):
    """Turns each image about its middle in training by an angle of its own; `y = x` otherwise.

    The angle is `2 pi u`, u uniform between `lower` and `upper`; more than 0 is counter-clockwise.

    Args:
        factor: a number f in [-1, 1], for (-|f|, |f|), or (lower, upper), in whole turns.
        fill_mode: what lies outside of pixels a b c d: "reflect" (default; b a|a b c d|d c),
            "wrap" (c d|a b c d|a b), "constant", "nearest" (a a|a b c d|d d).
        interpolation: "bilinear" (default) or "nearest".
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        fill_value: for fill_mode "constant". Default 0.
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to the same, or (N, C, H, W); H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])[:, :, None]
    >>> ranvier.layers.RandomRotation((0.25, 0.25))(x)[:, :, 0].round()
    array([[2., 4.],
           [1., 3.]], dtype=float32)
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.factor = loose_range(self, factor, -1, 1)

    def lower(self, builder: Builder, x: int) -> int:
        return self._lower(builder.graph, x, "rotation", self.factor)


class RandomTranslation(AffineLayer):
    """Moves each image in training by distances of its own; `y = x` otherwise.

    `y_ij = x` at `(i - u H, j - v W)`, u and v uniform between `lower` and `upper` of their factor.

    Args:
        height_factor: a number f in [-1, 1], for (-|f|, |f|), or (lower, upper): the distance down
            as a part of the height.
        width_factor: likewise: the distance to the right as a part of the width.
        fill_mode, interpolation, seed, fill_value, data_format: as in `RandomRotation`.

    Shapes: (N, H, W, C) to the same, or (N, C, H, W); H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[1.0], [2.0], [3.0], [4.0]]])
    >>> ranvier.layers.RandomTranslation(0.0, (0.25, 0.25), fill_mode="constant")(x)[0, :, 0]
    array([0., 1., 2., 3.], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height = factor_range(self, "height_factor", height_factor, -1, 1)
        self._width = factor_range(self, "width_factor", width_factor, -1, 1)

    def lower(self, builder: Builder, x: int) -> int:
        return self._lower(builder.graph, x, "translation", self._height, self._width)


class RandomZoom(AffineLayer):
    """Scales each image about its middle in training by factors of its own; `y = x` otherwise.

    What is seen is `1 + u` times as high and `1 + v` times as wide as the image, u and v uniform
    between `lower` and `upper` of their factor: more than 0 zooms out, less than 0 zooms in.

    Args:
        height_factor: a number f in (-1, 1], for (-|f|, |f|), or (lower, upper).
        width_factor: likewise; None (default): v = u.
        fill_mode, interpolation, seed, fill_value, data_format: as in `RandomRotation`.

    Shapes: (N, H, W, C) to the same, or (N, C, H, W); H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> ranvier.layers.RandomZoom((-0.5, -0.5))(x)[0, :, 0]
    array([0.75, 1.25, 1.75, 2.25], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs
        )
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height = factor_range(self, "height_factor", height_factor, -1, 1, below=False)
        self._width = (
            None
            if width_factor is None
            else factor_range(self, "width_factor", width_factor, -1, 1, below=False)
        )

    def lower(self, builder: Builder, x: int) -> int:
        if self._width is None:
            return self._lower(builder.graph, x, "even_zoom", self._height)
        return self._lower(builder.graph, x, "zoom", self._height, self._width)


class RandomCrop(RandomImageLayer):
    """A window of the images, in training at a place drawn for each batch.

    In training, images larger than the window both ways are cut there; else, and in inference, the
    middle is: of images that are too small, or in inference, the greatest part of the window's
    ratio of height and width, resized (bilinear).

    Args:
        height, width: of the window, positive.
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to (N, height, width, C), or (N, C, H, W) likewise; H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomCrop(3, 4)(np.zeros((2, 8, 8, 1))).shape
    (2, 3, 4, 1)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        # Keras keeps a seed of its own in the config
        seed = _random.draw_seed() if seed is None else seed
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self.height = positive_int(self, "height", height)
        self.width = positive_int(self, "width", width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.resized(input_shape, self.height, self.width)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.random_crop(
            x, self.height, self.width, self.channels_first, self._stream_seed
        )
