"""The base class of constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._config import Configurable

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Constraint(Configurable):
    """Base class: write `__call__(w)`, which returns a new array of w's shape.

    >>> import numpy as np, ranvier
    >>> class Centred(ranvier.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return w - np.mean(w)
    >>> Centred()(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """

    def __call__(self, w: Any) -> NDArray[Any]:
        return w
