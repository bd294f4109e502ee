"""Exported models beside their own predictions."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)  # its optimizer's warnings


def exported(model: Any, directory: pathlib.Path, **kwargs: Any) -> Any:
    """The model's protocol buffer, checked, shapes inferred."""
    path = directory / "m.onnx"
    model.export(path, verbose=False, **kwargs)
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def run(proto: Any, x: Any) -> Any:
    """What ONNX Runtime makes of x, given in the dtype that the model wants."""
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (given,) = session.get_inputs()
    kind = onnx.helper.tensor_dtype_to_np_dtype(proto.graph.input[0].type.tensor_type.elem_type)
    (y,) = session.run(None, {given.name: np.asarray(x, kind)})
    return y


def operators(proto: Any) -> list[str]:
    """In the order of the nodes."""
    return [node.op_type for node in proto.graph.node]


def agree(
    model: Any, x: Any, directory: pathlib.Path, rtol: float = 1e-4, atol: float = 1e-5, **kw: Any
) -> Any:
    """Batches of 1 and of all rows; returns the protocol buffer."""
    proto = exported(model, directory, **kw)
    for rows in (x[:1], x):
        y, wanted = run(proto, rows), model.predict(rows, verbose=0)
        assert y.dtype == wanted.dtype
        np.testing.assert_allclose(y, wanted, rtol=rtol, atol=atol)
    declared = [d.dim_value for d in proto.graph.output[0].type.tensor_type.shape.dim]
    assert len(declared) == y.ndim
    assert all(n in (0, m) for n, m in zip(declared, y.shape, strict=True))
    return proto
