"""The penalty on rows or columns that are not orthogonal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.regularizers.regularizer import Regularizer, factor

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OrthogonalRegularizer(Regularizer):
    """Penalty `factor` times the mean of `|u_i . u_j|` over pairs of normalised rows or columns.

    Args:
        factor: >= 0, default 0.01.
        mode: "rows" (default) or "columns".

    Raises:
        ValueError: a `mode` that is neither; called on what is no matrix.

    >>> import numpy as np, ranvier
    >>> ranvier.regularizers.OrthogonalRegularizer()(np.eye(3))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(
                f"OrthogonalRegularizer: `mode` must be 'rows' or 'columns'; got {mode!r}"
            )
        self.factor = _factor(factor)
        self.mode = mode

    def _unit_rows(self, w: Any) -> tuple[NDArray[Any], NDArray[Any], float]:
        """Rows of length 1, their lengths before, and the weight of one pair."""
        w = np.asarray(w)
        if w.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer: w must be a matrix; got shape {w.shape}")
        if self.mode == "columns":
            w = w.T
        # Keras' ops.normalize: lengths below its epsilon count as that.
        lengths = np.maximum(np.sqrt(np.sum(np.square(w), axis=1, keepdims=True)), 1e-12**0.5)
        pairs = len(w) * (len(w) - 1.0) / 2.0
        return w / lengths, lengths, self.factor * 0.5 / pairs if pairs else 0.0

    def __call__(self, w: Any) -> float:
        u, _, share = self._unit_rows(w)
        products = u @ u.T
        np.fill_diagonal(products, 0)
        return share * float(np.sum(np.abs(products)))

    def gradient(self, w: Any) -> NDArray[Any]:
        u, lengths, share = self._unit_rows(w)
        signs = np.sign(u @ u.T)
        np.fill_diagonal(signs, 0)
        du = 2 * share * (signs @ u)
        dw = (du - u * np.sum(du * u, axis=1, keepdims=True)) / lengths
        return dw.T if self.mode == "columns" else dw

    def get_config(self) -> dict[str, Any]:
        return {"factor": float(np.float32(self.factor)), "mode": self.mode}


def _factor(value: Any) -> float:
    return factor("OrthogonalRegularizer", "factor", value, 0.01)
