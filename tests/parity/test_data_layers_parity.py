"""Categories, Pipeline and spectrograms beside Keras; hashes beside what TensorFlow gave."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

from .keras_reference import keras
from .layer_checks import Case, check_config, check_forward_and_gradients, ids

# -- categories ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(), (5,), (5, 1), (5, 3)], ids=str)
def test_category_encoding(mode: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.integers(0, 7, shape)
    theirs = np.asarray(keras.layers.CategoryEncoding(7, mode)(x))
    ours = L.CategoryEncoding(7, mode)(x)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype
    if shape:
        assert L.CategoryEncoding(7, mode).compute_output_shape(shape) == ours.shape


def test_category_encoding_with_weights(rng: np.random.Generator) -> None:
    x, w = rng.integers(0, 4, (6, 3)), rng.normal(size=(6, 3)).astype("float32")
    theirs = keras.layers.CategoryEncoding(4, "count")(x, count_weights=w)
    ours = L.CategoryEncoding(4, "count")(x, count_weights=w)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(5, 1), (5, 3), (40,)], ids=str)
def test_discretization(mode: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    bounds = [-1.0, 0.1, 0.1, 2.5]
    x = rng.normal(scale=2, size=shape).astype("float32")
    x.flat[:3] = bounds[0], bounds[1], bounds[3]
    theirs = np.asarray(keras.layers.Discretization(bounds, output_mode=mode)(x))
    ours = L.Discretization(bounds, output_mode=mode)(x)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("bins", [1, 2, 5, 40])
@pytest.mark.parametrize("epsilon", [0.01, 0.1])
@pytest.mark.parametrize("size", [1, 7, 1000, 5000])
def test_discretization_adapts_as_keras(
    bins: int, epsilon: float, size: int, rng: np.random.Generator
) -> None:
    x = rng.exponential(size=(size, 1)).astype("float32")
    for data in (x, [x[: size // 2 + 1], x[size // 2 :]]):
        ours = L.Discretization(num_bins=bins, epsilon=epsilon)
        theirs = keras.layers.Discretization(num_bins=bins, epsilon=epsilon)
        ours.adapt(iter(data) if isinstance(data, list) else data)
        for batch in data if isinstance(data, list) else [data]:  # adapt() needs TensorFlow
            theirs.update_state(batch)
        theirs.finalize_state()
        assert ours.bin_boundaries == theirs.bin_boundaries
        config = ours.get_config()
        assert config == {**theirs.get_config(), "name": ours.name}
        again = L.Discretization.from_config(config)
        np.testing.assert_array_equal(again(x), theirs(x))
        np.testing.assert_array_equal(keras.layers.Discretization.from_config(config)(x), ours(x))


CONFIGS: list[Case] = [
    ("CategoryEncoding", {"num_tokens": 5}, (3,)),
    ("CategoryEncoding", {"num_tokens": 5, "output_mode": "count", "dtype": "float64"}, (3,)),
    ("Discretization", {"bin_boundaries": [0.0, 1.0]}, (3,)),
    ("Discretization", {"num_bins": 7, "epsilon": 0.2, "output_mode": "one_hot"}, (3,)),
    ("STFTSpectrogram", {}, (300, 2)),
    ("STFTSpectrogram", {"mode": "psd", "frame_length": 20, "frame_step": 5, "fft_length": 32,
                         "window": "hamming", "periodic": True, "scaling": None,
                         "padding": "same", "expand_dims": True,
                         "data_format": "channels_first", "trainable": False}, (2, 300)),
    ("MelSpectrogram", {}, (3000,)),
    ("MelSpectrogram", {"fft_length": 256, "sequence_stride": 64, "sequence_length": 200,
                        "window": "hamming", "sampling_rate": 8000, "num_mel_bins": 20,
                        "min_freq": 50.0, "max_freq": 3000.0, "power_to_db": False,
                        "top_db": 60.0, "mag_exp": 1.0, "min_power": 1e-6, "ref_power": 2.0}, (900,)),
]  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS, ids=ids)
def test_config_is_keras_own_and_round_trips(case: Case) -> None:
    check_config(case)


# -- hashes: Keras needs TensorFlow for them; these are from its tests ----------------------------

LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]
NAMES = [["omar"], ["stringer"], ["marlo"], ["wire"], ["skywalker"]]
NUMBERS = np.arange(5)[:, None]


@pytest.mark.parametrize(
    ("arguments", "x", "expected"),
    [
        ({"num_bins": 3}, LETTERS, [1, 0, 1, 1, 2]),
        ({"num_bins": 3, "mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [1, 1, 0, 2, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, LETTERS, [1, 2, 1, 0, 2]),
        ({"num_bins": 3, "salt": 133}, LETTERS, [0, 0, 2, 1, 0]),
        ({"num_bins": 3}, NUMBERS, [1, 0, 1, 0, 2]),
        ({"num_bins": 3}, NUMBERS + 0.75, [1, 0, 1, 0, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, NUMBERS, [1, 1, 2, 0, 1]),
        ({"num_bins": 1}, LETTERS, [0] * 5),
        ({"num_bins": 1, "mask_value": "A"}, LETTERS, [0] * 5),
        ({"num_bins": 2}, NAMES, [0, 0, 1, 0, 0]),
        ({"num_bins": 3, "mask_value": ""}, NAMES, [1, 1, 2, 1, 1]),
        ({"num_bins": 3, "mask_value": "omar"}, NAMES, [0, 1, 2, 1, 1]),
        ({"num_bins": 2, "salt": [211, 137]}, np.array(NAMES), [1, 0, 1, 0, 1]),
    ],
)
def test_hashing(arguments: dict[str, Any], x: Any, expected: list[int]) -> None:
    layer = L.Hashing(**arguments)
    got = layer(x)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, np.array(expected)[:, None])
    np.testing.assert_array_equal(L.Hashing.from_config(layer.get_config())(x), got)


def test_hashing_in_rows() -> None:
    numbers = [[0, 1, 2, 3, 4]]
    assert L.Hashing(3, output_mode="multi_hot")(numbers).tolist() == [[1, 1, 1]]
    assert L.Hashing(3, output_mode="count")(numbers).tolist() == [[2, 2, 1]]
    rows = L.Hashing(3, output_mode="one_hot")(NUMBERS)
    assert rows.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert rows.dtype == np.float32
    assert L.Hashing(3, dtype="int32")(numbers).dtype == np.int32


def test_hashed_crossing() -> None:
    letters, numbers = np.array(list("ABABA")), np.array([101, 101, 101, 102, 102])
    layer = L.HashedCrossing(5)
    assert layer((letters, numbers)).tolist() == [1, 4, 1, 1, 3]
    columns = layer((letters[:, None], numbers[:, None]))
    assert columns.tolist() == [[1], [4], [1], [1], [3]]
    assert L.HashedCrossing(10)(("A", 101)) == 1
    rows = L.HashedCrossing(5, "one_hot")((letters, numbers))
    np.testing.assert_array_equal(rows, np.eye(5, dtype="float32")[[1, 4, 1, 1, 3]])
    again = L.HashedCrossing.from_config(layer.get_config())
    np.testing.assert_array_equal(again((letters, numbers)), layer((letters, numbers)))
    # as Keras' get_config has it
    assert layer.get_config() == {
        "num_bins": 5, "output_mode": "int", "sparse": False, "name": layer.name, "dtype": "int64",
    }  # fmt: skip


# -- Pipeline -------------------------------------------------------------------------------------


def test_pipeline_beside_keras(rng: np.random.Generator) -> None:
    def make(kit: Any) -> Any:
        layers = [kit.AutoContrast(), kit.Rescaling(1 / 255), kit.CenterCrop(4, 5)]
        return kit.Pipeline(layers, name="given")

    ours, theirs = make(L), make(keras.layers)
    x = rng.uniform(0, 200, (3, 8, 9, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    model = ranvier.Sequential([ranvier.Input((8, 9, 3)), ours])
    np.testing.assert_array_equal(model(x), ours(x))
    config, expected = ours.get_config(), theirs.get_config()
    assert [c["class_name"] for c in config["layers"]] == [
        c["class_name"] for c in expected["layers"]
    ]
    assert set(config) == set(expected)
    np.testing.assert_allclose(L.Pipeline.from_config(config)(x), theirs(x), rtol=1e-5, atol=1e-5)
    again = keras.layers.Pipeline.from_config(config)
    np.testing.assert_allclose(again(x), ours(x), rtol=1e-5, atol=1e-5)


# -- sound ----------------------------------------------------------------------------------------

WAVES: list[Case] = [
    *[
        ("STFTSpectrogram", {"mode": mode, "frame_length": 16, "frame_step": 5}, (60, 2))
        for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    ],
    ("STFTSpectrogram", {"mode": "magnitude", "frame_length": 12, "padding": "same"}, (61, 1)),
    ("STFTSpectrogram", {"mode": "stft", "frame_length": 12, "padding": "same", "frame_step": 12,
                         "expand_dims": True, "fft_length": 12}, (61, 3)),
    ("STFTSpectrogram", {"mode": "psd", "frame_length": 8, "fft_length": 32,
                         "data_format": "channels_first"}, (2, 40)),
    ("STFTSpectrogram", {"mode": "real", "frame_length": 8, "padding": "same", "frame_step": 3,
                         "expand_dims": True, "data_format": "channels_first"}, (2, 40)),
]  # fmt: skip


@pytest.mark.parametrize("case", WAVES, ids=ids)
def test_stft_with_keras_weights(case: Case, rng: np.random.Generator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lengths that are no powers of two
        check_forward_and_gradients(case, rng)


@pytest.mark.parametrize("window", ["hann", "hamming", None, "array"])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("periodic", [False, True])
def test_stft_kernels(window: Any, scaling: Any, periodic: bool, rng: np.random.Generator) -> None:
    given = rng.uniform(0.5, 1, 24).tolist() if window == "array" else window
    for side in ("real", "imag"):
        theirs = keras.initializers.STFT(side, given, scaling, periodic)
        ours = ranvier.initializers.STFT(side, given, scaling, periodic)
        # angles up to 75 in float32 there
        np.testing.assert_allclose(ours((24, 1, 17)), theirs((24, 1, 17)), rtol=0, atol=2e-5)
        assert ours.get_config() == theirs.get_config()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"fft_length": 256, "sequence_stride": 100, "num_mel_bins": 30},
        {"fft_length": 256, "sequence_stride": 64, "sequence_length": 201, "window": "hamming"},
        {"fft_length": 256, "power_to_db": False, "mag_exp": 1.0, "sampling_rate": 8000},
        {"fft_length": 256, "window": None, "min_freq": 100.0, "max_freq": 3000.0, "top_db": 20.0},
        {"fft_length": 128, "ref_power": 3.0, "min_power": 1e-3, "num_mel_bins": 10},
    ],
    ids=str,
)
def test_mel_spectrogram(arguments: dict[str, Any], rng: np.random.Generator) -> None:
    t = np.arange(5000)
    x = np.stack([np.sin(0.05 * t), np.sin(1e-4 * t**1.5), rng.normal(size=5000)]).astype("float32")
    ours, theirs = L.MelSpectrogram(**arguments), keras.layers.MelSpectrogram(**arguments)
    expected = np.asarray(theirs(x))
    got = ours(x)
    assert got.shape == ours.compute_output_shape(x.shape) == expected.shape
    if arguments.get("power_to_db", True):
        # decibels of what float32 leaves of nearly nothing
        np.testing.assert_allclose(got, expected, atol=0.05)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(ours(x[2]), np.asarray(theirs(x[2])), atol=0.05)
    model = ranvier.Sequential([ranvier.Input((5000,)), ours])
    np.testing.assert_array_equal(model(x), got)
