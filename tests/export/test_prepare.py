"""Layers that prepare data, by ONNX Runtime beside `predict`."""

from __future__ import annotations

import itertools
import pathlib
from typing import Any

import numpy as np
import onnxruntime
import pytest

import ranvier
from ranvier import layers as L

from .checks import agree, exported, operators, run


def of(layer: Any, *shape: Any, dtype: str = "float32") -> Any:
    return ranvier.Sequential([ranvier.Input(shape, dtype=dtype), layer])


@pytest.mark.parametrize("form", ["channels_last", "channels_first"])
@pytest.mark.parametrize("range_", [(0, 255), (-1.0, 4.0), (1, 0)])
def test_auto_contrast(form: str, range_: Any, tmp_path: pathlib.Path) -> None:
    x = np.random.default_rng(0).uniform(*sorted(range_), (3, 3, 5, 3)).astype("float32")
    x[1] = 3  # of one value, in either form
    agree(of(L.AutoContrast(range_, data_format=form), None, None, 3), x, tmp_path, atol=1e-4)
    x = x.astype("float64")
    model = of(L.AutoContrast(range_, dtype="float64", data_format=form), 3, 5, 3, dtype="float64")
    agree(model, x, tmp_path, 1e-10, 1e-10)


def test_what_changes_images_in_training_only(tmp_path: pathlib.Path) -> None:
    x = np.random.default_rng(0).uniform(0, 255, (4, 3, 5, 3)).astype("float32")
    for layer in (
        L.Equalization(),
        L.RandAugment(),
        L.Pipeline([L.Equalization(), L.RandomHue(0.2)]),
    ):
        assert operators(agree(of(layer, 3, 5, 3), x, tmp_path)) == ["Identity"]


# -- spectrograms -----------------------------------------------------------------------------


def sounds(*shape: int) -> Any:
    """Noise, a tone, silence."""
    x = np.random.default_rng(2).normal(size=shape)
    x[1] = np.sin(np.arange(np.prod(shape[1:])).reshape(shape[1:]) / 9)
    x[2, : shape[1] // 2] = 0
    return x.astype("float32")


@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
@pytest.mark.parametrize("first", [False, True])
def test_stft_spectrogram(mode: str, first: bool, tmp_path: pathlib.Path) -> None:
    form = "channels_first" if first else "channels_last"
    for expand, padding, samples in itertools.product((False, True), ("valid", "same"), (95, None)):
        x = sounds(3, 95, 2)
        if mode == "angle":  # not of silence, or at the ends, where real parts are all
            x = np.abs(x) + 0.5
        how = {"padding": padding, "expand_dims": expand, "data_format": form}
        layer = L.STFTSpectrogram(mode, 16, 7, 20, **how)
        model = of(layer, *((2, samples) if first else (samples, 2)))
        x = np.ascontiguousarray(x.swapaxes(1, 2)) if first else x
        if mode != "angle":
            agree(model, x, tmp_path, atol=2e-5)
            continue
        session = onnxruntime.InferenceSession(exported(model, tmp_path).SerializeToString())
        (y,) = session.run(None, {session.get_inputs()[0].name: x})
        turned = np.exp(1j * y) - np.exp(1j * model.predict(x, verbose=0))
        assert y.shape == layer.compute_output_shape(x.shape) and np.abs(y).max() <= 3.1415928
        # where there is nothing, the angle is of rounding
        loud = L.STFTSpectrogram("magnitude", 16, 7, 20, **how)(x) > 1e-3
        assert loud.mean() > 0.9 and np.abs(turned[loud]).max() < 1e-3


def test_angles_by_quarters(tmp_path: pathlib.Path) -> None:
    """Real and imaginary parts of all signs, and zeros."""
    layer = L.STFTSpectrogram("angle", 2, 1, 2, window=None)
    model = of(layer, 2, 1)
    real, imag = (np.zeros((2, 1, 2), "float32") for _ in range(2))
    real[0], imag[1] = 1, 1  # the first sample is the real part, the second the imaginary one
    model.set_weights([real, imag])
    x = np.array(list(itertools.product((-2.0, -1e-30, 0.0, 1e-20, 1.0), repeat=2)), "float32")[
        ..., None
    ]
    agree(model, x, tmp_path)


def test_trained_kernels_are_exported(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    model = of(L.STFTSpectrogram(frame_length=16), 64, 1)
    model.set_weights([w + rng.normal(size=w.shape) for w in model.get_weights()])
    agree(model, sounds(3, 64, 1), tmp_path)


@pytest.mark.parametrize("size", [256, 400, 7, 1])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"mag_exp": 1, "power_to_db": False},
        {"top_db": 15, "ref_power": 2, "min_power": 1e-3},
        {"window": None, "min_freq": 0, "max_freq": 4000},
        {"sequence_length": 1},
    ],
)
def test_mel_spectrogram(size: int, kwargs: Any, tmp_path: pathlib.Path) -> None:
    for samples in (900, None):
        layer = L.MelSpectrogram(size, 160, num_mel_bins=20, **kwargs)
        proto = agree(of(layer, samples), sounds(3, 900), tmp_path, 1e-3, 1e-3)
        assert ("STFT" in operators(proto)) == (size in (256, 1))


def test_mel_spectrogram_of_doubles(tmp_path: pathlib.Path) -> None:
    layer = L.MelSpectrogram(256, 160, num_mel_bins=20, dtype="float64")
    agree(of(layer, 900, dtype="float64"), sounds(3, 900).astype("float64"), tmp_path, 1e-9, 1e-9)


# -- hashes -----------------------------------------------------------------------------------


def integers(dtype: str) -> Any:
    """Of all lengths and signs."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 19, 400)
    x = np.concatenate([
        (rng.uniform(1, 10, 400) * 10.0**sizes * rng.choice([-1, 1], 400)).clip(-9.2e18, 9.2e18),
        *([10.0**k, 10.0**k - 1, -(10.0**k)] for k in range(19)),
        [0, -0.0, 1, -1, 3.7, -3.7, 0.5, -0.5, 9, 10, -(2.0**63), 2.0**24, 2.0**53],
    ])  # fmt: skip
    return x[: len(x) // 5 * 5].reshape(-1, 5).astype(dtype)


def hashes_as(layer: Any, dtype: str, directory: pathlib.Path) -> None:
    """The file beside the layer itself: a model refuses numbers that its dtype may have rounded."""
    x = integers(dtype)
    model = of(layer, 5, dtype=dtype)
    np.testing.assert_array_equal(run(exported(model, directory), x), layer(x))
    small = x[(np.abs(x) < 2.0**24).all(1)]
    agree(model, small, directory, 0, 0)


@pytest.mark.parametrize("salt", [None, 3, [133, 2**40 + 137]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "kwargs",
    [
        {"output_mode": "one_hot"},
        {"output_mode": "multi_hot", "mask_value": 9},
        {"output_mode": "count", "mask_value": ""},
    ],
)
def test_hashing(salt: Any, dtype: str, kwargs: Any, tmp_path: pathlib.Path) -> None:
    hashes_as(L.Hashing(97, salt=salt, dtype=dtype, **kwargs), dtype, tmp_path)


@pytest.mark.parametrize("many", [1, 2, 1000, 2**20])
@pytest.mark.parametrize("mask", [None, -1, 3.7])
def test_numbers_of_buckets(many: int, mask: Any, tmp_path: pathlib.Path) -> None:
    hashes_as(L.Hashing(many, mask), "float32", tmp_path)


@pytest.mark.parametrize("salt", [None, [5, 6]])
def test_unknown_integers_by_hash(salt: Any, tmp_path: pathlib.Path) -> None:
    layer = L.IntegerLookup(
        vocabulary=[3, -5, 7], num_oov_indices=4, oov_method="farmhash", salt=salt, mask_token=9
    )
    x = np.random.default_rng(0).integers(-2000, 2000, (40, 5)).astype("float32")
    x[0] = [3, -5, 7, 9, 0]
    agree(of(layer, 5), x, tmp_path, 0, 0)
