"""The kernels of layers of images that are timed: convolution, pooling and normalization.

Convolutions with strides have odd extents: there "same" pads alike before and after, which is the
only padding that PyTorch's operator knows.
"""

from __future__ import annotations

import functools
import math
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EPSILON = 1e-3


class Conv(NamedTuple):
    """What a convolution is besides its input."""

    filters: int
    kernel: int = 3
    strides: int = 1
    padding: str = "same"
    dilation_rate: int = 1
    groups: int = 1

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of ranvier.ops."""
        return {k: v for k, v in self._asdict().items() if k not in ("filters", "kernel")}


class Case(NamedTuple):
    """`kind` is "conv", "max_pool", "average_pool" (both 2x2), "batch_norm" or "layer_norm".

    `what` is "forward" or "backward"; of a convolution "forward", "input" or "kernel", the two
    gradients. `shape` is the input's, channels last.
    """

    name: str
    kind: str
    what: str
    shape: tuple[int, ...]
    conv: Conv | None = None

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        c = self.conv
        return (c.kernel, c.kernel, self.shape[-1] // c.groups, c.filters)

    @property
    def out_shape(self) -> tuple[int, ...]:
        n, *extents, channels = self.shape
        if self.kind.endswith("pool"):
            return (n, *(e // 2 for e in extents), channels)
        if self.conv is None:
            return self.shape
        c = self.conv
        cut = (c.kernel - 1) * c.dilation_rate * (c.padding == "valid")
        return (n, *((e - cut - 1) // c.strides + 1 for e in extents), c.filters)

    @property
    def flops(self) -> float:
        """Of direct convolution, whatever the algorithm."""
        if not self.conv:
            return 0.0
        return 2.0 * math.prod(self.out_shape) * math.prod(self.kernel_shape[:3])

    @property
    def bytes(self) -> float:
        """Of arrays read and written, each once; 0 where arithmetic is what takes the time."""
        x, y = math.prod(self.shape), math.prod(self.out_shape)
        if self.conv:
            return 4.0 * (x + y) * (self.kernel_shape[2] == 1 and self.shape[-1] > 1)
        if self.kind.endswith("norm"):
            return 4.0 * x * (2 if self.what == "forward" else 3)
        return 4.0 * (x + y) + y * (self.kind == "max_pool")  # which element it was: a byte


# Beginning of the name, rows, extent, channels.
CONVOLUTIONS = [
    *[(f"3x3 {c}-{c}", n, e, c, Conv(c)) for c, n, e in (
        (8, 64, 28), (16, 64, 28), (32, 32, 28), (64, 32, 56), (64, 32, 28), (64, 32, 14),
        (128, 32, 28), (128, 32, 16), (256, 32, 14), (256, 32, 8), (512, 32, 4))],
    ("3x3 32-64 valid", 32, 31, 32, Conv(64, padding="valid")),
    ("3x3 64-128", 32, 16, 64, Conv(128)),
    ("3x3 32-1", 64, 28, 32, Conv(1)),
    ("3x3 1-32 valid", 128, 28, 1, Conv(32, padding="valid")),
    ("3x3 3-32 valid", 32, 64, 3, Conv(32, padding="valid")),
    ("3x3 3-64", 32, 32, 3, Conv(64)),
    ("7x7 3-64 strides 2", 16, 65, 3, Conv(64, 7, 2)),
    ("5x5 1-6", 128, 28, 1, Conv(6, 5)),
    ("5x5 6-16 valid", 128, 14, 6, Conv(16, 5, padding="valid")),
    ("5x5 32-64", 32, 28, 32, Conv(64, 5)),
    ("1x1 64-128", 32, 28, 64, Conv(128, 1)),
    ("1x1 256-64", 32, 14, 256, Conv(64, 1)),
    ("1x1 64-128 strides 2", 32, 29, 64, Conv(128, 1, 2)),
    ("3x3 64-128 strides 2", 32, 29, 64, Conv(128, 3, 2)),
    ("3x3 64-64 dilation 2", 32, 28, 64, Conv(64, dilation_rate=2)),
    ("3x3 64-64 groups 4", 32, 28, 64, Conv(64, groups=4)),
    ("depthwise 3x3 64", 32, 28, 64, Conv(64, groups=64)),
    ("depthwise 3x3 128 strides 2", 32, 29, 128, Conv(128, 3, 2, groups=128)),
    ("depthwise 5x5 32", 32, 28, 32, Conv(32, 5, groups=32)),
]  # fmt: skip
# Where another way or another size of blocks is the faster one.
MORE = [
    *[(f"1x1 {c}-{f}", n, e, c, Conv(f, 1)) for c, f, n, e in (
        (3, 32, 32, 32), (96, 24, 8, 56), (24, 144, 8, 56), (192, 64, 16, 14), (384, 96, 16, 14),
        (512, 128, 8, 28), (1024, 256, 8, 14), (2048, 512, 8, 7), (160, 960, 16, 7),
        (960, 320, 16, 7))],
    *[(f"3x3 {c}-{f}", n, e, c, Conv(f)) for c, f, n, e in (
        (1, 8, 64, 28), (3, 8, 32, 64), (12, 24, 32, 28))],
    *[(f"{k}x{k} {c}-{f}", n, e, c, Conv(f, k)) for k, c, f, n, e in (
        (5, 16, 32, 64, 14), (7, 1, 8, 32, 28), (9, 1, 8, 32, 28), (7, 64, 64, 4, 28))],
    *[(f"3x3 {c}-{c} strides 2", 8, e, c, Conv(c, 3, 2)) for c, e in (
        (128, 57), (256, 29), (512, 15))],
    ("4x4 64-128 strides 2 valid", 16, 18, 64, Conv(128, 4, 2, "valid")),
    ("11x11 3-64 strides 4 valid", 4, 111, 3, Conv(64, 11, 4, "valid")),
    ("3x3 16-16 dilation 2", 32, 28, 16, Conv(16, dilation_rate=2)),
    ("3x3 32-32 groups 8", 16, 28, 32, Conv(32, groups=8)),
    ("1x1 64-64 groups 4", 32, 14, 64, Conv(64, 1, groups=4)),
    *[(f"depthwise {k}x{k} {c}", n, e, c, Conv(c, k, groups=c)) for k, c, n, e in (
        (3, 512, 16, 14), (3, 960, 16, 7), (3, 1024, 16, 7), (5, 576, 16, 7), (7, 96, 4, 56),
        (7, 384, 8, 14), (7, 768, 8, 7))],
    ("depthwise 3x3 576 strides 2", 8, 15, 576, Conv(576, 3, 2, groups=576)),
]  # fmt: skip
POOLED = [(32, 62, 62, 32), (32, 29, 29, 64), (128, 24, 24, 64), (64, 16, 16, 128)]
NORMED = {
    "batch_norm": [(32, 28, 28, 64), (32, 14, 14, 128), (64, 32, 32, 32), (128, 128)],
    "layer_norm": [(4096, 64), (2048, 512), (512, 768), (128, 128)],
}


def _cases() -> list[Case]:
    from ranvier import ops

    made = [
        Case(f"{begin} {name}, {n}x{e}x{e} {what}", "conv", what, (n, e, e, c), conv)
        for begin, shapes in (("conv", CONVOLUTIONS), ("more", MORE))
        for name, n, e, c, conv in shapes
        for what in ("forward", "input", "kernel")
    ]
    pooled = {"max_pool": POOLED, "average_pool": POOLED, **NORMED}
    return made + [
        Case(f"{kind} {'x'.join(map(str, shape))} {what}", kind, what, shape)
        for kind in pooled
        if hasattr(ops, kind)
        for shape in pooled[kind]
        for what in ("forward", "backward")
    ]


CASES = {case.name: case for case in _cases()}


def empty(shape: tuple[int, ...]) -> Array:
    """Where a line of the cache begins, as both libraries place the arrays of a network.

    NumPy's large ones begin 16 bytes behind that, and every vector of 512 bits lies in two lines.
    """
    size = 4 * math.prod(shape)
    memory = np.empty(size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + size].view("float32").reshape(shape)


@functools.lru_cache(1)
def inputs(case: Case) -> list[Array]:
    """x, dy, and what there is of kernel and bias, gamma and beta: the same for every peer."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    made = [rng.normal(size=case.shape), rng.normal(size=case.out_shape)]
    if case.conv:
        made += [rng.normal(size=case.kernel_shape), rng.normal(size=case.conv.filters)]
    elif case.kind.endswith("norm"):
        made += [1 + 0.1 * rng.normal(size=case.shape[-1]), rng.normal(size=case.shape[-1])]
    arrays = [empty(a.shape) for a in made]
    for array, values in zip(arrays, made, strict=True):
        array[...] = values
    return arrays


def expected(case: Case) -> Array:
    """In float64 NumPy: the result, or the gradient of x."""
    from ranvier import reference as r

    x, dy, *others = (a.astype("float64") for a in inputs(case))
    if case.conv:
        kernel, bias = others
        if case.what == "forward":
            return r.conv(x, kernel, bias, **case.conv.options)
        if case.what == "input":
            return r.conv_backward_input(dy, kernel, x.shape, **case.conv.options)
        return r.conv_backward_kernel(x, dy, kernel.shape, **case.conv.options)
    if case.kind == "average_pool":
        back = case.what == "backward"
        return r.average_pool_backward(dy, x.shape, 2) if back else r.average_pool(x, 2)
    if case.kind == "max_pool":
        y, index = r.max_pool_indexed(x, 2)
        return y if case.what == "forward" else r.max_pool_backward(dy, index, x.shape, 2)
    gamma, beta = others
    y, *statistics = getattr(r, case.kind)(x, gamma, beta, EPSILON)
    if case.what == "forward":
        return y
    return getattr(r, f"{case.kind}_backward")(x, *statistics, dy, gamma)[0]
