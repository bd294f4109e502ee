"""Layers that act in training only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _random
from ranvier.layers.layer import Layer

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


def _seed(layer: Layer, seed: int | None) -> int:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ValueError(f"{layer.label}: `seed` must be an integer or None; got {seed!r}")
    return (_random.draw_seed() if seed is None else seed) & (2**64 - 1)


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

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"{self.label}: `rate` must be a number in [0, 1]; got {rate!r}")
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self._stream_seed = _seed(self, seed)

    def lower(self, builder: Builder, x: int) -> int:
        if self.rate == 0:
            return x
        noise = [0 if n is None else int(n) for n in self.noise_shape or ()]
        return builder.graph.dropout(x, float(self.rate), noise, self._stream_seed)


class GaussianNoise(Layer):
    """Adds noise from N(0, stddev^2) in training.

    Args:
        stddev: >= 0.
        seed: an integer or None.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GaussianNoise(0.1)(np.ones((1, 3), "float32"))
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(stddev, bool) or not isinstance(stddev, (int, float)) or not stddev >= 0:
            raise ValueError(f"{self.label}: `stddev` must be a number >= 0; got {stddev!r}")
        self.stddev = stddev
        self.seed = seed
        self._stream_seed = _seed(self, seed)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.gaussian_noise(x, float(self.stddev), self._stream_seed)
