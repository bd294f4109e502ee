"""Where a model's input shape is said."""

from __future__ import annotations

from typing import Any

from ranvier import _dtypes
from ranvier.layers.layer import Layer, Shape


class InputLayer(Layer):
    """Says the shape of a model's input; does nothing else. Made by `ranvier.Input`.

    Args:
        shape: of a sample, without the batch axis; None for an extent that varies.
        batch_size: fixed batch size, or None.
        batch_shape: the shape with the batch axis, instead of both.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        batch_shape: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        given = kwargs.pop("input_shape", None)
        kwargs.pop("sparse", None), kwargs.pop("ragged", None), kwargs.pop("optional", None)
        if kwargs:
            raise TypeError(f"{self.label}: unknown argument `{next(iter(kwargs))}`")
        shape = given if shape is None else shape
        if batch_shape is not None:
            batch_size, shape = batch_shape[0], batch_shape[1:]
        if shape is None:
            raise ValueError(f"{self.label}: give `shape`, the shape of a sample")
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        for n in shape:
            if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 0):
                raise ValueError(
                    f"{self.label}: `shape` must hold integers >= 0 or None; got {shape}"
                )
        self.batch_shape: Shape = (batch_size, *shape)
        self.built = True

    @property
    def sample_shape(self) -> Shape:
        return self.batch_shape[1:]

    def lower(self, builder: Any, x: int) -> int:
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": _dtypes.standardize(self.dtype),
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    batch_shape: Any = None,
    name: str | None = None,
) -> InputLayer:
    """The input of a `Sequential` model.

    Args:
        shape: of a sample, without the batch axis; None for an extent that varies.
        batch_size: fixed batch size, or None.
        dtype: "float32" by default.
        batch_shape: the shape with the batch axis, instead of `shape` and `batch_size`.

    >>> import ranvier
    >>> ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)]).output_shape
    (None, 2)
    """
    return InputLayer(shape, batch_size, dtype, batch_shape, name)
