"""Steps of sequences to skip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class Masking(Layer):
    """Masks the steps all of whose features are `mask_value`, and makes them 0:
    `m_t = any_c x_tc != mask_value`, `y_t = m_t x_t`.

    Layers after this one skip these steps if they know masks, and pass the mask on if they
    support it; a mask that reaches the outputs leaves their steps out of the loss.

    Args:
        mask_value: a number. Default 0.0. NaN in the data is never equal to it.

    Shapes:
        input (N, T, C) and output are alike, also with more or fewer axes before C; the mask is
        (N, T).

    Raises:
        ValueError: `mask_value` is no number; an input without an axis beside the batch's.

    >>> import numpy as np, ranvier
    >>> x = np.array([[[1.0, -1.0], [-1.0, -1.0]]], "float32")
    >>> ranvier.layers.Masking(-1.0)(x)
    array([[[ 1., -1.],
            [ 0.,  0.]]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(mask_value, (np.ndarray, np.generic)) and mask_value.ndim == 0:
            mask_value = mask_value.item()
        if isinstance(mask_value, bool) or not isinstance(mask_value, (int, float)):
            raise ValueError(f"{self.label}: `mask_value` must be a number; got {mask_value!r}")
        try:
            float(mask_value)
        except OverflowError:
            raise ValueError(
                f"{self.label}: `mask_value` must be a number that a float can hold; "
                f"got one of {len(str(mask_value))} digits"
            ) from None
        self.mask_value = mask_value

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2:
            raise ValueError(f"{self.label}: expected input (N, ..., C); got shape {input_shape}")

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return np.any(np.not_equal(inputs, self.mask_value), axis=-1)

    def lower(self, builder: Builder, x: int) -> int:
        mask = int(builder.graph.sequence("unequal", [x], [], [self.mask_value, True]))
        y = int(builder.graph.sequence("keep", [x, mask], [], []))
        builder.masks[y] = mask
        return y

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        return builder.masks[y]
