"""NumPy twins of convolution and its gradients: a sum over the kernel's taps."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.reference.activations import activation as apply
from ranvier.reference.maths import Array, give

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Windows:
    """Where a convolution of x reads: padding, and each tap's part of the padded x."""

    def __init__(
        self,
        x_shape: tuple[int, ...],
        kernel_shape: tuple[int, ...],
        strides: int | tuple[int, ...],
        padding: str,
        dilation_rate: int | tuple[int, ...],
    ) -> None:
        self.extents = x_shape[1:-1]
        n = len(self.extents)
        self.kernel = kernel_shape[:n]
        self.strides = (strides,) * n if isinstance(strides, int) else strides
        self.dilation = (dilation_rate,) * n if isinstance(dilation_rate, int) else dilation_rate
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        self.pads: list[tuple[int, int]] = []
        for extent, r, s in zip(self.extents, reach, self.strides, strict=True):
            before = after = 0
            if padding == "same":
                total = max(0, (-(-extent // s) - 1) * s + r - extent)
                before, after = total // 2, total - total // 2
            elif padding == "causal":
                before = r - 1
            self.pads.append((before, after))
        self.out = tuple(
            (extent + sum(pad) - r) // s + 1
            for extent, pad, r, s in zip(self.extents, self.pads, reach, self.strides, strict=True)
        )

    def padded(self, x: Array) -> Array:
        return np.pad(x, [(0, 0), *self.pads, (0, 0)])

    def inside(self, padded: Array) -> Array:
        parts = (slice(b, b + n) for (b, _), n in zip(self.pads, self.extents, strict=True))
        return padded[(slice(None), *parts)]

    def taps(self) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
        """(tap, what of the padded x it is multiplied with to give the outputs in their order)."""
        for tap in itertools.product(*map(range, self.kernel)):
            yield (
                tap,
                (
                    slice(None),
                    *(
                        slice(t * d, t * d + (o - 1) * s + 1, s)
                        for t, d, o, s in zip(
                            tap, self.dilation, self.out, self.strides, strict=True
                        )
                    ),
                ),
            )


def _grouped(x: Array, groups: int) -> Array:
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def conv(
    x: Any,
    kernel: Any,
    bias: Any = None,
    activation: Any = None,
    *,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """`y_o = activation(sum over taps t: x_(o strides + t dilation_rate) w_t + b)`."""
    x, kernel = np.asarray(x), np.asarray(kernel)
    windows = _Windows(x.shape, kernel.shape, strides, padding, dilation_rate)
    padded = windows.padded(x)
    y = np.zeros((len(x), *windows.out, kernel.shape[-1]), np.result_type(x, kernel))
    for tap, part in windows.taps():
        if groups == 1:
            y += padded[part] @ kernel[tap]
        else:
            product = np.einsum(
                "...gc,cgj->...gj", _grouped(padded[part], groups), _grouped(kernel[tap], groups)
            )
            y += product.reshape(y.shape)
    if bias is not None:
        y = y + bias
    return give(y if activation is None else apply(activation, y), out)


def conv_backward_input(
    dy: Any,
    kernel: Any,
    x_shape: tuple[int, ...],
    *,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """`dx_(o strides + t dilation_rate) += dy_o w_t^T`, over all taps t."""
    dy, kernel = np.asarray(dy), np.asarray(kernel)
    windows = _Windows(x_shape, kernel.shape, strides, padding, dilation_rate)
    padded = windows.padded(np.zeros(x_shape, np.result_type(dy, kernel)))
    for tap, part in windows.taps():
        if groups == 1:
            padded[part] += dy @ kernel[tap].T
        else:
            product = np.einsum(
                "...gj,cgj->...gc", _grouped(dy, groups), _grouped(kernel[tap], groups)
            )
            padded[part] += product.reshape(*dy.shape[:-1], x_shape[-1])
    return give(np.ascontiguousarray(windows.inside(padded)), out)


def conv_backward_kernel(
    x: Any,
    dy: Any,
    kernel_shape: tuple[int, ...],
    *,
    strides: int | tuple[int, ...] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, ...] = 1,
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """`dw_t = sum over o: x_(o strides + t dilation_rate)^T dy_o`."""
    x, dy = np.asarray(x), np.asarray(dy)
    windows = _Windows(x.shape, kernel_shape, strides, padding, dilation_rate)
    padded = windows.padded(x)
    dw = np.empty(kernel_shape, np.result_type(x, dy))
    rows = _grouped(dy, groups).reshape(-1, groups, dy.shape[-1] // groups)
    for tap, part in windows.taps():
        columns = _grouped(padded[part], groups).reshape(-1, groups, x.shape[-1] // groups)
        if groups == 1:
            dw[tap] = columns[:, 0].T @ rows[:, 0]
        else:
            product = np.einsum("pgc,pgj->cgj", columns, rows)
            dw[tap] = product.reshape(kernel_shape[-2:])
    return give(dw, out)
