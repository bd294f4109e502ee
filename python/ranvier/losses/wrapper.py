"""Plain functions as losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.losses.loss import Loss, same_rank


class LossFunctionWrapper(Loss):
    """A function `fn(y_true, y_pred)` of one value a sample, as a loss.

    Args:
        fn: the function.
        reduction, name, dtype: see `Loss`; the name is the function's.
        gradient: a function like fn that gives the derivative of a sample's value in its
            predictions; None: `fn.gradient`, if it has one. Without, one can evaluate, not train.
        kwargs: passed on to both.

    >>> import numpy as np, ranvier
    >>> def sse(y_true, y_pred):
    ...     return np.sum((y_pred - y_true) ** 2, axis=-1)
    >>> sse.gradient = lambda y_true, y_pred: 2 * (y_pred - y_true)
    >>> ranvier.losses.get(sse).gradient(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    array([[2., 6.]])
    """

    def __init__(
        self,
        fn: Any,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        gradient: Any = None,
        **kwargs: Any,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"LossFunctionWrapper: `fn` must be a function; got {fn!r}")
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self._gradient = gradient or getattr(fn, "gradient", None)
        self._given_gradient = gradient
        self._kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = same_rank(np.asarray(y_true), np.asarray(y_pred))
        return self.fn(y_true, y_pred, **self._kwargs)

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        if self._gradient is None:
            return super().gradient_call(y_true, y_pred)
        y_true, y_pred = same_rank(np.asarray(y_true), np.asarray(y_pred))
        return self._gradient(y_true, y_pred, **self._kwargs)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": self.name,
            "reduction": self.reduction,
            "fn": serialize_keras_object(self.fn),
        }
        if self._given_gradient is not None:
            config["gradient"] = serialize_keras_object(self._given_gradient)
        return {**config, **serialize_keras_object(self._kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossFunctionWrapper:
        return cls(**deserialize_keras_object(config))
