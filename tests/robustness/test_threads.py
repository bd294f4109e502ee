"""Many Python threads at once: the same bits as one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import ranvier

from ..models.test_memory_and_threads import run_all
from ..saving.cases import CASES, build, data
from .test_determinism import LARGE

NAMES = ["Conv2D", "LSTM", "Bidirectional", "BatchNormalization", "Embedding", "models in models"]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_from_many_threads(name: str, rng: np.random.Generator) -> None:
    case = CASES[name]
    model = build(case)
    inputs = [np.concatenate([data(case, rng)] * (k + 1)) for k in range(6)]
    want = [model.predict(x, verbose=0) for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for k, got in zip(
            range(48), pool.map(lambda k: model(inputs[k % 6]), range(48)), strict=True
        ):
            np.testing.assert_array_equal(got, want[k % 6])


@pytest.mark.parametrize("name", LARGE)
def test_models_that_train_at_once(name: str) -> None:
    shape, make = LARGE[name]
    x = np.random.default_rng(0).normal(size=(48, *shape)).astype("float32")

    def made() -> Any:
        ranvier.utils.set_random_seed(3)
        model = ranvier.Sequential([ranvier.Input(shape), *make(ranvier.layers)])
        model.compile("adam", "mse")
        return model

    def fit(model: Any) -> None:
        y = np.ones((48, *model.output_shape[1:]))
        model.fit(x, y, batch_size=24, epochs=2, shuffle=False, verbose=0)

    alone, models = made(), [made() for _ in range(3)]
    fit(alone)
    run_all(*[lambda m=m: fit(m) for m in models])
    for model in models:
        for one, other in zip(alone.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_callback_may_train_predict_save_and_compile(tmp_path: Any) -> None:
    x, y = np.ones((8, 3)), np.ones((8, 2))
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    model.compile("sgd", "mse")

    class Busy(ranvier.callbacks.Callback):
        """Comes back into the model while `fit` runs."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            model.predict(x, verbose=0)
            model.train_on_batch(x, y)
            model.save(tmp_path / "m.keras")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            model.compile("adam", "mae")
            model.layers[0].trainable = bool(epoch % 2)

    model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[Busy()])
    assert np.isfinite(model(x)).all()
