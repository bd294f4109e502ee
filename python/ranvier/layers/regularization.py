"""Layers that act in training only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ranvier import _random
from ranvier._checks import number
from ranvier.layers.layer import Layer

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


def seed_of(layer: Layer, seed: int | None) -> int:
    if seed is None:
        return _random.draw_seed() & (2**64 - 1)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(f"{layer.label}: `seed` must be an integer or None; got {seed!r}")
    return int(seed) & (2**64 - 1)


def _noise_shape(layer: Layer, shape: Any) -> tuple[int | None, ...]:
    if isinstance(shape, (list, tuple)) and all(
        n is None or (isinstance(n, (int, np.integer)) and n > 0) for n in shape
    ):
        return tuple(shape)
    raise ValueError(
        f"{layer.label}: `noise_shape` must hold positive integers or None; got {shape!r}"
    )


def _below_one(layer: Layer, rate: Any) -> float:
    if number(layer.label, "rate", rate, 0.0, 1.0) == 1.0:
        raise ValueError(f"{layer.label}: `rate` must be a number in [0, 1); got {rate!r}")
    return rate


class Dropout(Layer):
    """Sets a share `rate` of the inputs to 0 in training and scales the others by 1 / (1 - rate).

    Args:
        rate: in [0, 1].
        noise_shape: shape of the noise with the batch axis, 1 where it is shared, or None.
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    The mask comes from a counter-based generator: it does not depend on the number of threads.

    Reference: Srivastava et al., JMLR 15 (2014); generator: Salmon et al., SC'11 (Philox4x32-10).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Dropout(0.5)(np.ones((1, 3), "float32"))
    array([[1., 1., 1.]], dtype=float32)
    """

    supports_masking = True
    _alpha: ClassVar[bool] = False

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = number(self.label, "rate", rate, 0.0, 1.0)
        self.noise_shape = None if noise_shape is None else _noise_shape(self, noise_shape)
        self.seed = seed
        self._stream_seed = seed_of(self, seed)

    def lower(self, builder: Builder, x: int) -> int:
        if self.rate == 0:
            return x
        noise = [0 if n is None else int(n) for n in self.noise_shape or ()]
        return builder.graph.dropout(x, float(self.rate), noise, self._stream_seed, self._alpha)


class AlphaDropout(Dropout):
    """Dropout for SELU: in training `y = a (x, or s where it is dropped) + b`.

    s = -1.0507 * 1.67326 is what SELU tends to far below 0; a and b keep mean 0 and variance 1:
    a = ((1 - rate) (1 + rate s^2))^(-1/2), b = -a s rate.

    Args:
        rate: share of what is dropped, in [0, 1).
        noise_shape: shape of the noise with the batch axis, 1 where it is shared, or None.
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    Reference: Klambauer et al., Self-normalizing neural networks, arXiv 1706.02515, section 3.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.AlphaDropout(0.5)(np.ones((1, 3), "float32"))
    array([[1., 1., 1.]], dtype=float32)
    """

    _alpha = True

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)
        _below_one(self, rate)


class GaussianDropout(Layer):
    """Multiplies by noise from N(1, rate / (1 - rate)) in training.

    Args:
        rate: in [0, 1); the noise has the variance that dropout of this rate has.
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    Reference: Srivastava et al., JMLR 15 (2014), section 10.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GaussianDropout(0.5)(np.ones((1, 3), "float32"))
    array([[1., 1., 1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = _below_one(self, rate)
        self.seed = seed
        self._stream_seed = seed_of(self, seed)

    def lower(self, builder: Builder, x: int) -> int:
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return builder.graph.gaussian_noise(x, stddev, self._stream_seed, True) if stddev else x


class GaussianNoise(Layer):
    """Adds noise from N(0, stddev^2) in training.

    Args:
        stddev: >= 0.
        seed: an integer or None.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GaussianNoise(0.1)(np.ones((1, 3), "float32"))
    array([[1., 1., 1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = number(self.label, "stddev", stddev, 0.0)
        self.seed = seed
        self._stream_seed = seed_of(self, seed)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.gaussian_noise(x, float(self.stddev), self._stream_seed, False)
