"""Losses for classes."""

from __future__ import annotations

from typing import Any

from ranvier.losses.native import NativeLoss, integer, smoothing


class BinaryCrossentropy(NativeLoss):
    """`-mean(t log p + (1 - t) log(1 - p))` over the last axis.

    Args:
        from_logits: whether y_pred holds logits, p = sigmoid(y_pred); else p = y_pred, clipped to
            [1e-7, 1 - 1e-7]. Default False.
        label_smoothing: s in [0, 1]: t becomes `t (1 - s) + s / 2`. Default 0.
        axis: the axis of the mean. Default -1.
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.BinaryCrossentropy(from_logits=True)
    >>> round(loss(np.array([[1.0]]), np.array([[0.0]])), 4)
    0.6931
    """

    kind = "binary_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.label_smoothing = smoothing("BinaryCrossentropy", label_smoothing)
        self.axis = integer("BinaryCrossentropy", "axis", axis)


class CategoricalCrossentropy(NativeLoss):
    """`-sum_k t_k log p_k`, labels one-hot (or any distribution).

    Args:
        from_logits: whether y_pred holds logits, p = softmax(y_pred); else p is y_pred divided by
            its sum and clipped to [1e-7, 1 - 1e-7]. Default False.
        label_smoothing: s in [0, 1]: t becomes `t (1 - s) + s / classes`. Default 0.
        axis: the axis of classes. Default -1.
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.CategoricalCrossentropy()
    >>> round(loss(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])), 4)
    0.6931
    """

    kind = "categorical_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.label_smoothing = smoothing("CategoricalCrossentropy", label_smoothing)
        self.axis = integer("CategoricalCrossentropy", "axis", axis)


class SparseCategoricalCrossentropy(NativeLoss):
    """`-log p_k`, labels class numbers k.

    Args:
        from_logits: whether y_pred holds logits. Default False.
        ignore_class: a class whose samples do not count, or None.
        reduction: see `Loss`.
        axis: the axis of classes. Default -1.
        name, dtype: see `Loss`.

    Raises:
        ValueError: a label that is no class number.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.SparseCategoricalCrossentropy()
    >>> round(loss(np.array([1]), np.array([[0.5, 0.5]])), 4)
    0.6931
    """

    kind = "sparse_categorical_crossentropy"
    sparse = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        if ignore_class is not None:
            integer("SparseCategoricalCrossentropy", "ignore_class", ignore_class)
        self.ignore_class = ignore_class
        self.axis = integer("SparseCategoricalCrossentropy", "axis", axis)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("axis")  # as in Keras
        return config
