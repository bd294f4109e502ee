"""Losses for numbers."""

from __future__ import annotations

from typing import Any

from ranvier.losses.native import NativeLoss


class MeanSquaredError(NativeLoss):
    """`mean((y_pred - y_true)^2)` over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.MeanSquaredError()(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    5.0
    """

    kind = "mean_squared_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanAbsoluteError(NativeLoss):
    """`mean(|y_pred - y_true|)` over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> ranvier.losses.MeanAbsoluteError()(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    2.0
    """

    kind = "mean_absolute_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
