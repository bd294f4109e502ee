"""Models as ONNX files, for runtimes without Python or ranvier."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier._extras import need
from ranvier.models.sequential import Sequential

_FORMATS = ("tf_saved_model", "onnx", "openvino", "litert", "torch")
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
        filepath: of the file; whole at every moment, as in `save`.
        format: "onnx" (Keras' default is "tf_saved_model"; of its formats ranvier has this one).
        verbose: False prints nothing.
        input_signature: None for the model's own input, else an `Input`, or anything with `shape`
            (batch axis first), `dtype` and `name`; or a list of one. It may fix extents that are
            None in the model and say that the input is of integers.
        opset_version: 18 (default) to 21.

    Raises:
        ValueError: another format; a model without weights; a signature that does not fit; a layer
            that cannot be exported, by its name. Nothing is written then.
        TypeError: no Sequential; unknown arguments.
        ImportError: the package onnx is not installed.

    See docs/export.md. Reference: onnx.ai/onnx/operators.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"export_model: `model` must be a Sequential; got {model!r}")
    if format not in _FORMATS:
        raise ValueError(f"{model.label}: `format` must be 'onnx'; got {format!r}")
    if format != "onnx":
        raise ValueError(
            f"{model.label}: ranvier writes ONNX, not '{format}': give format='onnx', which "
            "converters to other formats read"
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
        print(f"Saved artifact at '{path}'.")


def _converted(model: Sequential, signature: Any, opset: int) -> Any:
    """The model as a protocol buffer, checked."""
    import onnx

    from ranvier.export._layers import OnnxBuilder

    model.network()  # says what is missing
    shape, dtype, name = _input_of(model, signature)
    builder = OnnxBuilder(shape, model.dtype, name)
    graph = builder.graph
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
