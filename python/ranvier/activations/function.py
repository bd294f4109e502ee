"""What an activation function is to layers: callable, with its derivative and its kernel's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Native = tuple[str, float, float, float]


class Activation:
    """A function on arrays together with what the engine calls it.

    Attributes:
        native: (kernel, a, b, c) with default arguments, or None: no layer of the engine takes it.
    """

    def __init__(self, function: Callable[..., NDArray[Any]], native: Native | None) -> None:
        self._function = function
        self.native: Native | None = native
        self.__name__: str = function.__name__
        self.__qualname__: str = function.__qualname__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> NDArray[Any]:
        return self._function(x, *args, **kwargs)

    def derivative(self, x: Any) -> NDArray[Any]:
        """The derivative at x, element for element; softmax's is the matrix for each row."""
        assert self.native is not None
        if self.native[0] in ("softmax", "log_softmax"):
            return _row_derivative(self.native[0], x)
        return ops.activation_derivative(self.native, x)

    def __repr__(self) -> str:
        return f"<activation {self.__name__}>"

    def __reduce__(self) -> Any:
        return _by_name, (self.__name__,)

    def __deepcopy__(self, memo: Any) -> Activation:
        return self


def _by_name(name: str) -> Any:
    from ranvier import activations

    return getattr(activations, name)


def _row_derivative(kind: str, x: Any) -> NDArray[Any]:
    """`d y_i / d x_j` along the last axis, as matrices [..., i, j]."""
    import numpy as np

    s = ops.softmax(x)
    eye = np.eye(s.shape[-1], dtype=s.dtype)
    if kind == "log_softmax":
        return eye - s[..., None, :]
    return s[..., :, None] * (eye - s[..., None, :])


def activation(
    kernel: str, a: float = 0.0, b: float = 0.0, c: float = 0.0
) -> Callable[[Callable[..., NDArray[Any]]], Activation]:
    """Decorator that makes a function an `Activation`."""

    def decorate(function: Callable[..., NDArray[Any]]) -> Activation:
        return Activation(function, (kernel, float(a), float(b), float(c)))

    return decorate
