"""Where a model's input shape is said."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.layers.layer import Layer, Shape

# Keras' dtypes of inputs that hold numbers of classes or words.
_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


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
        sparse: Any = None,
        ragged: Any = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        integers = isinstance(dtype, str) and dtype in _INTEGERS
        super().__init__(name=name, dtype=None if integers else dtype)
        self._told_dtype = dtype if integers else self.dtype
        given = kwargs.pop("input_shape", None)
        if kwargs:
            raise TypeError(f"{self.label}: unknown argument `{next(iter(kwargs))}`")
        absent = {"sparse": sparse, "ragged": ragged, "tensor": input_tensor, "optional": optional}
        for argument, value in absent.items():
            if value is not None and value is not False:
                raise ValueError(
                    f"{self.label}: `{argument}` is not in ranvier (yet); got {value!r}"
                )
        shape = given if shape is None else shape
        if batch_shape is not None:
            batch_size, *shape = extents(self, "batch_shape", batch_shape) or (None,)
        if shape is None:
            raise ValueError(f"{self.label}: give `shape`, the shape of a sample")
        (batch_size,) = extents(self, "batch_size", (batch_size,))
        self.batch_shape: Shape = (batch_size, *extents(self, "shape", shape))
        self.built = True

    @property
    def sample_shape(self) -> Shape:
        return self.batch_shape[1:]

    def lower(self, builder: Any, x: int) -> int:
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self._told_dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def extents(layer: Layer, argument: str, shape: Any) -> Shape:
    """`shape` as a tuple of integers >= 0 and None, or a ValueError."""
    given = (shape,) if isinstance(shape, (int, np.integer)) else shape
    if isinstance(given, (list, tuple)) and all(
        n is None or (isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0)
        for n in given
    ):
        return tuple(None if n is None else int(n) for n in given)
    raise ValueError(f"{layer.label}: `{argument}` must hold integers >= 0 or None; got {shape!r}")


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: Any = None,
    ragged: Any = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> InputLayer:
    """The input of a `Sequential` model.

    Args:
        shape: of a sample, without the batch axis; None for an extent that varies.
        batch_size: fixed batch size, or None.
        dtype: "float32" by default. That of integers ("int32", ...) is only noted: the model takes
            any numeric array and computes in the dtype of its layers.
        sparse, ragged, tensor, optional: Keras' arguments; only their defaults are supported.
        batch_shape: the shape with the batch axis, instead of `shape` and `batch_size`.
        name: of the layer.

    >>> import ranvier
    >>> ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)]).output_shape
    (None, 2)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
