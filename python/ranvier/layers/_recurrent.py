"""What recurrent cells and layers share: how the engine is asked for a walk through time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import _dtypes
from ranvier.ops import _recurrence as engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.cells import NativeCell
    from ranvier.layers.layer import Layer

    Array = NDArray[Any]


class Walk(NamedTuple):
    """How a cell's input is walked through."""

    sequences: bool = False
    backwards: bool = False
    mask_backwards: bool = False
    zero_masked: bool = False
    batch: int = 0  # > 0: stateful


def spec(cell: NativeCell, walk: Walk, make: Any = engine.RnnSpec) -> Any:
    """The engine's description of one cell on such a walk."""
    act, gate_act = cell.native_activations()
    return make(
        cell=cell.kind,
        features=cell.kernel.shape[0],
        units=cell.units,
        use_bias=cell.bias is not None,
        act=act,
        gate_act=gate_act,
        sequences=walk.sequences,
        backwards=walk.backwards,
        mask_backwards=walk.mask_backwards,
        zero_masked=walk.zero_masked,
        dropout=float(cell.dropout),
        recurrent_dropout=float(cell.recurrent_dropout),
        batch=walk.batch,
    )


class Tape(NamedTuple):
    """What `walk_forward` leaves for `walk_backward`."""

    spec: Any
    x: Array
    mask: Array | None
    cache: Array
    stream: int
    training: bool


def walk_forward(
    cell: NativeCell,
    walk: Walk,
    x: Array,
    states: list[Array] | None,
    mask: Array | None,
    training: bool = False,
    stream: int = 0,
    keep: bool = False,
) -> tuple[Array, list[Array], Tape | None]:
    """(output, last states, tape if `keep`) of x (N, T, F), checked by the caller."""
    plan = spec(cell, walk)
    h0, c0 = (*(states or ()), None, None)[:2]
    y, h, c, cache = engine.rnn(
        plan,
        x,
        *cell.values(),
        mask,
        h0,
        c0,
        False,
        keep,
        training,
        cell.stream_seed,
        stream,
    )
    tape = None if cache is None else Tape(plan, x, mask, cache, stream, training)
    return y, [h] if c is None else [h, c], tape


def walk_backward(
    cell: NativeCell, tape: Tape, dy: Array, dstates: list[Array] | None = None
) -> tuple[Array, list[Array], list[Array]]:
    """(dx, gradients of the first states, gradients of the cell's weights)."""
    dh, dc = (*(dstates or ()), None, None)[:2]
    dx, dkernel, drecurrent, dbias, dh0, dc0 = engine.rnn_backward(
        tape.spec,
        tape.x,
        *cell.values(),
        tape.mask,
        tape.cache,
        dy,
        dh,
        dc,
        False,
        tape.training,
        cell.stream_seed,
        tape.stream,
    )
    weights = [dkernel, drecurrent] if dbias is None else [dkernel, drecurrent, dbias]
    return dx, [dh0] if dc0 is None else [dh0, dc0], weights


def mask_array(layer: Layer, mask: Any, shape: tuple[int, ...]) -> Array | None:
    """A mask (N, T) as the engine's numbers, or a ValueError."""
    if mask is None:
        return None
    array = _dtypes.as_numeric(layer.label, mask, "mask")
    if array.shape != shape:
        raise ValueError(
            f"{layer.label}: `mask` must have shape (batch, steps) = {shape}; got {array.shape}"
        )
    return np.ascontiguousarray(array != 0, layer.dtype)


def state_arrays(layer: Layer, states: Any, sizes: list[int], rows: int) -> list[Array] | None:
    """`states` as one array (rows, size) for each of `sizes`, or a ValueError."""
    if states is None:
        return None
    given = list(states) if isinstance(states, (list, tuple)) else [states]
    if len(given) != len(sizes):
        raise ValueError(
            f"{layer.label}: `initial_state` must be {len(sizes)} arrays; got {len(given)}"
        )
    arrays = []
    for value, size in zip(given, sizes, strict=True):
        array = _dtypes.as_numeric(layer.label, value, "initial_state")
        if array.shape != (rows, size):
            raise ValueError(
                f"{layer.label}: `initial_state` must have shape (batch, units) = "
                f"{(rows, size)}; got {array.shape}"
            )
        arrays.append(np.ascontiguousarray(array, layer.dtype))
    return arrays
