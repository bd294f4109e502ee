"""The rest of Keras' optimizers, gradient accumulation and moving averages, against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import _core

from .keras_reference import keras

CASES: list[tuple[str, dict[str, Any]]] = [
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"rho": 0.8, "epsilon": 1e-3, "weight_decay": 0.1, "clipvalue": 0.3}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Adamax", {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-2, "global_clipnorm": 0.5}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Nadam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Lion", {"learning_rate": 0.01}),
    ("Lion", {"beta_1": 0.6, "beta_2": 0.5, "weight_decay": 0.2, "clipnorm": 0.1}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {
        "learning_rate": 0.05, "learning_rate_power": -0.8, "initial_accumulator_value": 0.0,
        "l1_regularization_strength": 0.05, "l2_regularization_strength": 0.2,
        "l2_shrinkage_regularization_strength": 0.1, "beta": 0.3, "weight_decay": 0.1,
    }),
    ("Lamb", {"learning_rate": 0.01}),
    ("Lamb", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Adafactor", {"learning_rate": 0.1}),
    ("Adafactor", {
        "beta_2_decay": -0.5, "epsilon_1": 1e-3, "epsilon_2": 0.1, "clip_threshold": 0.5,
        "relative_step": False, "learning_rate": 0.9, "clipnorm": 1.0,
    }),
    ("Muon", {"learning_rate": 0.01}),
    ("Muon", {
        "adam_beta_1": 0.5, "adam_beta_2": 0.9, "adam_weight_decay": 0.3, "epsilon": 1e-2,
        "weight_decay": 0.1, "muon_a": 3.0, "muon_b": -4.0, "muon_c": 2.0, "adam_lr_ratio": 2.0,
        "momentum": 0.5, "ns_steps": 3, "nesterov": False, "rms_rate": None,
    }),
    ("Muon", {"weight_decay": None, "exclude_layers": ["wide"]}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05}),
    ("ScheduleFreeAdamW", {
        "beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-2, "warmup_steps": 3, "weight_decay": 0.1,
        "global_clipnorm": 0.5, "learning_rate": 0.3,
    }),
    ("ScheduleFreeAdamW", {"gradient_accumulation_steps": 2, "use_ema": True, "learning_rate": 0.1}),
    ("Nadam", {"gradient_accumulation_steps": 3, "weight_decay": 0.1, "clipnorm": 0.5}),
    ("SGD", {"momentum": 0.9, "use_ema": True, "ema_momentum": 0.7, "learning_rate": 0.1}),
    ("Adam", {"use_ema": True, "ema_overwrite_frequency": 3, "learning_rate": 0.1}),
    ("Lamb", {
        "gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.6,
        "ema_overwrite_frequency": 2, "learning_rate": 0.1,
    }),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(arguments)}" for name, arguments in CASES]
SHAPES = [(5, 3), (2, 6), (7,)]
# In float32 each optimizer once.
FIRST = [case for i, case in enumerate(CASES) if case[0] not in [name for name, _ in CASES[:i]]]
STEPS = [("float64", case) for case in CASES] + [("float32", case) for case in FIRST]


@pytest.mark.parametrize(
    ("dtype", "case"),
    STEPS,
    ids=[f"{dtype}-{case[0]}-{'-'.join(case[1])}" for dtype, case in STEPS],
)
def test_steps(case: Any, dtype: str, rng: np.random.Generator, double: None) -> None:
    name, arguments = case
    theirs = getattr(keras.optimizers, name)(**arguments)
    ours = getattr(ranvier.optimizers, name)(**arguments)
    # Keras compiles each operation for each shape and dtype: one shape will do for float32
    shapes = SHAPES if dtype == "float64" else SHAPES[:1]
    values = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    names = ["narrow", "wide", "bias"][: len(shapes)]
    a = [keras.Variable(v, dtype=dtype, name=n) for v, n in zip(values, names, strict=True)]
    b = [
        ranvier.variables.Variable(v, dtype=dtype, name=n)
        for v, n in zip(values, names, strict=True)
    ]
    for _ in range(5):
        grads = [rng.normal(size=v.shape).astype(dtype) for v in values]
        theirs.apply([keras.ops.convert_to_tensor(g) for g in grads], a)
        ours.apply(grads, b)
    assert ours.iterations == int(theirs.iterations)
    # Keras' mean is float32 whatever it is given
    rtol, atol = (1e-6, 1e-8) if dtype == "float64" and name != "Adafactor" else (1e-4, 2e-5)
    for p, q, start in zip(a, b, values, strict=True):
        assert q.dtype == dtype and not np.array_equal(q.numpy(), start)
        np.testing.assert_allclose(q.numpy(), np.asarray(p), rtol=rtol, atol=atol)
    theirs.finalize_variable_values(a)
    ours.finalize_variable_values(b)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(q.numpy(), np.asarray(p), rtol=rtol, atol=atol)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case: Any) -> None:
    name, arguments = case
    ours = getattr(ranvier.optimizers, name)(**arguments, name="mine")
    config = ranvier.optimizers.serialize(ours)
    again = ranvier.optimizers.deserialize(config)
    assert type(again) is type(ours) and again.get_config() == ours.get_config()
    # Keras' own `deserialize` does not know Lamb
    expected = getattr(keras.optimizers, name).from_config(config["config"]).get_config()
    assert set(expected) == set(config["config"])
    for key, value in expected.items():
        assert config["config"][key] == (
            pytest.approx(value) if isinstance(value, float) else value
        ), key


FITS: list[tuple[str, dict[str, Any]]] = [
    ("Nadam", {"learning_rate": 0.01}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.01}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "warmup_steps": 4}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.8, "learning_rate": 0.05}),
    ("SGD", {"gradient_accumulation_steps": 3, "momentum": 0.9}),
]  # fmt: skip


@pytest.mark.parametrize("case", FITS, ids=lambda c: c[0])
def test_fit(case: Any, rng: np.random.Generator, double: None) -> None:
    name, arguments = case

    def model_of(module: Any) -> Any:
        layers = module.layers
        rate = module.optimizers.schedules.ExponentialDecay(0.1, 4, 0.9)
        given = {"learning_rate": rate, **arguments}
        model = module.Sequential(
            [
                module.Input((6,)),
                layers.Dense(9, activation="tanh", kernel_regularizer="l2"),
                layers.Dense(2, name="second"),
            ]
        )
        model.compile(getattr(module.optimizers, name)(**given), "mse")
        return model

    m, n = model_of(keras), model_of(ranvier)
    n.set_weights(m.get_weights())
    x, y = rng.normal(size=(50, 6)), rng.normal(size=(50, 2))
    for model in (m, n):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert n.optimizer.iterations == int(m.optimizer.iterations)
    for p, q in zip(m.get_weights(), n.get_weights(), strict=True):
        # Keras divides the loss by the batch in float32, hence not 1e-12
        np.testing.assert_allclose(q, p, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Adadelta", {}),
        ("Nadam", {}),
        ("Ftrl", {}),
        ("Lamb", {}),
        ("ScheduleFreeAdamW", {}),
        ("Muon", {"use_ema": True, "gradient_accumulation_steps": 2}),
        ("Adafactor", {}),
    ],
)
def test_states_are_keras(name: str, arguments: Any) -> None:
    """As many numbers as Keras keeps, and own variables of the same shapes in the same order."""
    counts, shapes = [], []
    for module in (keras, ranvier):
        layers = module.layers
        model = module.Sequential(
            [module.Input((3,)), layers.Embedding(5, 2), layers.Flatten(), layers.Dense(4)]
        )
        optimizer = getattr(module.optimizers, name)(**arguments)
        optimizer.build(list(model.trainable_variables))
        if module is keras:
            counts.append(sum(int(np.prod(v.shape)) for v in optimizer.variables))
            shapes.append([tuple(v.shape) for v in optimizer.variables])
        else:
            counts.append(optimizer.state_size(model.trainable_variables))
            shapes.append([v.shape for v in optimizer.variables])
    assert counts[0] == counts[1]
    if shapes[1]:
        assert shapes[0][-len(shapes[1]) :] == shapes[1]


@pytest.mark.parametrize("name", ["Adadelta", "Adamax", "Nadam", "Lion", "Ftrl", "Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW"])  # fmt: skip
def test_same_bits_on_two_threads(name: str) -> None:
    rng = np.random.default_rng(3)
    start, grads = rng.normal(size=(300, 200)), rng.normal(size=(3, 300, 200))
    results = []
    before = _core.num_threads()
    try:
        for threads in (1, 2):
            _core.set_num_threads(threads)
            variable = ranvier.variables.Variable(start, dtype="float32")
            optimizer = getattr(ranvier.optimizers, name)(0.01)
            for g in grads:
                optimizer.apply([g], [variable])
            results.append(variable.numpy())
    finally:
        _core.set_num_threads(before)
    assert np.isfinite(results[0]).all()
    assert results[0].tobytes() == results[1].tobytes()


def test_built_first(rng: np.random.Generator) -> None:
    """`build` lays variables out apart, as `apply` does without it."""
    values = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    grads = [rng.normal(size=v.shape) for v in values]
    results = []
    for build in (True, False):
        variables = [ranvier.variables.Variable(v) for v in values]
        optimizer = ranvier.optimizers.Nadam(0.1)
        if build:
            optimizer.build(variables)
        optimizer.apply(grads, variables)
        results.append([v.numpy() for v in variables])
    for p, q in zip(*results, strict=True):
        assert np.array_equal(p, q)


@pytest.mark.parametrize("name", ["Adam", "Ftrl"])
def test_a_step_before_fit(name: str, rng: np.random.Generator, double: None) -> None:
    """State that `apply` laid out goes with the weights into the model's buffer."""
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 3))
    start = [rng.normal(size=shape) for shape in ((5, 7), (7,), (7, 3), (3,))]
    results = []
    for module in (keras, ranvier):
        layers = module.layers
        model = module.Sequential([module.Input((5,)), layers.Dense(7), layers.Dense(3)])
        model.set_weights(start)
        optimizer = getattr(module.optimizers, name)(0.05, use_ema=True, ema_momentum=0.7)
        grads = [module.ops.convert_to_tensor(w) if module is keras else w for w in start]
        optimizer.apply(grads, model.trainable_variables)
        model.compile(optimizer, "mse")
        places = getattr(optimizer, "_places", None)
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        assert places is None or places != optimizer._places
        results.append(model.get_weights())
    for p, q in zip(*results, strict=True):
        np.testing.assert_allclose(q, p, rtol=1e-5, atol=2e-6)


def test_adafactor_of_more_axes(rng: np.random.Generator) -> None:
    """Each leading index is a matrix of its own, as far as rows and columns go."""
    w, g = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    variable = ranvier.variables.Variable(w, dtype="float64")
    ranvier.optimizers.Adafactor(0.1).apply([g], [variable])
    rows, columns = (g * g).mean(-1), (g * g).mean(-2)
    v = (rows / rows.mean(-1, keepdims=True))[..., None] * columns[:, None]
    u = g / np.sqrt(v)
    u /= max(1.0, np.sqrt((u * u).mean()))
    expected = w - 0.1 * np.sqrt((w * w).mean()) * u
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-12)


def test_fit_of_an_estimator_ends_with_the_averages(rng: np.random.Generator) -> None:
    pytest.importorskip("sklearn")
    from ranvier.sklearn import MLPRegressor

    optimizer = ranvier.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9)
    mlp = MLPRegressor(hidden_layer_sizes=(4,), optimizer=optimizer, max_iter=3, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        mlp.fit(rng.normal(size=(60, 3)), rng.normal(size=60))
    used = mlp._optimizer
    for variable, at in used._places:
        kept = used.averages[at : at + variable.size].reshape(variable.shape)
        assert np.array_equal(variable.numpy(), kept)


def test_an_average_without_a_step_changes_nothing() -> None:
    variable = ranvier.variables.Variable([1.0, 2.0])
    optimizer = ranvier.optimizers.SGD(0.1, use_ema=True)
    optimizer.build([variable])
    optimizer.finalize_variable_values([variable])
    assert variable.numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Adadelta", {"rho": 1.5}, "`rho`"),
        ("Adamax", {"beta_1": 1.0}, "`beta_1`"),
        ("Nadam", {"beta_2": -0.1}, "`beta_2`"),
        ("Lion", {"beta_1": 0.0}, "`beta_1`"),
        ("Ftrl", {"learning_rate_power": 0.5}, "`learning_rate_power`"),
        ("Ftrl", {"l1_regularization_strength": -1.0}, "`l1_regularization_strength`"),
        ("Ftrl", {"initial_accumulator_value": -1.0}, "`initial_accumulator_value`"),
        ("Lamb", {"epsilon": float("nan")}, "`epsilon`"),
        ("Adafactor", {"clip_threshold": 0.0}, "`clip_threshold`"),
        ("Adafactor", {"beta_2_decay": 0.8}, "`beta_2_decay`"),
        ("Muon", {"ns_steps": 1.5}, "`ns_steps`"),
        ("Muon", {"exclude_layers": "dense"}, "`exclude_layers`"),
        ("Muon", {"adam_weight_decay": -1.0}, "`adam_weight_decay`"),
        ("ScheduleFreeAdamW", {"beta_1": 0.0}, "`beta_1`"),
        ("ScheduleFreeAdamW", {"beta_2": 1.0}, "`beta_2`"),
        ("ScheduleFreeAdamW", {"epsilon": -1.0}, "`epsilon`"),
        ("ScheduleFreeAdamW", {"warmup_steps": 1.5}, "`warmup_steps`"),
        ("SGD", {"gradient_accumulation_steps": 1}, "`gradient_accumulation_steps`"),
        ("SGD", {"gradient_accumulation_steps": 2.0}, "`gradient_accumulation_steps`"),
        ("SGD", {"use_ema": True, "ema_momentum": 1.5}, "`ema_momentum`"),
        ("SGD", {"use_ema": True, "ema_overwrite_frequency": 0}, "`ema_overwrite_frequency`"),
        ("SGD", {"loss_scale_factor": 2.0}, "`loss_scale_factor`"),
    ],
)
def test_bad_input(name: str, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        getattr(ranvier.optimizers, name)(**arguments)


def test_loss_scale_optimizer_is_named() -> None:
    with pytest.raises(ValueError, match="lossscaleoptimizer"):
        ranvier.optimizers.get("LossScaleOptimizer")
