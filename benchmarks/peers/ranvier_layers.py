"""ranvier.ops, writing into given memory."""

from __future__ import annotations

from benchmarks import layer_cases
from benchmarks.peers import repeat


def make(case):
    from ranvier import ops

    x, dy, *others = layer_cases.inputs(case)
    out = layer_cases.empty((dy if case.what == "forward" else x).shape)
    if case.conv:
        return repeat(conv(case, x, dy, *others))
    if case.kind == "average_pool":
        if case.what == "forward":
            return repeat(lambda: ops.average_pool(x, 2, out=out))
        return repeat(lambda: ops.average_pool_backward(dy, x.shape, 2, out=out))
    forward, backward = getattr(ops, case.kind), getattr(ops, f"{case.kind}_backward")
    if case.kind == "max_pool":
        if case.what == "forward":
            return repeat(lambda: ops.max_pool_indexed(x, 2, out=out)[0])
        _, index = ops.max_pool_indexed(x, 2)
        return repeat(lambda: backward(dy, index, x.shape, 2, out=out))
    gamma, beta = others
    if case.what == "forward":
        return repeat(lambda: forward(x, gamma, beta, layer_cases.EPSILON, out=out)[0])
    _, *statistics = forward(x, gamma, beta, layer_cases.EPSILON)
    return repeat(lambda: backward(x, *statistics, dy, gamma, out=out)[0])


def conv(case, x, dy, kernel, bias):
    from ranvier import ops

    options = case.conv.options
    options["out"] = layer_cases.empty(
        {"forward": dy, "input": x, "kernel": kernel}[case.what].shape
    )
    return {
        "forward": lambda: ops.conv(x, kernel, bias, **options),
        "input": lambda: ops.conv_backward_input(dy, kernel, x.shape, **options),
        "kernel": lambda: ops.conv_backward_kernel(x, dy, kernel.shape, **options),
    }[case.what]


def versions():
    import ranvier

    return f"ranvier {ranvier.__version__} ({ranvier.show_config('dicts')['instruction_set']})"
