"""Layers that change the values of images in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.layers._image import RandomImageLayer, limits, loose_range

if TYPE_CHECKING:
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
