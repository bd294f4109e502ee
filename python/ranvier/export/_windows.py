"""Convolution, pooling and images in ONNX, whose channels come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.layers._spatial import window_extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ranvier.export._graph import Values

    Base = Values
else:
    Base = object

_END = np.iinfo(np.int64).max


class Windows(Base):
    """The part of the graph that works on space; values are (N, ..., C)."""

    def _first(self, x: int) -> str:
        return self.channels_first(self.name_of(x), len(self.shape_of(x)))

    def _last(self, y: str, batch: int | None, extents: Any, channels: int | None) -> int:
        """The value with channels last again."""
        return self.add(self.channels_last(y, len(extents) + 2), (batch, *extents, channels))

    def _window(
        self, x: int, reach: Sequence[int], strides: Sequence[int], padding: str
    ) -> tuple[dict[str, Any], list[int | None]]:
        """(attributes that pad, extents of the output)."""
        extents = self.shape_of(x)[1:-1]
        out = [
            window_extent(n, r, s, padding) for n, r, s in zip(extents, reach, strides, strict=True)
        ]
        if padding == "valid":
            return {}, out
        if padding == "causal":
            return {"pads": [r - 1 for r in reach] + [0] * len(out)}, out
        if any(n is None and s > 1 for n, s in zip(extents, strides, strict=True)):
            return {"auto_pad": "SAME_UPPER"}, out
        pads = [
            r - 1 if n is None or m is None else max((m - 1) * s + r - n, 0)
            for n, m, r, s in zip(extents, out, reach, strides, strict=True)
        ]
        return {"pads": [p // 2 for p in pads] + [p - p // 2 for p in pads]}, out

    def conv(
        self, x: int, c: int, co: int, groups: int, kernel_size: Any, strides: Any, dilation: Any,
        padding: str, kernel: int, bias: int, *act: Any,
    ) -> int:  # fmt: skip
        reach = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation, strict=True)]
        pads, out = self._window(x, reach, strides, padding)
        w = self.array(kernel).reshape(*kernel_size, c // groups, co)
        w = np.moveaxis(w, (-1, -2), (0, 1))
        more = [self.weight(bias)] if bias >= 0 else []
        y = self.node(
            "Conv", self._first(x), self.weight(kernel, w), *more, group=groups,
            kernel_shape=list(kernel_size), strides=list(strides), dilations=list(dilation), **pads,
        )  # fmt: skip
        return self._last(self.act(y, act), self.shape_of(x)[0], out, co)

    def conv_transpose(
        self, x: int, c: int, co: int, kernel_size: Any, strides: Any, dilation: Any, padding: str,
        output_padding: Sequence[int], kernel: int, bias: int,
    ) -> int:  # fmt: skip
        before, after, beyond, out = [], [], [], list[int | None]()
        extents = self.shape_of(x)[1:-1]
        for i, (n, k, s, d) in enumerate(zip(extents, kernel_size, strides, dilation, strict=True)):
            reach = (k - 1) * d + 1
            more = output_padding[i] if output_padding else -1
            # how much of the whole (n - 1) s + reach is cut off before, and in total
            if padding == "valid":
                first, total = 0, -(more if more >= 0 else max(s - reach, 0))
            else:
                total = reach - (reach % 2 + more if more >= 0 else s)
                spread = 2 * (reach - 1) - total
                first = reach - 1 - min(spread // 2 + spread % 2, reach - 1)
            before.append(first)
            after.append(max(total - first, 0))
            beyond.append(max(first - total, 0))
            out.append(None if n is None else (n - 1) * s + reach - total)
        w = self.array(kernel).reshape(*kernel_size, co, c)
        w = np.moveaxis(w, (-1, -2), (0, 1))
        biases = [self.weight(bias)] if bias >= 0 else []
        y = self.node(
            "ConvTranspose", self._first(x), self.weight(kernel, w), *biases,
            kernel_shape=list(kernel_size), strides=list(strides), dilations=list(dilation),
            pads=before + after, output_padding=beyond,
        )  # fmt: skip
        return self._last(y, self.shape_of(x)[0], out, co)

    def pool(self, x: int, average: bool, window: Any, strides: Any, same: bool) -> int:
        pads, out = self._window(x, window, strides, "same" if same else "valid")
        y = self.node(
            "AveragePool" if average else "MaxPool", self._first(x),
            kernel_shape=list(window), strides=list(strides), **pads,
        )  # fmt: skip
        return self._last(y, self.shape_of(x)[0], out, self.shape_of(x)[-1])

    def global_pool(self, x: int, average: bool, axes: int, keepdims: bool) -> int:
        batch, channels = self.shape_of(x)[0], self.shape_of(x)[-1]
        y = self.node(
            "ReduceMean" if average else "ReduceMax", self.name_of(x), list(range(1, axes + 1)),
            keepdims=int(keepdims),
        )  # fmt: skip
        return self.add(y, (batch, *(1,) * (axes if keepdims else 0), channels))

    def upsample(self, x: int, size: Sequence[int], bilinear: bool) -> int:
        batch, *extents, channels = self.shape_of(x)
        scales = np.array([1, 1, *size], np.float32)
        out = [None if n is None else n * k for n, k in zip(extents, size, strict=True)]
        return self._last(self._resized(self._first(x), bilinear, scales), batch, out, channels)

    def _resized(self, x: str, bilinear: bool, scales: Any, sizes: Any = None) -> str:
        if sizes is not None:  # of all axes: ONNX Runtime loses those of some behind a Transpose
            scales, sizes = "", [self.node("Concat", self.node("Shape", x, end=2), sizes, axis=0)]
        else:  # these are float32 in every model
            scales, sizes = self.constant(scales, "scales", np.float32), []
        return self.node(
            "Resize", x, "", scales, *sizes, mode="linear" if bilinear else "nearest",
            coordinate_transformation_mode="half_pixel",
            nearest_mode=None if bilinear else "round_prefer_ceil",
        )  # fmt: skip

    def frame(self, x: int, before: Sequence[int], after: Sequence[int], grow: bool) -> int:
        batch, *extents, channels = self.shape_of(x)
        sign = 1 if grow else -1
        out = [
            None if n is None else n + sign * (a + b)
            for n, a, b in zip(extents, before, after, strict=True)
        ]
        if grow:
            y = self.node("Pad", self.name_of(x), [0, *before, 0, 0, *after, 0])
        else:
            ends = [-b if b else _END for b in after]
            axes = list(range(1, len(ends) + 1))
            y = self.node("Slice", self.name_of(x), list(before), ends, axes)
        return self.add(y, (batch, *out, channels))

    # -- images of another size -------------------------------------------------------------

    def resizing(
        self, x: int, height: int, width: int, interpolation: str, antialias: bool, aspect: str,
        fill_value: float, channels_first: bool,
    ) -> int:  # fmt: skip
        size = (height, width)
        shape = self.shape_of(x)
        axes = (2, 3) if channels_first else (1, 2)
        extents = [shape[a] for a in axes]
        y = self.name_of(x)
        known = [n for n in extents if n is not None]
        if len(known) == 2:
            if aspect != "stretch":
                y, known = self._aspect(y, axes, known, size, aspect, fill_value)
        elif aspect != "stretch" or antialias or interpolation not in ("nearest", "bilinear"):
            self.refuse(
                "height and width of its input must be known, but for plain 'nearest' and "
                f"'bilinear'; give `input_signature`; the shape is {shape}"
            )
        bilinear = interpolation == "bilinear"
        if len(known) < 2 or (bilinear and not antialias and self.single):
            if not channels_first:
                y = self.channels_first(y, 4)
            y = self._resized(y, bilinear, None, list(size))
            y = y if channels_first else self.channels_last(y, 4)
        else:
            for axis, old, new in zip(axes, known, size, strict=True):
                y = self._along(y, axis, old, new, interpolation, antialias)
        out = list(shape)
        for axis, new in zip(axes, size, strict=True):
            out[axis] = new
        return self.add(y, out)

    def _aspect(
        self, x: str, axes: Sequence[int], old: list[int], new: Sequence[int], aspect: str,
        fill_value: float,
    ) -> tuple[str, list[int]]:  # fmt: skip
        """The image cut or widened to the ratio of its new height and width; its extents."""
        (h, w), (height, width) = old, new
        fitting = [int(w * height / width), int(h * width / height)]
        if aspect == "crop":
            kept = [max(min(n, m), 1) for n, m in zip(old, fitting, strict=True)]
            return self._cut(x, axes, old, kept), kept
        rows = (max(h, fitting[0]) - h) // 2
        columns = 0 if rows else (max(w, fitting[1]) - w) // 2
        pads = [0, 0, 0, 0]
        for axis, more in zip(axes, (rows, columns), strict=True):
            pads[axis] = more
        y = self.node("Pad", x, pads * 2, float(fill_value)) if any(pads) else x
        return y, [h + 2 * rows, w + 2 * columns]

    def _cut(self, x: str, axes: Sequence[int], old: list[int], new: Sequence[int]) -> str:
        """The middle."""
        starts = [(n - m) // 2 for n, m in zip(old, new, strict=True)]
        ends = [a + m for a, m in zip(starts, new, strict=True)]
        return x if list(new) == old else self.node("Slice", x, starts, ends, list(axes))

    def _along(
        self, x: str, axis: int, old: int, new: int, interpolation: str, antialias: bool
    ) -> str:
        """One axis resized by the matrix of weights that the engine has for it."""
        if old == new:
            return x
        eye = np.eye(old)[None, :, :, None]
        rows = ops.resize_images(eye, (new, old), interpolation, antialias)[0, :, :, 0]
        if interpolation == "nearest":
            return self.node("Gather", x, rows.argmax(axis=1), axis=axis)
        given = "nabc"
        made = given.replace(given[axis], "k")
        return self.node(
            "Einsum", self.constant(rows), x, equation=f"k{given[axis]},{given}->{made}"
        )

    def _crop_or_resize(self, x: int, height: int, width: int, first: bool, cut: bool) -> int:
        shape = self.shape_of(x)
        axes = (2, 3) if first else (1, 2)
        old = [shape[a] for a in axes]
        known = [n for n in old if n is not None]
        if len(known) < 2:
            self.refuse(
                "height and width of its input must be known; give `input_signature`; the shape "
                f"is {shape}"
            )
        if not cut or known[0] < height or known[1] < width:
            return self.resizing(x, height, width, "bilinear", False, "crop", 0.0, first)
        out = list(shape)
        out[axes[0]], out[axes[1]] = height, width
        return self.add(self._cut(self.name_of(x), axes, known, (height, width)), out)

    def center_crop(self, x: int, height: int, width: int, channels_first: bool) -> int:
        return self._crop_or_resize(x, height, width, channels_first, True)

    def random_crop(self, x: int, height: int, width: int, channels_first: bool, seed: int) -> int:
        return self._crop_or_resize(x, height, width, channels_first, False)
