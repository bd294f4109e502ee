"""Layers that change colours and details of images in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.layers._image import loose_range
from ranvier.layers._pixels import (
    BYTES,
    UNIT,
    FactorLayer,
    RandomPixelLayer,
    amount,
    from_hsv,
    gray,
    smoothed,
    to_hsv,
    unit_range,
)
from ranvier.layers.layer import integers

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


class RandomColorDegeneration(FactorLayer):
    """Takes colour from each image in training; `y = x` otherwise.

    `y = clip(x + f (gray(x) - x))`, f uniform in the factor's range.

    Args:
        factor: (lower, upper), or a number f in [-1, 1] for (-|f|, |f|): as in Keras 3, whose
            documentation says (0, f).
        value_range: (low, high) of the values. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomColorDegeneration((1, 1))(np.array([[[0.0, 250.0, 0.0]]]))[0, 0]
    array([146.75, 146.75, 146.75], dtype=float32)
    """

    _channels = (1, 3)

    def _checked(self, factor: Any) -> Any:
        return loose_range(self, factor, -1, 1)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        (f,) = self.draws(x, rng, self.factor)
        return np.clip(x + f * (gray(x) - x), *self._limits)


class RandomSaturation(FactorLayer):
    """Changes the saturation of each image in training; `y = x` otherwise.

    It is multiplied by `f / (1 - f)`, at most to 1, f uniform in the factor's range: 0 is gray,
    0.5 changes nothing.

    Args:
        factor, value_range, data_format, seed: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomSaturation((0, 0))(np.array([[[100.0, 0.0, 50.0]]]))[0, 0]
    array([100., 100., 100.], dtype=float32)
    """

    _channels = (3,)

    def _checked(self, factor: Any) -> Any:
        return loose_range(self, factor, -1, 1)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        f = self.draws(x, rng, self.factor)[0][..., 0]
        hue, saturation, value = to_hsv(self._scaled(x, UNIT))
        saturation = np.clip(saturation * (f / (1 - f + 1e-7)), 0, 1)
        return self._unscaled(from_hsv(hue, saturation, value), UNIT)


class RandomHue(FactorLayer):
    """Turns the hue of each image in training by up to half a turn; `y = x` otherwise.

    Args:
        factor: half turns either way: (lower, upper) within [0, 1], or a number f for (0, f).
        value_range, data_format, seed: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomHue((1, 1))(np.array([[[255.0, 0.0, 0.0]]]))[0, 0]
    array([  0., 255., 255.], dtype=float32)
    """

    _channels = (3,)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        sign, f = (u[..., 0] for u in self.draws(x, rng, UNIT, self.factor))
        hue, saturation, value = to_hsv(self._scaled(x, UNIT))
        y = from_hsv(hue + np.where(sign > 0.5, -0.5, 0.5) * f, saturation, value)
        return self._unscaled(np.clip(y, 0, 1), UNIT).astype(x.dtype)


class RandomPosterization(FactorLayer):
    """Keeps the highest bits of each value in training; `y = x` otherwise.

    Args:
        factor: how many of 8 bits: an integer n for (1, n), or two, of which the upper one is
            drawn only if it is the lower one too.
        value_range, data_format, seed: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomPosterization((2, 2))(np.array([[[63.0], [200.0]]]))[0, :, 0]
    array([  0., 192.], dtype=float32)
    """

    def _checked(self, factor: Any) -> Any:
        bits = sorted(integers(self, "factor", factor, 1))
        if len(bits) not in (1, 2) or bits[-1] > 8:
            raise ValueError(
                f"{self.label}: `factor` must be one or two integers in [1, 8]; got {factor!r}"
            )
        return (bits[0] if isinstance(factor, (list, tuple)) else 1, bits[-1])

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        step = 2 ** (8 - np.floor(self.draws(x, rng, self.factor)[0]))
        x = np.trunc(np.clip(self._scaled(x, BYTES), 0, 255))
        return self._unscaled(np.floor(x / step) * step, BYTES)


class RandomSharpness(FactorLayer):
    """Blurs or sharpens each image in training; `y = x` otherwise.

    `y = clip(x + (1 - 2 f) (s - x))`, s smoothed by [1 1 1; 1 5 1; 1 1 1] / 13: f = 0 is s,
    0.5 changes nothing, 1 sharpens.

    Args:
        factor: (lower, upper) within [0, 1], or a number f for (0, f).
        value_range, data_format, seed: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomSharpness((1, 1))(np.array([[[26.0], [52.0]]]))[0, :, 0]
    array([38., 82.], dtype=float32)
    """

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        (f,) = self.draws(x, rng, self.factor)
        smooth = (smoothed(x, [1] * 3, [1] * 3) + 4 * x) / 13
        return np.clip(x + (1 - 2 * f) * (smooth - x), *self._limits)


class RandomGrayscale(RandomPixelLayer):
    """Makes some images gray in training, with as many channels; `y = x` otherwise.

    Args:
        factor: the share of gray images, in [0, 1]. Default 0.5.
        data_format, seed: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomGrayscale(1.0)(np.array([[[0.0, 250.0, 0.0]]]))[0, 0]
    array([146.75, 146.75, 146.75], dtype=float32)
    """

    _channels = (1, 3)

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = amount(self, "factor", factor)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        (u,) = self.draws(x, rng, UNIT)
        return np.where(u < self.factor, gray(x), x)


class RandomInvert(RandomPixelLayer):
    """Inverts some images in training, `y = low + high - x`; `y = x` otherwise.

    Args:
        factor: the probability, itself drawn for each image: (lower, upper) within [0, 1], or a
            number f for (0, f). Default 1.
        value_range, seed, data_format: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomInvert((1, 1))(np.array([[[5.0], [255.0]]]))[0, :, 0]
    array([250.,   0.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = unit_range(self, "factor", factor)
        self._set_range(value_range)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        likely, u = self.draws(x, rng, self.factor, UNIT)
        return np.where(u < likely, sum(self._limits) - x, x)


class RandomGaussianBlur(RandomPixelLayer):
    """Blurs some images in training, zeros around them; `y = x` otherwise.

    Args:
        factor: the probability, as in `RandomInvert`. Default 1.
        kernel_size: an odd integer, or two: width and height of the kernel. Default 3.
        sigma: its standard deviations, drawn for each batch: (lower, upper), or a number f in
            [0, 1] for (0, f). Default 1.
        value_range, data_format, seed: as in `RandomColorDegeneration`.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[0.0], [100.0], [0.0]]])
    >>> ranvier.layers.RandomGaussianBlur((1, 1), (3, 1), (1, 1))(x)[0, :, 0].round()
    array([27., 45., 27.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = unit_range(self, "factor", factor)
        sides = integers(self, "kernel_size", kernel_size, 1)
        if len(sides) not in (1, 2) or any(n % 2 == 0 for n in sides):
            raise ValueError(
                f"{self.label}: `kernel_size` must be one or two odd integers; got {kernel_size!r}"
            )
        self.kernel_size = (sides[0], sides[-1])
        self.sigma = loose_range(self, sigma, 0, 1, "sigma")
        self._set_range(value_range)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        low, high = self.sigma
        sigmas = low + (high - low) * rng.random(2) + 1e-6
        kernels = []
        for n, sigma in zip(self.kernel_size, sigmas, strict=True):
            weights = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / sigma) ** 2)
            kernels.append(weights / weights.sum())
        likely, u = self.draws(x, rng, self.factor, UNIT)
        y = np.where(u < likely, smoothed(x, kernels[1], kernels[0]), x)
        return np.clip(y, *self._limits)


class RandomErasing(RandomPixelLayer):
    """Fills a rectangle of some images in training; `y = x` otherwise.

    Args:
        factor: the probability, as in `RandomInvert`. Default 1.
        scale: the squares of the rectangle's height and width as parts of the image's, drawn from
            (lower, upper) within [0, 1]. Default (0.02, 0.33).
        fill_value: a number, one for each of three channels, or None (default): normal noise with
            the range's upper end as its deviation. Clipped to the range.
        value_range, seed, data_format: as in `RandomColorDegeneration`.

    Reference: Zhong et al., Random erasing data augmentation, arXiv 1708.04896 (2017).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomErasing((1, 1), (1, 1), 7.0)(np.ones((1, 2, 1)))[0, :, 0]
    array([7., 7.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = unit_range(self, "factor", factor)
        self.scale = unit_range(self, "scale", scale)
        if isinstance(fill_value, (list, tuple)):
            if len(fill_value) != 3:
                raise ValueError(
                    f"{self.label}: `fill_value` must be a number or three; got {fill_value!r}"
                )
            self._channels = (3,)
        if fill_value is not None:
            for value in np.ravel(np.array(fill_value, object)):
                number(self.label, "fill_value", value)
        self.fill_value = fill_value
        self._set_range(value_range)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        likely, u, *places = self.draws(
            x, rng, self.factor, UNIT, self.scale, UNIT, self.scale, UNIT
        )
        inside = u < likely
        for axis in (2, 1):
            part, at = places[:2] if axis == 2 else places[2:]
            length = np.sqrt(part) * x.shape[axis]
            start = at * (x.shape[axis] - length)
            grid = np.arange(x.shape[axis]).reshape((-1, 1) if axis == 2 else (-1, 1, 1))
            inside = inside & (grid >= start) & (grid < start + length)
        if self.fill_value is None:
            # of a generator of its own: an image's noise does not depend on those behind it
            noise = rng.spawn(1)[0].standard_normal(x.shape, np.float32)
            fill = noise * self._limits[1]
        else:
            fill = np.array(self.fill_value, x.dtype)
        return np.where(inside, np.clip(fill, *self._limits), x)
