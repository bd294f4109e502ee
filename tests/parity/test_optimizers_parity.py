"""Optimizers and schedules against Keras: many steps, all options; configs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import keras

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "learning_rate": 0.02}),
    ("SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"clipvalue": 0.05}),
    ("SGD", {"clipnorm": 0.3, "momentum": 0.5}),
    ("SGD", {"global_clipnorm": 0.4}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4, "learning_rate": 0.01}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"global_clipnorm": 0.1}),
    ("AdamW", {"weight_decay": 0.05, "learning_rate": 0.01}),
    ("AdamW", {"clipnorm": 0.2, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.7, "rho": 0.8}),
    ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.02}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-2, "clipvalue": 0.1}),
]  # fmt: skip
IDS = [f"{name}-{arguments}" for name, arguments in CASES]

SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 9], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 10, "warmup_target": 0.1, "warmup_steps": 4}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3, "m_mul": 0.8, "alpha": 0.01}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("where", ["apply", "fit"])
def test_steps(case: Any, where: str, rng: np.random.Generator, double: None) -> None:
    name, arguments = case
    theirs = getattr(keras.optimizers, name)(**arguments)
    ours = getattr(ranvier.optimizers, name)(**arguments)
    if where == "apply":
        values = [rng.normal(size=(5, 3)), rng.normal(size=7)]
        a = [keras.Variable(v) for v in values]
        b = [ranvier.variables.Variable(v, dtype="float64") for v in values]
        for _ in range(12):
            grads = [rng.normal(size=v.shape) for v in values]
            theirs.apply([keras.ops.convert_to_tensor(g) for g in grads], a)
            ours.apply(grads, b)
        for p, q in zip(a, b, strict=True):
            np.testing.assert_allclose(q.numpy(), np.asarray(p), rtol=1e-7, atol=1e-10)
        assert ours.iterations == 12
        return

    def model_of(module: Any, optimizer: Any) -> Any:
        layers = module.layers
        model = module.Sequential(
            [module.Input((6,)), layers.Dense(9, activation="tanh"), layers.Dense(2)]
        )
        model.compile(optimizer, "mse")
        return model

    m, n = model_of(keras, theirs), model_of(ranvier, ours)
    n.set_weights(m.get_weights())
    x, y = rng.normal(size=(50, 6)), rng.normal(size=(50, 2))
    for model in (m, n):
        model.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0)
    assert ours.iterations == int(theirs.iterations) == 16
    for p, q in zip(m.get_weights(), n.get_weights(), strict=True):
        # Keras divides the loss by the batch in float32, hence not 1e-12
        np.testing.assert_allclose(q, p, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case: Any) -> None:
    name, arguments = case
    ours = getattr(ranvier.optimizers, name)(**arguments, name="mine")
    config = ranvier.optimizers.serialize(ours)
    again = ranvier.optimizers.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    theirs = keras.optimizers.deserialize(config)
    expected = theirs.get_config()
    assert set(expected) == set(config["config"])
    for key, value in expected.items():
        assert config["config"][key] == (
            pytest.approx(value) if isinstance(value, float) else value
        )


@pytest.mark.parametrize("case", SCHEDULES, ids=lambda c: f"{c[0]}-{c[1]}")
def test_schedule(case: Any, double: None) -> None:
    name, arguments = case
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    ours = getattr(ranvier.optimizers.schedules, name)(**arguments)
    for step in range(25):
        # Keras computes in float32 whatever floatx is
        assert ours(step) == pytest.approx(float(theirs(step)), rel=2e-5, abs=1e-8), step
    config = ranvier.optimizers.schedules.serialize(ours)
    again = ranvier.optimizers.schedules.deserialize(config)
    assert again.get_config() == ours.get_config() == theirs.get_config()
    assert keras.optimizers.schedules.deserialize(config).get_config() == theirs.get_config()


def test_schedule_in_fit(rng: np.random.Generator, double: None) -> None:
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    weights: Any = None
    results = []
    for module in (keras, ranvier):
        rate = module.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
        model = module.Sequential([module.Input((4,)), module.layers.Dense(2)])
        if weights is not None:
            model.set_weights(weights)
        weights = model.get_weights()
        model.compile(module.optimizers.SGD(rate), "mse")
        model.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=0)
        results.append(model.get_weights())
        assert float(model.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**8)
    for p, q in zip(*results, strict=True):
        np.testing.assert_allclose(q, p, rtol=1e-5, atol=1e-8)


def test_rate_of_a_function_and_a_rate_set_while_training(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    called = []

    def rate() -> float:
        called.append(1)
        return 0.0

    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(1)])
    before = model.get_weights()
    model.compile(ranvier.optimizers.SGD(rate), "mse")
    model.fit(x, y, batch_size=2, epochs=2, verbose=0)
    assert len(called) == 8
    assert np.array_equal(before[0], model.get_weights()[0])

    class Set(ranvier.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.1

    model.compile("sgd", "mse")
    after = model.fit(x, y, epochs=3, verbose=0, callbacks=[Set()]).history["loss"]
    assert after[1] == pytest.approx(after[2])


def test_weight_decay_exclusion(rng: np.random.Generator, double: None) -> None:
    x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
    weights = [rng.normal(size=(4, 2)), rng.normal(size=2)]
    results = {}
    for module in (keras, ranvier):
        for excluded in (["bias"], []):
            model = module.Sequential([module.Input((4,)), module.layers.Dense(2)])
            model.set_weights(weights)
            optimizer = module.optimizers.AdamW(weight_decay=0.3)
            optimizer.exclude_from_weight_decay(var_names=excluded)
            model.compile(optimizer, "mse")
            model.fit(x, y, epochs=3, shuffle=False, verbose=0)
            results[module.__name__, bool(excluded)] = model.get_weights()
    for excluded in (True, False):
        for p, q in zip(results["keras", excluded], results["ranvier", excluded], strict=True):
            np.testing.assert_allclose(q, p, rtol=1e-6, atol=1e-8)
    assert not np.allclose(results["ranvier", True][1], results["ranvier", False][1])


class Signed(ranvier.optimizers.Optimizer):
    """Steps of one size: what a user might write."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.counts = [self.add_variable_from_reference(v, "count") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: float) -> None:
        self.counts[self._get_variable_index(variable)].assign(
            self.counts[self._get_variable_index(variable)].value + 1
        )
        variable.assign(variable.value - learning_rate * np.sign(gradient))


def test_an_optimizer_of_ones_own(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(64, 3)).astype("float32"), rng.normal(size=(64, 1))
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(1)])
    optimizer = Signed(0.01)
    model.compile(optimizer, "mse")
    before = model.get_weights()
    history = model.fit(x, y, batch_size=16, epochs=10, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert [c.value.max() for c in optimizer.counts] == [40, 40]
    steps = (model.get_weights()[0] - before[0]) / 0.01
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ranvier.optimizers.SGD(-0.1), "learning_rate"),
        (lambda: ranvier.optimizers.SGD(float("nan")), "learning_rate"),
        (lambda: ranvier.optimizers.SGD(momentum=1.5), "momentum"),
        (lambda: ranvier.optimizers.Adam(beta_1=1.0), "beta_1"),
        (lambda: ranvier.optimizers.AdamW(weight_decay=None), "weight_decay"),
        (lambda: ranvier.optimizers.Adam(clipnorm=1.0, clipvalue=1.0), "only one of"),
        (lambda: ranvier.optimizers.get("adm"), "adam"),
        (lambda: ranvier.optimizers.get("loss_scale_optimizer"), "not in ranvier"),
        (lambda: ranvier.optimizers.get(3), "an optimizer must be"),
        (lambda: ranvier.optimizers.schedules.CosineDecay(0.1, 0), "decay_steps"),
        (lambda: ranvier.optimizers.schedules.PiecewiseConstantDecay([1], [0.1]), "values"),
        (lambda: ranvier.optimizers.schedules.PiecewiseConstantDecay([2, 1], [1, 2, 3]), "rise"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_argument() -> None:
    with pytest.raises(TypeError, match="lr"):
        ranvier.optimizers.SGD(lr=0.1)


def test_one_optimizer_for_two_models_is_refused(rng: np.random.Generator) -> None:
    optimizer = ranvier.optimizers.Adam()
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    for i in range(2):
        model = ranvier.Sequential([ranvier.layers.Dense(1)])
        model.compile(optimizer, "mse")
        if i == 0:
            model.fit(x, y, verbose=0)
        else:
            with pytest.raises(ValueError, match="other weights"):
                model.fit(x, y, verbose=0)
