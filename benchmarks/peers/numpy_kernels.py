"""NumPy: its own matrix product, and ranvier's NumPy twins of everything else."""

from __future__ import annotations

import numpy as np

from benchmarks import kernel_cases
from benchmarks.peers import repeat
from benchmarks.peers.ranvier_kernels import LOSSES


def make(case):
    from ranvier import reference

    x, y = kernel_cases.inputs(case)
    if case.kind == "gemm":
        out = np.empty(case.shape[:2], "float32")
        a = x.T if case.what[0] == "t" else x
        b = y.T if case.what[1] == "t" else y
        return repeat(lambda: np.matmul(a, b, out=out))
    if case.kind == "activation":
        return repeat(lambda: reference.activation(case.what, x))
    if case.kind == "derivative":
        return repeat(lambda: y * reference.activation_derivative(case.what, x))
    if case.kind == "softmax":
        return repeat(lambda: reference.softmax(x))
    if case.kind == "adam":
        return adam(x, y)
    scale, kind = 1 / case.shape[0], LOSSES[case.what]
    return repeat(lambda: reference.loss(kind, y, x, scale=scale, gradient=True)[1])


def adam(x, y):
    w, m, v = x.copy(), np.zeros_like(x), np.zeros_like(x)
    rate = 1e-3 * np.sqrt(0.001) / 0.1

    def step():
        m[...] += (y - m) * 0.1
        v[...] += (y * y - v) * 0.001
        w[...] -= rate * m / (np.sqrt(v) + 1e-7)
        return w

    return repeat(step)


def versions():
    return f"numpy {np.__version__}"
