"""The kernels that are timed: matrix products over the shapes of networks, and the rest at sizes
from a small layer's to a million elements."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Case(NamedTuple):
    """`kind` is "gemm", "activation", "derivative", "softmax", "loss" or "adam".

    Of a matrix product `shape` is (M, N, K), `what` says which operands lie transposed: "nn" is
    the forward pass, "tn" the gradient of the weights, "nt" that of the input.
    """

    name: str
    kind: str
    what: str
    shape: tuple[int, ...]

    @property
    def flops(self) -> float:
        return 2.0 * np.prod(self.shape) if self.kind == "gemm" else 0.0


LAYERS = [(20, 100), (100, 2), (64, 128), (784, 512), (512, 10), (128, 128), (300, 300),
          (1024, 1024), (784, 128), (4096, 1000)]  # fmt: skip
BATCHES = [1, 2, 8, 32, 128, 500, 2048]
SQUARES = [16, 64, 384, 512, 768, 1024]
ACTIVATIONS = ["relu", "sigmoid", "tanh", "softplus", "elu", "selu", "gelu", "gelu_tanh", "silu",
               "hard_sigmoid"]  # fmt: skip
SIZES = [1_000, 1_000_000]


def _products() -> list[Case]:
    shapes = []
    for k, n in LAYERS:
        for m in BATCHES:
            shapes += [("nn", (m, n, k)), ("tn", (k, n, m)), ("nt", (m, k, n))]
    shapes += [("nn", (side,) * 3) for side in SQUARES]
    return [
        Case(f"gemm {what} {'x'.join(map(str, shape))}", "gemm", what, shape)
        for what, shape in shapes
    ]


def _maps() -> list[Case]:
    made = []
    for n in SIZES:
        for act in ACTIVATIONS:
            made.append(Case(f"activation {act} {n}", "activation", act, (n,)))
            made.append(Case(f"derivative {act} {n}", "derivative", act, (n,)))
        for cols in (10, 1000):
            shape = (max(1, n // cols), cols)
            made.append(Case(f"softmax {cols} {n}", "softmax", "", shape))
            made.append(Case(f"loss sparse {cols} {n}", "loss", "sparse", shape))
        made.append(Case(f"loss mse 10 {n}", "loss", "mse", (n // 10, 10)))
        made.append(Case(f"loss binary 1 {n}", "loss", "binary", (n, 1)))
        made.append(Case(f"adam {n}", "adam", "", (n,)))
    return made


CASES = {case.name: case for case in [*_products(), *_maps()]}


def inputs(case: Case) -> list[Array]:
    """The same numbers for every peer."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    if case.kind == "gemm":
        m, n, k = case.shape
        a = rng.normal(size=(k, m) if case.what[0] == "t" else (m, k))
        b = rng.normal(size=(n, k) if case.what[1] == "t" else (k, n))
        return [a.astype("float32"), b.astype("float32")]
    x = rng.normal(size=case.shape).astype("float32")
    if case.kind == "loss":
        if case.what == "sparse":
            return [x, rng.integers(0, case.shape[1], case.shape[0]).astype("float32")]
        if case.what == "binary":
            return [x, rng.integers(0, 2, case.shape).astype("float32")]
        return [x, rng.normal(size=case.shape).astype("float32")]
    return [x, rng.normal(size=case.shape).astype("float32")]


def expected(case: Case) -> Array:
    """In float64 NumPy: the result; of a loss its gradient, of Adam the weights after one step."""
    from ranvier import reference

    x, y = (a.astype("float64") for a in inputs(case))
    if case.kind == "gemm":
        return (x.T if case.what[0] == "t" else x) @ (y.T if case.what[1] == "t" else y)
    if case.kind == "activation":
        return reference.activation(case.what, x)
    if case.kind == "derivative":
        return y * reference.activation_derivative(case.what, x)
    if case.kind == "softmax":
        return reference.softmax(x)
    if case.kind == "adam":
        m, v = 0.1 * y, 0.001 * y * y
        return x - 1e-3 * (m / 0.1) / (np.sqrt(v / 0.001) + 1e-7 / np.sqrt(0.001))
    rows = case.shape[0]
    if case.what == "mse":
        return 2 * (x - y) / x.size
    if case.what == "binary":
        return (1 / (1 + np.exp(-x)) - y) / x.size
    return (reference.softmax(x) - np.eye(case.shape[1])[y.astype(int)]) / rows
