"""Variables: the numbers that a model learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._dtypes import as_numeric

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from ranvier.constraints import Constraint
    from ranvier.regularizers import Regularizer


class _Layout:
    """Counts every change of where variables lie or of what is trained; networks compare it."""

    __slots__ = ("epoch",)

    def __init__(self) -> None:
        self.epoch = 0


layout = _Layout()


class Variable:
    """A named array that layers own and optimizers update.

    Args:
        value: the initial value; copied.
        trainable: whether an optimizer may update it.
        name: its name within its layer.
        regularizer: penalty added to the loss, or None.
        constraint: projection applied after each update, or None.

    >>> v = Variable([1.0, 2.0], name="w")
    >>> v.assign([3.0, 4.0])
    >>> v.numpy()
    array([3., 4.], dtype=float32)
    """

    __slots__ = (
        "_trainable", "_value", "constraint", "in_arena", "made_trainable", "name", "path",
        "regularizer",
    )  # fmt: skip

    def __init__(
        self,
        value: Any,
        *,
        trainable: bool = True,
        name: str = "variable",
        dtype: DTypeLike = "float32",
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        self._value: NDArray[Any] = np.array(value, dtype=dtype, order="C", copy=True)
        self._trainable = bool(trainable)
        self.made_trainable = self._trainable  # files order weights by it, as Keras does
        self.name = name
        self.path = name
        self.regularizer = regularizer
        self.constraint = constraint
        self.in_arena = False

    @property
    def value(self) -> NDArray[Any]:
        """The live array. A model may move it into its own buffer: do not hold on to it."""
        return self._value

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        layout.epoch += 1

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def dtype(self) -> str:
        return self._value.dtype.name

    @property
    def size(self) -> int:
        return self._value.size

    @property
    def ndim(self) -> int:
        return self._value.ndim

    def numpy(self) -> NDArray[Any]:
        """A copy of the value."""
        return self._value.copy()

    def assign(self, value: Any) -> None:
        """Copies `value` in; its shape must be the variable's."""
        new = as_numeric(f"Variable '{self.path}'", value, "value")
        if new.shape != self._value.shape:
            raise ValueError(
                f"Variable '{self.path}': expected a value of shape {self._value.shape}; "
                f"got {new.shape}"
            )
        self._value[...] = new

    def assign_add(self, value: Any) -> None:
        """Adds `value`, a number or an array of the variable's shape."""
        self.assign(self._value + as_numeric(f"Variable '{self.path}'", value, "value"))

    def assign_sub(self, value: Any) -> None:
        """Takes `value` off, a number or an array of the variable's shape."""
        self.assign(self._value - as_numeric(f"Variable '{self.path}'", value, "value"))

    def move_to(self, place: NDArray[Any]) -> None:
        """Makes `place` (1-D, contiguous, of the variable's size) its memory."""
        view = place.reshape(self._value.shape)
        view[...] = self._value
        self._value = view
        self.in_arena = True
        layout.epoch += 1

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._value, dtype=dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        new = Variable(
            self._value,
            trainable=self._trainable,
            name=self.name,
            dtype=self._value.dtype,
            regularizer=self.regularizer,
            constraint=self.constraint,
        )
        new.path = self.path
        new.made_trainable = self.made_trainable
        memo[id(self)] = new
        return new

    def __reduce__(self) -> Any:
        return _restore, (
            self._value.copy(),
            self._trainable,
            self.name,
            self.path,
            self.regularizer,
            self.constraint,
            self.made_trainable,
        )

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


def _restore(
    value: NDArray[Any],
    trainable: bool,
    name: str,
    path: str,
    regularizer: Regularizer | None,
    constraint: Constraint | None,
    made_trainable: bool,
) -> Variable:
    variable = Variable(
        value,
        trainable=trainable,
        name=name,
        dtype=value.dtype,
        regularizer=regularizer,
        constraint=constraint,
    )
    variable.path = path
    variable.made_trainable = made_trainable
    return variable
