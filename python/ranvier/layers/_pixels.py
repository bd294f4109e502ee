"""What the layers that change images in NumPy share: they run on batches before the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.layers._image import ImageLayer, RandomImageLayer, factor_range, limits

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from ranvier.layers.layer import Shape

BYTES = (0.0, 255.0)
UNIT = (0.0, 1.0)


def unit_range(layer: ImageLayer, argument: str, value: Any) -> tuple[float, float]:
    """A factor in [0, 1] as (lower, upper): a number f stands for (0, f)."""
    low, high = factor_range(layer, argument, value, 0, 1)
    return max(low, 0.0), high


class PixelLayer(ImageLayer):
    """Base of layers whose `change` makes the output of images (N, H, W, C), in training only.

    In training they have no gradient, which only weights in front of them would need.
    """

    _channels: tuple[int, ...] = ()  # those it takes, if not any
    _always = False  # in inference too
    has_gradient = False
    value_range: list[float]

    def _set_range(self, value_range: Any) -> None:
        low, high = self._limits = limits(self, value_range)
        if low == high:
            raise ValueError(
                f"{self.label}: `value_range` must be two different numbers; got {value_range!r}"
            )
        self.value_range = [low, high]

    def _scaled(self, x: NDArray[Any], target: tuple[float, float]) -> NDArray[Any]:
        """`x` brought from the layer's range of values to another."""
        return _moved(x, self._limits, target)

    def _unscaled(self, x: NDArray[Any], source: tuple[float, float]) -> NDArray[Any]:
        return _moved(x, source, self._limits)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if 0 in input_shape[1:]:
            raise ValueError(f"{self.label}: images {tuple(input_shape)} have no pixels")
        channels = input_shape[1 if self.channels_first else -1]
        if self._channels and channels not in (*self._channels, None):
            raise ValueError(
                f"{self.label}: expected images of {' or '.join(map(str, self._channels))} "
                f"channels; got shape {tuple(input_shape)}"
            )

    def __call__(self, x: Any, training: bool = True, mask: Any = None) -> NDArray[Any]:
        """The layer's output on a batch of images, or on one image."""
        return super().__call__(x, training, mask)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        """What becomes of images (N, H, W, C), which stay as they are."""
        raise NotImplementedError

    def forward(
        self, x: NDArray[Any], training: bool = False, stream: int = 0
    ) -> tuple[NDArray[Any], Any]:
        if not (training or self._always):
            return x.copy(), None
        from numpy.random import default_rng

        rng = default_rng([getattr(self, "_stream_seed", 0), stream])
        if self.channels_first:
            return np.moveaxis(self.change(np.moveaxis(x, 1, -1), rng), -1, 1), True
        return self.change(x, rng), True

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        return (dy, []) if cache is None else super().backward(cache, dy)


class RandomPixelLayer(PixelLayer, RandomImageLayer):
    """Base of those that draw numbers: anew at each step, the same for the same seed."""

    def draws(
        self, x: NDArray[Any], rng: Generator, *ranges: tuple[float, float]
    ) -> list[NDArray[Any]]:
        """For each image a number of each range, [N, 1, 1, 1]; the first ones first."""
        u = rng.random((len(x), len(ranges), 1, 1, 1))
        return [
            (low + (high - low) * u[:, i]).astype(x.dtype) for i, (low, high) in enumerate(ranges)
        ]


class FactorLayer(RandomPixelLayer):
    """Base of those with a factor, a range of values and nothing else."""

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor: Any = self._checked(factor)
        self._set_range(value_range)

    def _checked(self, factor: Any) -> Any:
        return unit_range(self, "factor", factor)


def _moved(
    x: NDArray[Any], source: tuple[float, float], target: tuple[float, float]
) -> NDArray[Any]:
    if source == target:
        return x
    return (x - source[0]) / (source[1] - source[0]) * (target[1] - target[0]) + target[0]


def gray(x: NDArray[Any]) -> NDArray[Any]:
    """The luminance of colours, [..., 1]."""
    if x.shape[-1] == 1:
        return x
    return 0.2989 * x[..., :1] + 0.5870 * x[..., 1:2] + 0.1140 * x[..., 2:]


def to_hsv(x: NDArray[Any]) -> list[NDArray[Any]]:
    """Hue, saturation and value of colours in [0, 1]."""
    x = np.array(np.moveaxis(x, -1, 0), order="C")  # planes; a copy even if they were
    x[np.abs(x) < np.finfo(x.dtype).eps] = 0
    r, g, b = x
    value = x.max(0)
    span = value - x.min(0)
    norm = 1 / (6 * np.where(span > 0, span, 1))
    hue = np.where(value == g, norm * (b - r) + 2 / 6, norm * (r - g) + 4 / 6)
    hue = np.where(span > 0, np.where(value == r, norm * (g - b), hue), 0)
    return [hue, np.where(value > 0, span / np.where(value > 0, value, 1), 0), value]


def from_hsv(hue: NDArray[Any], saturation: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Colours of hue (modulo 1), saturation and value."""
    turn = hue % 1 * 6
    parts = (np.abs(turn - 3) - 1, 2 - np.abs(turn - 2), 2 - np.abs(turn - 4))
    return np.stack(
        [value * (1 - saturation + saturation * np.clip(p, 0, 1)) for p in parts], axis=-1
    )


def smoothed(x: NDArray[Any], down: Any, across: Any) -> NDArray[Any]:
    """Weights along height and width applied to images, zeros around them."""
    for axis, weights in ((1, down), (2, across)):
        pad = [(0, 0)] * 4
        pad[axis] = (len(weights) // 2, len(weights) // 2)
        wide = np.moveaxis(np.pad(x, pad), axis, 0)
        n = x.shape[axis]
        y = float(weights[0]) * wide[:n]
        for k in range(1, len(weights)):
            y += float(weights[k]) * wide[k : k + n]
        x = np.moveaxis(y, 0, axis)
    return x


def amount(layer: ImageLayer, argument: str, value: Any) -> float:
    """A number in [0, 1]."""
    return number(layer.label, argument, value, 0, 1)
