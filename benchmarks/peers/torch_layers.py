"""PyTorch's operators, called directly, channels last."""

from __future__ import annotations

import os
from functools import partial

from benchmarks import layer_cases
from benchmarks.peers import repeat

SWAP, BACK = (0, 3, 1, 2), (0, 2, 3, 1)  # the axes' names change places, nothing is copied


def make(case):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.set_grad_enabled(False)
    x, dy, *others = map(torch.from_numpy, layer_cases.inputs(case))
    if case.kind == "layer_norm" or x.ndim == 2:
        return repeat(norm(case, x, dy, *others))
    x, dy = x.permute(SWAP), dy.permute(SWAP)
    if case.conv:
        call = conv(case.conv, case.what, x, dy, *others)
        order = BACK if case.what != "kernel" else (2, 3, 1, 0)
    else:
        call = (norm if others else pool)(case, x, dy, *others)
        order = BACK
    return lambda: call().permute(order).numpy(), repeat(call)[1]


def conv(c, what, x, dy, kernel, bias):
    import torch

    aten = torch.ops.aten
    kernel = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    pad = (c.kernel - 1) * c.dilation_rate // 2 if c.padding == "same" else 0
    options = ([c.strides] * 2, [pad] * 2, [c.dilation_rate] * 2)
    if what == "forward":
        return lambda: aten.conv2d(x, kernel, bias, *options, c.groups)
    options = (*options, False, [0, 0], c.groups, [what == "input", what == "kernel", False])
    backward = aten.convolution_backward
    return lambda: backward(dy, x, kernel, None, *options)[what == "kernel"]


def pool(case, x, dy):
    import torch

    aten, two, none = torch.ops.aten, [2, 2], [0, 0]
    if case.kind == "average_pool":
        if case.what == "forward":
            return lambda: aten.avg_pool2d(x, two, two)
        return lambda: aten.avg_pool2d_backward(dy, x, two, two, none, False, True, None)
    if case.what == "forward":
        return lambda: aten.max_pool2d_with_indices(x, two, two)[0]
    _, index = aten.max_pool2d_with_indices(x, two, two)
    backward = aten.max_pool2d_with_indices_backward
    return lambda: backward(dy, x, two, two, none, [1, 1], False, index)


def norm(case, x, dy, gamma, beta):
    import torch

    aten, epsilon, every = torch.ops.aten, layer_cases.EPSILON, [True] * 3
    if case.kind == "layer_norm":
        n = [x.shape[-1]]
        forward = partial(aten.native_layer_norm, x, n, gamma, beta, epsilon)
        _, *kept = forward()
        back = partial(aten.native_layer_norm_backward, dy, x, n, *kept, gamma, beta, every)
    else:
        forward = partial(aten.native_batch_norm, x, gamma, beta, None, None, True, 0.0, epsilon)
        _, *kept = forward()
        options = (gamma, None, None, *kept, True, epsilon, every)
        back = partial(aten.native_batch_norm_backward, dy, x, *options)
    return lambda: (forward if case.what == "forward" else back)()[0]


def versions():
    import torch

    return f"torch {torch.__version__}"
