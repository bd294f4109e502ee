"""ranvier.datasets beside Keras on the same small files, and what happens on a bad network."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import importlib
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.datasets import _arrays, _fetch

from ..parity.keras_reference import keras  # noqa: F401 - chooses the backend

pytest.importorskip("pooch")


def ragged(rng: np.random.Generator, n: int) -> Any:
    rows = np.empty(n, object)
    rows[:] = [rng.integers(1, 30, rng.integers(1, 12)).tolist() for _ in range(n)]
    return rows


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def idx(array: Any) -> bytes:
    head = b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


def tar(folder: str, members: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for name, value in members.items():
            data = pickle.dumps(value, 3)
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def small_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)

    def bytes_(*shape: int) -> Any:
        return rng.integers(0, 256, shape, np.uint8)

    def cifar(*keys: str) -> dict[bytes, Any]:
        # each of Keras' batches of CIFAR-10 has 10,000 rows
        n = 10_000 if keys == ("labels",) else 7
        labels = {k.encode(): rng.integers(0, 10, n).tolist() for k in keys}
        data = np.zeros((n, 3072), np.uint8)  # packs well
        data[:7] = bytes_(7, 3072)
        return {b"data": data, **labels}

    fine = ("fine_labels", "coarse_labels")
    batches = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    house = {"x": rng.normal(size=(700, 8)), "y": rng.normal(size=700)}
    words = {"x_train": ragged(rng, 40), "y_train": rng.integers(0, 2, 40)}
    return {
        "mnist.npz": npz(
            x_train=bytes_(6, 28, 28), y_train=bytes_(6), x_test=bytes_(3, 28, 28), y_test=bytes_(3)
        ),
        "boston_housing.npz": npz(**house),
        "california_housing.npz": npz(**house),
        "imdb.npz": npz(**words, x_test=ragged(rng, 30), y_test=rng.integers(0, 2, 30)),
        "imdb_word_index.json": json.dumps({"a": 1, "b": 2}).encode(),
        "reuters.npz": npz(x=ragged(rng, 50), y=rng.integers(0, 46, 50)),
        "reuters_word_index.json": json.dumps({"c": 1}).encode(),
        "cifar-10-python.tar.gz": tar("cifar-10-batches-py", {n: cifar("labels") for n in batches}),
        "cifar-100-python.tar.gz": tar(
            "cifar-100-python", {"meta": {}, "train": cifar(*fine), "test": cifar(*fine)}
        ),
        "train-images-idx3-ubyte.gz": idx(bytes_(5, 28, 28)),
        "train-labels-idx1-ubyte.gz": idx(bytes_(5)),
        "t10k-images-idx3-ubyte.gz": idx(bytes_(2, 28, 28)),
        "t10k-labels-idx1-ubyte.gz": idx(bytes_(2)),
    }


FILES = small_files()


class Server(http.server.ThreadingHTTPServer):
    cut: bool = False
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        name = self.path.rpartition("/")[2]
        server.asked.append(name)
        data = server.files.get(name)
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if server.cut else data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    made = Server(("127.0.0.1", 0), Handler)
    made.asked, made.files = [], dict(FILES)  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("RANVIER_DATASETS_URL", f"http://127.0.0.1:{made.server_address[1]}/")
    monkeypatch.setenv("RANVIER_HOME", str(tmp_path / "home"))
    for name, data in FILES.items():
        base, digest = _fetch.FILES[name]
        kind = "md5" if digest.startswith("md5:") else "sha256"
        new = hashlib.new(kind, data).hexdigest()
        monkeypatch.setitem(_fetch.FILES, name, (base, f"md5:{new}" if kind == "md5" else new))
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def cached(tmp_path: Path) -> list[str]:
    home = tmp_path / "home"
    return sorted(p.name for p in home.rglob("*") if p.is_file()) if home.exists() else []


# -- the same as Keras ----------------------------------------------------------------------


CASES: list[tuple[str, dict[str, Any]]] = [
    ("mnist", {}),
    ("fashion_mnist", {}),
    ("cifar10", {}),
    ("cifar100", {}),
    ("cifar100", {"label_mode": "coarse"}),
    ("boston_housing", {}),
    ("boston_housing", {"test_split": 0.37, "seed": 3}),
    ("boston_housing", {"test_split": 0.0}),
    ("california_housing", {}),
    ("california_housing", {"version": "small", "test_split": 0.1}),
    ("imdb", {}),
    ("imdb", {"num_words": 15, "skip_top": 5, "seed": 1}),
    ("imdb", {"num_words": 15, "oov_char": None, "maxlen": 8}),
    ("imdb", {"start_char": None, "index_from": 0}),
    ("imdb", {"start_char": None, "index_from": None}),
    ("reuters", {}),
    ("reuters", {"num_words": 20, "maxlen": 9, "test_split": 0.5}),
    ("reuters", {"start_char": None, "index_from": 7, "oov_char": None, "skip_top": 9}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_the_same_as_keras(
    name: str, arguments: dict[str, Any], server: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    def get_file(fname: str, origin: str, extract: bool = False, **more: Any) -> str:
        base = os.path.basename(origin)
        assert origin == _fetch.FILES[base][0] + base  # from the same place
        (tmp_path / base).write_bytes(FILES[base])
        if extract:
            with tarfile.open(tmp_path / base) as archive:
                archive.extractall(tmp_path, filter="data")
            return str(tmp_path)
        return str(tmp_path / base)

    theirs = importlib.import_module(f"keras.src.datasets.{name}")
    monkeypatch.setattr(theirs, "get_file", get_file)
    for got, want in zip(
        getattr(ranvier.datasets, name).load_data(**arguments),
        theirs.load_data(**arguments),
        strict=True,
    ):
        for a, b in zip(got, want, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_array_equal(a, b)
    if hasattr(theirs, "get_word_index"):
        index = getattr(ranvier.datasets, name).get_word_index()
        assert index == theirs.get_word_index()


def test_names_of_labels() -> None:
    theirs = importlib.import_module("keras.src.datasets.reuters")
    assert ranvier.datasets.reuters.get_label_names() == theirs.get_label_names()


@pytest.mark.parametrize("name", ranvier.datasets.__all__)
def test_hashes_arguments_and_defaults_are_those_of_keras(name: str) -> None:
    import inspect

    theirs = importlib.import_module(f"keras.src.datasets.{name}")
    source = inspect.getsource(theirs)
    files = [f for f in _fetch.FILES if f in source]
    assert files
    for file in files:
        if not file.endswith("ubyte.gz"):
            assert _fetch.FILES[file][1].removeprefix("md5:") in source
    ours = inspect.signature(getattr(ranvier.datasets, name).load_data).parameters
    for argument, want in inspect.signature(theirs.load_data).parameters.items():
        if argument != "kwargs":
            assert ours[argument].default == want.default


# -- the cache ------------------------------------------------------------------------------


def load(**arguments: Any) -> Any:
    return ranvier.datasets.mnist.load_data(**arguments)


def test_it_is_downloaded_once(server: Any, tmp_path: Path) -> None:
    first = load()
    second = load()
    assert server.asked == ["mnist.npz"] and cached(tmp_path) == ["mnist.npz"]
    np.testing.assert_array_equal(first[0][0], second[0][0])
    first[0][0][0] = 1  # arrays may be written to


def test_a_damaged_file_is_replaced(server: Any, tmp_path: Path) -> None:
    load()
    file = tmp_path / "home" / "datasets" / "mnist.npz"
    file.write_bytes(file.read_bytes()[:-9])
    load()
    assert server.asked == ["mnist.npz"] * 2
    assert file.read_bytes() == FILES["mnist.npz"]


def test_a_file_of_ones_own(server: Any, tmp_path: Path, monkeypatch: Any) -> None:
    own = tmp_path / "mine.npz"
    own.write_bytes(
        npz(x_train=np.ones(2), y_train=np.ones(2), x_test=np.ones(1), y_test=np.ones(1))
    )
    assert load(path=own)[0][0].tolist() == [1, 1]
    assert load(path=str(own))[0][0].tolist() == [1, 1]
    monkeypatch.chdir(tmp_path)
    assert load(path="./mine.npz")[0][0].tolist() == [1, 1]
    assert not server.asked
    # as in Keras, a path where nothing is says where it shall come to
    load(path=tmp_path / "there" / "digits.npz")
    assert (tmp_path / "there" / "digits.npz").read_bytes() == FILES["mnist.npz"]
    load(path="other.npz")
    assert cached(tmp_path) == ["other.npz"]


def test_another_file_than_wanted(server: Any, tmp_path: Path) -> None:
    server.files["mnist.npz"] = b"something else"
    with pytest.raises(ValueError, match=r"its checksum differs.*Nothing was kept.*by hand"):
        load()
    assert cached(tmp_path) == []


def test_a_connection_that_breaks(server: Any, tmp_path: Path) -> None:
    server.cut = True
    with pytest.raises((ConnectionError, ValueError), match=r"mnist\.npz.*by hand") as caught:
        load()
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert cached(tmp_path) == []
    server.cut = False
    load()


def test_an_interrupted_download_leaves_nothing(
    server: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import pooch

    def stop(self: Any, url: str, output: Any, *args: Any) -> None:
        Path(output).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        load()
    assert cached(tmp_path) == []


def test_offline(server: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("RANVIER_DATASETS_URL", "http://127.0.0.1:9")
    target = str(tmp_path / "home" / "datasets" / "mnist.npz")
    with pytest.raises(ConnectionError) as caught:
        load()
    text = str(caught.value)
    assert "http://127.0.0.1:9/mnist.npz" in text and target in text and "`path`" in text
    assert caught.value.__suppress_context__
    # put there by hand, it is taken
    Path(target).write_bytes(FILES["mnist.npz"])
    load()
    Path(target).write_bytes(b"damaged")
    with pytest.raises(ConnectionError, match="The file there is damaged"):
        load()


def test_a_missing_file_on_the_server(server: Any) -> None:
    del server.files["mnist.npz"]
    with pytest.raises(ConnectionError, match="404"):
        load()


def test_without_pooch_the_cache_still_serves(server: Any, tmp_path: Path) -> None:
    load()
    code = (
        "import sys; sys.modules['pooch'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'pooch' else find(name, *a)\n"
        "import ranvier\n"
        "from ranvier.datasets import _fetch\n"
        f"_fetch.FILES['mnist.npz'] = {_fetch.FILES['mnist.npz']!r}\n"
        "ranvier.datasets.mnist.load_data()\n"
        "try: ranvier.datasets.imdb.load_data()\n"
        "except ImportError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ranvier[datasets]" in done.stdout and "imdb.npz" in done.stdout


# -- files that mean harm -------------------------------------------------------------------


class Harm:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    evil = np.array([Harm()], object)
    (tmp_path / "evil.npz").write_bytes(npz(x=evil, y=np.zeros(1)))
    with pytest.raises(pickle.UnpicklingError, match="refused"):
        ranvier.datasets.reuters.load_data(path=tmp_path / "evil.npz")
    (tmp_path / "evil.tar.gz").write_bytes(tar("x", {"train": {b"data": Harm()}, "test": {}}))
    with pytest.raises(pickle.UnpicklingError, match="refused"):
        ranvier.datasets.cifar100.load_data(path=tmp_path / "evil.tar.gz")
    assert not (tmp_path / "harm").exists()


def test_a_pickle_of_python_2() -> None:
    # what CIFAR's files are: protocol 2, byte strings as keys, NumPy's old module name
    data = (
        b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03"
        b"U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x07\x09tbs."
    )
    assert _arrays.unpickle(io.BytesIO(data))[b"data"].tolist() == [7, 9]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.cifar100.load_data("rough"), "label_mode"),
        (lambda d: d.california_housing.load_data("huge"), "version"),
        (lambda d: d.boston_housing.load_data(test_split=1.0), "test_split"),
        (lambda d: d.reuters.load_data(test_split="x"), "test_split"),
        (lambda d: d.imdb.load_data(maxlen=1), "maxlen"),
    ],
)
def test_bad_arguments(call: Any, message: str, server: Any) -> None:
    with pytest.raises(ValueError, match=message):
        call(ranvier.datasets)
