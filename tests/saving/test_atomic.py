"""Saving: whatever happens, the old file or the new one is there, whole."""

from __future__ import annotations

import io
import os
import pathlib
import random
import signal
import stat
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.saving import _files

L = ranvier.layers


def model_of(value: float, units: int = 16) -> Any:
    model = ranvier.Sequential([ranvier.Input((8,)), L.Dense(units), L.Dense(1)])
    model.set_weights([np.full(w.shape, value) for w in model.get_weights()])
    return model


def write(model: Any, path: pathlib.Path, **options: Any) -> None:
    model.save(path, **options) if path.suffix == ".keras" else model.save_weights(path, **options)


NAMES = ["m.keras", "m.weights.h5"]


@pytest.mark.parametrize("name", NAMES)
def test_an_error_while_writing_leaves_the_old_file(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    write(model_of(1.0), path)
    old = path.read_bytes()

    class Full:
        """A file on a disk that is full after so many bytes."""

        def __init__(self, file: Any, room: int) -> None:
            self.file, self.room = file, room

        @classmethod
        def opener(cls, room: int) -> Any:
            def opened(path: str, mode: str) -> Full:
                return cls(io.FileIO(path, mode), room)

            return opened

        def write(self, data: Any) -> int:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(28, "No space left on device")
            return int(self.file.write(data))

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *error: Any) -> None:
            self.file.close()

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self.file, attribute)

    for room in (0, 10, 1000, len(old) - 1):
        with monkeypatch.context() as patch:
            patch.setattr(_files, "open", Full.opener(room), raising=False)
            with pytest.raises(OSError, match="No space"):
                write(model_of(2.0), path)
        assert path.read_bytes() == old
        assert os.listdir(tmp_path) == [name]

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:

            def fail(*_: Any) -> None:
                raise OSError(5, "Input/output error")

            patch.setattr(os, call, fail)
            with pytest.raises(OSError, match="Input/output"):
                write(model_of(2.0), path)
        assert path.read_bytes() == old
        assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupt_while_collecting_leaves_the_old_file(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    write(model_of(1.0), path)
    old = path.read_bytes()

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(L.Dense, "save_own_variables", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(model_of(2.0), path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == [name]


CHILD = """
import sys
import numpy as np, ranvier
path = sys.argv[1]
model = ranvier.Sequential([ranvier.Input((8,)), ranvier.layers.Dense(20_000), ranvier.layers.Dense(1)])
shapes = [w.shape for w in model.get_weights()]
save = model.save if path.endswith(".keras") else model.save_weights
for i in range(10**6):
    model.set_weights([np.full(shape, i % 7) for shape in shapes])
    save(path)
    if i == 0:
        print("ready", flush=True)
"""


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_moment(name: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / name
    draw = random.Random(3)
    values = set()
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
            time.sleep(draw.uniform(0.0, 0.05))
            child.send_signal(signal.SIGKILL)
        model = model_of(0.0, 20_000)
        model.load_weights(path)
        found = {float(v) for w in model.get_weights() for v in (w.min(), w.max())}
        assert len(found) == 1, "weights of two saves in one file"
        values |= found
    assert values <= set(range(7))


@pytest.mark.parametrize("name", NAMES)
def test_overwrite(name: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / name
    write(model_of(1.0), path)
    old = path.read_bytes()
    with pytest.raises(FileExistsError, match=f"{name}.*`overwrite` is False"):
        write(model_of(2.0), path, overwrite=False)
    assert path.read_bytes() == old
    write(model_of(2.0), path)
    other = model_of(0.0)
    other.load_weights(path)
    assert other.get_weights()[0][0, 0] == 2.0


def test_modes_and_links(tmp_path: pathlib.Path) -> None:
    """As any program writes a file: by the umask, through links, keeping an old file's mode."""
    umask = os.umask(0o027)
    try:
        model_of(1.0).save(tmp_path / "m.keras")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "m.keras").stat().st_mode) == 0o640
    (tmp_path / "m.keras").chmod(0o604)
    (tmp_path / "link.keras").symlink_to("m.keras")
    model_of(2.0).save(tmp_path / "link.keras")
    assert (tmp_path / "link.keras").is_symlink()
    assert stat.S_IMODE((tmp_path / "m.keras").stat().st_mode) == 0o604
    assert ranvier.saving.load_model(tmp_path / "m.keras").get_weights()[0][0, 0] == 2.0


def test_a_directory_that_there_is_not(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        model_of(1.0).save(tmp_path / "none" / "m.keras")
