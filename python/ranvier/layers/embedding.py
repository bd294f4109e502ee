"""Vectors for numbers of words."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import constraints, initializers, regularizers
from ranvier.layers.layer import Layer, Shape, positive_int

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder

# Integers up to here are exact in each dtype, which carries them through the model.
_LARGEST = {"float32": 2**24, "float64": 2**31 - 1}


class Embedding(Layer):
    """A row of a trained table for each number: `y_i = E[x_i]`.

    Args:
        input_dim: rows of the table, one more than the greatest number; >= 1, at most 2^24 in
            float32 and 2^31 - 1 in float64.
        output_dim: columns of the table, >= 1.
        embeddings_initializer: for E, default "uniform".
        embeddings_regularizer: penalty added to the loss, or None.
        embeddings_constraint: projection after each update, or None.
        mask_zero: whether 0 is padding: layers after this one that know masks skip its steps.
        weights: an array (input_dim, output_dim) to begin with, alone or in a list; or None.
        lora_rank, lora_alpha, quantization_config: Keras' arguments; only None.

    Shapes:
        input (N, ...), integers in any numeric dtype; output (N, ..., output_dim); E is
        (input_dim, output_dim); the mask, if any, has the input's shape.

    Raises:
        ValueError: an argument out of range; an input that is no integer in 0..input_dim - 1 (Keras
            on JAX takes the nearest row, or NaN).

    Reference: Bengio et al., A neural probabilistic language model, JMLR 3 (2003), section 2.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Embedding(3, 2, weights=np.array([[0.0, 0.0], [1.0, 2.0], [3, 4]]))
    >>> layer(np.array([[2, 1]]))
    array([[[3., 4.],
            [1., 2.]]], dtype=float32)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warnings.warn(
                "Argument `input_length` is deprecated. Just remove it.", UserWarning, stacklevel=2
            )
        super().__init__(**kwargs)
        self.input_dim = positive_int(self, "input_dim", input_dim)
        self.output_dim = positive_int(self, "output_dim", output_dim)
        if self.input_dim > _LARGEST[self.dtype]:
            more = ' (dtype="float64" has more)' if self.dtype == "float32" else ""
            raise ValueError(
                f"{self.label}: `input_dim` must be at most {_LARGEST[self.dtype]}, as "
                f"{self.dtype} holds no greater integers exactly{more}; got {input_dim}"
            )
        absent = {
            "lora_rank": lora_rank,
            "lora_alpha": lora_alpha,
            "quantization_config": quantization_config,
        }
        for argument, value in absent.items():
            if value is not None:
                raise ValueError(f"{self.label}: `{argument}` is not in ranvier; got {value!r}")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.supports_masking = self.mask_zero
        if weights is not None:
            self.ensure_built((None,))
            self.set_weights(
                weights if isinstance(weights, list) and len(weights) == 1 else [weights]
            )

    def build(self, input_shape: Shape) -> None:
        if self.built:
            return
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def lower(self, builder: Builder, x: int) -> int:
        table = builder.weight(self.embeddings, self.trainable)
        return int(
            builder.graph.sequence("embedding", [x], [table], [self.input_dim, self.output_dim])
        )

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        if not self.mask_zero:
            return super().lower_mask(builder, x, y, mask)
        return int(builder.graph.sequence("unequal", [x], [], [0, False]))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return np.not_equal(inputs, 0) if self.mask_zero else None

    def _config_value(self, name: str) -> Any:
        return None if name == "weights" else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        """What makes this layer again, without its weights; Keras writes no LoRA unless used."""
        config = super().get_config()
        for kept_out in ("weights", "lora_rank", "lora_alpha"):
            del config[kept_out]
        penalty = regularizers.serialize(self.activity_regularizer)
        # the base class takes `input_dim` for Keras 2's way to give the input's shape
        return {**config, "input_dim": self.input_dim, "activity_regularizer": penalty}
