"""The `.keras` archive: a zip of metadata.json, config.json, model.weights.h5 and assets/."""

from __future__ import annotations

import json
import os
import stat
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"

# The Keras whose layout this is.
KERAS_VERSION = "3.15.0"

# A config is a few KB; one with a vocabulary in it may have many.
_LONGEST_CONFIG = 64 << 20
_DEEPEST_CONFIG = 128
_MOST_MEMBERS = 10_000
# What is unpacked may be so large, or so many times as large as the archive.
_FREE, _EXPANSION = 256 << 20, 100


class Archive(NamedTuple):
    """What a `.keras` file holds."""

    config: Any
    weights: bytes
    assets: dict[str, bytes]


def write(file: IO[bytes], config: dict[str, Any], weights: bytes) -> None:
    """Writes an archive, nothing compressed, as Keras does."""
    import datetime
    import zipfile

    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": now}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights)


def read(path: str) -> Archive:
    """Reads an archive, or the directory that Keras makes with `zipped=False`, into memory.

    Raises:
        ValueError: what is no such archive, damaged, or asks for more than a model needs.
    """
    if os.path.isdir(path):
        return _read_directory(path)
    import zipfile

    with zipfile.ZipFile(path) as archive:
        members = _checked(archive, os.path.getsize(path))
        config = _parse(_bytes(archive, members, CONFIG))
        weights = _bytes(archive, members, WEIGHTS)
        assets = {
            name: archive.read(info)
            for name, info in members.items()
            if name.startswith(ASSETS) and not info.is_dir()
        }
    return Archive(config, weights, assets)


def weights_of(path: str) -> bytes:
    """Only the weights of an archive."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return _bytes(archive, _checked(archive, os.path.getsize(path)), WEIGHTS)


def parse_config(text: str | bytes) -> Any:
    """JSON that is not nested deeper than models are."""
    config = json.loads(text)
    level = [config]
    for _ in range(_DEEPEST_CONFIG):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return config
    raise ValueError(f"the config is nested deeper than {_DEEPEST_CONFIG} levels")


def _inside(item: Any) -> Any:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()


def _parse(text: bytes) -> dict[str, Any]:
    config = parse_config(text)
    if not isinstance(config, dict):
        raise ValueError(f"{CONFIG} must hold a dictionary; got a {type(config).__name__}")
    return config


def _checked(archive: ZipFile, size: int) -> dict[str, ZipInfo]:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise ValueError(f"the archive has {len(members)} members, more than {_MOST_MEMBERS}")
    by_name: dict[str, ZipInfo] = {}
    for info in members:
        _check_name(info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError(f"the archive's member {info.filename!r} is a link")
        if info.compress_type not in (0, 8) or info.flag_bits & 1:
            raise ValueError(f"the archive's member {info.filename!r} is encrypted or packed oddly")
        if info.filename in by_name:
            raise ValueError(f"the archive has two members {info.filename!r}")
        by_name[info.filename] = info
    total = sum(info.file_size for info in members)
    if total > max(_FREE, _EXPANSION * size):
        raise ValueError(
            f"the archive of {size} bytes declares {total} bytes of contents: a decompression bomb"
        )
    return by_name


def _check_name(name: str) -> None:
    parts = name.removesuffix("/").split("/")
    if "\\" in name or ":" in name or "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        raise ValueError(f"the archive's member {name!r} would lie outside the model's directory")


def _bytes(archive: ZipFile, members: dict[str, ZipInfo], name: str) -> bytes:
    info = members.get(name)
    if info is None:
        raise ValueError(_missing(name, members))
    if name == CONFIG:
        _check_length(info.file_size)
    data = archive.read(info)
    if len(data) != info.file_size:
        raise ValueError(f"{name} has {len(data)} bytes and declares {info.file_size}")
    return data


def _missing(name: str, names: Any) -> str:
    if name == WEIGHTS and "model.weights.npz" in names:
        return "the weights are in Keras' npz format, which is not in ranvier; save them as h5"
    return f"there is no {name} in it: not a model that Keras 3 or ranvier saved"


def _check_length(size: int) -> None:
    if size > _LONGEST_CONFIG:
        raise ValueError(f"{CONFIG} has {size} bytes, more than {_LONGEST_CONFIG}")


def _read_directory(path: str) -> Archive:
    names = os.listdir(path)
    for name in (CONFIG, WEIGHTS):
        if name not in names:
            raise ValueError(_missing(name, names))
    _check_length(os.path.getsize(os.path.join(path, CONFIG)))
    assets = {}
    for folder, _, files in os.walk(os.path.join(path, ASSETS)):
        for name in files:
            whole = os.path.relpath(os.path.join(folder, name), path)
            assets[whole.replace(os.sep, "/")] = _content(path, whole)
    return Archive(_parse(_content(path, CONFIG)), _content(path, WEIGHTS), assets)


def _content(path: str, name: str) -> bytes:
    whole = os.path.join(path, name)
    if not os.path.isfile(whole):  # a device would never end
        raise ValueError(f"{name} must be a file")
    with open(whole, "rb") as file:
        return file.read()
