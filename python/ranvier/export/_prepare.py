"""Layers that run in NumPy here and have a form in ONNX: contrast, spectrograms, hashes."""

from __future__ import annotations

import math
from functools import partialmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers import _hashing

if TYPE_CHECKING:
    from ranvier.export import OnnxBuilder

_TINY = 1e-37


def contrast(builder: OnnxBuilder, layer: Any, x: int) -> int:
    """AutoContrast."""
    graph, n = builder.graph, builder.graph.node
    name, shape = graph[x]
    axes, (low, high) = [2, 3] if layer.channels_first else [1, 2], layer._limits
    least, most = (n(f"Reduce{op}", name, axes) for op in ("Min", "Max"))
    y = n("Div", n("Sub", name, least), n("Sub", most, least))
    wide = n("Add", n("Mul", y, float(high - low)), float(low))
    return graph.add(n("Where", n("IsNaN", y), name, wide), shape)


def stft(builder: OnnxBuilder, layer: Any, x: int) -> int:
    """STFTSpectrogram: its kernels are a convolution's."""
    graph, n, mode = builder.graph, builder.graph.node, layer.mode
    (name, shape), last = graph[x], layer._last
    channels = shape[2 if last else 1]
    if channels is None:
        graph.refuse(f"the channels of its input must be known; got shape {shape}")
    signals = graph.transpose(name, 0, 2, 1) if last else name
    kernels = [v.value.transpose(2, 1, 0) for v in layer._weights]
    y = n(
        "Conv", n("Reshape", signals, [-1, 1, 0]), np.concatenate(kernels), strides=[layer._step],
        auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
    )  # fmt: skip
    bins = layer._bins
    if mode == "stft":
        bins *= 2
    elif mode not in ("real", "imag"):
        if mode == "angle":
            real, imag = graph.nodes("Split", 2, y, axis=1, num_outputs=2)
            turn = n("Atan", n("Div", imag, n("Max", n("Abs", real), _TINY)))
            half = n("Where", n("Less", imag, 0.0), -math.pi, math.pi)
            y = n("Where", n("Less", real, 0.0), n("Sub", half, turn), turn)
        else:
            y = _power(graph, y)
        if mode == "psd":
            twice = np.full((bins, 1), 2.0)
            twice[[0, -1]] = 1
            y = n("Mul", y, twice)
        elif mode != "angle":
            y = n("Sqrt", n("Max", y, 1e-7))
            y = n("Log", y) if mode == "log" else y
    if layer.expand_dims:  # 0 keeps an extent, -1 is the batch's
        y = n("Reshape", n("Unsqueeze", y, [1]), [-1, channels, 0, 0])
        y = graph.transpose(y, *((0, 3, 2, 1) if last else (0, 1, 3, 2)))
    else:
        y = n("Reshape", y, [-1, channels * bins, 0])
        y = graph.transpose(y, 0, 2, 1) if last else y
    return graph.add(y, layer.compute_output_shape(shape))


def _power(graph: Any, y: str) -> str:
    """`real^2 + imag^2` of what the halves of axis 1 hold."""
    real, imag = graph.nodes("Split", 2, y, axis=1, num_outputs=2)
    return graph.node("Add", graph.node("Mul", real, real), graph.node("Mul", imag, imag))


def mel(builder: OnnxBuilder, layer: Any, x: int) -> int:
    """MelSpectrogram."""
    graph, n = builder.graph, builder.graph.node
    (name, shape), size, step = graph[x], layer.fft_length, layer.sequence_stride
    half, taps = size // 2, layer._window
    wide = n("Pad", name, [0, half, 0, half], mode="reflect")
    if size & (size - 1):  # ONNX Runtime's STFT loses half of the digits
        turns = np.outer(np.arange(half + 1), np.arange(size)) % size * (2 * math.pi / size)
        kernel = np.concatenate([np.cos(turns), np.sin(turns)])[:, None] * taps
        power = _power(graph, n("Conv", n("Unsqueeze", wide, [1]), kernel, strides=[step]))
    else:
        z = n("STFT", n("Unsqueeze", wide, [-1]), step, taps, size, onesided=1)
        power = graph.transpose(n("ReduceSumSquare", z, [-1], keepdims=0), 0, 2, 1)
    if layer.mag_exp != 2:
        power = n("Pow", power, layer.mag_exp / 2)
    y = n("MatMul", layer._bands.T, power)
    if layer.power_to_db:
        y = n("Mul", n("Log", n("Max", y, float(layer.min_power))), 10 / math.log(10))
        y = n("Sub", y, 10 * math.log10(max(abs(layer.ref_power), layer.min_power)))
        y = n("Max", y, n("Sub", n("ReduceMax", y, keepdims=0), float(layer.top_db)))
    return graph.add(y, layer.compute_output_shape(shape))


class _Bits:
    """64 bits; operators are nodes, of int64, in which runtimes have arithmetic."""

    def __init__(self, graph: Any, name: str) -> None:
        self.graph, self.name = graph, name

    def _with(self, op: str, other: Any) -> _Bits:
        if not isinstance(other, _Bits):
            other = _Bits(self.graph, self.graph.constant((other + 2**63) % 2**64 - 2**63))
        return _Bits(self.graph, self.graph.node(op, self.name, other.name))

    __add__ = __radd__ = partialmethod(_with, "Add")
    __sub__ = partialmethod(_with, "Sub")
    __mul__ = __rmul__ = partialmethod(_with, "Mul")
    __or__ = partialmethod(_with, "BitwiseOr")
    __xor__ = __rxor__ = partialmethod(_with, "BitwiseXor")

    def __and__(self, mask: int) -> _Bits:  # of all
        return self

    def __lshift__(self, by: int) -> _Bits:
        return self * 2**by

    def __rshift__(self, by: int) -> _Bits:
        graph = self.graph
        count = graph.constant(by, dtype="uint64")
        y = graph.node("BitShift", graph.cast(self.name, "uint64"), count, direction="RIGHT")
        return _Bits(graph, graph.cast(y, "int64"))

    def when(self, condition: str, other: _Bits) -> _Bits:
        """These where a condition holds, else others."""
        return _Bits(self.graph, self.graph.node("Where", condition, self.name, other.name))


class _Digits:
    """How integers are written, as `_hashing` reads it; `size` is the length, `n` as bits."""

    def __init__(self, graph: Any, x: str) -> None:
        n, self.graph = graph.node, graph
        powers = 10 ** np.arange(18, -1, -1)
        shifted = n("Div", n("Unsqueeze", n("Abs", x), [-1]), powers)
        digits = n("Add", n("Abs", n("Mod", shifted, 10, fmod=1)), 48)
        there = graph.cast(n("Not", n("Equal", shifted, 0)), "int64")
        signed = n("Less", x, 0)
        count = n("Max", n("ReduceSum", there, [-1], keepdims=0), 1)
        self.size = n("Add", count, graph.cast(signed, "int64"))
        places, size = np.arange(24), n("Unsqueeze", self.size, [-1])
        at = n("Clip", n("Add", n("Sub", 19, size), places), 0, 18)
        text = n("Where", n("Less", places, size), n("GatherElements", digits, at, axis=-1), 0)
        minus = n("And", n("Unsqueeze", signed, [-1]), n("Equal", places, 0))
        self.text = n("Where", minus, ord("-"), text)

    def word(self, at: Any, size: int) -> _Bits:
        """Some bytes as a number."""
        n, places = self.graph.node, np.arange(size)
        if isinstance(at, _Bits):
            which = n("Add", n("Unsqueeze", at.name, [-1]), places)
            part = n("GatherElements", self.text, which, axis=-1)
        else:
            part = n("Slice", self.text, [at], [at + size], [-1])
        return _Bits(self.graph, n("MatMul", part, 256**places))  # a ReduceSum may be of doubles


def hashed(graph: Any, x: str, many: int, salt: Any) -> str:
    """`_hashing.buckets` of integers."""
    n, text = graph.node, _Digits(graph, x)
    size: Any = _Bits(graph, text.size)
    y: Any
    if salt:
        states = _hashing.sip_start(salt)
        for at in (0, 8, 16):  # there are 20 characters at most; the last byte is the length
            ends = n("Equal", (size >> 3).name, at // 8)
            word = text.word(at, 8)
            after = list(states)
            _hashing.sip_word(after, word + (size << 56).when(ends, word - word))
            there = n("GreaterOrEqual", text.size, at)
            states = [a.when(there, b) if at else a for a, b in zip(after, states, strict=True)]
        y = _hashing.sip_end(states)
    else:
        y = _hashing.from_17(text, size, True)
        for most, make in ((17, _hashing.from_8), (8, _hashing.from_4), (4, _hashing.from_1)):
            y = make(text, size).when(n("Less", text.size, most), y)
    code = n("Mod", graph.cast(y.name, "uint64"), graph.constant(many, dtype="uint64"))
    return graph.cast(code, "int64")
