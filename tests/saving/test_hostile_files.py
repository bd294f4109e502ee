"""Files that are damaged, or made to do harm: a ValueError that names the file, and nothing else."""

from __future__ import annotations

import io
import json
import pathlib
import random
import struct
import warnings
import zipfile
from typing import Any

import numpy as np
import pytest

import ranvier

h5py = pytest.importorskip("h5py")
L = ranvier.layers


def model_of() -> Any:
    model = ranvier.Sequential(
        [ranvier.Input((5, 3)), L.LSTM(3), L.BatchNormalization(), L.Dense(2, name="head")]
    )
    model.compile("adam", "mse")
    model.fit(np.ones((4, 5, 3)), np.zeros((4, 2)), verbose=0)
    return model


def repack(path: pathlib.Path, **changes: Any) -> None:
    """The archive with members replaced, added, or (None) left out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members.update({name.replace("__", "."): data for name, data in changes.items()})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


@pytest.fixture
def saved(tmp_path: pathlib.Path) -> pathlib.Path:
    model_of().save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


def edited(path: pathlib.Path, change: Any) -> None:
    """The archive with `change` applied to its config."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    config = change(config) or config
    repack(path, config__json=json.dumps(config))


def refused(path: pathlib.Path, match: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=match) as error:
        ranvier.saving.load_model(path, **options)
    assert str(path) in str(error.value)


def tried(act: Any, path: pathlib.Path) -> bool:
    """Whether `act()` refused the file, which it may do in one way only."""
    try:
        act()
    except ValueError as error:
        if str(path) not in str(error):
            raise
        return True
    return False


# -- damage -------------------------------------------------------------------------------------


def damaged(data: bytes, draw: random.Random) -> bytes:
    broken = bytearray(data)
    kind = draw.random()
    at = draw.randrange(len(broken))
    if kind < 0.2:
        return bytes(broken[:at])
    if kind < 0.4:
        del broken[at : at + draw.randrange(1, 64)]
        return bytes(broken)
    for _ in range(draw.choice([1, 1, 2, 8, 64])):
        broken[draw.randrange(len(broken))] = draw.randrange(256)
    return bytes(broken)


@pytest.mark.parametrize("ending", ["keras", "weights.h5", "safetensors"])
def test_damage_is_a_value_error_and_changes_nothing(ending: str, tmp_path: pathlib.Path) -> None:
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"m.{ending}"
    model = model_of()
    model.save(path) if ending == "keras" else model.save_weights(path)
    whole = path.read_bytes()
    before = model.get_weights()
    slots = [slot.copy() for slot in model.optimizer.slots]
    draw = random.Random(11)
    failures = 0
    for _ in range(400):
        path.write_bytes(damaged(whole, draw))
        if tried(lambda: model.load_weights(path), path):
            failures += 1
        else:  # only numbers were hit: they have no checksum
            model.set_weights(before)
            for own, value in zip(model.optimizer.slots, slots, strict=True):
                own[...] = value
        for one, other in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(one, other)
        for one, other in zip(model.optimizer.slots, slots, strict=True):
            np.testing.assert_array_equal(one, other)
        if ending == "keras" and draw.random() < 0.3:
            tried(lambda: ranvier.saving.load_model(path), path)
    assert failures > 200


def test_not_even_a_zip(tmp_path: pathlib.Path) -> None:
    for content in (b"", b"PK", b"hello", b"\x89HDF\r\n\x1a\n"):
        path = tmp_path / "m.keras"
        path.write_bytes(content)
        refused(path, "m.keras")
        (tmp_path / "m.weights.h5").write_bytes(content)
        with pytest.raises(ValueError, match=r"m\.weights\.h5"):
            model_of().load_weights(tmp_path / "m.weights.h5")


# -- archives -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", "./a"]
)
def test_names_that_lead_outside(name: str, saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(name, "x")
    refused(saved, "outside the model's directory")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.keras"]


def test_links_and_doubles(saved: pathlib.Path) -> None:
    whole = saved.read_bytes()
    link = zipfile.ZipInfo("assets/passwd")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(saved, "is a link")
    saved.write_bytes(whole)
    with zipfile.ZipFile(saved, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("config.json", "{}")
    refused(saved, "two members 'config.json'")


def test_decompression_bombs(saved: pathlib.Path) -> None:
    with (
        zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("assets/bomb", "w") as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    assert saved.stat().st_size < 1 << 20
    refused(saved, "bomb")


def test_a_size_that_is_not_true(saved: pathlib.Path) -> None:
    data = bytearray(saved.read_bytes())
    at = data.index(b"PK\x01\x02")  # of metadata.json, the first in the central directory
    at = data.index(b"PK\x01\x02", at + 1)
    data[at + 24 : at + 28] = struct.pack("<I", 1 << 25)  # config.json declares 32 MB
    saved.write_bytes(data)
    refused(saved, "m.keras")
    data[at + 24 : at + 28] = struct.pack("<I", 1 << 27)
    saved.write_bytes(data)
    refused(saved, "config.json has 134217728 bytes")


@pytest.mark.parametrize("name", ["config__json", "model__weights__h5"])
def test_missing_members(name: str, saved: pathlib.Path) -> None:
    repack(saved, **{name: None})
    refused(saved, f"no {name.replace('__', '.')} in it")


def test_weights_in_npz(saved: pathlib.Path) -> None:
    repack(saved, model__weights__h5=None, model__weights__npz=b"")
    refused(saved, "npz format")


# -- configs ------------------------------------------------------------------------------------


def test_deep_configs(saved: pathlib.Path) -> None:
    for depth in (200, 100_000):
        repack(saved, config__json="[" * depth + "]" * depth)
        refused(saved, "deep|recursion")
        repack(saved, config__json='{"a":' * depth + "1" + "}" * depth)
        refused(saved, "deep|recursion")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b'"model"', b"{}", b'{"config": 3, "class_name": 4}'],
)
def test_no_config(content: bytes, saved: pathlib.Path) -> None:
    repack(saved, config__json=content)
    refused(saved, "m.keras")


def _mutate(value: Any, draw: random.Random, rate: float) -> Any:
    if draw.random() < rate:
        return draw.choice([None, True, -1, 0, 1e308, 10**30, "x", [], {}, [None], {"a": 1}, "Dense",
                            float("nan"), {"class_name": "Dense", "config": {}}])  # fmt: skip
    if isinstance(value, dict):
        return {k: _mutate(v, draw, rate) for k, v in value.items() if draw.random() > rate / 5}
    if isinstance(value, list):
        return [_mutate(v, draw, rate) for v in value]
    return value


def test_configs_of_other_types(saved: pathlib.Path) -> None:
    whole = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        config = json.loads(archive.read("config.json"))
    draw = random.Random(5)
    failures = 0
    for _ in range(300):
        saved.write_bytes(whole)
        repack(saved, config__json=json.dumps(_mutate(config, draw, 0.02)))
        failures += tried(lambda: ranvier.saving.load_model(saved), saved)
    assert failures > 100


def test_sizes_that_the_file_cannot_hold(saved: pathlib.Path) -> None:
    def wide(config: Any) -> None:
        config["config"]["layers"][3]["config"]["units"] = 10**9

    edited(saved, wide)
    refused(saved, r"weight of shape \(3, 1000000000\) is more than the file holds")

    def many(config: Any) -> None:
        layers = config["config"]["layers"]
        layers[0]["config"]["batch_shape"][0] = 10**12
        layers[1]["config"]["stateful"] = True
        layers[3]["config"]["units"] = 2

    edited(saved, many)
    refused(saved, "more than the file holds")


def layer_config(module: str | None, name: str, config: Any = None, **more: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config or {}, **more}


@pytest.mark.parametrize(
    ("layer", "match"),
    [
        (layer_config("keras.layers", "Dens", {"units": 2}), r"Dens'.*Did you mean 'Dense'"),
        (layer_config("os", "system", {"command": "true"}), r"os\.system.*custom_objects"),
        (layer_config("builtins", "eval", {"source": "1"}), "eval"),
        (layer_config("keras.models", "load_model", {"filepath": "x"}), "load_model"),
        (layer_config("keras.layers", "np", {}), "np"),
        (layer_config("keras.random", "draw_seed", {}), "draw_seed"),
        (layer_config(None, "__builtins__", {}), "__builtins__"),
        (layer_config("keras.layers", "Lambda", {"function": {}}), "function` must be a function"),
        (layer_config("keras.layers", "Lambda", {"function": layer_config("builtins", "function", config="exec")}), "exec"),
        (layer_config("keras.layers", "Lambda", {"function": layer_config(None, "__lambda__", {"code": "4wA="})}), "lambda, which is Python code"),
        (layer_config("keras.layers", "Dense", {"units": 2, "activation": layer_config(None, "__lambda__", {"value": "x"})}), "lambda, which is Python code"),
        (layer_config("builtins", "function", {"x": 1}), "name and a dictionary"),
        (layer_config("builtins", "function", config="exec", registered_name="function"), "exec"),
        (layer_config("keras.layers", "Dense", {"units": 2, "wrong": 1}), "wrong"),
        (layer_config("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}), "path"),
        (layer_config("keras.layers", "MultiHeadAttention", {}), "MultiHeadAttention"),
        (layer_config("mine", "Own", {}, registered_name="pack>Own"), "Own.*register"),
        ("Dense", "layer"),
        (None, "layer"),
    ],
)  # fmt: skip
def test_names_stand_for_known_classes_only(layer: Any, match: str, saved: pathlib.Path) -> None:
    edited(saved, lambda config: config["config"]["layers"].append(layer))
    refused(saved, match)
    refused(saved, match, safe_mode=False)


@pytest.mark.parametrize("safe", [True, False])
def test_a_lambda_is_refused_whatever_safe_mode_says(safe: bool) -> None:
    inner = layer_config(None, "__lambda__", {"code": "4wA="})
    config = layer_config("keras.layers", "Lambda", {"function": inner})
    with pytest.raises(ValueError, match="lambda, which is Python code"):
        ranvier.saving.deserialize_keras_object(config, None, safe)


def test_the_whole_must_be_a_model(saved: pathlib.Path) -> None:
    edited(saved, lambda config: layer_config("keras.layers", "Dense", {"units": 2}))
    refused(saved, "expected a model; got Dense")


def test_arrays_in_configs_hold_numbers(saved: pathlib.Path) -> None:
    value = {"class_name": "__numpy__", "config": {"value": [None], "dtype": "object"}}
    edited(saved, lambda c: c["config"]["layers"][3]["config"].update(units=value))
    refused(saved, "m.keras")


# -- weights ------------------------------------------------------------------------------------


def with_weights(saved: pathlib.Path, change: Any) -> pathlib.Path:
    """The archive, and a weights file beside it, with `change` applied to the HDF5 file."""
    with zipfile.ZipFile(saved) as archive:
        buffer = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(buffer, "r+") as file:
        change(file)
    repack(saved, model__weights__h5=buffer.getvalue())
    beside = saved.with_name("m.weights.h5")
    beside.write_bytes(buffer.getvalue())
    return beside


def _replace(name: str, **how: Any) -> Any:
    def change(file: Any) -> None:
        del file[name]
        file.create_dataset(name, **how)

    return change


def _link(name: str, link: Any) -> Any:
    def change(file: Any) -> None:
        del file[name]
        file[name] = link

    return change


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (2,))
    del file[BIAS]
    file.create_virtual_dataset(BIAS, layout)


BIAS = "layers/dense/vars/1"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_replace(BIAS, shape=(10**9, 10**9), dtype="f4", chunks=(1, 1024)), r"shape \(2,\); got \(1000000000, 1000000000\)"),
        (_replace(BIAS, shape=(3,), dtype="f4"), r"head.*shape \(2,\); got \(3,\)"),
        (_replace(BIAS, shape=(2,), dtype="c8"), "numbers; got dtype complex64"),
        (_replace(BIAS, shape=(2,), dtype=h5py.string_dtype()), "numbers; got dtype object"),
        (_replace(BIAS, shape=(2,), dtype=h5py.ref_dtype), "numbers; got dtype object"),
        (_replace(BIAS, shape=(2,), dtype="f4", maxshape=(None,), chunks=(1 << 28,)), "blocks of"),
        (_replace(BIAS, shape=(2,), dtype="f4", external=[("other.bin", 0, 8)]), "other files"),
        (_virtual, "other files"),
        (_link(BIAS, h5py.ExternalLink("other.h5", "/data")), "ExternalLink"),
        (_link(BIAS, h5py.SoftLink("/layers/dense/vars/0")), "SoftLink"),
        (_link("layers/dense", h5py.SoftLink("/layers")), "SoftLink"),
        (_link("layers/dense/vars", np.zeros(3)), "must be a group"),
        (_link("layers/dense", np.zeros(3)), "m."),
        (lambda file: file.__delitem__("layers/dense"), "head.*has 2 arrays; the file has 0"),
        (lambda file: file.create_dataset("layers/dense/vars/2", data=[1.0]), "the file has 3"),
        (lambda file: file.create_group("layers/dense/vars/x"), "must be an array"),
        (_replace("optimizer/vars/4", shape=(1,), dtype="f4"), "optimizer 'adam'.*shape"),
        (_replace("optimizer/vars/0", data=np.float32("nan")), "out of range"),
        (_replace("optimizer/vars/1", data=np.float32(-1)), "out of range"),
    ],
)  # fmt: skip
def test_weights_that_are_not_the_models(change: Any, match: str, saved: pathlib.Path) -> None:
    beside = with_weights(saved, change)
    refused(saved, match)
    model = model_of()
    before = model.get_weights()
    with pytest.raises(ValueError, match=match):
        model.load_weights(beside)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_that_fails_late_leaves_all_as_it_was(tmp_path: pathlib.Path) -> None:
    def made() -> Any:
        return ranvier.Sequential([ranvier.Input((2,)), L.Dense(2), L.Normalization(), L.Dense(1)])

    model, other = made(), made()
    model.layers[1].adapt(np.array([[1.0, 2.0], [3.0, 5.0]]))
    other.layers[1].adapt(np.array([[0.0, 1.0], [7.0, 9.0]]))
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "r+") as file:
        file["layers/normalization/vars/1"][...] = -1.0
    x = np.array([[1.0, 2.0]])
    before = other(x)
    with pytest.raises(ValueError, match=r"m\.weights\.h5: Normalization.*variance"):
        other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other(x), before)


@pytest.mark.parametrize("seed", [[1, 2], 1.5, "x", -1])
def test_notes_of_a_strange_kind(seed: Any, tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.Input((2,)), L.Dropout(0.5), L.Dense(1)])
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5", "r+") as file:
        file["layers/dropout/vars"].attrs["ranvier_seed"] = seed
    with pytest.raises(ValueError, match="ranvier_seed must be"):
        model.load_weights(tmp_path / "m.weights.h5")
