"""Rows of the table: normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, elementwise, matrix_shape, normal

if TYPE_CHECKING:
    import numpy as np


def _data(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """x away from 0, gamma, beta."""
    x = normal(rng, dtype, *shape) + 2
    return x, normal(rng, dtype, shape[-1]), normal(rng, dtype, shape[-1])


def _pair(name: str, forward: Any, backward: Any, doc: str, terms: Any) -> list[Op]:
    """The rows of a forward op and its backward op."""
    base, _, variant = name.partition("/")
    tail = f"/{variant}" if variant else ""
    f, b = getattr(ops, base), getattr(ops, f"{base}_backward")
    ref_f, ref_b = getattr(reference, base), getattr(reference, f"{base}_backward")
    more: dict[str, Any] = {"terms": terms, "ulps": 32.0}
    return [
        elementwise(name, f, ref_f, forward, doc, 2, **more),
        elementwise(
            f"{base}_backward{tail}", b, ref_b, backward, f"gradients of {base}", 3, **more
        ),
    ]


def _batch(name: str, shape_of: Any) -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs(_data(rng, dtype, shape_of(n)))

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x, gamma, beta = _data(rng, dtype, shape_of(n))
        _, mean, variance = reference.batch_norm(x, gamma, beta)
        return Inputs((x, mean, variance, normal(rng, dtype, *x.shape), gamma))

    return _pair(name, forward, backward, "one mean and variance a column", lambda n: n)


def _inference() -> Op:
    def make(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x, gamma, beta = _data(rng, dtype, matrix_shape(n))
        _, mean, variance = reference.batch_norm(x)
        return Inputs((x, mean, variance, gamma, beta))

    return elementwise(
        "batch_norm_inference",
        ops.batch_norm_inference,
        reference.batch_norm_inference,
        make,
        "with given mean and variance",
        2,
    )


def _group() -> list[Op]:
    def shape_of(n: int) -> tuple[int, ...]:
        rows, cols = matrix_shape(n)
        return (4, rows // 4, cols) if rows % 4 == 0 else (1, rows, cols)

    def groups_of(cols: int) -> int:
        return cols // 4 if cols % 4 == 0 else 1

    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x, gamma, beta = _data(rng, dtype, shape_of(n))
        return Inputs((x, groups_of(x.shape[-1]), gamma, beta))

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x, groups, gamma, beta = forward(rng, dtype, n).args
        _, mean, inverse = reference.group_norm(x, groups, gamma, beta)
        return Inputs((x, mean, inverse, normal(rng, dtype, *x.shape), groups, gamma))

    return _pair("group_norm", forward, backward, "one mean for each sample and group",
                 lambda n: n)  # fmt: skip


def _layer(name: str, rms_scaling: bool) -> list[Op]:
    more = {"rms_scaling": rms_scaling}

    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs(_data(rng, dtype, matrix_shape(n)), more)

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x, gamma, beta = _data(rng, dtype, matrix_shape(n))
        _, mean, inverse = reference.layer_norm(x, gamma, beta, rms_scaling=rms_scaling)
        return Inputs((x, mean, inverse, normal(rng, dtype, *x.shape), gamma), more)

    return _pair(name, forward, backward, "one mean and variance a row", lambda n: n)


def _rms() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs(_data(rng, dtype, matrix_shape(n))[:2])

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x, gamma, _ = _data(rng, dtype, matrix_shape(n))
        _, inverse = reference.rms_norm(x, gamma)
        return Inputs((x, inverse, normal(rng, dtype, *x.shape), gamma))

    return _pair("rms_norm", forward, backward, "x / rms(x) of each row", lambda n: n)


def _unit() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs(_data(rng, dtype, matrix_shape(n))[:1])

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        (x,) = forward(rng, dtype, n).args
        return Inputs((x, reference.unit_norm(x)[1], normal(rng, dtype, *x.shape)))

    return _pair("unit_norm", forward, backward, "x / |x| of each row", lambda n: n)


def norm_ops() -> list[Op]:
    """The rows of this file."""
    return [
        *_batch("batch_norm", matrix_shape),
        *_batch("batch_norm/three_channels", lambda n: (max(n // 3, 1), 3)),
        _inference(),
        *_group(),
        *_layer("layer_norm", False),
        *_layer("layer_norm/rms_scaling", True),
        *_rms(),
        *_unit(),
    ]
