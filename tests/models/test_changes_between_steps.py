"""What is changed between two calls of `train_on_batch` counts at the next, however much is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import constraints, layers, optimizers, regularizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")


def model_of(penalty: Any) -> Any:
    ranvier.utils.set_random_seed(5)
    model = ranvier.Sequential(
        [
            ranvier.Input((5,)),
            layers.Dense(4, "tanh", kernel_regularizer=penalty),
            layers.Dense(2),
        ]
    )
    model.compile(optimizers.Adam(0.05, weight_decay=0.01), "mse")
    return model


def freeze(model: Any) -> None:
    model.layers[0].trainable = False


def freeze_and_thaw(model: Any) -> None:
    freeze(model)
    model.train_on_batch(X, Y)
    model.layers[0].trainable = True


def decay(model: Any) -> None:
    model.optimizer.weight_decay = 0.5


def clip(model: Any) -> None:
    model.optimizer.clipnorm = 0.01


def moments(model: Any) -> None:
    model.optimizer.beta_1 = 0.1


def exclude(model: Any) -> None:
    model.optimizer.exclude_from_weight_decay(var_names=["kernel"])


def penalise(model: Any) -> None:
    model.layers[0].kernel.regularizer.l2 = 2.0


def penalise_another(model: Any) -> None:
    model.layers[1].kernel.regularizer = regularizers.L1(0.5)


def constrain(model: Any) -> None:
    model.layers[1].kernel.constraint = constraints.MaxNorm(0.1)


def forget(model: Any) -> None:
    for slot in model.optimizer.slots:
        slot[...] = 0


def other_arrays(model: Any) -> None:
    model.optimizer.slots = [slot * 2 for slot in model.optimizer.slots]


def rate(model: Any) -> None:
    model.optimizer.learning_rate = 1.0


def train_another(model: Any) -> None:
    other = model_of(None)
    other.train_on_batch(X, Y)
    model.optimizer.learning_rate = 0.2


def weights(model: Any) -> None:
    model.set_weights([w + 1 for w in model.get_weights()])


CHANGES = [
    freeze, freeze_and_thaw, decay, clip, moments, exclude, penalise, penalise_another, constrain,
    forget, other_arrays, rate, train_another, weights,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_counts_at_the_next_step(change: Any) -> None:
    """Beside a model whose engine is told everything anew at each step."""
    kept, told, still = (model_of(regularizers.L2(0.1)) for _ in range(3))
    for step in range(6):
        if step == 3:
            for model in (kept, told):
                change(model)
        told._steps_for(Y)._laid_out = told._steps_for(Y)._told = ()
        for model in (kept, told, still):
            model.train_on_batch(X, Y)
        for one, other in zip(kept.get_weights(), told.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    moved = zip(kept.get_weights(), still.get_weights(), strict=True)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in moved), "the change has no effect"


def test_an_optimizer_of_another_model_is_refused_after_steps() -> None:
    first, second = model_of(None), model_of(None)
    first.train_on_batch(X, Y)
    second.train_on_batch(X, Y)
    second.compile(first.optimizer, "mse")
    with pytest.raises(ValueError, match="already holds the state of other weights"):
        second.train_on_batch(X, Y)
    first.train_on_batch(X, Y)


def test_a_step_tells_the_engine_nothing_that_it_knows(monkeypatch: Any) -> None:
    model = model_of(None)
    model.train_on_batch(X, Y)
    steps = model._steps_for(Y)

    def never(*arguments: Any) -> None:
        raise AssertionError("laid out anew")

    monkeypatch.setattr(model.optimizer, "allocate", never)
    before = steps._told
    model.train_on_batch(X, Y)
    assert steps._told is before
