"""What the layers that make categories share: indices, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ranvier import _dtypes
from ranvier.layers._image import one_of
from ranvier.layers._tokens import one_hot, read_words, tally
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INTEGERS = ("int32", "int64")


class Categories(Layer):
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
        if output_mode == "binary":  # Keras 2
            output_mode = "multi_hot"
        self.output_mode = one_of(self, "output_mode", output_mode, self._modes)
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

    # -- within a model ---------------------------------------------------------------------

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


def read_values(owner: str, x: Any) -> tuple[list[Any], tuple[int, ...]]:
    """All strings or all integers in `x`, row by row, and its shape; floats as they are."""
    first = x
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (str, bytes)) or getattr(first, "dtype", np.dtype(int)).kind not in "biuf":
        return read_words(owner, x, "utf-8")
    array = _dtypes.as_numeric(owner, x)
    return array.reshape(-1).tolist(), array.shape
