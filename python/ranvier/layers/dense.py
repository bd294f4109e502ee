"""The perceptron layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import activations, constraints, initializers, regularizers
from ranvier.layers.layer import Layer, Shape, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class Dense(Layer):
    """A fully connected layer: `y = activation(x W + b)` over the last axis.

    Args:
        units: number of outputs, >= 1.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        use_bias: whether b is added. Default True.
        kernel_initializer: for W, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.

    Shapes:
        input (N, ..., K), output (N, ..., units); W is (K, units), b is (units,).

    Raises:
        ValueError: `units` is not a positive integer; the input's last axis is unknown, or is not
            the K that the layer was built for.

    Reference: Rosenblatt, The perceptron, Psychological Review 65 (1958).

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Dense(2, kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0, 3.0]], "float32"))
    array([[6., 6.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_int(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        units_in = input_shape[-1] if len(input_shape) > 1 else None
        if units_in is None:
            raise ValueError(
                f"{self.label}: the last axis of the input must be known; got shape {input_shape}"
            )
        self.kernel = self.add_weight(
            (units_in, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def lower(self, builder: Builder, x: int) -> int:
        fused, rest = builder.split_activation(self.label, self.activation)
        y = builder.graph.dense(
            x,
            self.kernel.shape[0],
            self.units,
            builder.weight(self.kernel, self.trainable),
            -1 if self.bias is None else builder.weight(self.bias, self.trainable),
            *fused,
        )
        return builder.activation(self.label, rest, y)
