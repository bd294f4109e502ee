"""Initializers that are not random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._serialize import deserialize_keras_object
from ranvier.initializers.initializer import Initializer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Zeros(Initializer):
    """All 0.

    >>> import ranvier
    >>> ranvier.initializers.Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        return np.zeros(shape, _dtypes.standardize(dtype))


class Ones(Initializer):
    """All 1.

    >>> import ranvier
    >>> ranvier.initializers.Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        return np.ones(shape, _dtypes.standardize(dtype))


class Constant(Initializer):
    """All the same value.

    Args:
        value: a number, or an array that broadcasts to the shape. Default 0.

    >>> import ranvier
    >>> ranvier.initializers.Constant(3.0)((2,))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        if isinstance(value, dict):
            value = deserialize_keras_object(value)
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        return np.array(np.broadcast_to(self.value, shape), _dtypes.standardize(dtype), order="C")


class Identity(Initializer):
    """`gain` times the unit matrix; for shapes of two axes.

    Args:
        gain: factor, default 1.

    Raises:
        ValueError: a shape that has not two axes.

    >>> import ranvier
    >>> ranvier.initializers.Identity(2.0)((2, 2))
    array([[2., 0.],
           [0., 2.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        if len(shape) != 2:
            raise ValueError(f"Identity: the shape must have two axes; got {tuple(shape)}")
        kind = np.dtype(_dtypes.standardize(dtype)).type
        return kind(self.gain) * np.eye(*shape, dtype=kind)
