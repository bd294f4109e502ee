"""Rows of the table: recurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, normal

if TYPE_CHECKING:
    import numpy as np


class _Variant(NamedTuple):
    """One op on sequences (N, T, U) of about `size` elements, as many features as units."""

    name: str
    gates: int
    doc: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - never changed
    masked: bool = False

    def shape(self, size: int) -> tuple[int, int, int]:
        side = max(1, round(size ** (1 / 3)))
        steps, units = min(side, 32), min(side, 64)
        return max(1, size // (steps * units)), steps, units

    def bias_shape(self, units: int) -> tuple[int, ...]:
        columns = (self.gates * units,)
        after = self.name == "gru" and self.arguments.get("reset_after", True)
        return (2, *columns) if after else columns

    def arrays(self, rng: np.random.Generator, dtype: str, size: int) -> tuple[Any, Any, Any]:
        """x, [kernel, recurrent kernel, bias], keywords. Weights keep sums near 1."""
        batch, steps, units = self.shape(size)
        scale = float(1 / units**0.5)
        weights = [normal(rng, dtype, units, self.gates * units) * scale for _ in range(2)] + [
            normal(rng, dtype, *self.bias_shape(units))
        ]
        states = tuple(normal(rng, dtype, batch, units) for _ in range(2))
        given = {**self.arguments, "initial_state": states if self.gates == 4 else states[0]}
        if self.masked:
            given["mask"] = (rng.random((batch, steps)) < 0.7).astype(dtype)
        return normal(rng, dtype, batch, steps, units), weights, given

    # -- rows -------------------------------------------------------------------------------

    def forward(self, rng: np.random.Generator, dtype: str, size: int) -> Inputs:
        x, weights, given = self.arrays(rng, dtype, size)
        return Inputs((x, *weights), given)

    def backward(self, rng: np.random.Generator, dtype: str, size: int) -> Inputs:
        x, (kernel, recurrent, bias), given = self.arrays(rng, dtype, size)
        batch, _, units = x.shape
        given["dh"] = normal(rng, dtype, batch, units)
        dy = normal(rng, dtype, *x.shape)
        if not given.get("return_sequences", True):
            dy = dy[:, 0].copy()
        return Inputs((x, kernel, recurrent, dy, bias), given)

    def terms(self, size: int) -> int:
        return 2 * self.shape(size)[2]

    def rows(self, size: int) -> int:
        batch, steps, _ = self.shape(size)
        return batch * steps

    def flops(self, size: int) -> float:
        units = self.shape(size)[2]
        return 4.0 * self.rows(size) * units * self.gates * units


_VARIANTS = {
    "simple_rnn": _Variant("simple_rnn", 1, "h = tanh(x W + h R + b)"),
    "lstm": _Variant("lstm", 4, "c = f c + i g, h = o tanh(c)"),
    "lstm/masked": _Variant(
        "lstm",
        4,
        "with a mask, backwards",
        {"go_backwards": True, "zero_output_for_mask": True},
        masked=True,
    ),
    "lstm/softsign": _Variant(
        "lstm", 4, "softsign, last output", {"activation": "softsign", "return_sequences": False}
    ),
    "gru": _Variant("gru", 3, "h = z h + (1 - z) tanh(x W + b + r (h R + b'))"),
    "gru/reset_before": _Variant(
        "gru", 3, "h = z h + (1 - z) tanh(x W + b + (r h) R)", {"reset_after": False}
    ),
}


def _pair(label: str, variant: _Variant) -> list[Op]:
    name, _, tail = label.partition("/")
    back = f"{name}_backward"
    return [
        Op(
            label,
            getattr(ops, name),
            getattr(reference, name),
            variant.forward,
            variant.doc,
            terms=variant.terms,
            flops=variant.flops,
        ),
        Op(
            f"{back}/{tail}" if tail else back,
            getattr(ops, back),
            getattr(reference, back),
            variant.backward,
            f"gradients of {label}",
            terms=lambda size: variant.terms(size) + variant.rows(size),
            flops=lambda size: 3 * variant.flops(size),  # the forward pass is in it
        ),
    ]


def recurrence_ops() -> list[Op]:
    """The rows of this file."""
    return [op for label, variant in _VARIANTS.items() for op in _pair(label, variant)]
