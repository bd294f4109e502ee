"""Arguments and errors of saving and loading; JSON; clones; classes of one's own."""

from __future__ import annotations

import json
import pathlib
import zipfile
from typing import Any

import numpy as np
import pytest

import ranvier

L = ranvier.layers


def model_of(*layers: Any) -> Any:
    return ranvier.Sequential([ranvier.Input((3,)), *(layers or (L.Dense(4), L.Dense(2)))])


X = np.linspace(-1, 1, 6).reshape(2, 3)


# -- names and arguments ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("m.weights.h5", "must end in `.keras`"),
        ("m", "must end in `.keras`"),
        ("m.onnx", "must end in `.keras`"),
    ],
)
def test_endings_of_models(name: str, match: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=match):
        model_of().save(tmp_path / name)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=match):
        ranvier.saving.load_model(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("m.h5.txt", "must end in `.weights.h5`"),
        ("m.weights.json", "max_shard_size"),
        ("m", "must end"),
    ],
)
def test_endings_of_weights(name: str, match: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=match):
        model_of().save_weights(tmp_path / name)
    with pytest.raises(ValueError, match=r"must end in `\.weights\.h5`"):
        model_of().load_weights(tmp_path / name)


def test_arguments(tmp_path: pathlib.Path) -> None:
    model = model_of()
    for act in (ranvier.saving.save_weights, ranvier.saving.load_weights):
        with pytest.raises(ValueError, match="expected a model; got Dense"):
            act(L.Dense(2), tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="expected a model; got NoneType"):
        ranvier.saving.save_model(None, tmp_path / "m.keras")
    with pytest.raises(TypeError, match="`filepath` must be a path"):
        model.save(3)
    with pytest.raises(ValueError, match="zipped=False"):
        model.save(tmp_path / "m", zipped=False)
    with pytest.raises(ValueError, match="max_shard_size"):
        model.save_weights(tmp_path / "m.weights.h5", max_shard_size=1)
    with pytest.raises(ValueError, match="`by_name` is not in ranvier"):
        model.load_weights(tmp_path / "m.weights.h5", by_name=True)
    with pytest.raises(TypeError, match="unknown argument `strict`"):
        model.load_weights(tmp_path / "m.weights.h5", strict=True)


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.safetensors"])
def test_a_file_that_there_is_not(name: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match=name):
        model_of().load_weights(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"no\.keras"):
        ranvier.saving.load_model(tmp_path / "no.keras")


def test_models_without_weights(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([L.Dense(2)])
    with pytest.raises(ValueError, match="cannot be saved before they exist"):
        model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="cannot be loaded before they exist"):
        model.load_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning, match="saved without weights"):
        model.save(tmp_path / "m.keras")
    assert not ranvier.saving.load_model(tmp_path / "m.keras").built


def test_names_of_keras() -> None:
    for name in ("save_model", "load_model", "clone_model", "model_from_json"):
        assert getattr(ranvier.models, name) is getattr(ranvier.saving, name)


def test_paths_may_be_strings_or_bytes(tmp_path: pathlib.Path) -> None:
    model = model_of()
    for path in (f"{tmp_path}/a.keras", f"{tmp_path}/b.keras".encode(), tmp_path / "c.keras"):
        ranvier.saving.save_model(model, path)
        np.testing.assert_array_equal(ranvier.models.load_model(path)(X), model(X))


def test_the_directory_of_keras(tmp_path: pathlib.Path) -> None:
    model = model_of()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        archive.extractall(tmp_path / "folder")
    np.testing.assert_array_equal(ranvier.saving.load_model(tmp_path / "folder")(X), model(X))
    (tmp_path / "folder" / "config.json").unlink()
    with pytest.raises(ValueError, match=r"folder.*no config\.json"):
        ranvier.saving.load_model(tmp_path / "folder")


# -- weights that do not fit --------------------------------------------------------------------


def test_skip_mismatch(tmp_path: pathlib.Path) -> None:
    model, other = model_of(), model_of(L.Dense(4), L.Dense(7))
    before = other.get_weights()
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match=r"expected an array of shape \(4, 7\); got \(4, 2\)"):
        other.load_weights(tmp_path / "m.weights.h5")
    for one, kept in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, kept)
    with pytest.warns(UserWarning, match=r"skipped: Dense.*\(4, 7\)"):
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    for one, expected in zip(
        other.get_weights(), model.get_weights()[:2] + before[2:], strict=True
    ):
        np.testing.assert_array_equal(one, expected)


def test_more_layers_than_the_file(tmp_path: pathlib.Path) -> None:
    model_of(L.Dense(3)).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="has 2 arrays; the file has 0 for it"):
        model_of(L.Dense(3), L.Dense(3)).load_weights(tmp_path / "m.weights.h5")


def test_weights_frozen_one_by_one_keep_their_places(tmp_path: pathlib.Path) -> None:
    """Kernel and bias of the same shape: an order by what is trained now would swap them."""
    model, other = (
        model_of(L.PReLU(), L.LayerNormalization()),
        model_of(L.PReLU(), L.LayerNormalization()),
    )
    model.layers[1].gamma.assign([1, 2, 3])
    model.layers[1].beta.assign([4, 5, 6])
    model.layers[1].gamma.trainable = False
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.layers[1].gamma.numpy(), [1, 2, 3])
    np.testing.assert_array_equal(other.layers[1].beta.numpy(), [4, 5, 6])


# -- classes of one's own -----------------------------------------------------------------------


class Scale(L.Layer):
    """y = f x."""

    def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Any) -> None:
        self.count = self.add_weight((), initializer="zeros", trainable=False, name="count")
        self.factor = self.add_weight((), initializer="ones", name="factor")

    def forward(self, x: Any, training: bool = False) -> Any:
        return x * self.factor.value, x

    def backward(self, cache: Any, dy: Any) -> Any:
        return dy * self.factor.value, [np.sum(dy * cache)]


def shifted_error(y_true: Any, y_pred: Any) -> Any:
    return np.mean(np.abs(y_true - y_pred - 1), axis=-1)


def test_custom_objects(tmp_path: pathlib.Path) -> None:
    model = model_of(Scale(2.0), L.Dense(2))
    model.compile("sgd", "mse", metrics=[shifted_error])
    model.layers[0].factor.assign(3.0)
    model.layers[0].count.assign(8.0)
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"m\.keras.*Scale.*custom_objects"):
        ranvier.saving.load_model(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"m\.keras.*shifted_error"):
        ranvier.saving.load_model(tmp_path / "m.keras", custom_objects={"Scale": Scale})

    own = {"Scale": Scale, "shifted_error": shifted_error}
    with ranvier.saving.custom_object_scope(own):
        scoped = ranvier.saving.load_model(tmp_path / "m.keras")
    for again in (scoped, ranvier.saving.load_model(tmp_path / "m.keras", own)):
        assert again.layers[0].start == 2.0 and again.layers[0].count.numpy() == 8.0
        np.testing.assert_array_equal(again(X), model(X))
        expected = model.evaluate(X, np.ones((2, 2)), verbose=0)
        assert again.evaluate(X, np.ones((2, 2)), verbose=0) == expected


def test_registered_classes(tmp_path: pathlib.Path) -> None:
    Registered = ranvier.saving.register_serializable("tests")(type("Registered", (Scale,), {}))
    try:
        model = model_of(Registered(4.0))
        model.save(tmp_path / "m.keras")
        again = ranvier.saving.load_model(tmp_path / "m.keras")
        assert type(again.layers[0]) is Registered and again.layers[0].start == 4.0
    finally:
        ranvier.saving.get_custom_objects().pop("tests>Registered")


def test_a_lambda_is_not_written(tmp_path: pathlib.Path) -> None:
    model = model_of()
    model.compile("sgd", "mse", metrics=[lambda a, b: np.mean(a - b, axis=-1)])
    with pytest.raises(ValueError, match="lambda"):
        model.save(tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []


def test_hooks_of_a_layer_of_ones_own(tmp_path: pathlib.Path) -> None:
    class Table(Scale):
        """Keeps something besides its weights."""

        def save_own_variables(self, store: Any) -> None:
            super().save_own_variables(store)
            store["table"] = self.table

        def load_own_variables(self, store: Any) -> None:
            super().load_own_variables(store)
            self.table = np.array(store["table"])

        table = np.zeros(3)

    model, other = model_of(Table()), model_of(Table())
    model.layers[0].table = np.array([1.0, 2.0, 3.0])
    for name in ("m.weights.h5", "m.keras"):
        model.save(tmp_path / name) if name == "m.keras" else model.save_weights(tmp_path / name)
        other.layers[0].table = np.zeros(3)
        other.load_weights(tmp_path / name)
        np.testing.assert_array_equal(other.layers[0].table, [1, 2, 3])


# -- JSON and clones ----------------------------------------------------------------------------


def test_json() -> None:
    model = model_of()
    model.compile(ranvier.optimizers.Adam(0.5), "mse", metrics=["mae"])
    again = ranvier.models.model_from_json(model.to_json(indent=2))
    assert json.loads(again.to_json()) == json.loads(model.to_json())
    assert again.optimizer.learning_rate == 0.5 and again.compiled
    for text, match in (("[]", "expected a model"), ("{", "Expecting"), ('{"a": 1}', "a model")):
        with pytest.raises(ValueError, match=match):
            ranvier.models.model_from_json(text)
    with pytest.raises(TypeError, match="must be a string"):
        ranvier.models.model_from_json(3)  # type: ignore[arg-type]


def test_json_of_keras() -> None:
    keras = pytest.importorskip("keras")
    theirs = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "relu")])
    ours = ranvier.models.model_from_json(theirs.to_json())
    assert ours.output_shape == (None, 2)
    back = keras.models.model_from_json(ours.to_json())
    assert back.output_shape == (None, 2)


def test_clones() -> None:
    inner = ranvier.Sequential([L.Dense(3, name="deep")])
    model = model_of(L.Dense(4), inner, L.Dropout(0.2))
    model.layers[0].trainable = False
    model.compile(ranvier.optimizers.SGD(0.3), "mse")
    clone = ranvier.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    assert clone.compiled and clone.optimizer is not model.optimizer
    assert clone.optimizer.learning_rate == 0.3
    assert not any(v is w for v in clone.weights for w in model.weights)
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    assert [layer.trainable for layer in clone.layers] == [False, True, True]

    seen: list[str] = []

    def without_bias(layer: Any) -> Any:
        seen.append(layer.name)
        config = layer.get_config()
        if isinstance(layer, L.Dense):
            config["use_bias"] = False
        return type(layer).from_config(config)

    shallow = ranvier.models.clone_model(model, clone_function=without_bias)
    assert "deep" not in seen and [len(la.weights) for la in shallow.layers] == [1, 2, 0]
    deep = ranvier.models.clone_model(model, clone_function=without_bias, recursive=True)
    assert "deep" in seen and [len(la.weights) for la in deep.layers] == [1, 1, 0]

    built = ranvier.Sequential([L.Dense(2)])
    built.build((None, 3))
    assert ranvier.models.clone_model(built).output_shape == (None, 2)
    frozen = model_of()
    frozen.trainable = False
    assert ranvier.models.clone_model(frozen).trainable_weights == []


def test_clones_of_what_cannot_be() -> None:
    with pytest.raises(TypeError, match="must be a Sequential"):
        ranvier.models.clone_model(L.Dense(2))
    with pytest.raises(ValueError, match="`call_function` is not in ranvier"):
        ranvier.models.clone_model(model_of(), call_function=len)
    with pytest.raises(ValueError, match="`clone_function` must be a function"):
        ranvier.models.clone_model(model_of(), clone_function=3)  # type: ignore[arg-type]
