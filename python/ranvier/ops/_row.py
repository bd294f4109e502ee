"""What one row of the table of ops holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]


class Inputs(NamedTuple):
    """Positional and keyword arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - never changed


class Op(NamedTuple):
    """One row.

    Attributes:
        name: unique; the op's name, with its variant after a slash.
        native, reference: the function of `ranvier.ops` and its twin.
        make_inputs: `(rng, dtype, size)` to `Inputs`; size is about the number of elements (of
            a matrix product: of one side).
        ulps: how many units in the last place of the greatest element the results may be off, for
            a sum of `terms(size)` terms.
        terms: length of the sums, by size.
        flops, bytes: work and memory traffic of one call, by size and bytes an element; one of
            them is 0: the benchmark shows % of the peak or GB/s.
        doc: one line.
        fair: whether NumPy has the function, so that a ratio of times says something.
    """

    name: str
    native: Callable[..., Any]
    reference: Callable[..., Any]
    make_inputs: Callable[[np.random.Generator, str, int], Inputs]
    doc: str
    ulps: float = 8.0
    terms: Callable[[int], int] = lambda size: 1
    flops: Callable[[int], float] = lambda size: 0.0
    bytes: Callable[[int, int], float] = lambda size, item: 0.0
    fair: bool = True

    def tolerance(self, dtype: str, size: int) -> float:
        """Permitted difference, relative to the greatest absolute value among the results.

        Rounding errors of a sum of n terms grow like sqrt(n) where they are independent.
        """
        return float(self.ulps * np.finfo(dtype).eps * np.sqrt(max(self.terms(size), 1)))


def normal(rng: np.random.Generator, dtype: str, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(dtype)


def matrix_shape(size: int) -> tuple[int, int]:
    """A matrix of about `size` elements with as many columns as a layer has units."""
    cols = min(size, 64)
    return max(size // max(cols, 1), 1), cols


def elementwise(
    name: str, native: Any, twin: Any, make: Any, doc: str, arrays: int, **more: Any
) -> Op:
    return Op(
        name,
        native,
        twin,
        make,
        doc,
        bytes=lambda size, item: float(arrays * item * size),
        **more,
    )
