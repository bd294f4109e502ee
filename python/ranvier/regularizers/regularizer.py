"""The base class of regularizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier._config import Configurable

if TYPE_CHECKING:
    from numpy.typing import NDArray


def factor(owner: str, argument: str, value: Any, default: float) -> float:
    """A penalty's factor: a finite number >= 0; None stands for the default."""
    if value is None:
        return default
    return number(owner, argument, value, 0.0)


class Regularizer(Configurable):
    """Base class: write `__call__(w)`, the penalty, and `gradient(w)`, its derivative.

    >>> import numpy as np, ranvier
    >>> class Quartic(ranvier.regularizers.Regularizer):
    ...     def __call__(self, w):
    ...         return float(np.sum(w**4))
    ...     def gradient(self, w):
    ...         return 4 * w**3
    >>> Quartic()(np.array([1.0, 2.0]))
    17.0
    """

    @property
    def native(self) -> tuple[float, float] | None:
        """(l1, l2) if the engine can do it, else None."""
        return None

    def __call__(self, w: Any) -> float:
        """The penalty for the array `w`."""
        return 0.0

    def gradient(self, w: Any) -> NDArray[Any]:
        """The penalty's derivative, an array of w's shape."""
        if type(self).__call__ is Regularizer.__call__:
            return np.zeros_like(w)
        raise NotImplementedError(
            f"{type(self).__name__} has no gradient(w), so nothing can be trained with it"
        )
