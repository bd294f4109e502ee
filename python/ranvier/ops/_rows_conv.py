"""Rows of the table: convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class _Variant(NamedTuple):
    """A convolution that keeps the number of channels; its input has about `size` elements."""

    doc: str
    kernel: tuple[int, ...]
    arguments: dict[str, Any]
    depthwise: bool = False

    def x_shape(self, size: int) -> tuple[int, ...]:
        axes = len(self.kernel)
        channels = max(1, min(32, size // 32))
        side = max(5, round((size / channels / 2) ** (1 / axes)))
        return (2, *(side,) * axes, channels)

    def channels_of_group(self, size: int) -> int:
        return 1 if self.depthwise else self.x_shape(size)[-1]

    def kernel_shape(self, size: int) -> tuple[int, ...]:
        return (*self.kernel, self.channels_of_group(size), self.x_shape(size)[-1])

    def options(self, size: int) -> dict[str, Any]:
        return {**self.arguments, "groups": self.x_shape(size)[-1] if self.depthwise else 1}

    def y_shape(self, size: int) -> tuple[int, ...]:
        _, *extents, channels = self.x_shape(size)
        stride = self.arguments.get("strides", 1)
        if self.arguments.get("padding", "valid") == "valid":
            extents = [n - k + 1 for n, k in zip(extents, self.kernel, strict=True)]
        return (2, *(-(-n // stride) for n in extents), channels)

    # -- rows -------------------------------------------------------------------------------

    def forward(self, rng: np.random.Generator, dtype: str, size: int) -> Inputs:
        x, kernel = self.x_shape(size), self.kernel_shape(size)
        bias = normal(rng, dtype, kernel[-1])
        arrays = (normal(rng, dtype, *x), normal(rng, dtype, *kernel), bias)
        return Inputs((*arrays, "relu"), self.options(size))

    def backward_input(self, rng: np.random.Generator, dtype: str, size: int) -> Inputs:
        kernel = normal(rng, dtype, *self.kernel_shape(size))
        dy = normal(rng, dtype, *self.y_shape(size))
        return Inputs((dy, kernel, self.x_shape(size)), self.options(size))

    def backward_kernel(self, rng: np.random.Generator, dtype: str, size: int) -> Inputs:
        dy = normal(rng, dtype, *self.y_shape(size))
        x = normal(rng, dtype, *self.x_shape(size))
        return Inputs((x, dy, self.kernel_shape(size)), self.options(size))

    def terms(self, size: int) -> int:
        return int(np.prod(self.kernel)) * self.channels_of_group(size)

    def positions(self, size: int) -> int:
        return int(np.prod(self.y_shape(size)[:-1]))

    def flops(self, size: int) -> float:
        return 2.0 * float(np.prod(self.y_shape(size))) * self.terms(size)


_VARIANTS = {
    "3x3": _Variant("3x3 kernels", (3, 3), {"padding": "same"}),
    "1x1": _Variant("1x1 kernels", (1, 1), {}),
    "5x5": _Variant("5x5 kernels", (5, 5), {}),
    "strided": _Variant("3x3 kernels, strides 2", (3, 3), {"padding": "same", "strides": 2}),
    "dilated": _Variant("3x3 kernels, dilation 2", (3, 3), {"padding": "same", "dilation_rate": 2}),
    "depthwise": _Variant("3x3 kernels, one a channel", (3, 3), {"padding": "same"}, True),
    "causal": _Variant("sequences, 3 steps back", (4,), {"padding": "causal"}),
    "volume": _Variant("3x3x3 kernels", (3, 3, 3), {"padding": "same"}),
}
# The gradient of the input is also what a transposed convolution computes.
_ROWS = (
    ("conv", "forward", "y = relu(conv(x, w) + b)"),
    ("conv_backward_input", "backward_input", "dx: the transposed convolution"),
    ("conv_backward_kernel", "backward_kernel", "dw"),
)


def conv_ops() -> list[Op]:
    """The rows of this file."""
    return [
        Op(
            f"{name}/{label}",
            getattr(ops, name),
            getattr(reference, name),
            getattr(variant, make),
            f"{doc}, {variant.doc}",
            terms=variant.positions if make == "backward_kernel" else variant.terms,
            flops=variant.flops,
        )
        for label, variant in _VARIANTS.items()
        for name, make, doc in _ROWS
    ]
