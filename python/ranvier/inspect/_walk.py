"""One cell walked step by step, with the gradient in every state on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier.layers.stacked_cells import sizes_of, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.rnn import RNN

    Array = NDArray[Any]


class Steps(NamedTuple):
    """What a walk leaves for the way back."""

    layer: RNN
    caches: list[Any]
    used: Array | None
    shape: tuple[int, ...]


def steps_used(layer: RNN, mask: Array | None) -> Array | None:
    """Which steps (N, T) are not skipped, in the order in which the layer walks."""
    if mask is None:
        return None
    return (mask[:, ::-1] if layer.walks()[0].mask_backwards else mask) != 0


def first_states(layer: RNN, x: Array) -> list[Array]:
    """The states before the first step: zeros, or those of a stateful layer."""
    given = layer._first_states(x, None)
    sizes = sizes_of(layer.cells[0])
    return given or [np.zeros((len(x), n), layer.dtype) for n in sizes]


def walk(layer: RNN, x: Array, mask: Array | None) -> tuple[Array, Array, Steps]:
    """(output, hidden state after each step (N, T, units), what `walk_back` takes), as in predict.

    Steps are in the order in which the layer walks.
    """
    cell, how, used = layer.cells[0], layer.walks()[0], steps_used(layer, mask)
    rows, steps = x.shape[:2]
    states = first_states(layer, x)
    y = np.zeros((rows, steps, width_of(cell)), layer.dtype)
    hidden = np.zeros((rows, steps, states[0].shape[1]), layer.dtype)
    caches = []
    for s in range(steps):
        out, new, cache = cell.forward(x[:, steps - 1 - s if how.backwards else s], states, False)
        fresh = list(new) if isinstance(new, (list, tuple)) else [new]
        if used is not None:
            now = used[:, s, None]
            out = np.where(now, out, 0 if how.zero_masked else states[0])
            fresh = [np.where(now, a, b) for a, b in zip(fresh, states, strict=True)]
        states = [np.ascontiguousarray(a, layer.dtype) for a in fresh]
        y[:, s], hidden[:, s] = out, states[0]
        caches.append(cache)
    kept = Steps(layer, caches, used, x.shape)
    return (y if layer.return_sequences else y[:, -1].copy()), hidden, kept


def walk_back(kept: Steps, dy: Array) -> tuple[Array, Array]:
    """(dx, the gradient in the hidden state after each step (N, T, units)), from that of y.

    Of cells whose output is their first state.
    """
    layer, how = kept.layer, kept.layer.walks()[0]
    cell, rows, steps = layer.cells[0], kept.shape[0], kept.shape[1]
    dx = np.zeros(kept.shape, layer.dtype)
    d = [np.zeros((rows, n), layer.dtype) for n in sizes_of(cell)]
    dhidden = np.zeros((rows, steps, d[0].shape[1]), layer.dtype)
    for s in reversed(range(steps)):
        last = s == steps - 1
        out = dy[:, s] if layer.return_sequences else dy if last else np.zeros_like(dy)
        now = np.ones((rows, 1), bool) if kept.used is None else kept.used[:, s, None]
        # the output of a skipped step is the state as it stays, or 0
        stays = 0 if how.zero_masked else np.where(now, 0, out)
        d[0] = d[0] + stays
        own = [np.ascontiguousarray(np.where(now, a, 0)) for a in d]
        out = np.ascontiguousarray(np.where(now, out, 0))
        dhidden[:, s] = d[0] + out
        step_dx, before, _ = cell.backward(kept.caches[s], out, own)
        before = list(before) if isinstance(before, (list, tuple)) else [before]
        d = [b + np.where(now, 0, a) for a, b in zip(d, before, strict=True)]
        dx[:, steps - 1 - s if how.backwards else s] = np.where(now, step_dx, 0)
    return dx, dhidden
