"""Activations as layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ranvier import activations, constraints, initializers, regularizers
from ranvier.layers.layer import Layer, Shape, integers

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


def _number(layer: Layer, argument: str, value: Any, low: float = -math.inf) -> float:
    ok = isinstance(value, (int, float)) or hasattr(value, "__float__")
    if value is None or isinstance(value, bool) or not ok or not float(value) >= low:
        wanted = "a number" if low == -math.inf else f"a number >= {low:g}"
        raise ValueError(f"{layer.label}: `{argument}` must be {wanted}; got {value!r}")
    return float(value)


class Activation(Layer):
    """Applies an activation function to each element (softmax: to each row).

    Args:
        activation: a name or a function of `ranvier.activations`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Activation("relu")(np.array([[-1.0, 2.0]], "float32"))
    array([[0., 2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    @property
    def is_native(self) -> bool:
        return super().is_native and not isinstance(self.activation, activations.RowActivation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not isinstance(self.activation, activations.RowActivation):
            return super().compute_output_shape(input_shape)
        last = input_shape[-1]
        return (*input_shape[:-1], None if last is None else self.activation.width(last))

    def lower(self, builder: Builder, x: int) -> int:
        return builder.activation(self.label, self.activation, x)

    def forward(self, x: Any, training: bool = False) -> tuple[Any, Any]:
        try:
            return self.activation(x), x
        except ValueError as error:
            raise ValueError(f"{self.label}: {error}") from None

    def backward(self, cache: Any, dy: Any) -> tuple[Any, list[Any]]:
        return self.activation.backward(cache, dy), []


class ReLU(Layer):
    """Rectifier: `x` where `threshold <= x < max_value`, `max_value` above, and
    `negative_slope * (x - threshold)` below.

    Args:
        max_value: >= 0, or None for no limit.
        negative_slope: >= 0, default 0.
        threshold: >= 0, default 0.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.ReLU(max_value=6)(np.array([[-1.0, 3.0, 9.0]], "float32"))
    array([[0., 3., 6.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else _number(self, "max_value", max_value, 0.0)
        self.negative_slope = _number(self, "negative_slope", negative_slope, 0.0)
        self.threshold = _number(self, "threshold", threshold, 0.0)

    def lower(self, builder: Builder, x: int) -> int:
        top = math.inf if self.max_value is None else self.max_value
        return builder.graph.activation(x, "relu", self.negative_slope, top, self.threshold)


class LeakyReLU(Layer):
    """Leaky rectifier: `x` if `x >= 0`, else `negative_slope * x`.

    Args:
        negative_slope: >= 0, default 0.3. Keras 2's name for it, `alpha`, works too.

    Reference: Maas et al., Rectifier nonlinearities improve neural network acoustic models (2013).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.LeakyReLU(0.1)(np.array([[-10.0, 2.0]], "float32"))
    array([[-1.,  2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = _number(self, "negative_slope", negative_slope, 0.0)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.activation(x, "relu", self.negative_slope, math.inf, 0.0)


class ELU(Layer):
    """Exponential linear unit: `x` if `x > 0`, else `alpha * (exp(x) - 1)`.

    Args:
        alpha: default 1.

    Reference: Clevert et al., arXiv 1511.07289 (2015).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.ELU()(np.array([[0.0, 2.0]], "float32"))
    array([[0., 2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = _number(self, "alpha", alpha)

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.activation(x, "elu", self.alpha, 0.0, 0.0)


class PReLU(Layer):
    """Leaky rectifier with slopes that are learned: `x` if `x >= 0`, else `alpha * x`.

    Args:
        alpha_initializer: default "zeros".
        alpha_regularizer, alpha_constraint: or None.
        shared_axes: axes (from 1) along which one slope is shared, or None.

    Reference: He et al., Delving deep into rectifiers, arXiv 1502.01852, eq. 1.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.PReLU("ones")(np.array([[-1.0, 2.0]], "float32"))
    array([[-1.,  2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (
            None if shared_axes is None else list(integers(self, "shared_axes", shared_axes, 1))
        )

    def build(self, input_shape: Shape) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or []:
            if not 1 <= axis <= len(shape):
                raise ValueError(
                    f"{self.label}: `shared_axes` must lie in 1..{len(shape)}; got {axis}"
                )
            shape[axis - 1] = 1
        if None in shape:
            raise ValueError(
                f"{self.label}: axes of unknown length must be in `shared_axes`; "
                f"got input shape {input_shape}"
            )
        self.alpha = self.add_weight(
            tuple(int(n or 0) for n in shape),
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.prelu(
            x, list(self.alpha.shape), builder.weight(self.alpha, self.trainable)
        )


class Softmax(Layer):
    """Softmax along one axis: `exp(x_i) / sum_j exp(x_j)`.

    Args:
        axis: default -1, the last.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Softmax()(np.array([[1.0, 1.0]], "float32"))
    array([[0.5, 0.5]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ValueError(f"{self.label}: `axis` must be an integer; got {axis!r}")
        self.axis = axis

    def lower(self, builder: Builder, x: int) -> int:
        return builder.graph.softmax(x, self.axis, False)
