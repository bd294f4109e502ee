"""`audio_dataset_from_directory`: files as SciPy reads them, in Keras' order."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.utils import audio_dataset_from_directory

from ..parity.keras_reference import keras

wavfile = pytest.importorskip("scipy.io.wavfile")
from keras.src.utils import dataset_utils  # noqa: E402

RATE = 8000


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for c, name in enumerate(("hum", "noise")):
        (tmp_path / "s" / name).mkdir(parents=True)
        for i in range(6):
            x = rng.integers(-(2**15), 2**15, (40 + 10 * i, 2), np.int16)
            wavfile.write(tmp_path / "s" / name / f"{i * 5 % 7}.{['wav', 'WAV'][i % 2]}", RATE, x)
        (tmp_path / "s" / name / "notes.md").write_text(f"no sound {c}")
    return tmp_path / "s"


def test_sounds_and_labels(sounds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths, y, names = dataset_utils.index_directory(
        str(sounds), "inferred", (".wav",), shuffle=True, seed=5, verbose=False
    )
    data = audio_dataset_from_directory(sounds, batch_size=5, seed=5)
    assert capsys.readouterr().out == "Found 12 files belonging to 2 classes.\n"
    assert data.file_paths == paths and data.class_names == names
    at = 0
    for x, labels in data:
        assert x.dtype == np.float32 and labels.dtype == np.int32
        own = [wavfile.read(path)[1] for path in paths[at : at + 5]]
        assert x.shape == (len(own), max(map(len, own)), 2)
        np.testing.assert_array_equal(labels, y[at : at + 5])
        for given, wanted in zip(x, own, strict=True):
            np.testing.assert_array_equal(given[: len(wanted)], wanted / np.float32(2**15))
            assert not given[len(wanted) :].any()
        at += 5


@pytest.mark.parametrize("length", [30, 200])
def test_length(length: int, sounds: Path) -> None:
    data = audio_dataset_from_directory(
        sounds, None, batch_size=None, output_sequence_length=length, shuffle=False, verbose=False
    )
    for path, x in zip(data.file_paths, data, strict=True):
        wanted = np.zeros((length, 2))
        own = wavfile.read(path)[1][:length] / 2**15
        wanted[: len(own)] = own
        np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("kind", ["u1", "<i2", "<i4", "3 bytes"])
def test_widths(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    if kind == "3 bytes":
        given = rng.integers(-(2**23), 2**23, 50)
        raw, wanted = given.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes(), given / 2**23
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setparams((1, 3, RATE, 50, "NONE", ""))
            file.writeframes(raw)
    else:
        info = np.iinfo(kind)
        given = rng.integers(info.min, info.max, 50, endpoint=True).astype(kind)
        wavfile.write(tmp_path / "a.wav", RATE, given)
        wanted = given / 2.0 ** (info.bits - 1) - (kind == "u1")
    (x,) = audio_dataset_from_directory(tmp_path, None, verbose=False)
    np.testing.assert_allclose(x[0, :, 0], wanted, atol=1e-7)


def test_another_rate(tmp_path: Path) -> None:
    t = np.arange(RATE) / RATE
    wavfile.write(tmp_path / "a.wav", RATE, (20000 * np.sin(880 * np.pi * t)).astype("int16"))
    read = audio_dataset_from_directory(tmp_path, None, sampling_rate=12000, verbose=False)
    x = read[0][0, :, 0]
    assert len(x) == 12000 and x.dtype == np.float32
    wanted = 20000 / 2**15 * np.sin(880 * np.pi * np.arange(12000) / 12000)
    np.testing.assert_allclose(x[500:-500], wanted[500:-500], atol=2e-3)
    short = audio_dataset_from_directory(
        tmp_path, None, sampling_rate=12000, output_sequence_length=700, verbose=False
    )
    np.testing.assert_array_equal(short[0][0, :, 0], x[:700])


def test_a_model_of_them(sounds: Path) -> None:
    train, val = audio_dataset_from_directory(
        sounds, label_mode="binary", output_sequence_length=64, validation_split=0.5, subset="both",
        seed=1, verbose=False,
    )  # fmt: skip
    model = ranvier.Sequential([ranvier.layers.Flatten(), ranvier.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    history = model.fit(train, validation_data=val, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"ragged": True}, "ragged=True"),
        ({"sampling_rate": 0}, "`sampling_rate`.*got 0"),
        ({"sampling_rate": 8e3}, "`sampling_rate`.*got 8000.0"),
        ({"output_sequence_length": -1}, "`output_sequence_length`.*got -1"),
        ({"label_mode": "float"}, "label_mode"),
    ],
)
def test_bad_arguments(kwargs: Any, text: str, sounds: Path) -> None:
    with pytest.raises(ValueError, match=f"audio_dataset_from_directory: .*{text}"):
        audio_dataset_from_directory(sounds, **kwargs)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all"])
def test_files_that_are_no_sounds(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    data = audio_dataset_from_directory(tmp_path, None, verbose=False)
    with pytest.raises(ValueError, match=r"audio_dataset_from_directory: .*a\.wav"):
        data[0]


def test_floats_are_refused(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", RATE, np.zeros(9, "float32"))
    with pytest.raises(ValueError, match=r"a\.wav: unknown format"):
        audio_dataset_from_directory(tmp_path, None, verbose=False)[0]
    assert keras.utils.audio_dataset_from_directory
