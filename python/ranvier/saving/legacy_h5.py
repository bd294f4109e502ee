"""Models and weights in Keras' old HDF5 layout (`.h5`), which Keras 2 and 3 write and read."""

from __future__ import annotations

import io
import json
import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._loading import loading
from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.saving import archive, optimizer_state, state, weights_h5
from ranvier.variables import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ranvier.variables import Variable

# What Keras 2 wrote in configs that Keras 3 does not know, and that changes nothing here.
_GONE = (
    "implementation", "time_major", "ragged", "sparse", "input_length", "is_legacy_optimizer",
    "jit_compile", "fn",
)  # fmt: skip
_MODELS = ("Sequential", "Functional", "Model")
_OF_KERNEL = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")


# -- configs of Keras 2 ------------------------------------------------------------------------


def modern(config: Any) -> Any:
    """A config of Keras 2 as Keras 3 would write it."""
    if isinstance(config, list):
        return [modern(item) for item in config]
    if not isinstance(config, dict):
        return config
    inner = config.get("config")
    if "class_name" not in config or not isinstance(inner, (dict, list)):
        return {key: modern(value) for key, value in config.items()}
    name = str(config["class_name"]).removeprefix("Custom>")
    if isinstance(inner, list):  # a Sequential before Keras 2.3
        inner = {"layers": inner}
    if name in ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"):
        return inner.get("fn", inner.get("name"))
    gone = (*_GONE, *_OF_KERNEL) if name.startswith("Separable") else _GONE
    own = {key: modern(value) for key, value in inner.items() if key not in gone}
    if name == "InputLayer" and "batch_input_shape" in own:
        own["batch_shape"] = own.pop("batch_input_shape")
    if own.get("reduction") == "auto":
        own["reduction"] = "sum_over_batch_size"
    if "lr" in own:
        own["learning_rate"] = own.pop("lr")
    if not own.get("decay", True):
        del own["decay"]
    axis = own.get("axis")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        own["axis"] = axis[0]
    return {**config, "class_name": name, "config": own}


def from_json(text: Any, version: str) -> Any:
    """A config from its JSON text."""
    config = archive.parse_config(text)
    return _with_module(config if _is_modern(version) else modern(config))


def _with_module(config: Any) -> Any:
    """Models are found by their module, which they have in the newer layout alone."""
    if not isinstance(config, dict) or config.get("class_name") not in _MODELS:
        return config
    inner = config.get("config")
    if isinstance(inner, dict) and isinstance(inner.get("layers"), list):
        inner = {**inner, "layers": [_with_module(layer) for layer in inner["layers"]]}
    return {"module": "keras", **config, "config": inner}


def _is_modern(version: str) -> bool:
    return version.split(".")[0] not in ("1", "2")


# -- reading -----------------------------------------------------------------------------------


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import h5py

    # through Python's file object HDF5 can open no other file
    with io.BufferedReader(io.FileIO(path)) as source, h5py.File(source, "r") as file:
        yield file


def _text(group: Any, key: str) -> str | None:
    value = group.attrs.get(key)
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode()
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key!r} must be a text; got {type(value).__name__}")
    return value


def _names(group: Any, key: str) -> list[str]:
    """A list of names, which Keras cuts into several attributes if it is long."""
    found = [group.attrs[key]] if key in group.attrs else []
    while not found or f"{key}{len(found)}" in group.attrs:
        if f"{key}{len(found)}" not in group.attrs:
            raise ValueError(f"{group.name} has no {key!r}")
        found.append(group.attrs[f"{key}{len(found)}"])
    return [n.decode() if isinstance(n, bytes) else str(n) for part in found for n in part]


def _inside(group: Any, path: str) -> Any:
    """What lies at a path below a group, reached by no link to elsewhere."""
    *folders, last = path.split("/")
    for name in folders:
        weights_h5.check_link(group, name)
        group = group[name]
    return weights_h5.dataset(group, last)


def _folder(file: Any, name: str) -> Any:
    weights_h5.check_link(file, name)
    return file[name]


def load_model(path: str, custom_objects: Mapping[str, Any] | None, compile: Any) -> Any:
    """The model in a file; `compile(model, settings)` or None."""
    with _opened(path) as file:
        version = _text(file, "keras_version") or "1"
        text = _text(file, "model_config")
        if text is None:
            raise ValueError("it holds no model; weights alone are read by `load_weights`")
        config = from_json(text, version)
        with loading(os.path.getsize(path)):
            model = deserialize_keras_object(config, custom_objects)
        if not hasattr(model, "compile_from_config"):
            raise ValueError(f"expected a model; got {type(model).__name__}")
        ready = _read(model, _folder(file, "model_weights"))
        training = _text(file, "training_config") if compile else None
        if training is not None:
            compile(model, _settings(from_json(training, version)))
        optimizer = _optimizer(model, file, version) if training is not None else None
        _assign(ready)
        if optimizer is not None:
            optimizer.set()
    return model


def load_weights(model: Any, path: str, skip_mismatch: bool) -> None:
    """Puts the weights of a file into a model; none if one of them does not fit."""
    with _opened(path) as file:
        group = file if "layer_names" in file.attrs else _folder(file, "model_weights")
        _assign(_read(model, group, skip_mismatch))


def _weights(layer: Any) -> list[Variable]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _read(model: Any, group: Any, skip_mismatch: bool = False) -> list[tuple[Variable, Any]]:
    """Variables and what they become, layer by layer in order."""
    layers = [layer for layer in model.layers if _weights(layer)]
    stored = [(name, _folder(group, name)) for name in _names(group, "layer_names")]
    stored = [(name, g) for name, g in stored if _names(g, "weight_names")]
    if len(layers) != len(stored):
        raise ValueError(f"{model.label} has {len(layers)} layers with weights; "
                         f"the file has {len(stored)}")  # fmt: skip
    ready: list[tuple[Variable, Any]] = []
    failed = []
    for layer, (name, own) in zip(layers, stored, strict=True):
        variables, paths = _weights(layer), _names(own, "weight_names")
        label = f"{layer.label} ({name} in the file)"
        try:
            if len(variables) != len(paths):
                raise ValueError(f"{label} has {len(variables)} weights; the file has {len(paths)}")
            ready += [
                (v, weights_h5.values(f"{label}, {v.name}", _inside(own, p), v.shape))
                for v, p in zip(variables, paths, strict=True)
            ]
        except ValueError as error:
            failed.append(str(error))
    if failed and not skip_mismatch:
        raise ValueError("; ".join(failed[:5]))
    if failed:
        warnings.warn(f"skipped: {'; '.join(failed)}", UserWarning, stacklevel=5)
    return ready


def _assign(ready: list[tuple[Variable, Any]]) -> None:
    for variable, value in ready:
        variable.assign(value)
    layout.epoch += 1


def _settings(training: Any) -> dict[str, Any]:
    """What `compile_from_config` takes, from a training config."""
    if not isinstance(training, dict):
        raise ValueError(f"the training config must be a dictionary; got {training!r}")
    keys = ("loss", "loss_weights", "metrics", "weighted_metrics")
    settings = {key: training.get(key) for key in keys}
    for key in ("metrics", "weighted_metrics"):
        given = settings[key]
        if isinstance(given, list) and len(given) == 1 and isinstance(given[0], list):
            settings[key] = given[0]  # a list for each output, of which there is one
    return {"optimizer": training.get("optimizer_config"), **settings}


def _optimizer(model: Any, file: Any, version: str) -> optimizer_state.Loader | None:
    if "optimizer_weights" not in file:
        return None
    if not _is_modern(version):
        warnings.warn("the state of Keras 2's optimizers is not loaded: training begins with a "
                      "new one", UserWarning, stacklevel=5)  # fmt: skip
        return None
    group = _folder(file, "optimizer_weights")
    arrays = {str(i): _inside(group, p) for i, p in enumerate(_names(group, "weight_names"))}
    label = f"optimizer '{model.optimizer.name}'"
    return optimizer_state.Loader(model, arrays, lambda d, s: weights_h5.values(label, d, s))


# -- writing -----------------------------------------------------------------------------------


def dump(model: Any, include_optimizer: bool) -> bytes:
    """The model as a file."""
    import h5py

    for _, layer in state.walk(model):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        if len(store) > len(layer.weights):
            raise ValueError(f"{layer.label} keeps other numbers than weights, which `.h5` files "
                             "do not have: save the model as `.keras`")  # fmt: skip
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = archive.KERAS_VERSION
        file.attrs["backend"] = "numpy"
        file.attrs["model_config"] = json.dumps(_plain(serialize_keras_object(model)))
        if include_optimizer and model._compiled:
            file.attrs["training_config"] = json.dumps(_training(model))
        group = file.create_group("model_weights")
        group.attrs["keras_version"] = archive.KERAS_VERSION
        group.attrs["backend"] = "numpy"
        _list(group, "layer_names", [layer.name for layer in model.layers])
        for layer in model.layers:
            weights = _weights(layer)
            _arrays(group.create_group(layer.name), [(v.path, v.numpy()) for v in weights])
        _arrays(group.create_group("top_level_model_weights"), [])
        if include_optimizer and model.optimizer is not None:
            arrays = optimizer_state.save(model.optimizer, model.trainable_weights)
            _arrays(file.create_group("optimizer_weights"), list(arrays.items()))
    return buffer.getvalue()


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """Models and their layers are named in the old way, without modules."""
    inner = config["config"]
    if "layers" in inner:
        inner = {**inner, "layers": [_plain(layer) for layer in inner["layers"]]}
    return {"class_name": config["class_name"], "config": inner}


def _training(model: Any) -> dict[str, Any]:
    settings = model.get_compile_config()
    return {"optimizer_config": settings.pop("optimizer"), **settings}


def _arrays(group: Any, arrays: list[tuple[str, Any]]) -> None:
    # two weights may have one path where layers share a name
    taken: dict[str, int] = {}
    names = []
    for path, array in arrays:
        n = taken[path] = taken.get(path, -1) + 1
        names.append(f"{path}_{n}" if n else path)
        group[names[-1]] = array
    _list(group, "weight_names", names)


def _list(group: Any, key: str, names: list[str]) -> None:
    import h5py

    # strings of any length lie outside the attribute, whose own size is limited
    group.attrs.create(key, names, (len(names),), h5py.string_dtype())
