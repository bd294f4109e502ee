"""The base class of initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._config import Configurable

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Initializer(Configurable):
    """Base class: write `__call__(shape, dtype=None)`, which returns an array.

    >>> import numpy as np, ranvier
    >>> class Halves(ranvier.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 0.5, dtype)
    >>> ranvier.layers.Dense(1, kernel_initializer=Halves())(np.ones((1, 4), "float32"))
    array([[2.]], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        """A new array of this shape; dtype "float32" (default) or "float64"."""
        raise NotImplementedError(f"{type(self).__name__} must write __call__(shape, dtype)")
