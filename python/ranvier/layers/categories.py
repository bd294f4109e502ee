"""Numbers as categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ranvier import _dtypes
from ranvier._checks import number
from ranvier.layers._categories import Categories
from ranvier.layers._counting import batches
from ranvier.layers._tokens import read_numbers
from ranvier.layers.layer import positive_int

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.layer import Shape


class CategoryEncoding(Categories):
    """Integers below `num_tokens` as rows of that length.

    Args:
        num_tokens: how many categories there are.
        output_mode: "multi_hot" (default): a row for each row of integers, which says which are in
            it; "count": how often; "one_hot": a row for each integer.
        sparse: must be False.

    Called with `count_weights`, of the input's shape, mode "count" adds these up.

    Shapes: (..., n) to (..., num_tokens); (..., 1) or (...) to (..., num_tokens) ("one_hot").

    Raises:
        ValueError: bad arguments, or integers out of range.

    >>> import ranvier
    >>> ranvier.layers.CategoryEncoding(4)([[0, 1], [3, 3]])
    array([[1., 1., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """

    _modes = ("one_hot", "multi_hot", "count")

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_mode=output_mode, sparse=sparse, **kwargs)
        self.num_tokens = self.depth = positive_int(self, "num_tokens", num_tokens)

    def _indices(self, x: Any) -> NDArray[np.int64]:
        ids = read_numbers(self.label, x)
        wrong = (ids < 0) | (ids >= self.depth)
        if wrong.any():
            raise ValueError(
                f"{self.label}: expected integers in [0, {self.depth}); got {ids[wrong][0]}"
            )
        return ids

    def __call__(  # type: ignore[override]
        self, x: Any, count_weights: Any = None, training: bool = False, mask: Any = None
    ) -> NDArray[Any]:
        """Rows of `num_tokens` numbers."""
        ids = self._indices(x)
        if count_weights is None:
            return self._encoded(ids)
        if self.output_mode != "count":
            raise ValueError(
                f"{self.label}: `count_weights` are for `output_mode` 'count' only; "
                f"got '{self.output_mode}'"
            )
        weights = _dtypes.as_numeric(self.label, count_weights, "count_weights")
        if weights.shape != ids.shape:
            raise ValueError(
                f"{self.label}: `count_weights` must have the input's shape {ids.shape}; "
                f"got {weights.shape}"
            )
        return self._encoded(ids, weights.reshape(-1))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse"]  # as in Keras
        return config


class Discretization(Categories):
    """`y = i` for x in `[b_i-1, b_i)`: the number of boundaries at or below x.

    `adapt` takes quantiles for boundaries, by Keras' own summary of the data (in float32), whose
    ranks are off by at most `epsilon`.

    Args:
        bin_boundaries: numbers in ascending order, or None to `adapt`.
        num_bins: how many bins `adapt` makes; not with `bin_boundaries`.
        epsilon: see above; in (0, 1]. Default 0.01.
        output_mode: "int" (default); "one_hot": a row for each number; "multi_hot", "count": a row
            for each row of numbers, which says which bins are in it, or how often.
        sparse: must be False.

    Shapes: any to the same (mode "int", int32 outside of models); else as in `CategoryEncoding`.

    Raises:
        ValueError: bad arguments; no boundaries yet.

    >>> import ranvier
    >>> ranvier.layers.Discretization([0.0, 1.0, 2.0])([[-1.5, 1.0, 3.4, 0.5]])
    array([[0, 2, 3, 1]], dtype=int32)
    """

    _integer = None

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_mode=output_mode, sparse=sparse, dtype=dtype, name=name, **kwargs)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                f"{self.label}: give either `bin_boundaries` or `num_bins`; "
                f"got {bin_boundaries!r} and {num_bins!r}"
            )
        self.num_bins = None if num_bins is None else positive_int(self, "num_bins", num_bins)
        self.epsilon = number(self.label, "epsilon", epsilon, 1e-9, 1)
        self.bin_boundaries: list[float] | None = None
        if bin_boundaries is not None:
            self._set_boundaries(bin_boundaries)
        self.reset_state()

    def _set_boundaries(self, given: Any) -> None:
        array = _dtypes.as_numeric(self.label, given, "bin_boundaries")
        if array.ndim != 1 or not (np.diff(array) >= 0).all():
            raise ValueError(
                f"{self.label}: `bin_boundaries` must be numbers in ascending order; got {given!r}"
            )
        self.bin_boundaries = array.tolist()

    @property
    def depth(self) -> int:  # type: ignore[override]
        """How many bins there are."""
        if self.bin_boundaries is None:
            return int(self.num_bins or 0)
        return len(self.bin_boundaries) + 1

    # -- adapting ---------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Makes the boundaries from an array, or an iterable of batches (at most `steps`)."""
        if self.num_bins is None:
            raise ValueError(
                f"{self.label}: adapt() cannot replace `bin_boundaries`; give `num_bins` instead"
            )
        self.reset_state()
        whole = len(data) if hasattr(data, "__len__") else None
        for batch, _ in batches(self.label, data, steps, whole or None):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets the data seen; the boundaries stay."""
        self.summary = np.zeros((2, 0), np.float32)

    def update_state(self, data: Any) -> None:
        """Adds a batch to the summary."""
        values = np.sort(_dtypes.as_numeric(self.label, data, "data"), None).astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{self.label}: `data` must be finite")
        step = max(values.size * self.epsilon, 1)
        chosen = values[int(step - 1) :: int(step)]
        new = np.stack([chosen, np.full_like(chosen, step)])
        merged = np.concatenate([new, self.summary], axis=1)
        self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Makes the boundaries of what was seen."""
        if not self.summary.size:
            raise ValueError(f"{self.label}: adapt() got no data")
        self.bin_boundaries = _compressed(self.summary, 1 / (self.num_bins or 1))[0, :-1].tolist()

    # -- use --------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Refuses a model whose weights would depend on boundaries that there are not yet."""
        if self.output_mode != "int":
            self._known()

    def _known(self) -> list[float]:
        if self.bin_boundaries is None:
            raise ValueError(f"{self.label}: call adapt(data) first, or give `bin_boundaries`")
        return self.bin_boundaries

    def _indices(self, x: Any) -> NDArray[np.int64]:
        array = _dtypes.as_numeric(self.label, x).astype(self.dtype, copy=False)
        return np.digitize(array, np.array(self._known(), self.dtype))

    def get_config(self) -> dict[str, Any]:
        return self._short(super().get_config())

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Of an adapted layer the config has `num_bins` and the boundaries."""
        adapted = None
        if config.get("num_bins") is not None:
            config = dict(config)
            adapted = config.pop("bin_boundaries", None)
        layer = cls(**config)
        if adapted is not None:
            layer._set_boundaries(adapted)
        return layer


def _compressed(summary: NDArray[Any], epsilon: float) -> NDArray[Any]:
    """Fewer values with the weights of those between them, at steps of `epsilon` of the whole."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    below = summary[1].cumsum()
    values, ends = (np.interp(shares, below / below[-1], v) for v in (summary[0], below))
    return np.stack([values, np.diff(ends, prepend=0)]).astype(np.float32)
