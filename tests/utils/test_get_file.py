"""get_file: the same places as Keras', hashes, archives, and what a hostile archive wants."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ranvier.utils import get_file

from ..parity.keras_reference import keras

pytest.importorskip("pooch")


def tar(*names: str, link: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
        if link:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return file.getvalue()


def packed(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"abc")
    return file.getvalue()


FILES = {
    "plain.csv": b"a,b\n1,2\n",
    "good.tgz": tar("good/a.txt", "good/b/c.txt", link="good/a.txt"),
    "good.zip": packed("good/a.txt", "good/b/c.txt"),
    "up.tgz": tar("a.txt", "../up.txt"),
    "root.tgz": tar("/etc/root.txt"),
    "link.tgz": tar("a.txt", link="../../out"),
    "up.zip": packed("a.txt", "b/../../up.txt"),
    "root.zip": packed("/root.txt"),
    "windows.zip": packed("..\\up.txt"),
}


@pytest.fixture
def url() -> Any:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = FILES.get(self.path.partition("?")[0][1:])
            asked.append(self.path)
            if data is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    class Url(str):
        pass

    made: Any = Url(f"http://127.0.0.1:{server.server_address[1]}/")
    made.asked = asked
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("name", "extract"),
    [("plain.csv", False), ("good.tgz", False), ("good.tgz", True), ("good.zip", True)],
)
@pytest.mark.parametrize("fname", [None, "mine", "my.file.x"])
def test_places_are_those_of_keras(
    name: str, fname: Any, extract: bool, url: Any, tmp_path: Path, capsys: Any
) -> None:
    kwargs: Any = {
        "fname": fname,
        "origin": f"{url}{name}?download=1",
        "extract": extract,
        "cache_subdir": "x/y",
    }
    (tmp_path / "keras").mkdir()
    theirs = keras.utils.get_file(cache_dir=str(tmp_path / "keras"), **kwargs)
    ours = get_file(cache_dir=tmp_path / "ours", **kwargs)
    assert os.path.relpath(ours, tmp_path / "ours") == os.path.relpath(theirs, tmp_path / "keras")
    assert tree(tmp_path / "ours") == tree(tmp_path / "keras") != {}
    seen = len(url.asked)
    assert get_file(cache_dir=tmp_path / "ours", **kwargs) == ours and len(url.asked) == seen
    get_file(cache_dir=tmp_path / "ours", force_download=True, **kwargs)
    assert len(url.asked) == seen + 1


def test_hashes(url: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("RANVIER_HOME", str(tmp_path))
    data = FILES["plain.csv"]
    origin = url + "plain.csv"
    md5, sha = hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest()
    path = Path(get_file(origin=origin, file_hash=sha))
    assert path == tmp_path / "datasets" / "plain.csv"
    for kwargs in (
        {"md5_hash": md5},
        {"file_hash": md5},
        {"file_hash": sha, "hash_algorithm": "sha256"},
    ):
        path.write_bytes(b"damaged")
        assert Path(get_file(origin=origin, **kwargs)).read_bytes() == data  # type: ignore[arg-type]
    path.write_bytes(b"own")
    with pytest.raises(ValueError, match=r"nothing of .* was kept"):
        get_file(origin=origin, file_hash="0" * 64)
    assert tree(tmp_path) == {"datasets/plain.csv": b"own"}
    assert Path(get_file(origin=origin)).read_bytes() == b"own"


@pytest.mark.parametrize(
    "name", ["up.tgz", "root.tgz", "link.tgz", "up.zip", "root.zip", "windows.zip"]
)
def test_no_member_leaves_the_directory(name: str, url: Any, tmp_path: Path) -> None:
    if name == "root.tgz":  # the filter takes the slash away, and so it stays inside
        get_file(origin=url + name, extract=True, cache_dir=tmp_path / "c")
    else:
        with pytest.raises(ValueError, match=r"get_file: .* is not unpacked: "):
            get_file(origin=url + name, extract=True, cache_dir=tmp_path / "c")
        assert list(tree(tmp_path)) == [f"c/datasets/{name}_archive"]
    assert {p.name for p in tmp_path.iterdir()} == {"c"}


def test_bad_input(url: Any, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], Any, str]] = [
        ({}, ValueError, "`origin`"),
        ({"origin": "http://127.0.0.1"}, ValueError, "`fname`"),
        ({"origin": url + "a/.."}, ValueError, "`fname`"),
        ({"origin": url + "plain.csv", "fname": "../x"}, ValueError, "`fname`.*'../x'"),
        ({"origin": url + "plain.csv", "hash_algorithm": "sha1"}, ValueError, "`hash_algorithm`"),
        ({"origin": url + "none.csv"}, ConnectionError, "cannot download .*404"),
        ({"origin": "gopher://host/x"}, ValueError, "gopher"),
        ({"origin": url + "plain.csv", "extract": True}, ValueError, "no archive"),
        ({"origin": url + "good.zip", "untar": True}, ValueError, "no archive"),
        (
            {"origin": url + "good.zip", "extract": True, "archive_format": None},
            ValueError,
            "no archive",
        ),
        (
            {"origin": url + "good.zip", "extract": True, "archive_format": "rar"},
            ValueError,
            "`archive_format`",
        ),
    ]
    for kwargs, error, words in cases:
        with pytest.raises(error, match=f"get_file: .*{words}"):
            get_file(cache_dir=tmp_path, **kwargs)


def test_without_pooch(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "a.csv").write_text("there")
    code = (
        "import importlib.util as u; u.find_spec = lambda n: None\n"
        "import ranvier\nget = ranvier.utils.get_file\n"
        f"get(origin='http://127.0.0.1:9/a.csv', cache_dir={str(tmp_path)!r})\n"
        f"try: get(origin='http://127.0.0.1:9/b.csv', cache_dir={str(tmp_path)!r})\n"
        "except ImportError as error: assert 'ranvier[datasets]' in str(error), error\nelse: raise SystemExit(1)"
    )
    with warnings.catch_warnings():
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0
