"""Real Keras opens what ranvier saved, and the other way round."""

from __future__ import annotations

import io
import json
import pathlib
import zipfile
from typing import Any

import numpy as np
import pytest

import ranvier

from .cases import CASES, build, data, randomize, twice_and

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")
keras.saving.register_keras_serializable("tests")(twice_and)


def tree(path: pathlib.Path) -> dict[str, tuple[int, ...]]:
    """The arrays in an archive, and the groups that have none, by path."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        buffer = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(buffer, "r") as file:
        file.visititems(lambda name, item: found.__setitem__(name, getattr(item, "shape", ())))
    return found


def without_inputs(model: Any) -> Any:
    """The config without InputLayers, which Keras adds to models inside."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list):
            return [plain(v) for v in value if not (isinstance(v, dict) and _is_input(v))]
        return value

    return plain(json.loads(model.to_json()))


def _is_input(config: dict[str, Any]) -> bool:
    return config.get("class_name") == "InputLayer"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.keras])
def test_files_are_exchanged(name: str, tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    case = CASES[name]
    ours = build(case)
    randomize(ours, rng)
    x = data(case, rng)
    expected = ours(x)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(
        np.asarray(theirs(x, training=False)), expected, rtol=1e-5, atol=1e-5
    )

    theirs.save(tmp_path / "theirs.keras")
    again = ranvier.saving.load_model(tmp_path / "theirs.keras")
    if case.batch:
        ours.reset_states()
    np.testing.assert_allclose(again(x), ours(x), rtol=1e-5, atol=1e-5)
    assert without_inputs(again) == without_inputs(ours)
    assert tree(tmp_path / "ours.keras") == tree(tmp_path / "theirs.keras")


@pytest.mark.parametrize("name", ["BatchNormalization", "StackedRNNCells", "models in models",
                                  "Normalization adapted", "TimeDistributed model"])  # fmt: skip
def test_a_model_that_keras_made(
    name: str, tmp_path: pathlib.Path, rng: np.random.Generator
) -> None:
    case = CASES[name]
    theirs = build(case, keras)
    randomize(theirs, rng)
    x = data(case, rng)
    expected = np.asarray(theirs(x))
    theirs.save(tmp_path / "m.keras")
    theirs.save_weights(tmp_path / "m.weights.h5")
    ours = ranvier.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(ours(x), expected, rtol=1e-5, atol=1e-5)
    for file in ("m.keras", "m.weights.h5"):
        other = build(case)
        other.load_weights(tmp_path / file)
        np.testing.assert_allclose(other(x), expected, rtol=1e-5, atol=1e-5)
    ours.save_weights(tmp_path / "ours.weights.h5")
    fresh = build(case, keras)
    fresh.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(np.asarray(fresh(x)), expected, rtol=1e-5, atol=1e-5)


def test_the_config_is_keras_own(tmp_path: pathlib.Path) -> None:
    def made(kit: Any) -> Any:
        L = kit.layers
        model = kit.Sequential(
            [
                kit.Input((4,), name="given"),
                L.Dense(
                    3, activation="relu", kernel_regularizer=kit.regularizers.L2(0.1), name="a"
                ),
                L.Dropout(0.5, name="b"),
                L.Dense(2, name="c"),
            ],
            name="model",
        )
        model.compile(
            kit.optimizers.SGD(0.5, momentum=0.5, name="sgd"),
            kit.losses.MeanSquaredError(),
            metrics=["mae", kit.metrics.MeanSquaredError(name="m")],
            weighted_metrics=["mse"],
            jit_compile=True,
        )
        model.save(tmp_path / "m.keras")
        with zipfile.ZipFile(tmp_path / "m.keras") as archive:
            assert sorted(archive.namelist()) == [
                "config.json",
                "metadata.json",
                "model.weights.h5",
            ]
            assert set(json.loads(archive.read("metadata.json"))) == {"keras_version", "date_saved"}
            return json.loads(archive.read("config.json"))

    def plain(value: Any) -> Any:
        """Without numbers of objects, and what only newer Keras versions have."""
        newer = ("shared_object_id", "quantization_config", "input_axes", "output_axes")
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in newer}
        return [plain(v) for v in value] if isinstance(value, list) else value

    assert plain(made(ranvier)) == plain(made(keras))


def test_a_vocabulary_that_keras_adapted(tmp_path: pathlib.Path) -> None:
    """Keras' IntegerLookup needs TensorFlow; its file is written here as its source does it."""
    model = ranvier.Sequential(
        [
            ranvier.Input((2,)),
            ranvier.layers.IntegerLookup(vocabulary=[30, 10, 20], output_mode="count"),
            ranvier.layers.Dense(2),
        ]
    )
    model.save(tmp_path / "ours.keras")
    with zipfile.ZipFile(tmp_path / "ours.keras") as archive:
        config = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    lookup = config["config"]["layers"][1]["config"]
    lookup.update(vocabulary=None, vocabulary_size=4)
    lookup.pop("has_input_vocabulary", None)
    with zipfile.ZipFile(tmp_path / "theirs.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
        archive.writestr("assets/layers/integer_lookup/vocabulary.txt", "-1\n30\n10\n20\n")
    again = ranvier.saving.load_model(tmp_path / "theirs.keras")
    assert again.layers[0].get_vocabulary() == [-1, 30, 10, 20]
    x = np.array([[10, 20], [99, 10], [10, 10]])
    np.testing.assert_array_equal(again(x), model(x))


def test_a_vocabulary_with_idf_weights_comes_back(tmp_path: pathlib.Path) -> None:
    lookup = ranvier.layers.IntegerLookup(
        output_mode="tf_idf", max_tokens=6, pad_to_max_tokens=True
    )
    lookup.adapt(np.array([[1, 2], [1, 3], [1, 1]]))
    model = ranvier.Sequential([ranvier.Input((2,)), lookup])
    model.save(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras")
    x = np.array([[1, 2], [3, 9]])
    np.testing.assert_array_equal(again(x), model(x))


def test_a_normalization_without_statistics_stays_so(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Normalization()])
    model.save(tmp_path / "ours.keras")
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for file in ("ours.keras", "theirs.keras"):
        with pytest.raises(ValueError, match="adapt"):
            ranvier.saving.load_model(tmp_path / file)(np.ones((1, 2)))
    # Keras' own without statistics leaves its input as it is
    theirs = keras.Sequential([keras.Input((2,)), keras.layers.Normalization()])
    theirs.save(tmp_path / "theirs.keras")
    x = np.array([[1.0, 2.0]], "float32")
    np.testing.assert_array_equal(ranvier.saving.load_model(tmp_path / "theirs.keras")(x), x)


def test_a_deferred_model(tmp_path: pathlib.Path) -> None:
    """Without an Input, built by data."""
    for kit in (ranvier, keras):
        model = kit.Sequential([kit.layers.Dense(3), kit.layers.Dense(2)])
        x = np.ones((2, 4), "float32")
        expected = np.asarray(model.predict(x, verbose=0))
        model.save(tmp_path / "m.keras")
        for reader in (ranvier, keras):
            again = reader.saving.load_model(tmp_path / "m.keras")
            np.testing.assert_allclose(np.asarray(again(x)), expected, rtol=1e-5, atol=1e-6)


def test_float64(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(3, dtype="float64")])
    model.save(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras")
    assert again.dtype == "float64"
    x = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(again(x), model(x))


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (lambda L: L.ReversibleEmbedding(9, 2), "ReversibleEmbedding"),
        (lambda L: L.Dense(3, dtype="mixed_float16"), "mixed_float16"),
        (lambda L: L.Lambda(lambda x: x), "lambda, which is Python code"),
    ],
)
def test_what_ranvier_lacks_is_named(layer: Any, named: str, tmp_path: pathlib.Path) -> None:
    theirs = keras.Sequential([keras.Input((4,)), layer(keras.layers)])
    theirs.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=rf"m\.keras.*{named}"):
        ranvier.saving.load_model(tmp_path / "m.keras")


def test_a_functional_model_is_named(tmp_path: pathlib.Path) -> None:
    x = keras.Input((4,))
    keras.Model(x, keras.layers.Dense(2)(x)).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="Functional"):
        ranvier.saving.load_model(tmp_path / "m.keras")


def test_an_optimizer_that_ranvier_lacks(tmp_path: pathlib.Path) -> None:
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    theirs.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), "mse")
    theirs.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"LossScaleOptimizer.*compile=False"):
        ranvier.saving.load_model(tmp_path / "m.keras")
    ours = ranvier.saving.load_model(tmp_path / "m.keras", compile=False)
    assert not ours.compiled
    np.testing.assert_array_equal(ours.get_weights()[0], theirs.get_weights()[0])
