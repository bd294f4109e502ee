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
        self._path.append(layer)
        self._tell()
        try:
            return _how(layer)(self, layer, x)
        finally:
            self._path.pop()
            self._tell()

    def _tell(self) -> None:
        self.graph.scope = "/".join(layer.name for layer in self._path)
        self.graph.told = self._path[-1].label if self._path else ""


def _as_engine(builder: OnnxBuilder, layer: Any, x: int) -> int:
    return int(layer.lower(builder, x))


def _written(builder: OnnxBuilder, layer: Any, x: int) -> int:
    """A layer of the user's that has a method `to_onnx(graph, x)`."""
    graph, shape = builder.graph, builder.graph.shape_of(x)
    if x in builder.masks and type(layer).compute_mask is not L.Layer.compute_mask:
        graph.refuse("it changes the mask, which `to_onnx` cannot")
    y = layer.to_onnx(graph, graph.name_of(x))
    if not isinstance(y, str):
        raise TypeError(f"{layer.label}: to_onnx() must return the name of a value; got {y!r}")
    return graph.add(y, layer.compute_output_shape(shape))


def _refused(builder: OnnxBuilder, layer: Any, x: int) -> int:
    builder.graph.refuse(
        "it runs in Python; a layer of your own may write `to_onnx(graph, x)`, see docs/export.md"
    )


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


def _activation(builder: OnnxBuilder, layer: Any, x: int) -> int:
    function = layer.activation
    if not isinstance(function, activations.RowActivation):
        return _as_engine(builder, layer, x)
    graph, shape = builder.graph, builder.graph.shape_of(x)
    width = shape[-1]
    if function is activations.glu:
        y = _activations.glu(graph, graph.name_of(x))
    elif function is activations.sparsemax and width is not None:
        y = _activations.sparsemax(graph, graph.name_of(x), width)
    else:
        graph.refuse(f"the activation {function!r} on an input of shape {shape}")
    return graph.add(y, layer.compute_output_shape(shape))


def _bidirectional(builder: OnnxBuilder, layer: Any, x: int) -> int:
    a, b = (builder.lower(inner, x) for inner in layer.inner_layers())
    graph, shape = builder.graph, builder.graph.shape_of(a)
    first, second = graph.name_of(a), graph.name_of(b)
    if layer.return_sequences:
        second = graph.flip(second)
    if layer.merge_mode == "concat":
        width = sum(graph.shape_of(v)[-1] or 0 for v in (a, b))
        return graph.add(graph.node("Concat", first, second, axis=-1), (*shape[:-1], width))
    y = graph.node("Mul" if layer.merge_mode == "mul" else "Add", first, second)
    return graph.add(graph.node("Mul", y, 0.5) if layer.merge_mode == "ave" else y, shape)


def _lookup(builder: OnnxBuilder, layer: Any, x: int) -> int:
    graph, shape = builder.graph, builder.graph.shape_of(x)
    tokens, start = layer.get_vocabulary(include_special_tokens=False), layer._token_start
    if not tokens:
        graph.refuse("it has no vocabulary yet")
    if layer.invert or layer.num_oov_indices == 0 or layer.oov_method != "floormod":
        graph.refuse("with `invert`, `num_oov_indices` 0 or an `oov_method` that hashes")
    keys, values = list(tokens), list(range(start, start + len(tokens)))
    if layer.mask_token is not None:  # no index, but in mode "int"
        keys.append(layer.mask_token)
        values.append(0 if layer.output_mode == "int" else -1)
    given, absent = graph.cast(graph.name_of(x), "int64"), -2
    ids = graph.node(
        "LabelEncoder", given, domain="ai.onnx.ml", keys_int64s=keys, values_int64s=values,
        default_int64=absent,
    )  # fmt: skip
    bucket = graph.node("Add", graph.node("Mod", given, layer.num_oov_indices), layer._oov_start)
    ids = graph.node("Where", graph.node("Equal", ids, absent), bucket, ids)
    if layer.output_mode == "int":
        return graph.add(graph.cast(ids, graph.dtype), shape)
    out = layer.compute_output_shape(shape)
    tallied = layer.output_mode != "one_hot"
    if not tallied and len(out) == len(shape):  # of a last axis of 1
        ids = graph.node("Squeeze", ids, [-1])
    rows = graph.node("Equal", graph.node("Unsqueeze", ids, [-1]), np.arange(layer.depth))
    y = graph.cast(rows, graph.dtype)
    if tallied:
        y = graph.node("ReduceSum", y, [-2], keepdims=0)
    if layer.output_mode == "multi_hot":
        y = graph.node("Min", y, 1.0)
    if layer.output_mode == "tf_idf":
        y = graph.node("Mul", y, graph.constant(layer.idf_weights, "idf_weights"))
    return graph.add(y, out)


_TABLE: dict[type, Any] = {
    L.Activation: _activation,
    L.Bidirectional: _bidirectional,
    L.IntegerLookup: _lookup,
    # of what runs in Python because a layer inside does
    Sequential: _as_engine,
    L.TimeDistributed: _as_engine,
}
