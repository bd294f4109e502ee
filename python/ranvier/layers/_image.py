"""What the layers on images share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _dtypes
from ranvier._checks import number
from ranvier.layers.layer import Layer, Shape
from ranvier.layers.regularization import seed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def one_of(layer: Layer, argument: str, value: Any, known: Sequence[str]) -> str:
    """`value`, one of the strings in `known`, or a ValueError."""
    if isinstance(value, str) and value in known:
        return value
    raise ValueError(
        f"{layer.label}: `{argument}` must be one of {', '.join(map(repr, known))}; got {value!r}"
    )


def factor_range(
    layer: Layer, argument: str, value: Any, low: float, high: float, below: bool = True
) -> tuple[float, float]:
    """A factor as (lower, upper): a number f stands for (-f, f).

    Each number must be in [low, high], or in (low, high] unless `below`.
    """
    pair = isinstance(value, (tuple, list))
    if not pair or len(value) == 2:
        ends = [number(layer.label, argument, v) for v in (value if pair else (value,))]
        if all(low <= v <= high and (below or v > low) for v in ends):
            return (min(ends), max(ends)) if pair else (-abs(ends[0]), abs(ends[0]))
    bracket = "[" if below else "("
    raise ValueError(
        f"{layer.label}: `{argument}` must be a number in {bracket}{low:g}, {high:g}] "
        f"or two of them (lower, upper); got {value!r}"
    )


def loose_range(
    layer: Layer, value: Any, low: float, high: float, argument: str = "factor"
) -> tuple[float, float]:
    """A factor as (lower, upper): a number f in [low, high] stands for (max(-|f|, low), |f|).

    Of two numbers Keras wants only that their range meets [low, high].
    """
    if value is None:
        return 0.0, 0.0
    pair = isinstance(value, (tuple, list))
    if not pair or len(value) == 2:
        ends = [number(layer.label, argument, v) for v in (value if pair else (value,))]
        if min(ends) <= high and max(ends) >= low:
            return (min(ends), max(ends)) if pair else (max(-abs(ends[0]), low), abs(ends[0]))
    raise ValueError(
        f"{layer.label}: `{argument}` must be a number in [{low:g}, {high:g}] or two numbers "
        f"(lower, upper) around it; got {value!r}"
    )


def limits(layer: Layer, value: Any) -> tuple[float, float]:
    """`value_range` as two numbers, the lower first."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        low, high = (number(layer.label, "value_range", v) for v in value)
        return min(low, high), max(low, high)
    raise ValueError(
        f"{layer.label}: `value_range` must be two numbers (lowest, highest); got {value!r}"
    )


class ImageLayer(Layer):
    """A layer on images (N, H, W, C), or (N, C, H, W) with data_format="channels_first".

    Called on its own it also takes one image without a batch axis, as Keras' do.
    """

    def __init__(self, *, data_format: str | None = None, **kwargs: Any) -> None:
        boxes = kwargs.pop("bounding_box_format", None)
        super().__init__(**kwargs)
        if boxes is not None:
            raise ValueError(
                f"{self.label}: `bounding_box_format` is not in ranvier (yet); got {boxes!r}"
            )
        known = ("channels_last", "channels_first")
        self.data_format = one_of(self, "data_format", data_format or known[0], known)

    @property
    def channels_first(self) -> bool:
        return self.data_format == "channels_first"

    def _check_rank(self, shape: Shape) -> None:
        if len(shape) != 4:
            axes = "(N, C, H, W)" if self.channels_first else "(N, H, W, C)"
            raise ValueError(f"{self.label}: expected images {axes}; got shape {tuple(shape)}")

    def build(self, input_shape: Shape) -> None:
        self._check_rank(input_shape)

    def resized(self, input_shape: Shape, height: int, width: int) -> Shape:
        """The shape with another height and width."""
        self._check_rank(input_shape)
        n, a, _, c = input_shape
        return (n, a, height, width) if self.channels_first else (n, height, width, c)

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The layer's output on a batch of images, or on one image."""
        if isinstance(x, Layer):
            return super().__call__(x, training, mask)
        array = _dtypes.as_numeric(self.label, x)
        if array.ndim == 3:
            y: NDArray[Any] = super().__call__(array[None], training, mask)[0]
            return y
        return super().__call__(array, training, mask)


class RandomImageLayer(ImageLayer):
    """An image layer that draws random numbers in training, and copies its input otherwise.

    Called on its own it draws, anew each time, unless training=False: as Keras' do.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self._stream_seed = seed_of(self, seed)
        self._calls = 0

    def __call__(self, x: Any, training: bool = True, mask: Any = None) -> NDArray[Any]:
        """The layer's output on a batch of images, or on one image."""
        return super().__call__(x, training, mask)

    def _next_stream(self) -> int:
        self._calls += 1
        return self._calls - 1


class AffineLayer(RandomImageLayer):
    """A random layer that samples its input at moved places."""

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fill_mode = one_of(self, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = number(self.label, "fill_value", fill_value)

    def _lower(
        self,
        graph: Any,
        x: int,
        motion: str,
        first: tuple[float, float],
        second: tuple[float, float] = (0.0, 0.0),
    ) -> int:
        return int(
            graph.random_affine(
                x, motion, first, second, self.interpolation, self.fill_mode,
                float(self.fill_value), self.channels_first, self._stream_seed,
            )
        )  # fmt: skip
