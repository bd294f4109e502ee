"""ranvier.ops, writing into given memory."""

from __future__ import annotations

import numpy as np

from benchmarks import kernel_cases
from benchmarks.peers import repeat

LOSSES = {
    "sparse": "sparse_categorical_crossentropy_logits",
    "mse": "mean_squared_error",
    "binary": "binary_crossentropy_logits",
}


def make(case):
    from ranvier import ops

    x, y = kernel_cases.inputs(case)
    if case.kind == "gemm":
        out = np.empty(case.shape[:2], "float32")
        ta, tb = case.what[0] == "t", case.what[1] == "t"
        return repeat(lambda: ops.matmul(x, y, transpose_a=ta, transpose_b=tb, out=out))
    out = np.empty_like(x)
    if case.kind == "activation":
        return repeat(lambda: ops.activation(case.what, x, out=out))
    if case.kind == "derivative":
        saved = x if ops.activation_reads_input(case.what) else ops.activation(case.what, x)
        return repeat(lambda: ops.activation_backward(case.what, saved, y, out=out))
    if case.kind == "softmax":
        return repeat(lambda: ops.softmax(x, out=out))
    if case.kind == "adam":
        return adam(x, y)
    scale, kind = 1 / case.shape[0], LOSSES[case.what]
    return repeat(lambda: ops.loss(kind, y, x, scale=scale, gradient=True)[1])


def adam(x, y):
    from ranvier import ops

    w, slots = x.copy(), [np.zeros_like(x), np.zeros_like(x)]
    params = {"kind": "adam", "learning_rate": 1e-3}
    variables = [(w, 0, w.size, True, 0.0, 0.0)]

    def step():
        ops.optimizer_step(params, 0, variables, y, slots)
        return w

    return repeat(step)


def versions():
    import ranvier

    return f"ranvier {ranvier.__version__} ({ranvier.show_config('dicts')['instruction_set']})"
