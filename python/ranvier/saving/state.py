"""A model's arrays by the paths that Keras gives them, collected and put back."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier._serialize import snake
from ranvier.saving import optimizer_state, weights_h5
from ranvier.variables import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ranvier.saving.weights_h5 import Stored

# Beside a layer's arrays: where the random numbers of dropout and its like come from, so that
# training goes on as it would have.
_SEED, _STREAM = "ranvier_seed", "ranvier_stream"


class Entry(NamedTuple):
    """What a file holds of one object."""

    path: str
    name: str
    store: dict[str, Any]
    notes: dict[str, int]


def walk(layer: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The layer and all those inside, each with its path: `layers/dense_1`, `layers/lstm/cell`."""
    yield path, layer
    for attribute, part in layer.saved_parts():
        at = f"{path}/{attribute}" if path else attribute
        if not isinstance(part, list):
            yield from walk(part, at)
            continue
        used: dict[str, int] = {}
        for inner in part:
            # by class and order: names differ between two models made by the same code
            name = snake(type(inner).__name__)
            count = used[name] = used.get(name, -1) + 1
            yield from walk(inner, f"{at}/{name}_{count}" if count else f"{at}/{name}")


def collect(model: Any, with_optimizer: bool = True) -> list[Entry]:
    """All that a weights file holds of a model (views, not copies)."""
    entries = []
    for path, layer in walk(model):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        seed = _seed_of(layer)
        notes = {} if seed is None else {_SEED: getattr(layer, seed)}
        if layer is model and model._stream_now:
            notes[_STREAM] = model._stream_now
        entries.append(Entry(path, layer.name, store, notes))
    optimizer = model.optimizer
    if optimizer is not None and with_optimizer:
        state = optimizer_state.save(optimizer, model.trainable_weights)
        entries.append(Entry("optimizer", optimizer.name, state, {}))
        for folder, name, part in optimizer_state.inner(optimizer, model.trainable_weights):
            entries.append(Entry(f"optimizer/{folder}", name, part, {}))
    return entries


def _seed_of(layer: Any) -> str | None:
    """The attribute that holds the seed of a layer's random numbers, if that was drawn."""
    if getattr(layer, "seed", None) is not None:
        return None
    return next((a for a in ("stream_seed", "_stream_seed") if a in vars(layer)), None)


def load_assets(model: Any, assets: Mapping[str, bytes]) -> None:
    """Gives each layer its files: vocabularies that `adapt` learned in Keras."""
    for path, layer in walk(model):
        start = f"assets/{path}/"
        own = {n.removeprefix(start): data for n, data in assets.items() if n.startswith(start)}
        if own:
            layer.load_assets(own)


def load(model: Any, stored: Stored, skip_mismatch: bool = False) -> None:
    """Puts a file's arrays into a model. All are checked before the first is written.

    Raises:
        ValueError: arrays that are missing, or of another number or shape.
    """
    ready: list[tuple[Any, dict[str, Any]]] = []
    failed: list[str] = []
    for path, layer in walk(model):
        try:
            ready.append((layer, _read(layer, stored.arrays(path))))
        except ValueError as error:
            failed.append(str(error))
    state = None
    if model.optimizer is not None:
        try:
            state = _optimizer(model, stored)
        except ValueError as error:
            failed.append(str(error))
    if failed and not skip_mismatch:
        raise ValueError(
            "; ".join(failed[:5]) + (f"; and {len(failed) - 5} more" * (len(failed) > 5))
        )
    if failed:
        warnings.warn(f"skipped: {'; '.join(failed)}", UserWarning, stacklevel=5)
    seeds = _seeds(model, stored)
    assign(ready, state)
    for layer, attribute, seed in seeds:
        setattr(layer, attribute, seed)
    layout.epoch += 1


def _read(layer: Any, arrays: dict[str, Any]) -> dict[str, Any]:
    """A layer's arrays, of the shapes that it has."""
    want: dict[str, Any] = {}
    layer.save_own_variables(want)
    if set(want) != set(arrays):
        hint = "" if layer.built else " (its weights do not exist yet)"
        raise ValueError(
            f"{layer.label} has {len(want)} arrays{hint}; the file has {len(arrays)} for it"
        )
    return {
        key: weights_h5.values(f"{layer.label}, array {key}", arrays[key], _shape(value))
        for key, value in want.items()
    }


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _optimizer(model: Any, stored: Stored) -> Any:
    arrays = stored.arrays("optimizer")
    if not arrays:
        return None
    label = f"optimizer '{model.optimizer.name}'"
    return optimizer_state.loader(
        model, arrays, lambda dataset, shape: weights_h5.values(label, dataset, shape)
    )


def _seeds(model: Any, stored: Stored) -> list[tuple[Any, str, int]]:
    found: list[tuple[Any, str, int]] = []
    for path, layer in walk(model):
        attribute = _seed_of(layer)
        seed = None if attribute is None else stored.note(path, _SEED)
        if attribute is not None and seed is not None:
            found.append((layer, attribute, seed))
    stream = stored.note("", _STREAM)
    if stream is not None:
        found.append((model, "_stream_now", stream))
    return found


def assign(
    ready: list[tuple[Any, dict[str, Any]]],
    optimizer: Any = None,
) -> None:
    """Writes what was read; if a layer of somebody's own refuses it, all is as it was."""
    before = []
    for layer, _ in ready:
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        before.append((layer, {key: np.array(value) for key, value in store.items()}))
    try:
        for layer, arrays in ready:
            layer.load_own_variables(arrays)
        if optimizer is not None:
            optimizer.set()
    except BaseException:
        for layer, arrays in before:
            layer.load_own_variables(arrays)
        raise
