"""Group normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import constraints, initializers, regularizers
from ranvier._checks import number
from ranvier.layers._axes import axes_of, axis_argument, known_extents, lower_with_last
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder
    from ranvier.variables import Variable


class GroupNormalization(Layer):
    """Brings each group of channels of each sample to mean 0 and variance 1:
    `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, gamma and beta for each channel.

    Args:
        groups: a divisor of the number of channels, default 32; -1 makes each channel a group
            (instance normalization).
        axis: the axis of the channels, counted with the batch axis. Default -1, the last; any
            other costs a transposed copy before and after.
        epsilon: >= 0, added to the variance. Default 1e-3.
        center: whether beta is added. Default True.
        scale: whether gamma is multiplied with. Default True.
        beta_initializer, gamma_initializer: default "zeros", "ones".
        beta_regularizer, gamma_regularizer: penalties added to the loss, or None.
        beta_constraint, gamma_constraint: projections after each update, or None.

    Shapes:
        input (N, ..., C) and output are alike; gamma and beta are (C,).

    Raises:
        ValueError: an argument out of range; groups that do not divide the channels; an axis that
            the input lacks or whose extent is unknown.

    Reference: Wu & He, arXiv 1803.08494, equations 1 to 7.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.GroupNormalization(2, epsilon=0.0)
    >>> layer(np.array([[1.0, 3.0, 4.0, 8.0]], "float32"))
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        whole = isinstance(groups, (int, np.integer)) and not isinstance(groups, bool)
        if not whole or not (groups == -1 or 0 < groups < 2**63):
            raise ValueError(
                f"{self.label}: `groups` must be a positive integer, or -1 for one group a "
                f"channel; got {groups!r}"
            )
        self.groups = int(groups)
        self.axis = axis_argument(self, axis)
        self.epsilon = number(self.label, "epsilon", epsilon, 0.0)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        axes = axes_of(self, self.axis, input_shape)
        shape = known_extents(self, axes, input_shape)
        groups = shape[0] if self.groups == -1 else self.groups
        if groups < 1 or shape[0] % groups != 0:
            raise ValueError(
                f"{self.label}: `groups` must divide the {shape[0]} channels; got {self.groups}"
            )
        self._axes, self._rank = axes, len(input_shape)
        self._channels, self._groups = shape[0], groups
        if self.scale:
            self.gamma = self.add_weight(
                shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axes_of(self, self.axis, input_shape)
        return tuple(input_shape)

    def lower(self, builder: Builder, x: int) -> int:
        weights = [
            -1 if v is None else builder.weight(v, self.trainable) for v in (self.gamma, self.beta)
        ]

        def node(value: int) -> int:
            return int(
                builder.graph.group_norm(
                    value, self._channels, self._groups, *weights, float(self.epsilon)
                )
            )

        return lower_with_last(builder, x, self._axes, self._rank, node)
