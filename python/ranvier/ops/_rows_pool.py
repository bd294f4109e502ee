"""Rows of the table: pooling, upsampling, padding and cropping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, elementwise, normal

if TYPE_CHECKING:
    import numpy as np

# Variants of windows: pool size, strides, padding.
_WINDOWS: dict[str, tuple[Any, Any, str]] = {
    "2x2": (2, None, "valid"),
    "3x3_same": (3, 2, "same"),
    "overlapping": ((3, 2), 1, "same"),
}


def image_shape(size: int) -> tuple[int, int, int, int]:
    """(N, H, W, C) of about `size` elements, H and W at least 3."""
    channels = max(1, min(32, size // 32))
    side = max(3, int((size / channels / 2) ** 0.5))
    return 2, side, side, channels


def _windowed() -> list[Op]:
    found = []
    for variant, (pool, strides, padding) in _WINDOWS.items():
        window = {"pool_size": pool, "strides": strides, "padding": padding}

        def forward(rng: np.random.Generator, dtype: str, n: int, window: Any = window) -> Inputs:
            return Inputs((normal(rng, dtype, *image_shape(n)),), window)

        def max_backward(
            rng: np.random.Generator, dtype: str, n: int, window: Any = window
        ) -> Inputs:
            x = normal(rng, dtype, *image_shape(n))
            y, index = reference.max_pool_indexed(x, **window)
            return Inputs((normal(rng, dtype, *y.shape), index, x.shape), window)

        def backward(rng: np.random.Generator, dtype: str, n: int, window: Any = window) -> Inputs:
            dy, _, shape = max_backward(rng, dtype, n, window).args
            return Inputs((dy, shape), window)

        for name, make, doc in (
            ("max_pool", forward, "the largest of each window"),
            ("max_pool_indexed", forward, "the largest of each window, and where it was"),
            ("max_pool_backward", max_backward, "dy to the first of the largest"),
            ("average_pool", forward, "the mean over each window"),
            ("average_pool_backward", backward, "dy / elements to each element of a window"),
        ):
            native, twin = getattr(ops, name), getattr(reference, name)
            found.append(elementwise(f"{name}/{variant}", native, twin, make, doc, 1))
    return found


def _globals() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, *image_shape(n)),))

    def max_backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        # few values, so that some maxima are not alone
        x = normal(rng, dtype, *image_shape(n)).round(1)
        y = reference.global_max_pool(x)
        return Inputs((x, y, normal(rng, dtype, *y.shape)))

    def average_backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        shape = image_shape(n)
        return Inputs((normal(rng, dtype, shape[0], shape[-1]), shape))

    def positions(n: int) -> int:
        return image_shape(n)[1] ** 2

    return [
        elementwise(
            "global_max_pool",
            ops.global_max_pool,
            reference.global_max_pool,
            forward,
            "the largest of each channel",
            1,
        ),
        elementwise(
            "global_max_pool_backward",
            ops.global_max_pool_backward,
            reference.global_max_pool_backward,
            max_backward,
            "dy divided among the largest",
            3,
        ),
        elementwise(
            "global_average_pool",
            ops.global_average_pool,
            reference.global_average_pool,
            forward,
            "the mean of each channel",
            1,
            terms=positions,
        ),
        elementwise(
            "global_average_pool_backward",
            ops.global_average_pool_backward,
            reference.global_average_pool_backward,
            average_backward,
            "dy / positions",
            1,
        ),
    ]


def _resampled() -> list[Op]:
    def nearest(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, *image_shape(n // 4)), 2))

    def nearest_backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        batch, height, width, channels = image_shape(n // 4)
        return Inputs((normal(rng, dtype, batch, 2 * height, 2 * width, channels), 2))

    def bilinear(make: Any) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            return Inputs((*make(rng, dtype, n).args, "bilinear"))

        return inputs

    def framed(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((normal(rng, dtype, *image_shape(n)), ((1, 0), (0, 2))))

    rows = [
        ("upsample/nearest", nearest, "each pixel 2 x 2 times"),
        ("upsample/bilinear", bilinear(nearest), "mixtures of neighbouring pixels"),
        ("upsample_backward/nearest", nearest_backward, "sums over 2 x 2 pixels"),
        ("upsample_backward/bilinear", bilinear(nearest_backward), "weighted sums of pixels"),
        ("zero_pad", framed, "zeros around an image"),
        ("crop", framed, "an image without its edges"),
    ]
    found = []
    for name, make, doc in rows:
        op = name.partition("/")[0]
        native, twin = getattr(ops, op), getattr(reference, op)
        arrays = 1.25 if name.startswith("upsample") else 2
        found.append(elementwise(name, native, twin, make, doc, arrays))  # type: ignore[arg-type]
    return found


def pool_ops() -> list[Op]:
    """The rows of this file."""
    return _windowed() + _globals() + _resampled()
