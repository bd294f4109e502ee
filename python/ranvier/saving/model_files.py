"""Models and their weights as files."""

from __future__ import annotations

import functools
import os
import warnings
from typing import TYPE_CHECKING, Any

from ranvier._custom_objects import custom_object_scope
from ranvier._loading import loading
from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.saving._files import path_of, reading, refuse_existing, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ranvier.models import Sequential

_LEGACY = (".h5", ".hdf5")


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    *,
    include_optimizer: bool = True,
) -> None:
    """Writes a model into a file: layers, weights, compile settings, optimizer state.

    Real Keras opens it. The file is written beside its place and put there when it is complete.

    Args:
        model: a model.
        filepath: ends in `.keras`, or in `.h5` or `.hdf5` for Keras' older layout.
        overwrite: False refuses to replace a file. Default True.
        zipped: None or True; Keras' directory (False) could not be replaced at once.
        include_optimizer: False leaves compile settings and optimizer state out.

    Raises:
        ValueError: another ending, or something in the model that has no config, as a lambda.
        FileExistsError: the file exists and `overwrite` is False.

    >>> import tempfile, numpy as np, ranvier
    >>> model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.keras")
    ...     again = ranvier.saving.load_model(f"{folder}/model.keras")
    >>> bool((again(np.ones((1, 3))) == model(np.ones((1, 3)))).all())
    True
    """
    from ranvier.saving import archive, legacy_h5, state, weights_h5

    path = path_of(filepath)
    if zipped is False:
        raise ValueError(f"{path}: `zipped=False` is not in ranvier: a directory cannot be "
                         "replaced at one moment; save a `.keras` file")  # fmt: skip
    _check_model_ending(path)
    _check_model(model)
    refuse_existing(path, overwrite)
    if path.endswith(_LEGACY):
        _check_built(model, "saved")
        contents = legacy_h5.dump(model, include_optimizer)
        with replacing(path) as file:
            file.write(contents)
        return
    if not model.built:
        warnings.warn(
            f"{model.label} is saved without weights: they do not exist yet",
            UserWarning,
            stacklevel=3,
        )
    config = serialize_keras_object(model)
    if not include_optimizer:
        config.pop("compile_config", None)
    weights = weights_h5.dump(state.collect(model, include_optimizer))
    with replacing(path) as file:
        archive.write(file, config, weights)


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Sequential:
    """Reads a model from a file that ranvier or Keras wrote: `.keras` (or its directory), `.h5`.

    No code in the file is ever run: names stand for ranvier's classes, those registered and those
    in `custom_objects`, and nothing else.

    Args:
        filepath: of the file.
        custom_objects: classes and functions of your own by name.
        compile: False leaves compile settings and optimizer state out. Default True.
        safe_mode: of Keras; lambdas are refused with either value.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, no model, or has something that ranvier lacks: the error
            names it.
    """
    import io

    from ranvier.saving import archive, legacy_h5, state, weights_h5

    path = _existing(filepath)
    if not os.path.isdir(path):
        _check_model_ending(path)
    with reading(path):
        if path.endswith(_LEGACY):
            compiled = functools.partial(_compile, custom_objects=custom_objects)
            return legacy_h5.load_model(path, custom_objects, compiled if compile else None)
        stored = archive.read(path)
        settings = stored.config.pop("compile_config", None)
        with loading(len(stored.weights)):
            model = deserialize_keras_object(stored.config, custom_objects)
        _check_model(model)
        if compile and settings:
            _compile(model, settings, custom_objects)
        state.load_assets(model, stored.assets)
        with weights_h5.opened(io.BytesIO(stored.weights)) as weights:
            state.load(model, weights)
    return model


def save_weights(
    model: Any, filepath: Any, overwrite: bool = True, max_shard_size: Any = None
) -> None:
    """Writes weights and optimizer state into a file that `load_weights` (or Keras') reads.

    Args:
        model: a model whose weights exist.
        filepath: ends in `.weights.h5`, or in `.safetensors` (weights only; needs safetensors).
        overwrite: False refuses to replace a file. Default True.
        max_shard_size: of Keras; only None.

    Raises:
        ValueError: another ending, or no weights yet.
        FileExistsError: the file exists and `overwrite` is False.
    """
    from ranvier.saving import safetensors_files, state, weights_h5

    path = path_of(filepath)
    if max_shard_size is not None or path.endswith(".weights.json"):
        raise ValueError(f"{path}: weights in several files (`max_shard_size`) are not in ranvier")
    if not path.endswith((".weights.h5", ".safetensors")):
        raise ValueError(f"{path}: the name must end in `.weights.h5` (or `.safetensors`)")
    _check_built(model, "saved")
    refuse_existing(path, overwrite)
    if path.endswith(".safetensors"):
        contents = safetensors_files.dump(model)
    else:
        contents = weights_h5.dump(state.collect(model))
    with replacing(path) as file:
        file.write(contents)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Reads a model's weights, and its optimizer's state if it is compiled.

    An error leaves the model as it was.

    Args:
        model: a model whose weights exist, of the layers that the file was saved from.
        filepath: a `.weights.h5`, `.keras` or `.safetensors` file, or one of Keras' older `.h5`.
        skip_mismatch: True leaves layers out whose arrays do not fit, with a warning.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or its arrays are not those of the model's layers.
    """
    import io

    from ranvier.saving import archive, legacy_h5, safetensors_files, state, weights_h5

    path = path_of(filepath)
    _check_weights_arguments(path, kwargs)
    _check_built(model, "loaded")
    path = _existing(path)
    with reading(path):
        if path.endswith(".safetensors"):
            return safetensors_files.load(model, path, skip_mismatch)
        if path.endswith(_LEGACY) and not path.endswith(".weights.h5"):
            return legacy_h5.load_weights(model, path, skip_mismatch)
        if path.endswith(".keras"):
            source: Any = io.BytesIO(archive.weights_of(path))
        else:
            source = io.BufferedReader(io.FileIO(path))
        with source, weights_h5.opened(source) as weights:
            state.load(model, weights, skip_mismatch)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `to_json()` (ranvier's or Keras') described, with new weights.

    Raises:
        ValueError: no JSON of a model, or something in it that ranvier lacks.

    >>> import ranvier
    >>> model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    >>> ranvier.models.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    from ranvier.saving import archive, legacy_h5

    if not isinstance(json_string, (str, bytes)):
        raise TypeError(f"model_from_json: `json_string` must be a string; got {json_string!r}")
    config = archive.parse_config(json_string)
    if isinstance(config, dict) and str(config.get("keras_version"))[:2] in ("1.", "2."):
        config = legacy_h5.modern(config)
    model = deserialize_keras_object(config, custom_objects)
    _check_model(model)
    return model


def _compile(model: Any, settings: Any, custom_objects: Mapping[str, Any] | None) -> None:
    try:
        with custom_object_scope(custom_objects):
            model.compile_from_config(settings)
    except Exception as error:
        raise ValueError(
            f"the compile settings: {error} (`compile=False` loads the model without them)"
        ) from error


def _check_model(model: Any) -> None:
    if not hasattr(model, "compile_from_config"):
        raise ValueError(f"expected a model; got {type(model).__name__}")


def _check_built(model: Any, done: str) -> None:
    _check_model(model)
    if not model.built:
        raise ValueError(
            f"{model.label}: weights cannot be {done} before they exist; give the first layer an "
            "Input, or call build(input_shape)"
        )


def _existing(filepath: Any) -> str:
    path = path_of(filepath)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    return path


def _check_model_ending(path: str) -> None:
    if path.endswith(".weights.h5") or not path.endswith((".keras", *_LEGACY)):
        raise ValueError(f"{path}: the name of a model's file must end in `.keras` (or `.h5`)")


def _check_weights_arguments(path: str, kwargs: dict[str, Any]) -> None:
    for argument in ("by_name", "objects_to_skip"):
        if kwargs.pop(argument, None):
            raise ValueError(f"{path}: `{argument}` is not in ranvier; weights go by structure")
    if kwargs:
        raise TypeError(f"load_weights: unknown argument `{next(iter(kwargs))}`")
    if not path.endswith((".keras", ".safetensors", *_LEGACY)):
        raise ValueError(
            f"{path}: the name must end in `.weights.h5`, `.keras`, `.safetensors` or `.h5`"
        )
