"""Numbers and text as categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ranvier import _dtypes
from ranvier._checks import number
from ranvier.layers._counting import batches
from ranvier.layers._hashing import buckets, cross
from ranvier.layers._image import one_of
from ranvier.layers._lookup_arguments import checked_salt
from ranvier.layers._tokens import one_hot, read_numbers, read_values, tally
from ranvier.layers.layer import Layer, Shape, positive_int

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INTEGERS = ("int32", "int64")


class _Categories(Layer):
    """Base: `_indices` says which of `depth` categories each element has."""

    _modes: ClassVar[tuple[str, ...]] = ("int", "one_hot", "multi_hot", "count")
    _integer: str | None = "int64"  # dtype in mode "int", if Keras has one there
    depth: int

    def __init__(self, *, output_mode: str, sparse: bool, **kwargs: Any) -> None:
        dtype = kwargs.get("dtype")
        name = dtype.get("config", dtype).get("name") if isinstance(dtype, dict) else dtype
        integer = output_mode == "int" and self._integer is not None
        if integer and name in _INTEGERS:
            self._integer = str(name)
            del kwargs["dtype"]
        super().__init__(**kwargs)
        if integer and kwargs.get("dtype") is not None:
            raise ValueError(
                f"{self.label}: in `output_mode` 'int' `dtype` must be one of {_INTEGERS}; "
                f"got {dtype!r}"
            )
        mode = "multi_hot" if output_mode == "binary" else output_mode  # Keras 2
        self.output_mode = one_of(self, "output_mode", mode, self._modes)
        if sparse:
            raise ValueError(
                f"{self.label}: `sparse=True` is not in ranvier, whose arrays are dense"
            )
        self.sparse = False

    def _indices(self, x: Any) -> NDArray[np.int64]:
        raise NotImplementedError

    def _encoded(self, ids: NDArray[Any], weights: Any = None) -> NDArray[Any]:
        mode, depth, dtype = self.output_mode, self.depth, self.dtype
        if mode == "int":
            return ids.astype(self._integer or "int32")
        ids = ids.reshape(ids.shape or (1,))
        if mode == "one_hot":
            return one_hot(ids, depth, dtype)
        lead = ids.shape[:-1]
        lengths = np.full(int(np.prod(lead)), ids.shape[len(lead)])
        return tally(ids.reshape(-1), lengths, depth, dtype, mode == "multi_hot", weights).reshape(
            *lead, depth
        )

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The indices of the elements, or what `output_mode` makes of them."""
        return self._encoded(self._indices(x))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return shape
        if self.output_mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
            return (*shape, self.depth)
        return (*shape[:-1], self.depth)

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        return self(x), x.shape

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        """Categories do not change with small changes of the input: its gradient is zero."""
        return np.zeros(cache, self.dtype), []

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.output_mode == "int" and self._integer is not None:
            config["dtype"] = _dtypes.policy_config(self._integer)
        return config

    def _short(self, config: dict[str, Any]) -> dict[str, Any]:
        """The config of layers whose constructor in Keras takes no `trainable` and no policy."""
        del config["trainable"]
        return {**config, "dtype": config["dtype"]["config"]["name"]}


class CategoryEncoding(_Categories):
    """Integers below `num_tokens` as rows of that length.

    Args:
        num_tokens: how many categories there are.
        output_mode: "multi_hot" (default): a row for each row of integers, which says which are in
            it; "count": how often, or with `count_weights` in the call; "one_hot": a row for each
            integer.
        sparse: must be False.

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


class Discretization(_Categories):
    """`y = i` for x in `[b_i-1, b_i)`: the number of boundaries at or below x.

    `adapt` takes quantiles for boundaries, by Keras' own summary of the data (in float32), whose
    ranks are off by at most `epsilon`.

    Args:
        bin_boundaries: numbers in ascending order, or None to `adapt`.
        num_bins: how many bins `adapt` makes; not with `bin_boundaries`.
        epsilon: see above; in (0, 1]. Default 0.01.
        output_mode, sparse: as in `CategoryEncoding`, or "int" (default): the bin's number, int32
            outside of models.

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

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Makes the boundaries from an array, or an iterable of batches (at most `steps`)."""
        if self.num_bins is None:
            raise ValueError(f"{self.label}: adapt() cannot replace given `bin_boundaries`")
        self.reset_state()
        if isinstance(data, (list, tuple)) and any(hasattr(batch, "shape") for batch in data):
            data = iter(data)
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


class Hashing(_Categories):
    """`y = hash(x) mod num_bins`, Keras' own: FarmHash64 of strings and of integers' digits.

    Args:
        num_bins: how many buckets.
        mask_value: what goes to bucket 0, which nothing else does then; or None (default).
        salt: one or two integers, which make the hash SipHash64; or None.
        output_mode, sparse: as in `CategoryEncoding`, or "int" (default): the bucket's number,
            int64 or what `dtype` says.

    Floats lose what is behind the point.

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
        self.salt = checked_salt(self, salt)

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

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        largest = 2.0 ** (np.finfo(x.dtype).nmant + 1)
        if (np.abs(x) >= largest).any():
            raise ValueError(
                f"{self.label}: in a model of {x.dtype} integers must be below {largest:.0f}, "
                f"others are rounded and would get another bucket; got {np.abs(x).max():.0f}"
            )
        return super().forward(x, training)


class HashedCrossing(_Categories):
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


def _compressed(summary: NDArray[Any], epsilon: float) -> NDArray[Any]:
    """Fewer values with the weights of those between them, at steps of `epsilon` of the whole."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    below = summary[1].cumsum()
    values, ends = (np.interp(shares, below / below[-1], v) for v in (summary[0], below))
    return np.stack([values, np.diff(ends, prepend=0)]).astype(np.float32)
