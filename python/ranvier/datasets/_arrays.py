"""Arrays out of data sets' files; of what pickles may name, only NumPy's arrays are made."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any

import numpy as np

from ranvier._checks import number
from ranvier.datasets._fetch import fetch

Pair = tuple[Any, Any]

_ALLOWED = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": np.empty(0).__reduce__()[0]}
_MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")


class _Unpickler(pickle.Unpickler):
    """Makes numbers, strings, lists, dictionaries and arrays, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _MODULES and name in _ALLOWED:
            return _ALLOWED[name]
        raise pickle.UnpicklingError(
            f"ranvier.datasets: the file wants to run {module}.{name}; it is refused as damaged or "
            "malicious"
        )


def unpickle(file: Any) -> Any:
    """What a pickle of Python 2 or 3 holds, if it is data."""
    return _Unpickler(file, encoding="bytes").load()


def load_npz(name: str, path: Any) -> dict[str, Any]:
    """The arrays of an .npz file; those of objects too."""
    arrays = {}
    with zipfile.ZipFile(fetch(name, path)) as archive:
        for member in archive.namelist():
            data = io.BytesIO(archive.read(member))
            version = np.lib.format.read_magic(data)
            form = np.lib.format
            read = form.read_array_header_1_0 if version[0] == 1 else form.read_array_header_2_0
            kind = read(data)[2]
            if kind.hasobject:
                array = unpickle(data)
            else:
                data.seek(0)
                array = form.read_array(data, allow_pickle=False)
            arrays[member.removesuffix(".npy")] = array
    return arrays


def load_json(name: str, path: Any) -> Any:
    """What a .json file holds."""
    with open(fetch(name, path), encoding="utf-8") as file:
        return json.load(file)


def split(
    owner: str, name: str, path: Any, share: float, seed: int, rows: int | None = None
) -> Any:
    """x and y of an .npz file in the order of `seed`, the last `share` apart."""
    cut = train_share(owner, share)
    arrays = load_npz(name, path)
    x, y = arrays["x"][:rows], arrays["y"][:rows]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    at = int(len(x) * cut)
    return (x[order[:at]], y[order[:at]]), (x[order[at:]], y[order[at:]])


def train_share(owner: str, test_split: Any) -> float:
    """1 - `test_split`, checked."""
    if not 0 <= number(owner, "test_split", test_split) < 1:
        raise ValueError(f"{owner}: `test_split` must lie in [0, 1); got {test_split!r}")
    return 1 - test_split


class Words:
    """How sequences of words' numbers are changed: Keras' arguments of the same names."""

    def __init__(
        self,
        owner: str,
        num_words: int | None,
        skip_top: int,
        maxlen: int | None,
        start_char: int | None,
        oov_char: int | None,
        index_from: int | None,
    ) -> None:
        self.owner = owner
        self.num_words, self.skip_top, self.maxlen = num_words, skip_top, maxlen
        self.start, self.oov, self.add = start_char, oov_char, index_from or 0

    def begin(self, x: Any, y: Any) -> tuple[list[list[int]], Any]:
        """Numbers moved up and begun with the start's; those not shorter than `maxlen` go."""
        first = [] if self.start is None else [self.start]
        rows = [[*first, *(w + self.add for w in row)] for row in x]
        if self.maxlen:
            kept = [i for i, row in enumerate(rows) if len(row) < self.maxlen]
            rows, y = [rows[i] for i in kept], y[kept]
            if not rows:
                raise ValueError(
                    f"{self.owner}: no sequence is shorter than `maxlen` {self.maxlen}; increase it"
                )
        return rows, y

    def limit(self, rows: list[list[int]]) -> list[list[int]]:
        """Words in [skip_top, num_words) as they are, others as `oov_char` or not at all."""
        top = self.num_words or max(map(max, rows))
        low, oov = self.skip_top, self.oov
        if oov is None:
            return [[w for w in row if low <= w < top] for row in rows]
        return [[w if low <= w < top else oov for w in row] for row in rows]


def ragged(rows: list[list[int]]) -> Any:
    """An array of lists, also where all are of one length."""
    array = np.empty(len(rows), object)
    array[:] = rows
    return array
