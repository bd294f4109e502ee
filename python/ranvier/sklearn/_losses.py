"""scikit-learn's losses of a perceptron, as it weighs and reports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import losses, ops

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ON_LOGITS = {
    "binary_crossentropy": "binary_crossentropy_logits",
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy_logits",
}


class SampleLoss(losses.Loss):
    """A loss of the engine: a sum over outputs, a mean over samples by their weights.

    Args:
        kind: the engine's name of a loss that is a mean over outputs.
        factors: of the value that is reported, and of the gradient: where scikit-learn adds up.
        reduction: "mean_with_sample_weight" or "sum".
    """

    def __init__(
        self,
        kind: str,
        factors: tuple[float, float] = (1.0, 1.0),
        reduction: str = "mean_with_sample_weight",
    ) -> None:
        super().__init__(reduction=reduction)
        self.kind = kind
        self.factors = factors

    @property
    def native(self) -> tuple[str, float, int | None]:
        return self.kind, 0.0, None

    def _divisor(self, rows: int, sample_weight: Any) -> float:
        if self.reduction == "sum":
            return 1.0
        return rows if sample_weight is None else max(float(np.sum(sample_weight)), 1e-300)

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> float:
        """The loss of logits `y_pred`."""
        values, _ = ops.loss(_ON_LOGITS.get(self.kind, self.kind), y_true, y_pred)
        weights = 1.0 if sample_weight is None else sample_weight
        total = float(np.sum(weights * values, dtype=np.float64))
        return total * self.factors[0] / self._divisor(len(y_pred), sample_weight)

    def gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> NDArray[Any]:
        """Its derivative in the logits."""
        scale = self.factors[1] / self._divisor(len(y_pred), sample_weight)
        kind = _ON_LOGITS.get(self.kind, self.kind)
        _, dy = ops.loss(kind, y_true, y_pred, sample_weight, scale, gradient=True)
        assert dy is not None
        return dy


def of_outputs(out_activation: str, outputs: int) -> SampleLoss:
    """The loss that belongs to the activation of the outputs (scikit-learn's name of it)."""
    match out_activation:
        case "softmax":
            return SampleLoss("sparse_categorical_crossentropy")
        case "logistic":  # a sum over labels
            return SampleLoss("binary_crossentropy", (outputs, outputs))
        case "exp":  # reports the mean over outputs, follows the sum
            return SampleLoss("half_poisson_logits", (1.0, outputs))
    return SampleLoss("mean_squared_error", (0.5, outputs / 2))
