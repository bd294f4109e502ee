"""The base class of metrics, and means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._config import Configurable
from ranvier._serialize import deserialize_keras_object, serialize_keras_object, snake
from ranvier.initializers import get as get_initializer
from ranvier.losses.loss import same_rank
from ranvier.variables import Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Metric(Configurable):
    """Base class of metrics: running sums over batches, and a result.

    A metric of your own writes `update_state` and `result`:

    >>> import numpy as np, ranvier
    >>> class Positives(ranvier.metrics.Metric):
    ...     def __init__(self, name="positives", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.n = self.add_variable(name="n")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.n.assign(self.n.value + np.sum(y_pred > 0.5))
    ...     def result(self):
    ...         return float(self.n.value)
    >>> Positives()(None, np.array([0.2, 0.7, 0.9]))
    2.0

    Args:
        dtype: "float32" (default: `ranvier.config.floatx()`) or "float64".
        name: of the metric; the key of its values in `history`.
    """

    # Whether training wants more of it ("up") or less ("down"); read by callbacks that compare.
    _direction: str | None = None
    # Whether steps that the outputs' mask leaves out do not count, as in Keras' means of functions.
    _masked = False

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = snake(type(self).__name__) if name is None else name
        self._dtype = _dtypes.standardize(dtype)
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """What `add_variable` made."""
        return list(self._variables)

    @property
    def native(self) -> tuple[str, dict[str, Any]] | None:
        """(kind, arguments) if the engine can count it, else None."""
        return None

    def add(self, total: float, weight: float) -> None:
        """Takes sums that the engine has counted."""
        raise NotImplementedError

    def check_labels(
        self, owner: str, labels_shape: Sequence[int], output_shape: Sequence[int | None]
    ) -> None:
        """Raises ValueError if the metric cannot take these labels for these outputs."""

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None,
        name: str | None = None,
    ) -> Variable:  # fmt: skip
        """State that `reset_state` sets back to zero."""
        kind = dtype or "float64"
        made = np.asarray(get_initializer(initializer)(tuple(shape), kind))
        variable = Variable(made, trainable=False, name=name or "variable", dtype=kind)
        self._variables.append(variable)
        return variable

    add_weight = add_variable

    def reset_state(self) -> None:
        """Begins anew."""
        for variable in self._variables:
            variable.assign(np.zeros(variable.shape))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch."""
        raise NotImplementedError(f"{type(self).__name__} must write update_state()")

    def result(self) -> Any:
        """The value so far."""
        raise NotImplementedError(f"{type(self).__name__} must write result()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def samplewise(
    owner: str, values: Any, sample_weight: Any
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Values and weights as one number a sample: means over all other axes, as Keras has them."""
    given = np.asarray(values, np.float64)
    if sample_weight is None:
        return given.reshape(len(given), -1).mean(axis=1) if given.ndim > 1 else given, None
    weights = np.asarray(sample_weight, np.float64)
    given, weights = same_rank(given, weights)
    if given.ndim > weights.ndim:
        given = given.mean(axis=tuple(range(weights.ndim, given.ndim)))
    try:
        weights = np.broadcast_to(weights, given.shape)
    except ValueError:
        raise ValueError(
            f"{owner}: `sample_weight` of shape {np.shape(sample_weight)} does not fit values of "
            f"shape {np.shape(values)}"
        ) from None
    given = given * weights
    if given.ndim > 1:
        others = tuple(range(1, given.ndim))
        given, weights = given.mean(axis=others), weights.mean(axis=others)
    return given, weights


class Sum(Metric):
    """The (weighted) sum of values.

    >>> Sum()([1.0, 3.0])
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        given = np.asarray(values, np.float64)
        if sample_weight is None:
            self.total += float(given.sum())
            return
        given, weights = same_rank(given, np.asarray(sample_weight, np.float64))
        given = given.sum(axis=tuple(range(min(weights.ndim, given.ndim), given.ndim)))
        try:
            self.total += float((given * np.broadcast_to(weights, given.shape)).sum())
        except ValueError:
            raise ValueError(
                f"Sum '{self.name}': `sample_weight` of shape {np.shape(sample_weight)} does not "
                f"fit values of shape {np.shape(values)}"
            ) from None

    def reset_state(self) -> None:
        self.total = 0.0

    def result(self) -> float:
        return self.total


class Mean(Metric):
    """The (weighted) mean of values.

    >>> Mean()([1.0, 3.0], sample_weight=[3.0, 1.0])
    1.5
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = 0.0
        self.count = 0.0

    def add(self, total: float, weight: float) -> None:
        self.total += total
        self.count += weight

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        reduced, weights = samplewise(f"{type(self).__name__} '{self.name}'", values, sample_weight)
        self.total += float(reduced.sum())
        self.count += float(reduced.size if weights is None else weights.sum())

    def reset_state(self) -> None:
        self.total = self.count = 0.0

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0


class MeanMetricWrapper(Mean):
    """The mean of a function `fn(y_true, y_pred)` of one or more values a sample.

    Args:
        fn: the function.
        name: the function's if None.
        dtype: see `Metric`.
        kwargs: passed on to fn.

    >>> import numpy as np
    >>> MeanMetricWrapper(lambda t, p: np.abs(t - p), name="off")([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    _masked = True

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        if not callable(fn):
            raise TypeError(f"MeanMetricWrapper: `fn` must be a function; got {fn!r}")
        super().__init__(name or getattr(fn, "__name__", None) or getattr(fn, "name", None), dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        true, pred = same_rank(np.asarray(y_true), np.asarray(y_pred))
        super().update_state(self._fn(true, pred, **self._fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dtype": self.dtype,
            "fn": serialize_keras_object(self._fn),
            **serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MeanMetricWrapper:
        return cls(**deserialize_keras_object(config))
