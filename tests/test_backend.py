"""ranvier.backend, and the names that Keras has at its top."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import ranvier
from ranvier import backend as K

L = ranvier.layers


@pytest.fixture
def restored() -> Iterator[None]:
    yield
    K.set_image_data_format("channels_last")


@pytest.mark.usefixtures("restored")
def test_the_data_format_of_new_layers(rng: np.random.Generator) -> None:
    before = L.Conv2D(4, 3)
    K.set_image_data_format("channels_first")
    assert K.image_data_format() == ranvier.config.image_data_format() == "channels_first"
    model = ranvier.Sequential(
        [ranvier.Input((3, 8, 8)), L.Conv2D(4, 3), L.MaxPooling2D(), L.Flatten(), L.Dense(2)]
    )
    assert [layer.data_format for layer in model.layers[:3]] == 3 * ["channels_first"]
    assert model.get_weights()[2].shape == (36, 2)
    assert before.data_format == "channels_last"
    K.set_image_data_format("channels_last")
    last = ranvier.Sequential(
        [ranvier.Input((8, 8, 3)), L.Conv2D(4, 3), L.MaxPooling2D(), L.Flatten(), L.Dense(2)]
    )
    last.set_weights(model.get_weights())
    x = rng.normal(size=(2, 3, 8, 8)).astype("float32")
    np.testing.assert_allclose(last(np.moveaxis(x, 1, -1)), model(x), rtol=1e-5, atol=1e-6)


def test_an_unknown_data_format() -> None:
    with pytest.raises(ValueError, match=r"one of \('channels_last', 'channels_first'\); got 'tf'"):
        K.set_image_data_format("tf")


def test_clear_session() -> None:
    K.clear_session()
    assert [L.Dense(1).name, L.Dense(1).name] == ["dense", "dense_1"]
    K.clear_session()
    assert L.Dense(1).name == "dense"


def test_names_at_the_top() -> None:
    assert issubclass(L.Dense, ranvier.Layer)
    assert issubclass(ranvier.losses.Huber, ranvier.Loss)
    assert issubclass(ranvier.metrics.AUC, ranvier.Metric)
    assert issubclass(ranvier.optimizers.Adam, ranvier.Optimizer)
    assert issubclass(ranvier.initializers.Zeros, ranvier.Initializer)
    assert issubclass(ranvier.regularizers.L2, ranvier.Regularizer)
    assert isinstance(ranvier.Variable([1.0]), ranvier.variables.Variable)
    assert K.epsilon() == 1e-7 and K.floatx() == "float32" and K.standardize_dtype("double")
