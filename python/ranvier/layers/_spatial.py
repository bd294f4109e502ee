"""Checks of arguments that layers over images, sequences and volumes share.

Each returns Keras' standard form of a value, or raises a ValueError that names the layer and the
argument, what was wanted and what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._dtypes import image_data_format

if TYPE_CHECKING:
    from collections.abc import Collection

    from ranvier.layers.layer import Layer, Shape

# Extents of windows, strides and paddings beyond this would overflow somewhere.
_MOST = 2**31 - 1

# The spatial axes by their number, as error messages name them.
AXES = {1: ("W",), 2: ("H", "W"), 3: ("D", "H", "W")}


def is_integer(value: Any, low: int) -> bool:
    """Whether `value` is an integer (not a boolean) in [low, 2**31)."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    return whole and low <= value <= _MOST


def standardize_tuple(layer: Layer, name: str, value: Any, n: int, low: int = 1) -> tuple[int, ...]:
    """`value`, an integer >= `low` or `n` of them, as a tuple of n integers."""
    if is_integer(value, low):
        return (int(value),) * n
    given = value.tolist() if isinstance(value, np.ndarray) else value
    if (
        isinstance(given, (list, tuple))
        and len(given) == n
        and all(is_integer(v, low) for v in given)
    ):
        return tuple(int(v) for v in given)
    wanted = f"an integer >= {low}" if n == 1 else f"an integer >= {low} or a tuple of {n}"
    raise ValueError(f"{layer.label}: `{name}` must be {wanted}; got {value!r}")


def standardize_pairs(layer: Layer, name: str, value: Any, n: int) -> tuple[tuple[int, int], ...]:
    """How much at both ends of n axes, as ((before, after), ...).

    One integer is for all ends; each of n entries is an integer for both ends of its axis, or a
    pair. Of one axis (n = 1) the pair stands alone: (before, after).
    """
    if is_integer(value, 0):
        return ((int(value), int(value)),) * n
    given = value.tolist() if isinstance(value, np.ndarray) else value
    if n == 1:
        given = (given,)
    pairs: list[tuple[int, int]] = []
    for entry in given if isinstance(given, (list, tuple)) and len(given) == n else ():
        pair = (entry, entry) if is_integer(entry, 0) and n > 1 else entry
        if (
            isinstance(pair, (list, tuple))
            and len(pair) == 2
            and all(is_integer(v, 0) for v in pair)
        ):
            pairs.append((int(pair[0]), int(pair[1])))
    if len(pairs) == n:
        return tuple(pairs)
    wanted = (
        "an integer >= 0 or a tuple of 2"
        if n == 1
        else f"an integer >= 0, a tuple of {n} integers or a tuple of {n} pairs"
    )
    raise ValueError(f"{layer.label}: `{name}` must be {wanted}; got {value!r}")


def standardize_choice(layer: Layer, name: str, value: Any, allowed: Collection[str]) -> str:
    """`value`, a string in any case, in lower case and among `allowed`."""
    lower = value.lower() if isinstance(value, str) else value
    if not isinstance(lower, str) or lower not in allowed:
        names = " or ".join(repr(a) for a in allowed)
        raise ValueError(f"{layer.label}: `{name}` must be {names}; got {value!r}")
    return lower


def standardize_padding(
    layer: Layer, value: Any, allowed: Collection[str] = ("valid", "same")
) -> str:
    """`padding` in lower case, one of `allowed`."""
    return standardize_choice(layer, "padding", value, allowed)


def standardize_data_format(layer: Layer, value: Any) -> str:
    """`data_format`: None is the process's default."""
    if value is None:
        return image_data_format()
    return standardize_choice(layer, "data_format", value, ("channels_last", "channels_first"))


def shape_letters(n: int, data_format: str = "channels_last") -> str:
    """How the input's shape is written in messages: `(N, H, W, C)`."""
    axes = ("C", *AXES[n]) if data_format == "channels_first" else (*AXES[n], "C")
    return f"({', '.join(('N', *axes))})"


def check_rank(
    layer: Layer, input_shape: Shape, n: int, data_format: str = "channels_last"
) -> None:
    """Refuses an input that has not n spatial axes beside those of the batch and the channels."""
    if len(input_shape) != n + 2:
        raise ValueError(
            f"{layer.label}: expected input {shape_letters(n, data_format)}; "
            f"got shape {tuple(input_shape)}"
        )


def split_shape(input_shape: Shape, data_format: str) -> tuple[Shape, int | None]:
    """(spatial extents, channels) of a shape that begins with the batch axis."""
    if data_format == "channels_first":
        return tuple(input_shape[2:]), input_shape[1]
    return tuple(input_shape[1:-1]), input_shape[-1]


def join_shape(batch: int | None, spatial: Shape, channels: int | None, data_format: str) -> Shape:
    """The opposite of `split_shape`."""
    if data_format == "channels_first":
        return (batch, channels, *spatial)
    return (batch, *spatial, channels)


def window_extent(extent: int | None, window: int, stride: int, padding: str) -> int | None:
    """How often a window fits along an axis: 0 or less if it does not. None stays None.

    `window` is what it covers: with dilation, `dilation * (kernel_size - 1) + 1`. Paddings "same"
    and "causal" give one output for each `stride` elements.
    """
    if extent is None:
        return None
    if padding == "valid":
        return (extent - window) // stride + 1
    return (extent - 1) // stride + 1


def to_channels_last(graph: Any, x: int, n: int, data_format: str) -> int:
    """The value with its channels moved to the end, where the engine wants them."""
    if data_format == "channels_last":
        return x
    return int(graph.permute(x, [*range(2, n + 2), 1]))


def from_channels_last(graph: Any, x: int, n: int, data_format: str) -> int:
    """The opposite of `to_channels_last`."""
    if data_format == "channels_last":
        return x
    return int(graph.permute(x, [n + 1, *range(1, n + 1)]))
