"""Random initializers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, _random
from ranvier._checks import number
from ranvier._random import SeedGenerator
from ranvier._serialize import deserialize_keras_object
from ranvier.initializers.initializer import Initializer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RandomInitializer(Initializer):
    """Base class of initializers that draw random numbers.

    Args:
        seed: an integer: the same values at each call; None: as if an integer had been drawn, once,
            from the generator that `ranvier.utils.set_random_seed` seeds; a `SeedGenerator`: other
            values at each call.
    """

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        self._given_seed = seed
        if seed is None:
            seed = _random.draw_seed()
        elif isinstance(seed, np.integer):
            seed = self._given_seed = int(seed)
        elif isinstance(seed, bool) or not isinstance(seed, (int, SeedGenerator)):
            raise ValueError(
                f"{type(self).__name__}: `seed` must be an integer, None or a SeedGenerator; "
                f"got {seed!r}"
            )
        self.seed: int | SeedGenerator = seed

    def _config_value(self, name: str) -> Any:
        return self._given_seed if name == "seed" else super()._config_value(name)

    def _generator(self) -> np.random.Generator:
        seed = self.seed
        return _random.make(seed.next() if isinstance(seed, SeedGenerator) else seed)

    def _normal(self, shape: Any, mean: float, stddev: float, dtype: Any) -> NDArray[Any]:
        kind: Any = np.dtype(_dtypes.standardize(dtype)).type
        z = self._generator().standard_normal(tuple(shape), dtype=kind)
        return np.asarray(z * kind(stddev) + kind(mean))

    def _truncated(self, shape: Any, mean: float, stddev: float, dtype: Any) -> NDArray[Any]:
        """Normal values beyond two standard deviations are drawn again."""
        kind: Any = np.dtype(_dtypes.standardize(dtype)).type
        generator = self._generator()
        z = np.asarray(generator.standard_normal(tuple(shape), dtype=kind)).reshape(-1)
        far = np.flatnonzero(np.abs(z) > 2)
        while far.size:
            z[far] = generator.standard_normal(far.size, dtype=kind)
            far = far[np.abs(z[far]) > 2]
        return np.asarray(z * kind(stddev) + kind(mean)).reshape(tuple(shape))

    def _uniform(self, shape: Any, low: float, high: float, dtype: Any) -> NDArray[Any]:
        kind: Any = np.dtype(_dtypes.standardize(dtype)).type
        u = self._generator().random(tuple(shape), dtype=kind)
        return np.asarray(u * kind(high - low) + kind(low))


class RandomNormal(RandomInitializer):
    """Draws from the normal distribution `N(mean, stddev^2)`.

    Args:
        mean: default 0.
        stddev: >= 0, default 0.05.
        seed: see `RandomInitializer`.

    >>> import ranvier
    >>> ranvier.initializers.RandomNormal(stddev=0.1, seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = number("RandomNormal", "mean", mean)
        self.stddev = number("RandomNormal", "stddev", stddev, 0.0)
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        return self._normal(shape, self.mean, self.stddev, dtype)


class TruncatedNormal(RandomInitializer):
    """Draws from `N(mean, stddev^2)` without what lies beyond two standard deviations.

    Args:
        mean: default 0.
        stddev: >= 0, default 0.05; of the distribution before it is cut.
        seed: see `RandomInitializer`.

    >>> import ranvier
    >>> bool(abs(ranvier.initializers.TruncatedNormal(stddev=1.0)((100,))).max() <= 2)
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = number("TruncatedNormal", "mean", mean)
        self.stddev = number("TruncatedNormal", "stddev", stddev, 0.0)
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        return self._truncated(shape, self.mean, self.stddev, dtype)


class RandomUniform(RandomInitializer):
    """Draws evenly from [minval, maxval).

    Args:
        minval: default -0.05.
        maxval: default 0.05.
        seed: see `RandomInitializer`.

    >>> import ranvier
    >>> bool(ranvier.initializers.RandomUniform(0, 1)((100,)).min() >= 0)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval = number("RandomUniform", "minval", minval)
        self.maxval = number("RandomUniform", "maxval", maxval)
        if maxval < minval:
            raise ValueError(
                f"RandomUniform: `maxval` must be >= `minval` = {minval!r}; got {maxval!r}"
            )
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        return self._uniform(shape, self.minval, self.maxval, dtype)


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal columns (or rows, if there are more columns than rows).

    The shape's last axis makes the columns, all others the rows.

    Args:
        gain: factor, default 1.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: a shape with fewer than two axes.

    Reference: Saxe et al., Exact solutions to the nonlinear dynamics of learning, arXiv 1312.6120.

    >>> import numpy as np, ranvier
    >>> q = ranvier.initializers.Orthogonal()((5, 3), dtype="float64")
    >>> np.allclose(q.T @ q, np.eye(3))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = number("Orthogonal", "gain", gain)
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        shape = tuple(shape)
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: the shape must have at least two axes; got {shape}")
        kind: Any = np.dtype(_dtypes.standardize(dtype)).type
        rows, columns = math.prod(shape[:-1]), shape[-1]
        a = self._normal((max(rows, columns), min(rows, columns)), 0.0, 1.0, "float64")
        q, r = np.linalg.qr(a)
        # Without the signs of R's diagonal, Q would not be distributed evenly.
        q *= np.sign(np.diag(r))
        if rows < columns:
            q = q.T
        return np.ascontiguousarray(q.reshape(shape) * self.gain, kind)
