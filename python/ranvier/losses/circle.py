"""A loss of similarities between the samples of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.losses.formula import real
from ranvier.losses.loss import Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _log_sum(x: NDArray[Any]) -> tuple[Any, Any]:
    """The logarithm of each row's sum of exponentials, and its derivative."""
    most = x.max(axis=1, keepdims=True, initial=-np.inf)
    e = np.exp(x - np.where(np.isfinite(most), most, 0))
    total = e.sum(axis=1, keepdims=True)
    share = np.divide(e, total, out=np.zeros_like(e), where=total > 0)
    return (np.log(total) + np.where(np.isfinite(most), most, 0))[:, 0], share


def compare(
    labels: NDArray[Any],
    rows: NDArray[Any],
    ref_labels: NDArray[Any],
    refs: NDArray[Any],
    gamma: float,
    margin: float,
    remove_diagonal: bool,
) -> tuple[Any, Any]:
    """Circle loss of each row beside all references, and its derivative in their products."""
    product = rows @ refs.T
    distance = np.maximum(1 - product, 0)
    same = labels.reshape(-1, 1) == ref_labels.reshape(1, -1)
    other = np.logical_not(same)
    if remove_diagonal:
        same = same & (np.eye(*same.shape) == 0)
    pull, push = margin + distance, np.maximum(1 + margin - distance, 0)
    near, far = margin - distance, 1 - margin - distance
    nothing = rows.dtype.type(-np.inf)
    with np.errstate(divide="ignore"):
        p, share_p = _log_sum(np.where(same, -gamma * np.maximum(pull, 0) * near, nothing))
        n, share_n = _log_sum(np.where(other, gamma * push * far, nothing))
    # d/d distance of each exponent
    slope_p = gamma * ((pull > 0) * -near + np.maximum(pull, 0))
    slope_n = -gamma * ((push > 0) * far + push)
    both = p + n
    values = np.logaddexp(0, both)
    outer = np.exp(both - values)[:, None]  # the sigmoid
    passing = 0.5 * ((product < 1).astype(rows.dtype) + (product <= 1))
    return values, -outer * passing * (share_p * slope_p + share_n * slope_n)


class Circle(Loss):
    """`softplus(logsumexp_p(-gamma a_p (m - d_p)) + logsumexp_n(gamma a_n (1 - m - d_n)))`.

    d = 1 - the product of two samples' embeddings, at least 0; p runs over the samples of the same
    class, n over the others; `a_p = m + d_p`, `a_n = max(1 + m - d_n, 0)`. A sample without one of
    its own class or without others is left out.

    Args:
        gamma: scale. Default 80.
        margin: m. Default 0.4.
        remove_diagonal: whether a sample is not compared with itself. Default True.
        reduction, name, dtype: see `Loss`.

    Shapes:
        y_true class numbers (N,) or (N, 1); y_pred embeddings (N, D) of length 1.

    Reference: Sun et al., arXiv 2002.10857.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.Circle(gamma=1.0)
    >>> round(loss(np.array([0, 0, 1]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.5459
    """

    kind = "circle"

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma = real("Circle", "gamma", gamma)
        self.margin = real("Circle", "margin", margin)
        self.remove_diagonal = bool(remove_diagonal)

    def _compare(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        true, pred = np.asarray(y_true), np.asarray(y_pred)
        if pred.ndim != 2 or true.shape not in ((len(pred),), (len(pred), 1)):
            raise ValueError(
                f"Circle '{self.name}': y_true must hold class numbers (N,) for embeddings y_pred "
                f"(N, D); got {true.shape} and {pred.shape}"
            )
        return compare(true, pred, true, pred, self.gamma, self.margin, self.remove_diagonal)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._compare(y_true, y_pred)[0]

    def mask(self, y_true: Any, y_pred: Any) -> NDArray[Any] | None:
        return np.asarray(self.call(y_true, y_pred) > 0)

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        """The derivative of the SUM of all values: each depends on all predictions."""
        return self._pull_back(y_true, y_pred, 1.0)

    def _pull_back(self, y_true: Any, y_pred: Any, weights: Any) -> NDArray[Any]:
        _, slope = self._compare(y_true, y_pred)
        slope = slope * (weights if isinstance(weights, float) else weights[:, None])
        return np.asarray((slope + slope.T) @ np.asarray(y_pred))
