"""Rows of the table: data, random numbers and reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, elementwise, matrix_shape, normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _gathers() -> list[Op]:
    def make(source: str) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            rows, cols = matrix_shape(n)
            x = (100 * rng.standard_normal((rows, cols))).astype(source)
            return Inputs((x, rng.permutation(rows)), {"dtype": dtype})

        return inputs

    return [
        elementwise(
            f"gather_rows/{source}",
            ops.gather_rows,
            reference.gather_rows,
            make(source),
            f"shuffled rows of {source}",
            2,
            ulps=1.0,
        )
        for source in ("float32", "float64", "uint8", "float16", "int64", ">f4")
    ]


def _data() -> list[Op]:
    def flat(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, n),))

    def matrix(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, *matrix_shape(n)),))

    def permuted(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = matrix_shape(n)
        return Inputs((normal(rng, dtype, rows, 4, cols)[:, : min(4, n)], (0, 2, 1)))

    def scaled(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, n), 1 / 255, -0.5))

    def scaled_columns(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = matrix_shape(n)
        columns = normal(rng, dtype, cols), normal(rng, dtype, cols)
        return Inputs((normal(rng, dtype, rows, cols), *columns))

    def dropped(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, n), 0.3, 11, 5))

    def masked(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 0.3, 11, 5), {"dtype": dtype})

    def uniforms(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 11, 5), {"dtype": dtype})

    def normals(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 1.0, 2.0, 11, 5), {"dtype": dtype})

    def keyed(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 11, 5))

    def row(name: str, make: Any, doc: str, arrays: int, **more: Any) -> Op:
        native = getattr(ops, name.partition("/")[0])
        twin = getattr(reference, name.partition("/")[0])
        return elementwise(name, native, twin, make, doc, arrays, **more)

    def column(n: int) -> int:
        return matrix_shape(n)[0]

    def whole(n: int) -> int:
        return n

    return [
        row("scale_shift", scaled, "y = x s + o", 2),
        row("scale_shift/columns", scaled_columns, "y = x s_j + o_j", 2),
        row("permute", permuted, "the last two axes exchanged", 8, ulps=0.0),
        row(
            "column_sums",
            matrix,
            "over all axes but the last",
            1,
            terms=lambda n: matrix_shape(n)[0],
        ),
        row("reduce_sum", flat, "sum x", 1, terms=whole),
        row("reduce_sumsq", flat, "sum x^2", 1, terms=whole),
        row("reduce_sumabs", flat, "sum |x|", 1, terms=whole),
        row("all_finite", flat, "no infinity, no NaN", 1, ulps=0.0),
        row("dropout", dropped, "x / (1 - rate) or 0", 2, fair=False),
        row("dropout_mask", masked, "1 / (1 - rate) or 0", 1, fair=False),
        row("random_uniform", uniforms, "in [0, 1)", 1, fair=False),
        row("permutation", keyed, "0 ... n - 1 in a random order", 2, ulps=0.0, fair=False),
        row("random_normal", normals, "Box-Muller", 1, fair=False),
    ]


def data_ops() -> list[Op]:
    """The rows of this file."""
    return _gathers() + _data()
