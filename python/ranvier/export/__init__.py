"""Models as ONNX files, for runtimes without Python or ranvier.

Layers of the engine `lower` themselves into a graph that writes ONNX; the others have converters.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import activations
from ranvier import layers as L
from ranvier._extras import need
from ranvier._messages import say
from ranvier.export import _prepare
from ranvier.export._graph import OnnxGraph
from ranvier.export._writer import glu, sparsemax
from ranvier.layers._pixels import RandomPixelLayer
from ranvier.models.lowering import Builder
from ranvier.models.sequential import Sequential

if TYPE_CHECKING:
    from ranvier.layers.layer import Layer

# The default is old enough for every runtime of today; these are what the tests run.
_OPSETS = range(18, 22)

__all__ = ["export_model"]


def export_model(
    model: Any,
    filepath: Any,
    format: str = "onnx",
    verbose: bool | None = None,
    input_signature: Any = None,
    opset_version: int | None = None,
    **kwargs: Any,
) -> None:
    """Writes what a model predicts as an ONNX file, which needs no ranvier to run.

    Args:
        model: a built `Sequential`.
        filepath: of the file; it is replaced at once, as in `save`.
        format: "onnx"; of Keras' formats ranvier has this one.
        verbose: False prints nothing.
        input_signature: an `Input`, or anything with `shape` (batch axis first), `dtype` and
            `name`, or a list of one: fixes extents that vary, takes integers. Default: the model's.
        opset_version: 18 (default) to 21.

    Raises:
        ValueError: another format, a model without weights, a signature that does not fit, a layer
            that cannot be exported. Nothing is written then.
        TypeError: no Sequential; unknown arguments.
        ImportError: the package onnx is not installed.

    What is exported and how: docs/export.md.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"export_model: `model` must be a Sequential; got {model!r}")
    if format != "onnx":
        raise ValueError(
            f"{model.label}: ranvier writes ONNX only (converters to other formats read it): "
            f"`format` must be 'onnx'; got {format!r}"
        )
    for unknown in kwargs:
        raise TypeError(f"{model.label}: export() has no argument `{unknown}` for format 'onnx'")
    opset = _OPSETS[0] if opset_version is None else opset_version
    if isinstance(opset, bool) or opset not in _OPSETS:
        raise ValueError(
            f"{model.label}: `opset_version` must lie in {_OPSETS[0]}..{_OPSETS[-1]}; "
            f"got {opset_version!r}"
        )
    need("onnx", "onnx", "export needs")
    from ranvier.saving._files import path_of, replacing

    path = path_of(filepath)
    content = _converted(model, input_signature, int(opset)).SerializeToString()
    with replacing(path) as file:
        file.write(content)
    if verbose is None or verbose:
        say(f"Saved artifact at '{path}'.")


def _converted(model: Sequential, signature: Any, opset: int) -> Any:
    """The model as a protocol buffer, checked."""
    import onnx

    model.network()  # says what is missing
    shape, dtype, name = _input_of(model, signature)
    builder = OnnxBuilder(shape, model.dtype, name)
    graph = builder.graph
    graph.root = f"{model.name}/"
    given = graph.info(name, _named(shape, name), dtype)
    if dtype != model.dtype:
        builder.x = graph.add(graph.cast(name), shape)
    x = builder.x
    for layer in model.layers:
        x = builder.add(layer, x)
    result = model.layers[-1].name if model.layers else "output"
    result += "_output" if result == name else ""
    last, extents = graph[x]
    made = graph.info(result, _named(extents, result))
    proto = graph.finish(model.name, given, made, last, opset)
    onnx.checker.check_model(proto)
    return proto


def _named(shape: tuple[int | None, ...], name: str) -> list[int | str]:
    """The shape with names for extents that vary: the batch's is the same everywhere."""
    return [
        n if n is not None else f"{name}_axis_{i}" if i else "batch" for i, n in enumerate(shape)
    ]


def _input_of(model: Sequential, signature: Any) -> tuple[tuple[int | None, ...], str, str]:
    """(shape with the batch axis, dtype, name) of the input."""
    own = model._input
    shape = tuple(model.input_shape or ())
    dtype = model.dtype if own is None else str(own._told_dtype)
    name = "input" if own is None else own.name
    if model._rows_of_states() is not None:  # the states come with each batch: so may its size
        shape = (None, *shape[1:])
    if signature is None:
        return shape, dtype, name
    one = (
        signature[0] if isinstance(signature, (list, tuple)) and len(signature) == 1 else signature
    )
    given = getattr(one, "batch_shape", None) or getattr(one, "shape", None)
    try:
        sizes = tuple(None if n is None else int(n) for n in given)  # type: ignore[union-attr]
        kind = np.dtype(getattr(one, "_told_dtype", None) or getattr(one, "dtype", None) or dtype)
    except (TypeError, ValueError):
        raise TypeError(
            f"{model.label}: `input_signature` must be an Input, or one thing with `shape` and a "
            f"`dtype` of numbers; got {signature!r}"
        ) from None
    if len(sizes) != len(shape) or any(
        a is not None and b is not None and a != b for a, b in zip(sizes, shape, strict=True)
    ):
        raise ValueError(
            f"{model.label}: `input_signature` must fit the model's input {shape}; got {sizes}"
        )
    if kind.kind not in "fiu":
        raise ValueError(f"{model.label}: `input_signature` must be of numbers; got {kind}")
    merged = tuple(b if a is None else a for a, b in zip(sizes, shape, strict=True))
    return merged, kind.name, getattr(one, "name", None) or name


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
    if (
        x in builder.masks
        and layer.supports_masking
        and type(layer).compute_mask is not L.Layer.compute_mask
    ):
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
        y = glu(graph, name)
    elif function is activations.sparsemax and shape[-1] is not None:
        y = sparsemax(graph, name, shape[-1])
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
    graph, n = builder.graph, builder.graph.node
    name, shape = graph[x]
    keys, start = layer.get_vocabulary(include_special_tokens=False), layer._token_start
    if not keys:
        graph.refuse("it has no vocabulary yet")
    many = layer.num_oov_indices
    if layer.invert or many == 0:
        graph.refuse("with `invert` or `num_oov_indices` 0")
    values = list(range(start, start + len(keys)))
    if layer.mask_token is not None:  # no index, but in mode "int"
        keys.append(layer.mask_token)
        values.append(0 if layer.output_mode == "int" else -1)
    tokens, absent = graph.cast(name, "int64"), -2
    ids = n("LabelEncoder", tokens, domain="ai.onnx.ml", keys_int64s=keys, values_int64s=values,
            default_int64=absent)  # fmt: skip
    if layer.oov_method == "floormod":
        bucket = n("Mod", tokens, many)
    else:
        bucket = _prepare.hashed(graph, tokens, many, layer.salt)
    ids = n("Where", n("Equal", ids, absent), n("Add", bucket, layer._oov_start), ids)
    return _encoded(builder, layer, ids, shape)


def _encoded(builder: OnnxBuilder, layer: Any, ids: str, shape: Any) -> int:
    """What `output_mode` makes of indices; those below 0 are of nothing."""
    graph, n, mode = builder.graph, builder.graph.node, layer.output_mode
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


def _category(builder: OnnxBuilder, layer: Any, x: int) -> int:
    name, shape = builder.graph[x]
    return _encoded(builder, layer, builder.graph.cast(name, "int64"), shape)


def _bins(builder: OnnxBuilder, layer: Any, x: int) -> int:
    graph, (name, shape) = builder.graph, builder.graph[x]
    bounds = np.array(layer.bin_boundaries, float)
    above = graph.node("GreaterOrEqual", graph.node("Unsqueeze", name, [-1]), bounds)
    ids = graph.node("ReduceSum", graph.cast(above, "int64"), [-1], keepdims=0)
    return _encoded(builder, layer, ids, shape)


def _hashing(builder: OnnxBuilder, layer: Any, x: int) -> int:
    graph, n, masked = builder.graph, builder.graph.node, layer.mask_value
    name, shape = graph[x]
    masks = masked is not None and layer.depth > 1
    ids = _prepare.hashed(graph, graph.cast(name, "int64"), layer.depth - masks, layer.salt)
    if masks:
        ids = n("Add", ids, 1)
        if not isinstance(masked, str) and float(np.array(masked, graph.dtype)) == masked:
            ids = n("Where", n("Equal", name, float(masked)), 0, ids)
    return _encoded(builder, layer, ids, shape)


def _in_training_only(builder: OnnxBuilder, layer: Any, x: int) -> int:
    return x


def _einsum(builder: OnnxBuilder, layer: Any, x: int) -> int:
    if layer.is_native:
        return _as_engine(builder, layer, x)
    graph, axes = builder.graph, layer._axes
    name, shape = graph[x]
    equation = f"{axes.x},{axes.kernel}->{axes.y}"
    y = graph.node("Einsum", name, layer.kernel.value, equation=equation)
    y = y if layer.bias is None else graph.node("Add", y, layer.bias.value)
    made = graph.add(y, layer.compute_output_shape(shape))
    return builder.activation(layer.label, layer.activation, made)


def _inner(builder: OnnxBuilder, layer: Any, x: int) -> int:
    return builder.lower(layer.layer, x)


_TABLE: dict[type, Any] = {
    L.Activation: _activation,
    L.Bidirectional: _bidirectional,
    L.IntegerLookup: _lookup,
    L.EinsumDense: _einsum,
    L.SpectralNormalization: _inner,
    L.CategoryEncoding: _category,
    L.Hashing: _hashing,
    L.Discretization: _bins,
    RandomPixelLayer: _in_training_only,
    L.Equalization: _in_training_only,
    L.AutoContrast: _prepare.contrast,
    L.STFTSpectrogram: _prepare.stft,
    L.MelSpectrogram: _prepare.mel,
    # of what runs in Python because a layer inside does
    Sequential: _as_engine,
    L.TimeDistributed: _as_engine,
    L.Pipeline: _as_engine,
}
