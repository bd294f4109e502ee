"""Normalization of each sample over some of its axes: layer, RMS, unit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ranvier import constraints, initializers, regularizers
from ranvier._checks import number
from ranvier.layers._axes import axes_argument, axes_of, known_extents, lower_with_last
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder
    from ranvier.variables import Variable


class _RowNormalization(Layer):
    """What the layers of this file share: the axes, and the node over them."""

    axis: int | list[int]

    def build(self, input_shape: Shape) -> None:
        self._axes = axes_of(self, self.axis, input_shape)
        self._rank = len(input_shape)
        self._extents = [-1 if (n := input_shape[a]) is None else n for a in self._axes]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axes_of(self, self.axis, input_shape)
        return tuple(input_shape)

    def _lower(
        self,
        builder: Builder,
        x: int,
        kind: str,
        gamma: Variable | None,
        beta: Variable | None,
        epsilon: float,
    ) -> int:
        weights = [-1 if v is None else builder.weight(v, self.trainable) for v in (gamma, beta)]

        def node(value: int) -> int:
            return int(builder.graph.row_norm(value, kind, self._extents, *weights, epsilon))

        return lower_with_last(builder, x, self._axes, self._rank, node)


class LayerNormalization(_RowNormalization):
    """Brings each sample to mean 0 and variance 1 over `axis`:
    `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`.

    Args:
        axis: an axis or a list of axes, counted with the batch axis. Default -1, the last; axes
            that are not the last ones cost a transposed copy before and after.
        epsilon: >= 0, added to the variance. Default 1e-3.
        center: whether beta is added. Default True.
        scale: whether gamma is multiplied with. Default True.
        beta_initializer, gamma_initializer: default "zeros", "ones".
        beta_regularizer, gamma_regularizer: penalties added to the loss, or None.
        beta_constraint, gamma_constraint: projections after each update, or None.
        rms_scaling: `y = x / sqrt(variance + epsilon) * gamma`, which Keras calls deprecated; see
            RMSNormalization. Default False.

    Shapes:
        input (N, ...) and output are alike; gamma and beta have the extents along `axis`.

    Raises:
        ValueError: an argument out of range; an axis that the input lacks or whose extent is
            unknown.

    Reference: Ba et al., arXiv 1607.06450, equation 3.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.LayerNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0, 3.0]], "float32"))
    array([[-1.,  1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        axis: int | list[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axes_argument(self, axis)
        self.epsilon = number(self.label, "epsilon", epsilon, 0.0)
        self.center = bool(center)
        self.scale = bool(scale)
        self.rms_scaling = bool(rms_scaling)
        if self.rms_scaling:
            warnings.warn(
                f"{self.label}: rms_scaling=True divides by the deviation, not the root mean "
                "square; see RMSNormalization",
                stacklevel=2,
            )
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        shape = known_extents(self, self._axes, input_shape)
        if self.scale or self.rms_scaling:
            self.gamma = self.add_weight(
                shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center and not self.rms_scaling:
            self.beta = self.add_weight(
                shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def lower(self, builder: Builder, x: int) -> int:
        kind = "layer_rms" if self.rms_scaling else "layer"
        return self._lower(builder, x, kind, self.gamma, self.beta, float(self.epsilon))


class RMSNormalization(_RowNormalization):
    """Divides each sample by its root mean square over `axis`:
    `y = x / sqrt(mean(x^2) + epsilon) * scale`.

    Args:
        axis: an axis or a list of axes, counted with the batch axis. Default -1, the last; axes
            that are not the last ones cost a transposed copy before and after.
        epsilon: >= 0, added to the mean. Default 1e-6.

    Shapes:
        input (N, ...) and output are alike; `scale`, which is learned, has the extents along
        `axis`.

    Raises:
        ValueError: an argument out of range; an axis that the input lacks or whose extent is
            unknown.

    Reference: Zhang & Sennrich, arXiv 1910.07467, equation 4.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RMSNormalization(epsilon=0.0)(np.array([[1.0, 7.0]], "float32"))
    array([[0.2, 1.4]], dtype=float32)
    """

    def __init__(self, axis: int | list[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axes_argument(self, axis)
        self.epsilon = number(self.label, "epsilon", epsilon, 0.0)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        shape = known_extents(self, self._axes, input_shape)
        self.scale = self.add_weight(shape, initializer="ones", name="scale")

    def lower(self, builder: Builder, x: int) -> int:
        return self._lower(builder, x, "rms", self.scale, None, float(self.epsilon))


class UnitNormalization(_RowNormalization):
    """Divides each sample by its Euclidean norm over `axis`: `y = x / max(|x|, 1e-12)`.

    Args:
        axis: an axis or a list of axes, counted with the batch axis. Default -1, the last; axes
            that are not the last ones cost a transposed copy before and after.

    Shapes:
        input (N, ...) and output are alike.

    Raises:
        ValueError: an axis that the input lacks.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.UnitNormalization()(np.array([[3.0, 4.0]], "float32"))
    array([[0.6, 0.8]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axis: int | list[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axes_argument(self, axis)

    def lower(self, builder: Builder, x: int) -> int:
        return self._lower(builder, x, "unit", None, None, 1e-12)
