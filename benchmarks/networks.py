"""The networks that are timed, and their data: the same numbers for every peer."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

SLOTS = {"adam": 2, "sgd": 0}
# Of a recurrent layer's weights: columns a unit.
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


class Case(NamedTuple):
    """A chain of `layers`, ReLU after each convolution and dense layer, softmax at the end.

    A layer is ("conv", filters), 3x3; ("pool", 2), the maximum; ("flatten", 0), in the order of
    height, width, channels; ("dense", units); or ("rnn", units), ("lstm", units), ("gru", units),
    which pass on all steps if another one follows, else the last. `shape` is that of one input,
    channels last or (steps, features).
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[tuple[str, int], ...]
    batch: int
    rows: int
    optimizer: str  # "adam" or "sgd"
    kind: str  # "train" or "predict"
    padding: str = "valid"

    @property
    def steps(self) -> int:
        """Of one epoch."""
        return max(1, self.rows // self.batch)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of one input and of what each layer makes of it."""
        made = [self.shape]
        for i, (kind, n) in enumerate(self.layers):
            *extents, channels = made[-1]
            if kind in GATES:
                made.append((extents[0], n) if self.sequences(i) else (n,))
            elif kind == "conv":
                made.append((*(e - 2 * (self.padding == "valid") for e in extents), n))
            elif kind == "pool":
                made.append((*(e // n for e in extents), channels))
            else:
                made.append((math.prod(made[-1]) if kind == "flatten" else n,))
        return made

    def sequences(self, i: int) -> bool:
        """Whether the recurrent layer i passes on all steps."""
        return self.layers[i + 1][0] in GATES


def _dense(*units: int) -> tuple[tuple[str, int], ...]:
    return tuple(("dense", n) for n in units)


_POOL, _FLATTEN = ("pool", 2), ("flatten", 0)
_LECTURE = (("conv", 32), _POOL, ("conv", 64), _POOL, _FLATTEN, *_dense(128, 10))
_DIGITS = (("conv", 32), ("conv", 64), _POOL, _FLATTEN, *_dense(128, 10))
_DEEP = (*[("conv", 64)] * 2, _POOL, *[("conv", 128)] * 2, _POOL, _FLATTEN, *_dense(10))

TRAIN = [
    Case("20-100-2, batch 200, Adam", (20,), _dense(100, 2), 200, 1000, "adam", "train"),
    Case("784-512-10, batch 128, Adam", (784,), _dense(512, 10), 128, 1280, "adam", "train"),
    Case("8 x 128 hidden, batch 32, SGD", (64,), _dense(*[128] * 8, 10), 32, 640, "sgd", "train"),
]
PREDICT = [
    Case("20-100-2, one row", (20,), _dense(100, 2), 1, 1, "adam", "predict"),
    Case("784-512-10, one row", (784,), _dense(512, 10), 1, 1, "adam", "predict"),
]
CONV_TRAIN = [
    Case("CNN 64x64x3, batch 32, Adam", (64, 64, 3), _LECTURE, 32, 128, "adam", "train"),
    Case("CNN 28x28x1, batch 128, Adam", (28, 28, 1), _DIGITS, 128, 512, "adam", "train"),
    Case("CNN 32x32x3, batch 64, Adam", (32, 32, 3), _DEEP, 64, 256, "adam", "train", "same"),
]
CONV_PREDICT = [
    Case("CNN 64x64x3, one row", (64, 64, 3), _LECTURE, 1, 1, "adam", "predict"),
    Case("CNN 64x64x3, 256 rows", (64, 64, 3), _LECTURE, 256, 256, "adam", "predict"),
]
RNN_TRAIN = [
    Case(
        "LSTM(50) 100x1, batch 32, Adam",
        (100, 1), (("lstm", 50), *_dense(10)), 32, 512, "adam", "train",
    ),
    Case(
        "SimpleRNN(50) 100x1, batch 32, Adam",
        (100, 1), (("rnn", 50), *_dense(10)), 32, 512, "adam", "train",
    ),
    Case(
        "2 x LSTM(128) 50x64, batch 64, Adam",
        (50, 64), (("lstm", 128), ("lstm", 128), *_dense(10)), 64, 512, "adam", "train",
    ),
    Case(
        "GRU(128) 50x64, batch 64, Adam",
        (50, 64), (("gru", 128), *_dense(10)), 64, 512, "adam", "train",
    ),
]  # fmt: skip
RNN_PREDICT = [
    Case("LSTM(50) 100x1, one row", (100, 1), (("lstm", 50), *_dense(10)), 1, 1, "adam", "predict"),
]
CASES = {
    case.name: case
    for case in [*TRAIN, *PREDICT, *CONV_TRAIN, *CONV_PREDICT, *RNN_TRAIN, *RNN_PREDICT]
}


@functools.cache
def _weights(case: Case) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    made: list[np.ndarray] = []
    for (kind, n), inputs in zip(case.layers, case.shapes[:-1], strict=True):
        if kind in GATES:
            columns = GATES[kind] * n
            for rows in (inputs[-1], n):
                made.append((rng.normal(size=(rows, columns)) / np.sqrt(n)).astype("float32"))
            made.append(np.zeros((2, columns) if kind == "gru" else columns, "float32"))
        elif kind in ("conv", "dense"):
            taps = (3, 3) if kind == "conv" else ()
            fans = math.prod(taps) * (inputs[-1] + n)
            kernel = rng.normal(size=(*taps, inputs[-1], n)) * np.sqrt(2 / fans)
            made += [kernel.astype("float32"), np.zeros(n, "float32")]
    return tuple(made)


def weights(case: Case) -> list[np.ndarray]:
    """[kernel, bias, kernel, bias, ...], kernels [inputs, outputs] or [3, 3, inputs, outputs].

    Recurrent layers have a kernel, a recurrent kernel and a bias, as Keras orders their columns.
    """
    return list(_weights(case))


@functools.cache
def data(case: Case) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(case.rows, *case.shape)).astype("float32")
    return x, rng.integers(0, case.layers[-1][1], case.rows)


def expected(case: Case, steps: int = 0) -> np.ndarray:
    """The network's probabilities after so many steps on all rows, in float64 NumPy."""
    from benchmarks import numpy_network

    return numpy_network.probabilities(case, steps)


def bound(case: Case) -> float:
    """Bytes that a training step may hold: weights, gradients and slots, activations, and scratch.

    Counted as activations are the outputs of layers for one batch, without those of `flatten`; of a
    recurrent layer its gates and states at every step.
    """
    held = sum(w.size for w in weights(case)) * (2 + SLOTS[case.optimizer])
    made = zip(case.layers, case.shapes[1:], strict=True)
    activations = case.batch * sum(
        case.shape[0] * n * (GATES[kind] + 1 + (kind == "lstm")) if kind in GATES else math.prod(s)
        for (kind, n), s in made
        if kind != "flatten"
    )
    return 4 * (held + 1.25 * activations) + 64 * 2**20
