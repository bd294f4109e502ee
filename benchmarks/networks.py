"""The networks that are timed, and their data: the same numbers for every peer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """A dense network: `widths` from input to output, ReLU between, softmax at the end."""

    name: str
    widths: tuple[int, ...]
    batch: int
    rows: int
    optimizer: str  # "adam" or "sgd"
    kind: str  # "train" or "predict"

    @property
    def steps(self) -> int:
        """Of one epoch."""
        return max(1, self.rows // self.batch)


TRAIN = [
    Case("20-100-2, batch 200, Adam", (20, 100, 2), 200, 1000, "adam", "train"),
    Case("784-512-10, batch 128, Adam", (784, 512, 10), 128, 1280, "adam", "train"),
    Case("8 x 128 hidden, batch 32, SGD", (64, *[128] * 8, 10), 32, 640, "sgd", "train"),
]
PREDICT = [
    Case("20-100-2, one row", (20, 100, 2), 1, 1, "adam", "predict"),
    Case("784-512-10, one row", (784, 512, 10), 1, 1, "adam", "predict"),
]
CASES = {case.name: case for case in [*TRAIN, *PREDICT]}


def weights(case: Case) -> list[np.ndarray]:
    """[kernel, bias, kernel, bias, ...], kernels [inputs, outputs]."""
    rng = np.random.default_rng(1)
    made: list[np.ndarray] = []
    for a, b in zip(case.widths[:-1], case.widths[1:], strict=True):
        made.append((rng.normal(size=(a, b)) * np.sqrt(2 / a)).astype("float32"))
        made.append(np.zeros(b, "float32"))
    return made


def data(case: Case) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(case.rows, case.widths[0])).astype("float32")
    return x, rng.integers(0, case.widths[-1], case.rows)


def expected(case: Case) -> np.ndarray:
    """The untrained network's probabilities, in float64 NumPy."""
    y, _ = data(case)
    y = y.astype("float64")
    w = weights(case)
    for i in range(0, len(w), 2):
        y = y @ w[i] + w[i + 1]
        if i + 2 < len(w):
            y = np.maximum(y, 0)
    e = np.exp(y - y.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
