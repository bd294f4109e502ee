"""Layers that apply several changes to images in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.layers._image import INTERPOLATIONS, one_of
from ranvier.layers._pixels import RandomPixelLayer, unit_range
from ranvier.layers.layer import positive_int, snake_case
from ranvier.layers.random_color import (
    AutoContrast,
    Equalization,
    RandomBrightness,
    RandomContrast,
    Solarization,
)
from ranvier.layers.random_geometry import RandomRotation, RandomTranslation
from ranvier.layers.random_pixels import (
    RandomColorDegeneration,
    RandomHue,
    RandomPosterization,
    RandomSaturation,
    RandomSharpness,
)
from ranvier.layers.random_warps import RandomShear

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


class _Policy(RandomPixelLayer):
    """Base: layers within, whose numbers follow from the layer's own."""

    factor: Any
    interpolation: str

    def _add(self, kind: Any, *args: Any, **kwargs: Any) -> None:
        if kind not in (AutoContrast, Equalization):
            kwargs["seed"] = 0
        part = kind(*args, dtype=self.dtype, **kwargs)
        self._parts.append(part)
        # the name under which Keras has it in files
        setattr(self, snake_case(kind.__name__), part)

    def inner_layers(self) -> list[Any]:
        """Those within, which have no weights."""
        return self._parts

    def _apply(self, k: int, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        part = self._parts[k]
        part._calls = int(rng.integers(2**62))
        y: NDArray[Any] = part(x, training=True)
        return y

    def _set_parts(self, colours: bool = True) -> None:
        """The changes of RandAugment and AugMix."""
        self.factor = unit_range(self, "factor", self.factor)
        self.interpolation = one_of(self, "interpolation", self.interpolation, INTERPOLATIONS)
        f, how, levels = self.factor, {"interpolation": self.interpolation}, self.value_range
        ranged = {"value_range": levels}
        bits = max(1, int(8 * f[1]))
        changes: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
            (RandomShear, (f, f), how),
            (RandomTranslation, (f, f), how),
            (RandomRotation, (f,), how),
            (RandomPosterization, (bits,), ranged),
            (Solarization, (f, f), ranged),
            (AutoContrast, (), ranged),
            (Equalization, (), ranged),
            (RandomBrightness, (f,), ranged),
            (RandomColorDegeneration, (f,), ranged),
            (RandomContrast, (f,), ranged),
            (RandomSharpness, (f,), ranged),
        ]
        for kind, args, kwargs in changes[: None if colours else 7]:
            self._add(kind, *args, **kwargs)

    def __init__(self, value_range: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_range(value_range)
        self._parts: list[Any] = []


class RandomColorJitter(_Policy):
    """Changes brightness, contrast, saturation and hue in training; `y = x` otherwise.

    Args:
        value_range: (low, high) of the values. Default (0, 255).
        brightness_factor, contrast_factor, saturation_factor, hue_factor: the factors of
            `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`, which act in
            this order; None (default) leaves one out.
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    >>> import numpy as np, ranvier
    >>> jitter = ranvier.layers.RandomColorJitter(brightness_factor=(0.2, 0.2))
    >>> jitter(np.array([[[10.0], [250.0]]]))[0, :, 0]
    array([ 61., 255.], dtype=float32)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        for kind, factor in (
            (RandomBrightness, brightness_factor),
            (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor),
            (RandomHue, hue_factor),
        ):
            if factor is not None:
                self._add(kind, factor, self.value_range)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        for k in range(len(self._parts)):
            x = self._apply(k, x, rng)
        return x


class RandAugment(_Policy):
    """Applies some of eleven changes, drawn for each batch, in training; `y = x` otherwise.

    Shear, translation, rotation, posterization, solarization, contrast stretched, equalization,
    brightness, colour, contrast, sharpness.

    Args:
        value_range: (low, high) of the values. Default (0, 255).
        num_ops: how many changes, one after the other. Default 2.
        factor: their strength: (lower, upper) within [0, 1], or a number f for (0, f).
            Default 0.5.
        interpolation: "bilinear" (default) or "nearest".
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        data_format: "channels_last" (default) or "channels_first".

    Reference: Cubuk et al., RandAugment, arXiv 1909.13719 (2019).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandAugment(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)
    """

    _channels = (1, 3)

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.num_ops = positive_int(self, "num_ops", num_ops)
        self.factor = factor
        self.interpolation = interpolation
        self._set_parts()

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        for k in rng.integers(len(self._parts), size=self.num_ops):
            x = self._apply(k, x, rng)
        return x


class AugMix(_Policy):
    """Mixes images with chains of changes of them in training; `y = x` otherwise.

    `y = clip(m x + (1 - m) sum_k w_k chain_k(x))`, m of a Beta and w of a Dirichlet distribution,
    chains of the changes of `RandAugment` or of none; all drawn for each batch.

    Args:
        value_range: (low, high) of the values. Default (0, 255).
        num_chains: how many chains. Default 3.
        chain_depth: the greatest length of a chain. Default 3.
        factor: the changes' strength, as in `RandAugment`. Default 0.3.
        alpha: of both distributions, > 0. Default 1.
        all_ops: False leaves out brightness, colour, contrast and sharpness. Default True.
        interpolation, seed, data_format: as in `RandAugment`.

    Reference: Hendrycks et al., AugMix, arXiv 1912.02781 (2019).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AugMix(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)
    """

    _channels = (1, 3)

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed=seed, data_format=data_format, **kwargs)
        self.num_chains = positive_int(self, "num_chains", num_chains)
        self.chain_depth = positive_int(self, "chain_depth", chain_depth)
        self.factor = factor
        self.alpha = number(self.label, "alpha", alpha, 1e-9)
        self.all_ops = bool(all_ops)
        self.interpolation = interpolation
        self._set_parts(self.all_ops)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        shares = rng.dirichlet([self.alpha] * self.num_chains)
        kept = float(rng.beta(self.alpha, self.alpha))
        y = kept * x
        for share in shares:
            chain = x
            for k in rng.integers(len(self._parts) + 1, size=self.chain_depth):
                if k < len(self._parts):
                    chain = self._apply(k, chain, rng)
            y += float((1 - kept) * share) * chain
        return np.clip(y, *self._limits)
