"""What metrics that the engine computes share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.losses.loss import same_rank
from ranvier.metrics.metric import Mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Counted(Mean):
    """A mean of values that a kernel computes, one for each row of predictions."""

    kind: str
    sparse = False
    ignore_class: int | None = None
    _masked = True

    @property
    def native(self) -> tuple[str, dict[str, Any]] | None:
        # what a user has written anew is not what the engine would count
        if type(self).update_state is not Counted.update_state or self.ignore_class is not None:
            return None
        return self._kind(), self._arguments_of()

    def check_labels(
        self, owner: str, labels_shape: Sequence[int], output_shape: Sequence[int | None]
    ) -> None:
        want = output_shape[1:-1] if self.sparse else output_shape[1:]
        if None in want or math.prod(n or 0 for n in want) == math.prod(labels_shape[1:]):
            return
        kind = "class numbers" if self.sparse else "one label for each output"
        raise ValueError(
            f"{owner}: the metric '{self.name}' ({type(self).__name__}) takes {kind}, of shape "
            f"{('N', *want)}; got labels of shape {('N', *labels_shape[1:])}".replace("'N'", "N")
        )

    def _kind(self) -> str:
        return self.kind

    def _arguments_of(self) -> dict[str, Any]:
        return {}

    def _values(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds a batch.

        Args:
            y_true: labels.
            y_pred: predictions (N, ...).
            sample_weight: weights of the samples, or None.

        Raises:
            ValueError: shapes that do not fit.
        """
        owner = f"{type(self).__name__} '{self.name}'"
        pred = _dtypes.as_numeric(owner, y_pred, "y_pred")
        kind = _dtypes.of_predictions(y_pred, self.dtype)
        pred = pred.astype(kind, copy=False)
        true = _dtypes.as_numeric(owner, y_true, "y_true").astype(kind, copy=False)
        if self.sparse:
            if true.ndim == pred.ndim and true.shape[-1] == 1:
                true = true[..., 0]
            wanted = pred.shape[:-1]
        else:
            true, pred = same_rank(true, pred)
            wanted = pred.shape
        if true.shape != wanted or pred.ndim == 0:
            raise ValueError(
                f"{owner}: y_true must have shape {wanted} for y_pred of shape "
                f"{np.shape(y_pred)}; got {np.shape(y_true)}"
            )
        values = self._values(true, pred)
        if pred.ndim > 1:
            values = values.reshape(pred.shape[:-1])
        if sample_weight is not None and self.ignore_class is not None:
            counts, weights = same_rank(true != self.ignore_class, np.asarray(sample_weight))
            sample_weight = counts * weights
        super().update_state(values, sample_weight)
