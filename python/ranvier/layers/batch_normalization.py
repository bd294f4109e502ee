"""Batch normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import constraints, initializers, regularizers
from ranvier._checks import number
from ranvier.layers._axes import axes_of, axis_argument, known_extents, lower_with_last
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder
    from ranvier.variables import Variable


class BatchNormalization(Layer):
    """Brings each channel to mean 0 and variance 1, then to a mean and deviation that are learned:
    `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`.

    In training, mean and variance (biased) are those of the batch, and the moving statistics go
    towards them: `moving = moving * momentum + batch * (1 - momentum)`. Otherwise, and also in
    training while `trainable` is False, the moving statistics are used and stay as they are. With a
    mask (of Masking or Embedding), the statistics of a batch are those of the steps that count.

    Args:
        axis: the axis of the channels, counted with the batch axis. Default -1, the last; any
            other costs a transposed copy before and after.
        momentum: in [0, 1]. Default 0.99.
        epsilon: >= 0, added to the variance. Default 1e-3.
        center: whether beta is added. Default True.
        scale: whether gamma is multiplied with. Default True.
        beta_initializer, gamma_initializer: default "zeros", "ones".
        moving_mean_initializer, moving_variance_initializer: default "zeros", "ones".
        beta_regularizer, gamma_regularizer: penalties added to the loss, or None.
        beta_constraint, gamma_constraint: projections after each update, or None.
        synchronized: must be False: there is one process.

    Shapes:
        input (N, ..., C) and output are alike; gamma, beta, moving_mean, moving_variance are (C,).

    Raises:
        ValueError: an argument out of range; an axis that the input lacks or whose extent is
            unknown; `synchronized=True` or `renorm=True`; a mask where `axis` is not the last.

    Reference: Ioffe & Szegedy, arXiv 1502.03167, algorithms 1 and 2.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.BatchNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0], [3.0]], "float32"), training=True)
    array([[-1.],
           [ 1.]], dtype=float32)
    >>> layer.moving_mean.numpy().round(6)
    array([0.02], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        # newer versions of Keras write these into every config
        renorm = kwargs.pop("renorm", False)
        kwargs.pop("renorm_clipping", None)
        kwargs.pop("renorm_momentum", None)
        super().__init__(**kwargs)
        self.axis = axis_argument(self, axis)
        self.momentum = float(number(self.label, "momentum", momentum, 0.0, 1.0))
        self.epsilon = float(number(self.label, "epsilon", epsilon, 0.0))
        self.center = bool(center)
        self.scale = bool(scale)
        if renorm:
            raise ValueError(f"{self.label}: `renorm` is not in ranvier; got {renorm!r}")
        if synchronized:
            raise ValueError(
                f"{self.label}: `synchronized` must be False, as there is one process; "
                f"got {synchronized!r}"
            )
        self.synchronized = bool(synchronized)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        axes = axes_of(self, self.axis, input_shape)
        shape = known_extents(self, axes, input_shape)
        self._axes, self._rank = axes, len(input_shape)
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
        self.moving_mean = self.add_weight(
            shape, initializer=self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape,
            initializer=self.moving_variance_initializer,
            trainable=False,
            name="moving_variance",
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axes_of(self, self.axis, input_shape)
        return tuple(input_shape)

    def inference_scale_offset(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the layer does outside training, as `y = x * scale + offset` (float64, (C,))."""
        if not self.built:
            raise ValueError(
                f"{self.label}: inference_scale_offset() needs the weights; build the layer first"
            )
        variance = self.moving_variance.value.astype(np.float64)
        scale = 1.0 / np.sqrt(variance + self.epsilon)
        if self.gamma is not None:
            scale = scale * self.gamma.value
        offset = -self.moving_mean.value * scale
        return scale, offset if self.beta is None else offset + self.beta.value

    def lower(self, builder: Builder, x: int) -> int:
        def weight(variable: Variable | None) -> int:
            return -1 if variable is None else builder.weight(variable, self.trainable)

        weights = [
            weight(v) for v in (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        ]

        mask = builder.masks.get(x, -1) if self.trainable else -1
        if mask >= 0 and self._axes != [self._rank - 1]:
            raise ValueError(f"{self.label}: with a mask, `axis` must be the last; got {self.axis}")

        def node(value: int) -> int:
            return int(
                builder.graph.batch_norm(
                    value,
                    self.moving_mean.size,
                    *weights,
                    self.momentum,
                    self.epsilon,
                    not self.trainable,
                    mask,
                )
            )

        return lower_with_last(builder, x, self._axes, self._rank, node)
