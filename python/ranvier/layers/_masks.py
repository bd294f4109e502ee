"""Masks: which steps of sequences count."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.layer import Layer


def as_mask(
    layer: Layer, mask: Any, shape: tuple[int, ...], called: str = "`mask`"
) -> NDArray[Any] | None:
    """A user's mask as the engine has it: 1 and 0 in the layer's dtype."""
    if mask is None:
        return None
    array = _dtypes.as_numeric(layer.label, mask, "mask")
    if array.ndim == 0 or array.shape != shape[: array.ndim]:
        raise ValueError(
            f"{layer.label}: {called} must have the shape of the first axes of what it masks, "
            f"{tuple(shape)}; got {array.shape}"
        )
    return np.ascontiguousarray(array != 0, layer.dtype)


def warn_of_mask(layer: Layer) -> None:
    """Says, in Keras' words, that a mask ends at this layer."""
    warnings.warn(
        f"Layer '{layer.name}' (of type {type(layer).__name__}) was passed an input with a mask "
        "attached to it. However, this layer does not support masking and will therefore "
        "destroy the mask information. Downstream layers will not see the mask.",
        UserWarning,
        stacklevel=3,
    )
