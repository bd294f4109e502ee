"""A function as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_PARTS = ("function", "output_shape", "mask", "arguments")


class Lambda(Layer):
    """Applies a NumPy function to the whole batch: `y = function(x, **arguments)`.

    It has no derivative, so in training it stands before the first layer with weights; elsewhere
    write a `Layer` with `forward` and `backward`. Files name the function: it must be registered by
    `ranvier.saving.register_serializable`, and a `lambda` can be neither saved nor, whatever
    `safe_mode` says, loaded.

    Args:
        function: from an array (N, ...) to one of as many rows; given `training` and `mask` too if
            it has arguments of these names.
        output_shape: without the batch axis, or a function from the input's shape to the output's,
            both with it; None: found by a call on zeros.
        mask: the output's mask, a function of the input and its mask, or None: no mask passes on.
        arguments: further arguments of `function`, by name.

    Raises:
        TypeError: `function` is no function.
        ValueError: an output that is no array of as many rows, or not of `output_shape`; weights
            before it that are to be trained.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Lambda(np.log1p)(np.zeros((1, 2), "float32"))
    array([[0., 0.]], dtype=float32)
    """

    has_gradient = False

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self.label}: `function` must be a function; got {function!r}")
        if arguments is not None and not isinstance(arguments, dict):
            raise TypeError(f"{self.label}: `arguments` must be a dictionary; got {arguments!r}")
        if not (output_shape is None or callable(output_shape)):
            if not isinstance(output_shape, (list, tuple)):
                raise TypeError(
                    f"{self.label}: `output_shape` must be a tuple or a function; "
                    f"got {output_shape!r}"
                )
            output_shape = tuple(output_shape)
        self.function = function
        self.output_shape = output_shape
        self.mask = mask
        self.arguments = arguments or {}
        self.supports_masking = mask is not None
        code = getattr(function, "__code__", None)
        self._names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if callable(self.output_shape):
            return tuple(self.output_shape(tuple(input_shape)))
        if self.output_shape is not None:
            return (input_shape[0], *self.output_shape)
        # an extent that is not known is tried as two numbers: what changes with it is not known
        small, large = (
            self._shape_of([n or unknown for n in input_shape[1:]]) for unknown in (8, 9)
        )
        return (
            input_shape[0],
            *(a if a == b else None for a, b in zip(small, large, strict=True)),
        )

    def _shape_of(self, sample: list[int]) -> tuple[int, ...]:
        try:
            with np.errstate(all="ignore"):
                return self.forward(np.zeros((1, *sample), self.dtype))[0].shape[1:]
        except Exception as error:
            raise ValueError(
                f"{self.label}: cannot tell the shape of the output, as the function fails on "
                f"zeros of shape {(1, *sample)} ({error}); give `output_shape`"
            ) from error

    def forward(
        self, x: NDArray[Any], training: bool = False, mask: Any = None
    ) -> tuple[NDArray[Any], Any]:
        """The function's value; nothing is kept for `backward`."""
        more = {k: v for k, v in (("training", training), ("mask", mask)) if k in self._names}
        y = np.asarray(self.function(x, **self.arguments, **more))
        if y.ndim == 0 or len(y) != len(x):
            raise ValueError(
                f"{self.label}: the function must give an array of {len(x)} rows; "
                f"got shape {y.shape}"
            )
        return y, None

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        """There is none."""
        raise ValueError(
            f"{self.label}: a function has no derivative here, so that no layer before it can be "
            "trained; write it as a Layer with `forward` and `backward`"
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        return None if name in _PARTS else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        """What makes this layer again; a ValueError if a function is a lambda."""
        config = super().get_config()
        for key in _PARTS:
            value = getattr(self, key)
            if value is None:
                del config[key]
                continue
            try:
                config[key] = serialize_keras_object(value)
            except ValueError as error:
                raise ValueError(f"{self.label}: `{key}`: {error}") from None
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Lambda:
        config = dict(config)
        for key in _PARTS:
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key], custom_objects)
        return cls(**config)
