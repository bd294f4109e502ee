"""Layers into an ONNX graph: those of the engine by their own `lower`, others by a table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import activations
from ranvier import layers as L
from ranvier.export import _activations
from ranvier.export._graph import OnnxGraph
from ranvier.models.lowering import Builder
from ranvier.models.sequential import Sequential

if TYPE_CHECKING:
    from ranvier.layers.layer import Layer


class OnnxBuilder(Builder):
    """What `Layer.lower` gets to write ONNX nodes instead of the engine's.

    Args:
        shape: of the input, batch axis first.
        dtype: of the model.
        name: of the input.
    """

    rnn_spec = SimpleNamespace

    def __init__(self, shape: tuple[int | None, ...], dtype: str, name: str) -> None:
        self.variables, self.trained, self.masks = [], [], {}
        self.graph: OnnxGraph = OnnxGraph(dtype, self.variables)
        self.x = self.graph.add(name, shape)
        self._path: list[Layer] = []

    def lower(self, layer: Layer, x: int) -> int:
        graph = self.graph
        before = graph.scope, graph.told
        graph.scope, graph.told = f"{graph.scope}/{layer.name}".lstrip("/"), layer.label
        y = int(_how(layer)(self, layer, x))
        graph.scope, graph.told = before
        return y


def _how(layer: Layer) -> Any:
    """What converts this layer; one whose pass its class has written anew is not its base's."""
    if hasattr(layer, "to_onnx"):
        return _written
    for cls in type(layer).__mro__:
        if cls in _TABLE:
            return _TABLE[cls]
        if "forward" in cls.__dict__ or "lower" in cls.__dict__:
            break
    return _as_engine if layer.is_native else _refused


def _as_engine(builder: OnnxBuilder, layer: Any, x: int) -> int:
    return int(layer.lower(builder, x))


def _refused(builder: OnnxBuilder, layer: Any, x: int) -> int:
    builder.graph.refuse(
        "it runs in Python; a layer of your own may write `to_onnx(graph, x)`, see docs/export.md"
    )


def _written(builder: OnnxBuilder, layer: Any, x: int) -> int:
    """A layer of the user's that has a method `to_onnx(graph, x)`."""
    graph = builder.graph
    name, shape = graph[x]
    if x in builder.masks and type(layer).compute_mask is not L.Layer.compute_mask:
        graph.refuse("it changes the mask, which `to_onnx` cannot")
    y = layer.to_onnx(graph, name)
    if not isinstance(y, str):
        raise TypeError(f"{layer.label}: to_onnx() must return the name of a value; got {y!r}")
    return graph.add(y, layer.compute_output_shape(shape))


def _activation(builder: OnnxBuilder, layer: Any, x: int) -> int:
    function, graph = layer.activation, builder.graph
    if not isinstance(function, activations.RowActivation):
        return _as_engine(builder, layer, x)
    name, shape = graph[x]
    if function is activations.glu:
        y = _activations.glu(graph, name)
    elif function is activations.sparsemax and shape[-1] is not None:
        y = _activations.sparsemax(graph, name, shape[-1])
    else:
        graph.refuse(f"the activation {function!r} of an input of shape {shape}")
    return graph.add(y, layer.compute_output_shape(shape))


def _bidirectional(builder: OnnxBuilder, layer: Any, x: int) -> int:
    graph, mode = builder.graph, layer.merge_mode
    (a, shape), (b, other) = (graph[builder.lower(one, x)] for one in layer.inner_layers())
    if layer.return_sequences:
        b = graph.flip(b)
    if mode == "concat":
        width = (shape[-1] or 0) + (other[-1] or 0)
        return graph.add(graph.node("Concat", a, b, axis=-1), (*shape[:-1], width))
    y = graph.node("Mul" if mode == "mul" else "Add", a, b)
    return graph.add(graph.node("Mul", y, 0.5) if mode == "ave" else y, shape)


def _lookup(builder: OnnxBuilder, layer: Any, x: int) -> int:
    graph, n, mode = builder.graph, builder.graph.node, layer.output_mode
    name, shape = graph[x]
    keys, start = layer.get_vocabulary(include_special_tokens=False), layer._token_start
    if not keys:
        graph.refuse("it has no vocabulary yet")
    if layer.invert or layer.num_oov_indices == 0 or layer.oov_method != "floormod":
        graph.refuse("with `invert`, `num_oov_indices` 0 or an `oov_method` that hashes")
    values = list(range(start, start + len(keys)))
    if layer.mask_token is not None:  # no index, but in mode "int"
        keys.append(layer.mask_token)
        values.append(0 if mode == "int" else -1)
    tokens, absent = graph.cast(name, "int64"), -2
    ids = n("LabelEncoder", tokens, domain="ai.onnx.ml", keys_int64s=keys, values_int64s=values,
            default_int64=absent)  # fmt: skip
    bucket = n("Add", n("Mod", tokens, layer.num_oov_indices), layer._oov_start)
    ids = n("Where", n("Equal", ids, absent), bucket, ids)
    if mode == "int":
        return graph.add(graph.cast(ids), shape)
    out = layer.compute_output_shape(shape)
    if mode == "one_hot" and len(out) == len(shape):  # of a last axis of 1
        ids = n("Squeeze", ids, [-1])
    y = graph.cast(n("Equal", n("Unsqueeze", ids, [-1]), np.arange(layer.depth)))
    if mode != "one_hot":
        y = n("ReduceSum", y, [-2], keepdims=0)
    if mode == "multi_hot":
        y = n("Min", y, 1.0)
    if mode == "tf_idf":
        y = n("Mul", y, layer.idf_weights)
    return graph.add(y, out)


_TABLE: dict[type, Any] = {
    L.Activation: _activation,
    L.Bidirectional: _bidirectional,
    L.IntegerLookup: _lookup,
    # of what runs in Python because a layer inside does
    Sequential: _as_engine,
    L.TimeDistributed: _as_engine,
}
