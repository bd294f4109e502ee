"""Arguments of the recurrent ops, as the extension takes them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from ranvier import _core
from ranvier.ops._arrays import REFUSED, common_dtype, fit, numeric
from ranvier.ops.activations import spec

# What layers ask of the engine, dropout and its random numbers included.
RnnSpec, rnn, rnn_backward = _core.RnnSpec, _core.rnn, _core.rnn_backward


class Walk(NamedTuple):
    """What is done, apart from the arrays."""

    cell: str
    activation: Any
    recurrent_activation: Any
    return_sequences: bool
    go_backwards: bool
    zero_output_for_mask: bool
    time_major: bool


def _shape(op: str, name: str, value: Any) -> tuple[int, ...]:
    found = getattr(value, "shape", None)
    return found if isinstance(found, tuple) else numeric(op, name, value).shape


@lru_cache(maxsize=256)
def _spec(op: str, walk: Walk, features: int, units: int, use_bias: bool) -> Any:
    return _core.RnnSpec(
        cell=walk.cell,
        features=features,
        units=units,
        use_bias=use_bias,
        act=spec(op, walk.activation, "activation"),
        gate_act=spec(op, walk.recurrent_activation, "recurrent_activation"),
        sequences=bool(walk.return_sequences),
        backwards=bool(walk.go_backwards),
        mask_backwards=bool(walk.go_backwards),
        zero_masked=bool(walk.zero_output_for_mask),
        dropout=0.0,
        recurrent_dropout=0.0,
        batch=0,
    )


def _described(op: str, walk: Walk, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
    """The engine's description; what is too wrong for the gate to name is refused."""
    sizes = []
    for name, value in (("kernel", kernel), ("recurrent_kernel", recurrent_kernel)):
        shape = _shape(op, name, value)
        if len(shape) != 2 or 0 in shape:
            numeric(op, name, value)
            raise ValueError(f"{op}: `{name}` must have two axes, not empty; got shape {shape}")
        sizes.append(shape[0])
    for name in ("activation", "recurrent_activation"):
        spec(op, getattr(walk, name), name)
    return _spec(op, walk, *sizes, bias is not None)


def _states(op: str, cell: str, given: Any) -> tuple[Any, Any]:
    """(h, c) of `initial_state`."""
    if given is None:
        return None, None
    if cell != "lstm":
        return given, None
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise ValueError(f"{op}: `initial_state` must be a pair (h, c)")
    return given[0], given[1]


def _fitted(op: str, mask: Any, required: dict[str, Any], others: dict[str, Any]) -> list[Any]:
    """All arrays but the mask in one dtype; the mask last, as zeros and ones."""
    for name, value in required.items():
        numeric(op, name, value)
    values = {**required, **others}
    dtype = common_dtype(*values.values())
    if mask is not None:
        mask = (numeric(op, "mask", mask) != 0).astype(dtype, order="C")
    return [*fit(op, dtype, **values), mask]


def forward(
    op: str, walk: Walk, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, state: Any,
    mask: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """(y, h, c or None)."""
    plan = _described(op, walk, kernel, recurrent_kernel, bias)
    h, c = _states(op, walk.cell, state)
    tail = (bool(walk.time_major), False, False, 0, 0)
    try:
        return _core.rnn(plan, x, kernel, recurrent_kernel, bias, mask, h, c, *tail)[:3]
    except REFUSED:
        pass
    x, kernel, recurrent_kernel, bias, h, c, mask = _fitted(
        op,
        mask,
        {"x": x, "kernel": kernel, "recurrent_kernel": recurrent_kernel},
        {"bias": bias, "initial_state": h, "initial_state (c)": c},
    )
    return _core.rnn(plan, x, kernel, recurrent_kernel, bias, mask, h, c, *tail)[:3]


def backward(
    op: str, walk: Walk, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, state: Any,
    mask: Any, dy: Any, dh: Any, dc: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """(dx, dkernel, drecurrent_kernel, dbias or None, dh0, dc0 or None)."""
    plan = _described(op, walk, kernel, recurrent_kernel, bias)
    h, c = _states(op, walk.cell, state)
    major = bool(walk.time_major)

    def run() -> tuple[Any, ...]:
        arrays = (plan, x, kernel, recurrent_kernel, bias, mask)
        cache: Any = _core.rnn(*arrays, h, c, major, True, False, 0, 0)[3]
        return _core.rnn_backward(*arrays, cache, dy, dh, dc, major, False, 0, 0)

    try:
        return run()
    except REFUSED:
        pass
    x, kernel, recurrent_kernel, dy, bias, h, c, dh, dc, mask = _fitted(
        op,
        mask,
        {"x": x, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "dy": dy},
        {"bias": bias, "initial_state": h, "initial_state (c)": c, "dh": dh, "dc": dc},
    )
    return run()
