"""Image files and arrays beside Keras' functions, which need no TensorFlow."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import utils

from ..parity.keras_reference import keras

PIL = pytest.importorskip("PIL")
from PIL import Image  # noqa: E402

theirs = keras.utils


def picture(folder: Path, channels: int = 3, name: str = "a.png", size: Any = (13, 22)) -> Path:
    rng = np.random.default_rng(channels)
    x = rng.integers(0, 256, (*size, channels), np.uint8)
    Image.fromarray(x[..., 0] if channels == 1 else x).save(folder / name)
    return folder / name


def same(ours: Any, theirs: Any) -> None:
    assert ours.mode == theirs.mode and ours.size == theirs.size
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize(
    "interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"]
)
def test_load_img(channels: int, mode: str, interpolation: str, tmp_path: Path) -> None:
    path = picture(tmp_path, channels)
    same(utils.load_img(path, mode), theirs.load_img(path, mode))
    for size in ((7, 9), (13, 22), (40, 11)):
        for keep in (False, True):
            kwargs: Any = {
                "color_mode": mode,
                "target_size": size,
                "interpolation": interpolation,
                "keep_aspect_ratio": keep,
            }
            same(utils.load_img(path, **kwargs), theirs.load_img(path, **kwargs))


def test_load_img_of_other_sources(tmp_path: Path) -> None:
    path = picture(tmp_path)
    wanted = theirs.load_img(path)
    for source in (str(path), bytes(path), io.BytesIO(path.read_bytes())):
        same(utils.load_img(source), wanted)
    deep = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 40000], [65535, 7]], np.uint16)).save(deep)
    same(utils.load_img(deep, "grayscale"), theirs.load_img(deep, "grayscale"))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("data_format", [None, "channels_last", "channels_first"])
@pytest.mark.parametrize("dtype", [None, "float64", "uint8"])
def test_img_to_array_and_back(channels: int, data_format: Any, dtype: Any, tmp_path: Path) -> None:
    image = theirs.load_img(
        picture(tmp_path, channels), ["", "grayscale", "", "rgb", "rgba"][channels]
    )
    x = theirs.img_to_array(image, data_format, dtype)
    y = utils.img_to_array(image, data_format, dtype)
    assert x.dtype == y.dtype and y.flags.writeable
    np.testing.assert_array_equal(y, x)
    if dtype != "uint8":  # Keras cannot scale integers
        for scale in (True, False):
            same(
                utils.array_to_img(y, data_format, scale, dtype),
                theirs.array_to_img(x, data_format, scale, dtype),
            )


def test_array_to_img_of_constants_and_of_great_values() -> None:
    for x in (np.full((2, 3, 3), 9.0), np.arange(6.0).reshape(2, 3, 1) * 200):
        for scale in (True, False):
            same(utils.array_to_img(x, scale=scale), theirs.array_to_img(x, scale=scale))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.jpg", "a.JPEG"])
def test_save_img(name: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6, 3))
    utils.save_img(tmp_path / name, x)
    theirs.save_img(tmp_path / f"k{name}", x)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"k{name}").read_bytes()


def test_save_img_without_transparency(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6, 4))
    with pytest.warns(UserWarning, match="JPEG"):
        utils.save_img(str(tmp_path / "a.jpg"), x)
    file = io.BytesIO()
    utils.save_img(file, x, file_format="png", compress_level=1)
    same(Image.open(file), theirs.array_to_img(x))


@pytest.mark.parametrize("shape", [(9, 20, 3), (2, 31, 8, 1), (5, 5, 3), (1, 60, 1)])
@pytest.mark.parametrize("size", [(4, 4), (7, 3), (2, 11)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
def test_smart_resize(shape: Any, size: Any, interpolation: str) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    wanted = keras.preprocessing.image.smart_resize(x, size, interpolation)
    np.testing.assert_allclose(utils.images.smart_resize(x, size, interpolation), wanted, atol=1e-5)


def test_bad_input(tmp_path: Path) -> None:
    path = picture(tmp_path)
    for kwargs, words in (
        ({"color_mode": "hsv"}, "load_img: `color_mode`.*'hsv'"),
        ({"interpolation": "cubic"}, "load_img: `interpolation`.*'cubic'"),
        ({"target_size": 4}, "load_img: `target_size`.*4"),
        ({"target_size": (0, 4)}, "load_img: `target_size`"),
    ):
        with pytest.raises(ValueError, match=words):
            utils.load_img(path, **kwargs)
    with pytest.raises(TypeError, match=r"load_img: `path`.*3"):
        utils.load_img(3)
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        utils.load_img(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(PIL.UnidentifiedImageError, match=r"load_img: cannot read .*text\.png"):
        utils.load_img(tmp_path / "text.png")
    (tmp_path / "cut.png").write_bytes(path.read_bytes()[:300])
    with pytest.raises(OSError, match=r"load_img: cannot read .*cut\.png"):
        utils.load_img(tmp_path / "cut.png")
    for x in (np.zeros((2, 2)), np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match=r"array_to_img: `x`.*shape"):
            utils.array_to_img(x)
    with pytest.raises(ValueError, match="img_to_array: `img`"):
        utils.img_to_array(np.zeros(3))
    with pytest.raises(ValueError, match="img_to_array: `data_format`"):
        utils.img_to_array(np.zeros((3, 3)), "NHWC")


def test_without_pillow() -> None:
    code = (
        "import sys; sys.modules['PIL'] = None; import importlib.util as u; u.find_spec = lambda n: None\n"
        "import ranvier\ntry: ranvier.utils.load_img('a.png')\n"
        "except ImportError as error: assert 'ranvier[pictures]' in str(error), error\nelse: raise SystemExit(1)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert (
        "PIL"
        not in subprocess.run(
            [sys.executable, "-c", "import ranvier, sys; print(*sys.modules)"],
            capture_output=True,
            text=True,
        ).stdout.split()
    )
    assert ranvier.utils is utils
