"""SwapEMAWeights beside Keras'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_what_is_evaluated_and_seen_is_what_keras_has(swap_on_epoch: bool) -> None:
    keras = pytest.importorskip("keras")

    def run(kit: Any) -> Any:
        seen = []

        class See(kit.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                seen.append(np.array(self.model.get_weights()[0]))

        model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(2, kernel_initializer="ones")])
        model.compile(kit.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7), "mse")
        swap = kit.callbacks.SwapEMAWeights(swap_on_epoch)
        history = model.fit(
            X, Y, 4, 3, verbose=0, shuffle=False, callbacks=[swap, See()], validation_data=(X, Y)
        ).history
        before = model.get_weights()[0]
        loss = model.evaluate(X, Y, verbose=0)
        return history["val_loss"], np.array(seen), before, loss

    for ours, theirs in zip(run(ranvier), run(keras), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_it_needs_averages() -> None:
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="use_ema"):
        model.evaluate(X, Y, verbose=0, callbacks=[ranvier.callbacks.SwapEMAWeights()])


def test_predictions_are_those_of_the_averages() -> None:
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    model.compile(ranvier.optimizers.SGD(0.1, use_ema=True), "mse")
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y)
    weights = [w.copy() for w in model.get_weights()]
    swap = ranvier.callbacks.SwapEMAWeights()
    got = model.predict(X, verbose=0, callbacks=[swap])
    places = model.optimizer._places
    averages = [model.optimizer.averages[at : at + v.size].reshape(v.shape) for v, at in places]
    np.testing.assert_allclose(got, X @ averages[0] + averages[1], rtol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
