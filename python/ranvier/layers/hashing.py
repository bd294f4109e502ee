"""Strings and integers as the numbers of buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers._categories import Categories, read_values
from ranvier.layers._hashing import buckets, cross
from ranvier.layers._lookup_arguments import is_whole_number
from ranvier.layers.layer import positive_int

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Hashing(Categories):
    """`y = hash(x) mod num_bins`, Keras' own: FarmHash64 of strings and of integers' digits.

    Args:
        num_bins: how many buckets.
        mask_value: what goes to bucket 0, which nothing else does then; or None (default).
        salt: one or two integers, which make the hash SipHash64; or None.
        output_mode: "int" (default); "one_hot": a row for each value; "multi_hot", "count": a row
            for each row of values, which says which buckets are in it, or how often.
        sparse: must be False.

    Shapes: any to the same (mode "int", int64 or what `dtype` says); else as in
    `CategoryEncoding`. Floats lose what is behind the point.

    Raises:
        ValueError, TypeError: bad arguments; input that is neither text nor numbers.

    >>> import ranvier
    >>> ranvier.layers.Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]])[:, 0]
    array([1, 0, 1, 1, 2])
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_mode=output_mode, sparse=sparse, **kwargs)
        self.num_bins = self.depth = positive_int(self, "num_bins", num_bins)
        self.mask_value = mask_value
        pair = [salt] * 2 if is_whole_number(salt, 0) else salt
        if salt is not None and not (
            isinstance(pair, (list, tuple))
            and len(pair) == 2
            and all(is_whole_number(n, 0) for n in pair)
        ):
            raise ValueError(
                f"{self.label}: `salt` must be an integer >= 0 or two of them; got {salt!r}"
            )
        self.salt = None if salt is None else [int(n) for n in pair]

    def _indices(self, x: Any) -> NDArray[np.int64]:
        values, shape = read_values(self.label, x)
        masks = self.mask_value is not None and self.depth > 1
        words = [
            v if isinstance(v, str) else str(int(v) if isinstance(v, float) else v).lower()
            for v in values
        ]
        ids = buckets(words, self.depth - masks, self.salt)
        if masks:
            masked = np.fromiter((v == self.mask_value for v in values), bool, len(values))
            ids = np.where(masked, 0, ids + 1)
        return ids.reshape(shape)


class HashedCrossing(Categories):
    """`y = hash(x_1, ..., x_n) mod num_bins`: Keras' own number of a combination of values.

    Called on a list of two or more arrays of one shape, (), (N,) or (N, 1), of integers or strings.

    Args:
        num_bins: how many buckets.
        output_mode: "int" (default), or "one_hot": a row for each combination.
        sparse: must be False.

    Raises:
        ValueError, TypeError: bad arguments; input of other shapes, floats.

    >>> import ranvier
    >>> ranvier.layers.HashedCrossing(5)((["A", "B", "B", "A"], [101, 101, 102, 102]))
    array([1, 4, 1, 3])
    """

    _modes = ("int", "one_hot")
    outside_models = (
        "takes several inputs: call it on the data, `x = layer((a, b))`, and give the model what "
        "comes out"
    )

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_mode=output_mode, sparse=sparse, name=name, dtype=dtype, **kwargs)
        self.num_bins = self.depth = positive_int(self, "num_bins", num_bins)

    def _indices(self, x: Any) -> NDArray[np.int64]:
        if not isinstance(x, (list, tuple)) or len(x) < 2:
            raise ValueError(f"{self.label}: expected a list of two or more arrays; got {x!r}")
        read = [read_values(self.label, one) for one in x]
        shapes = {shape for _, shape in read}
        shape = read[0][1]
        if len(shapes) > 1 or len(shape) > 2 or shape[1:] not in ((), (1,)):
            raise ValueError(
                f"{self.label}: expected arrays of one shape, (), (N,) or (N, 1); got shapes "
                f"{', '.join(map(str, (shape for _, shape in read)))}"
            )
        for values, _ in read:
            if values and isinstance(values[0], (float, bool)):
                raise TypeError(f"{self.label}: expected integers or strings; got {values[0]!r}")
        ids = [cross(features, self.depth) for features in zip(*(v for v, _ in read), strict=True)]
        return np.array(ids, np.int64).reshape(shape)

    def get_config(self) -> dict[str, Any]:
        return self._short(super().get_config())
