"""Keras' older HDF5 files: real ones of Keras 2.15 (tests/saving/keras2), and Keras 3 both ways."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

import ranvier

from .cases import CASES, build, data, randomize
from .test_training_goes_on import model_of, same, train

h5py = pytest.importorskip("h5py")

KERAS2 = pathlib.Path(__file__).parent / "keras2"
NAMES = ["perceptron", "pictures", "sequences"]


@pytest.mark.filterwarnings("ignore:the state of Keras 2")
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_keras_2(name: str, tmp_path: pathlib.Path) -> None:
    model = ranvier.saving.load_model(KERAS2 / f"{name}.h5")
    kept = np.load(KERAS2 / f"{name}.npz")
    x, y = kept["x"], kept["y"]
    np.testing.assert_allclose(model.predict(x, verbose=0), kept["predicted"], atol=1e-6)
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(float(kept["loss"]), rel=1e-5)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0)[0] < kept["loss"]
    model.save(tmp_path / "new.keras")
    again = ranvier.saving.load_model(tmp_path / "new.keras")
    np.testing.assert_array_equal(again(x), model(x))


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_keras_2(name: str) -> None:
    model = ranvier.saving.load_model(KERAS2 / f"{name}.h5", compile=False)
    want = model.get_weights()
    model.set_weights([np.zeros_like(w) for w in want])
    for file in (f"{name}_weights.h5", f"{name}.h5"):
        model.load_weights(KERAS2 / file)
        for one, other in zip(model.get_weights(), want, strict=True):
            np.testing.assert_array_equal(one, other)


def test_settings_of_keras_2() -> None:
    with pytest.warns(UserWarning, match="Keras 2's optimizers is not loaded"):
        pictures = ranvier.saving.load_model(KERAS2 / "pictures.h5")
    optimizer = pictures.optimizer
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert optimizer.learning_rate == pytest.approx(0.05)
    assert pictures.layers[0].kernel_constraint.max_value == 2
    with pytest.warns(UserWarning, match="Keras 2"):
        sequences = ranvier.saving.load_model(KERAS2 / "sequences.h5")
    assert sequences.loss.label_smoothing == 0.1
    perceptron = ranvier.saving.load_model(KERAS2 / "perceptron.h5", compile=False)
    assert not perceptron.layers[-1].trainable
    assert perceptron.layers[2].negative_slope == pytest.approx(0.2)
    assert perceptron.layers[0].kernel_regularizer is not None


def test_a_config_of_keras_2_as_json() -> None:
    with h5py.File(KERAS2 / "perceptron.h5") as file:
        config = json.loads(file.attrs["model_config"])
    text = json.dumps({**config, "module": "keras", "keras_version": "2.15.0"})
    assert ranvier.models.model_from_json(text).output_shape == (None, 3)


@pytest.mark.parametrize("name", CASES)
def test_every_layer(name: str, tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    case = CASES[name]
    model = build(case)
    randomize(model, rng)
    if name == "Normalization adapted":
        with pytest.raises(ValueError, match=r"other numbers than weights.*\.keras"):
            model.save(tmp_path / "m.h5")
        return
    model.save(tmp_path / "m.h5")
    again = ranvier.saving.load_model(tmp_path / "m.h5", compile=False)
    x = data(case, rng)
    np.testing.assert_array_equal(again(x), model(x))


def state(path: pathlib.Path) -> list[Any]:
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        return [group[name][()].tolist() for name in group.attrs["weight_names"]]


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_training_goes_on_in_the_other(optimizer: str, tmp_path: pathlib.Path) -> None:
    keras = pytest.importorskip("keras")
    from .test_training_goes_on import OPTIMIZERS

    theirs = model_of(keras, OPTIMIZERS[optimizer])
    train(theirs)
    theirs.save(tmp_path / "theirs.h5")
    ours = ranvier.saving.load_model(tmp_path / "theirs.h5")
    ours.save(tmp_path / "ours.h5")
    back: Any = keras.models.load_model(tmp_path / "ours.h5")
    same(ours, theirs, 0)
    same(back, theirs, 0)
    # Keras 3.15 itself builds the optimizer that it reads for no weights, and cannot train on
    assert state(tmp_path / "ours.h5") == state(tmp_path / "theirs.h5")
    for model in (theirs, ours):
        train(model)
    same(ours, theirs)


def damaged(tmp_path: pathlib.Path, change: Any) -> pathlib.Path:
    path = tmp_path / "m.h5"
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2, name="d")])
    model.compile("sgd", "mse")
    model.save(path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _config(text: Any) -> Any:
    return lambda file: file.attrs.__setitem__("model_config", text)


def _names(names: list[str]) -> Any:
    return lambda file: file["model_weights/d"].attrs.__setitem__("weight_names", names)


def _kernel(value: Any) -> Any:
    def change(file: Any) -> None:
        group = file["model_weights/d"]
        path = group.attrs["weight_names"][0]
        del group[path]
        group[path] = value

    return change


def _lambda(function: Any) -> Any:
    layers = [{"class_name": "Lambda", "config": {"function": function}}]
    return _config(json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))


CODE = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.__delitem__("model_config"), "no model"),
        (_config("{"), "m.h5"),
        (_config(3), "must be a text"),
        (_lambda(CODE), "Python code"),
        (_lambda(["4wAAAA==", None, None]), "must be a function"),  # Keras 2
        (_config(json.dumps({"class_name": "Functional", "config": {}})), "Functional"),
        (_names(["nowhere", "d/bias"]), "nowhere"),
        (_names(["d/kernel"]), "the file has 1"),
        (lambda file: file.__delitem__("model_weights"), "model_weights"),
        (lambda file: file["model_weights"].attrs.__delitem__("layer_names"), "layer_names"),
        (_kernel(np.ones((4, 2))), r"\(3, 2\); got \(4, 2\)"),
        (_kernel(h5py.ExternalLink("other.h5", "/x")), "ExternalLink"),
        (_kernel(h5py.SoftLink("/model_weights/d")), "SoftLink"),
    ],
)  # fmt: skip
def test_damaged_files(change: Any, message: str, tmp_path: pathlib.Path) -> None:
    path = damaged(tmp_path, change)
    with pytest.raises(ValueError, match=message) as caught:
        ranvier.saving.load_model(path)
    assert str(path) in str(caught.value)


def test_truncated_at_every_part(tmp_path: pathlib.Path) -> None:
    path = damaged(tmp_path, lambda file: None)
    whole = path.read_bytes()
    for end in np.linspace(0, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"m\.h5"):
            ranvier.saving.load_model(path)


def test_weights_that_do_not_fit_change_nothing(tmp_path: pathlib.Path) -> None:
    path = damaged(tmp_path, _kernel(np.ones((4, 2), "float32")))
    other = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    before = other.get_weights()
    with pytest.raises(ValueError, match="expected an array"):
        other.load_weights(path)
    with pytest.warns(UserWarning, match="skipped"):
        other.load_weights(path, skip_mismatch=True)
    for one, was in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, was)


def test_unbuilt_models_are_refused(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.layers.Dense(2)])
    with pytest.raises(ValueError, match="before they exist"):
        model.save(tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())
