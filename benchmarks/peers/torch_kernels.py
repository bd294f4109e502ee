"""PyTorch's operators, called directly, writing into given memory where they can."""

from __future__ import annotations

import os

from benchmarks import kernel_cases
from benchmarks.peers import repeat


def make(case):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    x, y = map(torch.from_numpy, kernel_cases.inputs(case))
    if case.kind == "gemm":
        out = torch.empty(case.shape[:2])
        a = x.T if case.what[0] == "t" else x
        b = y.T if case.what[1] == "t" else y
        return repeat(lambda: torch.mm(a, b, out=out))
    if case.kind == "activation":
        return repeat(forward(case.what, x))
    if case.kind == "derivative":
        return repeat(backward(case.what, x, y))
    if case.kind == "softmax":
        out = torch.empty_like(x)
        return repeat(lambda: torch.softmax(x, -1, out=out))
    if case.kind == "adam":
        return adam(x, y)
    return repeat(loss(case.what, x, y))


def forward(name, x):
    import torch

    aten, out = torch.ops.aten, torch.empty_like(x)
    return {
        "relu": lambda: aten.relu.out(x, out=out),
        "sigmoid": lambda: torch.sigmoid(x, out=out),
        "tanh": lambda: torch.tanh(x, out=out),
        "softplus": lambda: aten.softplus.out(x, out=out),
        "elu": lambda: aten.elu.out(x, out=out),
        "selu": lambda: aten.elu.out(x, 1.6732632423543772, 1.0507009873554805, out=out),
        "gelu": lambda: aten.gelu.out(x, out=out),
        "gelu_tanh": lambda: aten.gelu.out(x, approximate="tanh", out=out),
        "silu": lambda: aten.silu.out(x, out=out),
        "hard_sigmoid": lambda: aten.hardsigmoid.out(x, out=out),
    }[name]


def backward(name, x, dy):
    import torch

    aten, out = torch.ops.aten, torch.empty_like(x)
    y = forward(name, x)()
    return {
        "relu": lambda: aten.threshold_backward.grad_input(dy, x, 0, grad_input=out),
        "sigmoid": lambda: aten.sigmoid_backward.grad_input(dy, y, grad_input=out),
        "tanh": lambda: aten.tanh_backward.grad_input(dy, y, grad_input=out),
        "softplus": lambda: aten.softplus_backward.grad_input(dy, x, 1, 20, grad_input=out),
        "elu": lambda: aten.elu_backward.grad_input(dy, 1, 1, 1, True, y, grad_input=out),
        "selu": lambda: aten.elu_backward.grad_input(
            dy, 1.6732632423543772, 1.0507009873554805, 1, True, y, grad_input=out
        ),
        "gelu": lambda: aten.gelu_backward.grad_input(dy, x, grad_input=out),
        "gelu_tanh": lambda: aten.gelu_backward.grad_input(
            dy, x, approximate="tanh", grad_input=out
        ),
        "silu": lambda: aten.silu_backward.grad_input(dy, x, grad_input=out),
        "hard_sigmoid": lambda: aten.hardsigmoid_backward.grad_input(dy, x, grad_input=out),
    }[name]


def loss(kind, x, y):
    """Value and gradient."""
    import torch
    from torch.nn import functional

    x.requires_grad_()
    of = {
        "sparse": functional.cross_entropy,
        "mse": functional.mse_loss,
        "binary": functional.binary_cross_entropy_with_logits,
    }[kind]
    if kind == "sparse":
        y = y.long()

    def run():
        (gradient,) = torch.autograd.grad(of(x, y), x)
        return gradient

    return run


def adam(x, y):
    import torch

    w = torch.nn.Parameter(x.clone())
    w.grad = y
    optimizer = torch.optim.Adam([w], lr=1e-3, fused=True)

    def step():
        optimizer.step()
        return w.detach()

    return repeat(step)


def versions():
    import torch

    return f"torch {torch.__version__}"
