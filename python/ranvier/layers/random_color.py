"""Layers that change the values of images, alike for all pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers._image import RandomImageLayer, limits, loose_range
from ranvier.layers._pixels import BYTES, PixelLayer, RandomPixelLayer, unit_range
from ranvier.layers.layer import positive_int

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder


class RandomContrast(RandomImageLayer):
    """Changes the contrast of each image in training; `y = x` otherwise.

    `y = clip((x - m) f + m, low, high)`, m the mean of the image's channel and f uniform in
    `[1 - lower, 1 + upper]`.

    Args:
        factor: (lower, upper), or a number in [0, 1], which stands for (0, factor): as in Keras 3,
            whose documentation says otherwise.
        value_range: (low, high) of the values. Default (0, 255).
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to the same, or (N, C, H, W); H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[10.0], [30.0]]])
    >>> ranvier.layers.RandomContrast((-0.5, 0.5))(x)[0, :, 0]
    array([ 5., 35.], dtype=float32)
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = loose_range(self, factor, 0, 1)
        self.value_range = value_range
        self._limits = limits(self, value_range)

    def lower(self, builder: Builder, x: int) -> int:
        lower, upper = self.factor
        return builder.graph.random_contrast(
            x, (1 - lower, 1 + upper), self._limits, self.channels_first, self._stream_seed
        )


class RandomBrightness(RandomImageLayer):
    """Makes each image lighter or darker in training; `y = x` otherwise.

    `y = clip(x + u (high - low), low, high)`, u uniform between `lower` and `upper`.

    Args:
        factor: a number f in [-1, 1], for (-|f|, |f|), or (lower, upper).
        value_range: (low, high) of the values. Default (0, 255).
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, H, W, C) to the same, or (N, C, H, W); H and W may vary.

    Called on its own, without a model, the layer acts unless training=False, as in Keras.

    Raises:
        ValueError: arguments out of range, or an input that is no batch of images.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[10.0], [250.0]]])
    >>> ranvier.layers.RandomBrightness((0.2, 0.2))(x)[0, :, 0]
    array([ 61., 255.], dtype=float32)
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = loose_range(self, factor, -1, 1)
        self._limits = limits(self, value_range)
        self.value_range = sorted(value_range)

    def lower(self, builder: Builder, x: int) -> int:
        low, high = self._limits
        lower, upper = (u * (high - low) for u in self.factor)
        return builder.graph.random_brightness(
            x, (lower, upper), self._limits, self.channels_first, self._stream_seed
        )


class AutoContrast(PixelLayer):
    """Spreads each channel of each image over the whole range, in inference too.

    `y = low + (high - low) (x - min) / (max - min)`; a channel of one value stays.

    Args:
        value_range: (low, high) of the values. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AutoContrast((0, 1))(np.array([[[0.25], [0.5]]]))[0, :, 0]
    array([0., 1.], dtype=float32)
    """

    _always = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_range(value_range)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        # channels first: along the axes of x NumPy would take a few numbers at a time
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
        y = self._scaled(x, BYTES)
        low, high = y.min((2, 3), keepdims=True), y.max((2, 3), keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = 255 / (high - low)
            y = self._unscaled(np.clip(y * scale - low * scale, 0, 255), BYTES)
        return np.moveaxis(np.where(np.isnan(y), x, y), 1, -1)


class Equalization(PixelLayer):
    """Makes all values of a channel about equally frequent in training; `y = x` otherwise.

    `y` is the share of the batch's pixels of the channel in bins below or at x's, rounded to 1/255:
    the histogram is that of the whole batch, as in Keras.

    Args:
        value_range: (low, high) of the values. Default (0, 255).
        bins: of the histogram. Default 256.
        data_format: "channels_last" (default) or "channels_first".

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Equalization()(np.array([[[9.0], [9.0], [10.0], [90.0]]]))[0, :, 0]
    array([  0.,   0., 128., 255.], dtype=float32)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_range(value_range)
        self.bins = positive_int(self, "bins", bins)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        x = self._scaled(x, BYTES)
        y = np.empty_like(x)
        last = self.bins - 1
        for c in range(x.shape[-1]):
            channel = x[..., c]
            at = np.nan_to_num(np.clip(channel * last / 255, 0, last)).astype(np.intp)
            below = np.cumsum(np.bincount(at.ravel(), minlength=self.bins))
            first = below[at.min()]
            if first == below[-1]:
                y[..., c] = channel
                continue
            table = np.round(((below - first) * 255 / (below[-1] - first)).astype(np.float32))
            at = np.nan_to_num(np.clip(channel / 255 * last, 0, last)).astype(np.intp)
            y[..., c] = np.clip(table, 0, 255)[at]
        return self._unscaled(y, BYTES)


class Solarization(RandomPixelLayer):
    """Turns values at or above a threshold around in training; `y = x` otherwise.

    `z = clip(x + a)`, `y = z if z < t else high - z + low`, a and t drawn for each image.

    Args:
        addition_factor: a as a part of the range: (lower, upper) within [0, 1], or a number f for
            (0, f). Default 0.
        threshold_factor: t likewise. Default 0.
        value_range: (low, high) of the values. Default (0, 255).
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Solarization()(np.array([[[59.0], [200.0]]]))[0, :, 0]
    array([196.,  55.], dtype=float32)
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = unit_range(self, "addition_factor", addition_factor)
        self.threshold_factor = unit_range(self, "threshold_factor", threshold_factor)
        self._set_range(value_range)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        more, threshold = self.draws(x, rng, self.addition_factor, self.threshold_factor)
        z = np.clip(self._scaled(x, BYTES) + 255 * more, 0, 255)
        return self._unscaled(np.where(z < 255 * threshold, z, 255 - z), BYTES)
