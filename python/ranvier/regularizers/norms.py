"""Penalties on absolute values and squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.regularizers.regularizer import Regularizer, factor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _penalty(w: Any, l1: float, l2: float) -> float:
    w = np.asarray(w)
    value = 0.0
    if l1:
        value += l1 * float(ops.reduce_sumabs(w))
    if l2:
        value += l2 * float(ops.reduce_sumsq(w))
    return value


def _gradient(w: Any, l1: float, l2: float) -> NDArray[Any]:
    w = np.asarray(w)
    kind = w.dtype.type if w.dtype.kind == "f" else np.float32
    g: NDArray[Any] = np.zeros(w.shape, kind)
    if l1:
        g += kind(l1) * np.sign(w)
    if l2:
        g += kind(2 * l2) * w
    return g


class L1(Regularizer):
    """Penalty `l1 sum |w|` (lasso).

    Args:
        l1: >= 0, default 0.01.

    >>> import numpy as np, ranvier
    >>> ranvier.regularizers.L1(0.5)(np.array([1.0, -3.0]))
    2.0
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = factor("L1", "l1", l1, 0.01)

    @property
    def native(self) -> tuple[float, float]:
        return (self.l1, 0.0)

    def __call__(self, w: Any) -> float:
        return _penalty(w, self.l1, 0.0)

    def gradient(self, w: Any) -> NDArray[Any]:
        return _gradient(w, self.l1, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {"l1": float(np.float32(self.l1))}


class L2(Regularizer):
    """Penalty `l2 sum w^2` (ridge).

    Args:
        l2: >= 0, default 0.01.

    >>> import numpy as np, ranvier
    >>> ranvier.regularizers.L2(0.5)(np.array([1.0, -3.0]))
    5.0
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = factor("L2", "l2", l2, 0.01)

    @property
    def native(self) -> tuple[float, float]:
        return (0.0, self.l2)

    def __call__(self, w: Any) -> float:
        return _penalty(w, 0.0, self.l2)

    def gradient(self, w: Any) -> NDArray[Any]:
        return _gradient(w, 0.0, self.l2)


class L1L2(Regularizer):
    """Penalty `l1 sum |w| + l2 sum w^2` (elastic net).

    Args:
        l1: >= 0, default 0.
        l2: >= 0, default 0.

    >>> import numpy as np, ranvier
    >>> ranvier.regularizers.L1L2(1.0, 0.5)(np.array([1.0, -3.0]))
    9.0
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = factor("L1L2", "l1", l1, 0.0)
        self.l2 = factor("L1L2", "l2", l2, 0.0)

    @property
    def native(self) -> tuple[float, float]:
        return (self.l1, self.l2)

    def __call__(self, w: Any) -> float:
        return _penalty(w, self.l1, self.l2)

    def gradient(self, w: Any) -> NDArray[Any]:
        return _gradient(w, self.l1, self.l2)
