"""ONNX Runtime: prediction only; images channels first, which is its own order."""

from __future__ import annotations

import os

import numpy as np

from benchmarks import networks as cases


def graph(case):
    """Nodes, constants and the name of the result."""
    from onnx import helper, numpy_helper

    nodes, constants, name, w = [], [], "x", cases.weights(case)
    image = None  # whose order the next kernel's rows must have
    for (kind, n), inputs in zip(case.layers, case.shapes[:-1], strict=True):
        given, attributes = [name], {}
        if kind == "lstm":  # of steps first; one layer, its last output
            kernel, recurrent, bias, *w = w
            i, f, g, o = (slice(k * n, (k + 1) * n) for k in range(4))
            order = np.r_[i, o, f, g]
            arrays = (
                kernel.T[order][None], recurrent.T[order][None],
                np.concatenate([bias[order], bias * 0])[None],
            )  # fmt: skip
            names = [f"{what} {len(nodes)}" for what in ("kernel", "recurrent", "bias")]
            constants += map(numpy_helper.from_array, map(np.ascontiguousarray, arrays), names)
            nodes.append(helper.make_node("LSTM", ["x", *names], ["", "h"], hidden_size=n))
            constants.append(numpy_helper.from_array(np.array([0]), "axis"))
            nodes.append(helper.make_node("Squeeze", ["h", "axis"], ["last"]))
            name = "last"
            continue
        if kind == "pool":
            attributes = {"kernel_shape": [n, n], "strides": [n, n]}
        elif kind == "flatten":
            image = inputs
        else:
            kernel, bias, *w = w
            if kind == "conv":
                kernel = kernel.transpose(3, 2, 0, 1)
                attributes = {"pads": [int(case.padding == "same")] * 4}
            elif image:
                kernel = kernel.reshape(*image, n).transpose(2, 0, 1, 3).reshape(-1, n)
                image = None
            given += [f"kernel {len(nodes)}", f"bias {len(nodes)}"]
            arrays = np.ascontiguousarray(kernel), bias
            constants += map(numpy_helper.from_array, arrays, given[1:])
        op = {"conv": "Conv", "pool": "MaxPool", "flatten": "Flatten", "dense": "Gemm"}[kind]
        ops = [op] if op in ("MaxPool", "Flatten") else [op, "Relu" if w else "Softmax"]
        for op in ops:
            name = f"y{len(nodes)}"
            nodes.append(helper.make_node(op, given, [name], **attributes))
            given, attributes = [name], {}
    return nodes, constants, name


def make(case):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    if case.kind == "train":
        return None
    x, _ = cases.data(case)
    x = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if x.ndim == 4 else x
    x = np.ascontiguousarray(x.swapaxes(0, 1)) if x.ndim == 3 else x
    nodes, constants, name = graph(case)
    net = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, *x.shape[1:]])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, case.layers[-1][1]])],
        constants,
    )  # fmt: skip
    model = helper.make_model(net, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(n):
        for _ in range(n):
            session.run(None, {"x": x})

    return lambda: session.run(None, {"x": x})[0], run


def versions():
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"
