"""Axes of layers that normalize: checked, and brought last for the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranvier.layers.layer import Layer, Shape
    from ranvier.models.lowering import Builder


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def axis_argument(layer: Layer, axis: Any) -> int:
    """`axis`, checked to be an integer."""
    if not _whole(axis):
        raise ValueError(f"{layer.label}: `axis` must be an integer; got {axis!r}")
    return int(axis)


def axes_argument(layer: Layer, axis: Any) -> int | list[int]:
    """`axis`, checked to be an integer or a list of integers."""
    if _whole(axis):
        return int(axis)
    if isinstance(axis, (list, tuple)) and axis and all(_whole(a) for a in axis):
        return [int(a) for a in axis]
    raise ValueError(
        f"{layer.label}: `axis` must be an integer or a list of integers; got {axis!r}"
    )


def axes_of(layer: Layer, axis: int | list[int], input_shape: Shape) -> list[int]:
    """The axes, counted from the front and sorted; a ValueError if the input lacks one."""
    rank = len(input_shape)
    axes = sorted(a + rank if a < 0 else a for a in ([axis] if isinstance(axis, int) else axis))
    if any(not 1 <= a < rank for a in axes):
        raise ValueError(
            f"{layer.label}: `axis` must lie among the axes 1..{rank - 1} of an input of shape "
            f"{tuple(input_shape)}; got {axis}"
        )
    if len(set(axes)) < len(axes):
        raise ValueError(f"{layer.label}: `axis` names an axis twice; got {axis}")
    return axes


def known_extents(layer: Layer, axes: list[int], input_shape: Shape) -> tuple[int, ...]:
    """The input's extents along `axes`; a ValueError if one is unknown."""
    extents = tuple(input_shape[a] for a in axes)
    if None in extents:
        raise ValueError(
            f"{layer.label}: the extents along `axis` {axes} must be known; "
            f"got input shape {tuple(input_shape)}"
        )
    return tuple(int(n or 0) for n in extents)


def lower_with_last(
    builder: Builder, x: int, axes: list[int], rank: int, node: Callable[[int], int]
) -> int:
    """`node` on the input with `axes` last, their order kept; then the axes are put back."""
    order = [a for a in range(1, rank) if a not in axes] + axes
    if order == list(range(1, rank)):
        return node(x)
    back = [order.index(a) + 1 for a in range(1, rank)]
    return int(builder.graph.permute(node(builder.graph.permute(x, order)), back))
