"""Cells written in Python, walked step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier.layers.stacked_cells import sizes_of, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers._recurrent import Walk

    Array = NDArray[Any]


class _Tape(NamedTuple):
    walk: Walk
    caches: list[Any]
    order: list[int]
    mask: Array | None
    shape: tuple[int, ...]


def _listed(states: Any) -> list[Array]:
    return list(states) if isinstance(states, (list, tuple)) else [states]


def _trained(cell: Any, gradients: Any) -> list[Array]:
    """Of the gradients that `backward` gave, of all weights or of the trainable ones: the latter's."""
    trained, every = cell.trainable_weights, cell.all_variables()
    given = list(gradients)
    if len(given) == len(every) != len(trained):
        given = [g for v, g in zip(every, given, strict=True) if any(v is t for t in trained)]
    if [np.shape(g) for g in given] != [v.shape for v in trained]:
        raise ValueError(
            f"{cell.label}: backward() must return a gradient for each trainable weight, of shapes "
            f"{[v.shape for v in trained]}; got {[np.shape(g) for g in given]}"
        )
    return given


def _step(
    cell: Any, x: Array, states: list[Array], training: bool
) -> tuple[Array, list[Array], Any]:
    result = cell.forward(x, states, training)
    if not isinstance(result, tuple) or len(result) != 3:
        raise TypeError(
            f"{cell.label}: forward(x, states, training) must return (output, new states, cache); "
            f"got {type(result).__name__}"
        )
    y, new, cache = result
    fresh = _listed(new)
    wanted = [(len(x), n) for n in (width_of(cell), *sizes_of(cell))]
    got = [np.shape(a) for a in (y, *fresh)]
    if got != wanted:
        raise ValueError(
            f"{cell.label}: forward(x, states, training) must return an output and new states of "
            f"shapes {wanted}; got {got}"
        )
    return y, fresh, cache


def _step_back(
    cell: Any, cache: Any, dy: Array, dstates: list[Array]
) -> tuple[Array, list[Array], Any]:
    result = cell.backward(cache, dy, dstates)
    if not isinstance(result, tuple) or len(result) != 3:
        raise TypeError(
            f"{cell.label}: backward(cache, dy, dstates) must return (dx, gradients of the states, "
            f"gradients of the weights); got {type(result).__name__}"
        )
    dx, before, weights = result
    states = _listed(before)
    if [np.shape(a) for a in states] != [a.shape for a in dstates]:
        raise ValueError(
            f"{cell.label}: backward() must return gradients of the states of shapes "
            f"{[a.shape for a in dstates]}; got {[np.shape(a) for a in states]}"
        )
    return dx, states, weights


def steps_forward(
    cell: Any,
    walk: Walk,
    x: Array,
    states: list[Array] | None,
    mask: Array | None,
    training: bool,
    stream: int,
    keep: bool,
) -> tuple[Array, list[Array], Any]:
    """As `_recurrent.walk_forward`, of a cell of the user's."""
    rows, steps = x.shape[:2]
    if states is None:
        states = [np.zeros((rows, n), cell.dtype) for n in sizes_of(cell)]
    order = list(range(steps))[:: -1 if walk.backwards else 1]
    y = np.zeros((rows, steps, width_of(cell)), cell.dtype)
    caches = []
    for s, t in enumerate(order):
        out, fresh, cache = _step(cell, x[:, t], states, training)
        caches.append(cache)
        if mask is not None:
            used = mask[:, steps - 1 - s if walk.mask_backwards else s, None] != 0
            out = np.where(used, out, 0 if walk.zero_masked else states[0])
            fresh = [np.where(used, a, b) for a, b in zip(fresh, states, strict=True)]
        y[:, s] = out
        states = [np.asarray(a, cell.dtype) for a in fresh]
    tape = _Tape(walk, caches, order, mask, x.shape) if keep else None
    return (y if walk.sequences else y[:, -1].copy()), states, tape


def steps_back(
    cell: Any, tape: _Tape, dy: Array, dstates: list[Array] | None
) -> tuple[Array, list[Array], list[Array]]:
    """As `_recurrent.walk_backward`."""
    walk, steps, rows = tape.walk, len(tape.order), tape.shape[0]
    dx = np.zeros(tape.shape, cell.dtype)
    d = dstates or [np.zeros((rows, n), cell.dtype) for n in sizes_of(cell)]
    gradients = [np.zeros(v.shape, cell.dtype) for v in cell.trainable_weights]
    for s in reversed(range(steps)):
        out = dy[:, s] if walk.sequences else dy if s == steps - 1 else np.zeros_like(dy)
        used, after, skipped = None, d, d
        if tape.mask is not None:
            used = tape.mask[:, steps - 1 - s if walk.mask_backwards else s, None] != 0
            skipped = [np.where(used, 0, a) for a in d]
            if not walk.zero_masked:  # the output of a skipped step is its first state
                skipped[0] = skipped[0] + np.where(used, 0, out)
            out, after = np.where(used, out, 0), [np.where(used, a, 0) for a in d]
        step_dx, before, weights = _step_back(cell, tape.caches[s], out, after)
        if used is not None:
            step_dx = np.where(used, step_dx, 0)
            d = [a + b for a, b in zip(skipped, before, strict=True)]
        else:
            d = before
        dx[:, tape.order[s]] = step_dx
        for total, part in zip(gradients, _trained(cell, weights), strict=True):
            total += part
    return dx, d, gradients
