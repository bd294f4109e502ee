"""The HDF5 layout of Keras 3: a group `<path>/vars` for each object, in it "0", "1", ..."""

from __future__ import annotations

import io
import math
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from ranvier.saving.state import Entry

# Elements; HDF5 unpacks whole blocks.
_LARGEST_CHUNK = 1 << 24


def dump(entries: Iterable[Entry]) -> bytes:
    """The entries as a file."""
    import h5py

    buffer = io.BytesIO()
    # from 1.8 on (2008) HDF5 has checksums over all but the numbers themselves
    with h5py.File(buffer, "w", libver="v108") as file:
        for entry in entries:
            group = file.create_group(f"{entry.path}/vars" if entry.path else "vars")
            group.attrs["name"] = entry.name
            for key, number in entry.notes.items():
                group.attrs[key] = np.uint64(number)
            for key, array in entry.store.items():
                group[key] = array
    return buffer.getvalue()


class Stored:
    """An open weights file: each object's arrays, looked at before they are read."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def arrays(self, path: str) -> dict[str, Any]:
        """The datasets of an object by name, unread; none if the file does not have it."""
        group = self._group(path)
        if group is None and "_layer_checkpoint_dependencies" in self._file:  # Keras 2.12, 2.13
            group = self._group(path.replace("layers", "_layer_checkpoint_dependencies"))
        return {} if group is None else {key: dataset(group, key) for key in group}

    def note(self, path: str, key: str) -> int | None:
        """A number of ranvier's own beside an object's arrays, which Keras does not look at."""
        group = self._group(path)
        if group is None or key not in group.attrs:
            return None
        kept = group.attrs.get_id(key)
        if kept.shape != () or kept.dtype.kind not in "iu":
            raise ValueError(f"{path or 'the model'}: {key} must be an integer")
        number = int(group.attrs[key])
        if not 0 <= number < 2**64:
            raise ValueError(f"{path or 'the model'}: {key} must be >= 0; got {number}")
        return number

    def _group(self, path: str) -> Any:
        import h5py

        group = self._file
        for name in [*filter(None, path.split("/")), "vars"]:
            if name not in group:
                return None
            check_link(group, name)
            group = group[name]
            if not isinstance(group, h5py.Group):
                raise ValueError(f"{path}: {name!r} must be a group in the weights file")
        return group


def check_link(group: Any, name: str) -> None:
    import h5py

    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{name!r} is a {type(link).__name__} to elsewhere, which is refused")


def dataset(group: Any, name: str) -> Any:
    import h5py

    check_link(group, name)
    found = group[name]
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{group.name}/{name} must be an array")
    if found.is_virtual or found.external:
        raise ValueError(f"{found.name} lies in other files, which is refused")
    return found


def values(owner: str, dataset: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """The numbers of a dataset of that shape; of others nothing is read."""
    if dataset.shape != shape:
        raise ValueError(f"{owner}: expected an array of shape {shape}; got {dataset.shape}")
    if dataset.attrs.get("dtype") == "bfloat16":
        raise ValueError(f"{owner}: bfloat16 is not in ranvier (yet)")
    if dataset.dtype.kind not in "fiub":
        raise ValueError(f"{owner}: expected numbers; got dtype {dataset.dtype}")
    if dataset.chunks and math.prod(dataset.chunks) > _LARGEST_CHUNK + dataset.size:
        raise ValueError(f"{owner}: it is stored in blocks of {dataset.chunks}, far larger than it")
    return np.asarray(dataset[()])


@contextmanager
def opened(source: IO[bytes]) -> Iterator[Stored]:
    """A weights file; through Python's file object, HDF5 can open no other."""
    import h5py

    with h5py.File(source, "r") as file:
        yield Stored(file)
