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
    Sizes = Sequence[int]
else:
    Base = object

_END = np.iinfo(np.int64).max


def _reach(kernel_size: Sizes, dilation: Sizes) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation, strict=True)]


class Windows(Base):
    """The part of the graph that works on space; values are (N, ..., C)."""

    def _spatial(
        self, op: str, x: int, inputs: list[str], out: Any, channels: int | None, act: Any = None,
        **attributes: Any,
    ) -> int:  # fmt: skip
        """A node on channels first, and the activation; then the channels are last again."""
        name, shape = self[x]
        y = self.node(op, self.channels_first(name, len(shape)), *inputs, **attributes)
        y = y if act is None else self.act(y, act)
        return self.add(self.channels_last(y, len(shape)), (shape[0], *out, channels))

    def _window(
        self, x: int, reach: Sizes, strides: Sizes, padding: str
    ) -> tuple[list[int | None], dict[str, Any]]:
        """(extents of the output, attributes that pad)."""
        sides = list(zip(self[x][1][1:-1], reach, strides, strict=True))
        out = [window_extent(n, r, s, padding) for n, r, s in sides]
        if padding == "valid":
            return out, {}
        if padding == "causal":
            return out, {"pads": [r - 1 for r in reach] + [0] * len(out)}
        if any(n is None and s > 1 for n, _, s in sides):
            return out, {"auto_pad": "SAME_UPPER"}
        pads = [
            r - 1 if n is None or m is None else max((m - 1) * s + r - n, 0)
            for m, (n, r, s) in zip(out, sides, strict=True)
        ]
        return out, {"pads": [p // 2 for p in pads] + [p - p // 2 for p in pads]}

    def _kernel(self, kernel: int, bias: int, *shape: int) -> list[str]:
        w = np.moveaxis(self.array(kernel, *shape), (-1, -2), (0, 1))
        return [self.weight(kernel, w), *self.weights(bias, shape=[-1])]

    def conv(
        self, x: int, c: int, co: int, groups: int, kernel_size: Any, strides: Any, dilation: Any,
        padding: str, kernel: int, bias: int, *act: Any,
    ) -> int:  # fmt: skip
        out, pads = self._window(x, _reach(kernel_size, dilation), strides, padding)
        weights = self._kernel(kernel, bias, *kernel_size, c // groups, co)
        return self._spatial(
            "Conv", x, weights, out, co, act, group=groups, kernel_shape=kernel_size,
            strides=strides, dilations=dilation, **pads,
        )  # fmt: skip

    def conv_transpose(
        self, x: int, c: int, co: int, kernel_size: Any, strides: Any, dilation: Any, padding: str,
        output_padding: Sizes, kernel: int, bias: int,
    ) -> int:  # fmt: skip
        before, after, out = [], [], list[int | None]()
        reaches = _reach(kernel_size, dilation)
        for i, (n, r, s) in enumerate(zip(self[x][1][1:-1], reaches, strides, strict=True)):
            more = output_padding[i] if output_padding else -1
            # how much of the whole (n - 1) s + r is cut off before, and in total
            if padding == "valid":
                first, total = 0, -(more if more >= 0 else max(s - r, 0))
            else:
                total = r - (r % 2 + more if more >= 0 else s)
                first = max(r - 1 - (2 * r - 1 - total) // 2, 0)
            before.append(first)
            after.append(total - first)
            out.append(None if n is None else (n - 1) * s + r - total)
        return self._spatial(
            "ConvTranspose", x, self._kernel(kernel, bias, *kernel_size, co, c), out, co,
            kernel_shape=kernel_size, strides=strides, dilations=dilation,
            pads=before + [max(n, 0) for n in after], output_padding=[max(-n, 0) for n in after],
        )  # fmt: skip

    def pool(self, x: int, average: bool, window: Sizes, strides: Sizes, same: bool) -> int:
        out, pads = self._window(x, window, strides, "same" if same else "valid")
        return self._spatial(
            "AveragePool" if average else "MaxPool", x, [], out, self[x][1][-1],
            kernel_shape=window, strides=strides, **pads,
        )  # fmt: skip

    def adaptive_pool(self, x: int, average: bool, axis: int, size: int) -> int:
        name, shape = self[x]
        extent = shape[axis]
        if extent is None:
            self.refuse(f"extents must be known (give `input_signature`); got {shape}")
        ends = [(i * extent // size, -(-(i + 1) * extent // size)) for i in range(size)]
        op, parts = "ReduceMean" if average else "ReduceMax", []
        for a, b in ends:
            part = self.node("Slice", name, [a], [b], [axis])
            parts.append(self.node(op, part, [axis], keepdims=1))
        return self.add(self.node("Concat", *parts, axis=axis), _with(shape, [axis], [size]))

    def global_pool(self, x: int, average: bool, axes: int, keepdims: bool) -> int:
        name, shape = self[x]
        op, over = "ReduceMean" if average else "ReduceMax", list(range(1, axes + 1))
        y = self.node(op, name, over, keepdims=int(keepdims))
        return self.add(y, (shape[0], *[1] * (axes * keepdims), shape[-1]))

    def frame(self, x: int, before: Sizes, after: Sizes, grow: bool) -> int:
        name, (batch, *extents, channels) = self[x]
        sign = 1 if grow else -1
        sides = zip(extents, before, after, strict=True)
        out = [None if n is None else n + sign * (a + b) for n, a, b in sides]
        if grow:
            y = self.node("Pad", name, [0, *before, 0, 0, *after, 0])
        else:
            ends = [-b if b else _END for b in after]
            y = self.node("Slice", name, list(before), ends, list(range(1, len(ends) + 1)))
        return self.add(y, (batch, *out, channels))

    # -- images of another size -------------------------------------------------------------

    def upsample(self, x: int, size: Sizes, bilinear: bool) -> int:
        shape = self[x][1]
        out = [None if n is None else n * k for n, k in zip(shape[1:-1], size, strict=True)]
        scales = self.constant(np.array([1, 1, *size]), "scales", np.float32)
        return self._spatial("Resize", x, ["", scales], out, shape[-1], **_how(bilinear))

    def resizing(
        self, x: int, height: int, width: int, interpolation: str, antialias: bool, aspect: str,
        fill_value: float, channels_first: bool,
    ) -> int:  # fmt: skip
        y, shape = self[x]
        size, axes = [height, width], [2, 3] if channels_first else [1, 2]
        plain = aspect == "stretch" and not antialias and interpolation in ("nearest", "bilinear")
        old = self._extents(x, axes, plain)
        if old and aspect != "stretch":
            y, old = self._aspect(y, axes, old, size, aspect, fill_value)
        bilinear = interpolation == "bilinear"
        if not old or (bilinear and not antialias and self.single):
            y = y if channels_first else self.channels_first(y, 4)
            # of all axes: ONNX Runtime loses the sizes of some behind a Transpose
            sizes = self.node("Concat", self.node("Shape", y, end=2), size, axis=0)
            y = self.node("Resize", y, "", "", sizes, **_how(bilinear))
            y = y if channels_first else self.channels_last(y, 4)
        else:
            for axis, n, m in zip(axes, old, size, strict=True):
                y = self._along(y, axis, n, m, interpolation, antialias)
        return self.add(y, _with(shape, axes, size))

    def _extents(self, x: int, axes: list[int], may_vary: bool = False) -> list[int]:
        """Height and width; none if they may vary and do."""
        shape = self[x][1]
        known = [n for a in axes if (n := shape[a]) is not None]
        if len(known) < 2 and not may_vary:
            self.refuse(
                f"height and width of its input must be known (give `input_signature`); got {shape}"
            )
        return known if len(known) == 2 else []

    def _aspect(
        self, x: str, axes: list[int], old: list[int], new: list[int], aspect: str, fill: float
    ) -> tuple[str, list[int]]:
        """The image cut or widened to the ratio of its new height and width; its extents."""
        (h, w), (height, width) = old, new
        fit = [int(w * height / width), int(h * width / height)]
        if aspect == "crop":
            kept = [max(min(n, m), 1) for n, m in zip(old, fit, strict=True)]
            return self._cut(x, axes, old, kept), kept
        rows = (max(h, fit[0]) - h) // 2
        columns = 0 if rows else (max(w, fit[1]) - w) // 2
        pads = list(_with((0,) * 4, axes, [rows, columns]))
        return self.node("Pad", x, pads * 2, float(fill)), [h + 2 * rows, w + 2 * columns]

    def _cut(self, x: str, axes: list[int], old: list[int], new: list[int]) -> str:
        """The middle."""
        starts = [(n - m) // 2 for n, m in zip(old, new, strict=True)]
        ends = [a + m for a, m in zip(starts, new, strict=True)]
        return self.node("Slice", x, starts, ends, axes)

    def _along(
        self, x: str, axis: int, old: int, new: int, interpolation: str, antialias: bool
    ) -> str:
        """One axis resized by the matrix of weights that the engine has for it."""
        eye = np.eye(old)[None, :, :, None]
        rows = ops.resize_images(eye, (new, old), interpolation, antialias)[0, :, :, 0]
        if interpolation == "nearest":
            return self.node("Gather", x, rows.argmax(axis=1), axis=axis)
        made = "nabc".replace("nabc"[axis], "k")
        return self.node("Einsum", rows, x, equation=f"k{'nabc'[axis]},nabc->{made}")

    def center_crop(self, x: int, height: int, width: int, channels_first: bool) -> int:
        axes = [2, 3] if channels_first else [1, 2]
        new, old = [height, width], self._extents(x, axes)
        if old[0] < height or old[1] < width:
            return self.random_crop(x, height, width, channels_first, 0)
        return self.add(self._cut(self[x][0], axes, old, new), _with(self[x][1], axes, new))

    def random_crop(self, x: int, height: int, width: int, channels_first: bool, _: int) -> int:
        return self.resizing(x, height, width, "bilinear", False, "crop", 0.0, channels_first)


def _with(shape: Any, axes: list[int], sizes: list[int]) -> tuple[Any, ...]:
    """The shape with other extents along `axes`."""
    changed = dict(zip(axes, sizes, strict=True))
    return tuple(changed.get(i, n) for i, n in enumerate(shape))


def _how(bilinear: bool) -> dict[str, Any]:
    """What Resize does."""
    mode = {"mode": "linear"} if bilinear else {"nearest_mode": "round_prefer_ceil"}
    return {"coordinate_transformation_mode": "half_pixel", **mode}
