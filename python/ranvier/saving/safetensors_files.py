"""Weights as safetensors: names and arrays, and nothing that could run."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._extras import need
from ranvier.saving import state

if TYPE_CHECKING:
    from collections.abc import Iterator


def named(model: Any) -> Iterator[tuple[str, Any, str, Any]]:
    """(name, layer, key, array) of all arrays: `dense_1.kernel`, `lstm.cell.bias`."""
    for path, layer in state.walk(model):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        names = layer.saved_names or [v.name for v in layer.own_variables()]
        if len(names) != len(store) or len(set(names)) < len(names):
            names = list(store)
        prefix = [part for part in path.split("/") if part not in ("", "layers")]
        for (key, array), name in zip(store.items(), names, strict=True):
            yield ".".join([*prefix, name]), layer, key, np.asarray(array)


def dump(model: Any) -> bytes:
    """The weights as a file."""
    need("safetensors", "safetensors", "safetensors files need")
    from safetensors.numpy import save

    arrays = {name: np.asarray(array, order="C") for name, _, _, array in named(model)}
    return bytes(save(arrays, metadata={"format": "ranvier"}))


def load(model: Any, path: str, skip_mismatch: bool) -> None:
    """Puts a file's arrays into a model, all or (after an error) none."""
    need("safetensors", "safetensors", "safetensors files need")
    from safetensors import safe_open

    ready: dict[int, tuple[Any, dict[str, Any]]] = {}
    failed: dict[int, str] = {}
    with safe_open(path, framework="numpy") as file:
        stored = set(file.keys())
        for name, layer, key, own in named(model):
            arrays = ready.setdefault(id(layer), (layer, {}))[1]
            found = file.get_slice(name) if name in stored else None
            stored.discard(name)
            shape = None if found is None else tuple(found.get_shape())
            if shape != own.shape:
                got = "none" if shape is None else f"one of shape {shape}"
                failed.setdefault(
                    id(layer), f"{layer.label}: expected {name!r} of shape {own.shape}; got {got}"
                )
            elif id(layer) not in failed:
                arrays[key] = file.get_tensor(name)
    if stored:
        failed[0] = f"the model has no weights {sorted(stored)[:5]}"
    if failed and not skip_mismatch:
        raise ValueError("; ".join(failed.values()))
    if failed:
        warnings.warn(f"skipped: {'; '.join(failed.values())}", UserWarning, stacklevel=4)
    state.assign([both for at, both in ready.items() if at not in failed])
