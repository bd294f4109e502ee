"""ONNX Runtime: prediction only."""

from __future__ import annotations

import os

from benchmarks import networks as cases


def make(case):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    if case.kind == "train":
        return None
    nodes, constants, name = [], [], "x"
    w = cases.weights(case)
    for i in range(0, len(w), 2):
        constants += [
            numpy_helper.from_array(w[i], f"w{i}"),
            numpy_helper.from_array(w[i + 1], f"b{i}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"]))
        last = i + 2 == len(w)
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"z{i}"], [f"y{i}"]))
        name = f"y{i}"
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, case.widths[0]])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, case.widths[-1]])],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x, _ = cases.data(case)

    def run(n):
        for _ in range(n):
            session.run(None, {"x": x})

    return lambda: session.run(None, {"x": x})[0], run


def versions():
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"
