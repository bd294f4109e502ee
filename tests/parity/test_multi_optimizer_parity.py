"""MultiOptimizer and OptimizerMap beside Keras', and what training does with them."""

from __future__ import annotations

import copy
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import optimizers as O
from ranvier.variables import Variable

from .keras_reference import keras

SHAPES = {"net/dense/kernel": (5, 3), "net/dense/bias": (3,), "net/last/kernel": (3, 2)}
MAPS = {
    "engine": lambda o: (o.SGD(0.1, momentum=0.9), {".*/bias": o.Adam(0.05)}),
    "exact path first": lambda o: (
        o.SGD(0.1),
        {"net/dense/bias": o.Adam(0.05), "net/dense/.*": o.RMSprop(0.02)},
    ),
    "clipping and decay": lambda o: (
        o.AdamW(0.1, weight_decay=0.2, clipnorm=0.3),
        {".*/bias": o.SGD(0.3, clipvalue=0.1), "net/last/kernel": o.Lion(0.01, global_clipnorm=0.2)},
    ),
    "averages and accumulation": lambda o: (
        o.SGD(0.1, gradient_accumulation_steps=2),
        {"net/dense/.*": o.Adam(0.1, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=3)},
    ),
    "NumPy": lambda o: (o.Lamb(0.1), {"net/last/kernel": o.Muon(0.05), ".*/bias": o.SGD(0.1)}),
    "schedules": lambda o: (
        o.SGD(o.schedules.ExponentialDecay(0.3, 2, 0.5)),
        {".*/bias": o.ScheduleFreeAdamW(0.1)},
    ),
}  # fmt: skip


def several(o: Any, name: str) -> Any:
    return o.MultiOptimizer(o.OptimizerMap(*MAPS[name](o)))


def variable(path: str, value: Any) -> Variable:
    made = Variable(value, dtype="float64", name=path.rsplit("/", 1)[-1])
    made.path = path
    return made


def their_variable(path: str, value: Any) -> Any:
    made = keras.Variable(value, dtype="float64", name=path.rsplit("/", 1)[-1])
    made._path = path
    return made


@pytest.mark.parametrize("name", MAPS)
def test_steps(name: str, rng: np.random.Generator, double: None) -> None:
    values = {path: rng.normal(size=shape) for path, shape in SHAPES.items()}
    a = [their_variable(path, value) for path, value in values.items()]
    b = [variable(path, value) for path, value in values.items()]
    theirs, ours = several(keras.optimizers, name), several(O, name)
    for _ in range(5):
        grads = [rng.normal(size=v.shape) for v in b]
        theirs.apply([keras.ops.convert_to_tensor(g) for g in grads], a)
        ours.apply(grads, b)
    check(a, b, values.values())
    assert [o.name for o in ours.optimizers] == [snake(o) for o in theirs.optimizers]
    counts = [int(o.iterations) for o in theirs.optimizers]
    assert [o.iterations for o in ours.optimizers] == counts
    assert ours.iterations == int(theirs.iterations) == 5
    assert ours.state_size(b) == sum(int(np.prod(v.shape)) for v in theirs.variables) + sum(
        callable(o._learning_rate) and not hasattr(o._learning_rate, "dtype")
        for o in theirs.optimizers  # ours count a rate for schedules too
    )
    theirs.finalize_variable_values(a)
    ours.finalize_variable_values(b)
    check(a, b, values.values())


def snake(optimizer: Any) -> str:
    """Keras numbers the names of one process."""
    return getattr(O, type(optimizer).__name__)().name


def check(theirs: Any, ours: Any, starts: Any) -> None:
    for p, q, start in zip(theirs, ours, starts, strict=True):
        assert not np.array_equal(q.numpy(), start)
        np.testing.assert_allclose(q.numpy(), np.asarray(p), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", MAPS)
def test_config_round_trip(name: str) -> None:
    ours = O.MultiOptimizer(O.OptimizerMap(*MAPS[name](O)), name="mine")
    config = O.serialize(ours)
    again = O.deserialize(config)
    assert again.get_config() == ours.get_config() == ours.clone().get_config()
    assert [type(o) for o in again.optimizers] == [type(o) for o in ours.optimizers]
    theirs = keras.optimizers.MultiOptimizer.from_config(config["config"])
    assert [type(o).__name__ for o in theirs.optimizers] == [
        type(o).__name__ for o in ours.optimizers
    ]
    back = O.MultiOptimizer.from_config(theirs.get_config())
    assert back.name == "mine" and set(theirs.get_config()) == set(ours.get_config())
    assert [o.name for o in back.optimizers] == [o.name for o in ours.optimizers]


def test_optimizer_map_is_keras(rng: np.random.Generator) -> None:
    for o in (keras.optimizers, O):
        sgd, adam, rms = o.SGD(), o.Adam(), o.RMSprop()
        which = o.OptimizerMap(default_optimizer=rms)
        which["encoder/layer_0/dense"] = adam
        which["encoder/.*"] = sgd
        which["decoder"] = adam
        assert which["decoder"] is adam and which["encoder/layer_0/dense"] is adam
        assert which["encoder/layer_0/attention/query"] is sgd
        assert which["decoder/layer_0/dense"] is which.default_optimizer is rms
        assert len(which) == 3 and list(which) == ["encoder/layer_0/dense", "encoder/.*", "decoder"]
        which["en.*"] = rms
        with pytest.raises(ValueError, match="encoder/x"):
            which["encoder/x"]
        del which["en.*"]
        assert which["encoder/x"] is sgd
        with pytest.raises(ValueError, match="already"):
            which["decoder"] = sgd
        inner = o.MultiOptimizer(which)
        assert inner.optimizers == [adam, sgd, rms]
        for key, value in ((3, sgd), ("a", "sgd"), ("a", inner)):
            with pytest.raises(ValueError, match=r"must be a|cannot be"):
                which[key] = value


# -- in models --------------------------------------------------------------------------------


def model_of(kit: Any, optimizer: Any, frozen: bool = False) -> Any:
    layers = kit.layers
    model = kit.Sequential(
        [
            kit.Input((6,)),
            layers.Dense(4, activation="tanh", trainable=not frozen, name="dense"),
            layers.BatchNormalization(),
            layers.Dense(2, name="last", kernel_constraint=kit.constraints.MaxNorm(0.9)),
        ],
        name="net",
    )
    model.compile(optimizer, "mse")
    return model


def by_function(o: Any) -> Any:
    """As the example of Keras' documentation does it: a new one for each variable."""
    return o.MultiOptimizer(
        lambda v: o.Adam(0.05, beta_1=0.8) if "dense" in v.path else o.SGD(0.1, momentum=0.5)
    )


def one_each(o: Any) -> Any:
    adam, sgd = o.Adam(0.05), o.SGD(0.1, momentum=0.5)
    return o.MultiOptimizer(lambda v: adam if "kernel" in v.path else sgd)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("make", [*(lambda o, n=n: several(o, n) for n in MAPS), by_function, one_each], ids=[*MAPS, "function", "one each"])  # fmt: skip
def test_fit(make: Any, frozen: bool, rng: np.random.Generator, double: None) -> None:
    m, n = (model_of(k, make(k.optimizers), frozen) for k in (keras, ranvier))
    n.set_weights(m.get_weights())
    x, y = rng.normal(size=(50, 6)), rng.normal(size=(50, 2))
    for model in (m, n):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for p, q in zip(m.get_weights(), n.get_weights(), strict=True):
        np.testing.assert_allclose(q, p, rtol=1e-5, atol=2e-6)
    used = n.optimizer._groups(n.trainable_weights)
    assert [snake(o) for o in m.optimizer.optimizers] == [o.name for o, _ in used]


def test_paths_are_keras(tmp_path: pathlib.Path) -> None:
    def model_of(kit: Any) -> Any:
        layers = kit.layers
        return kit.Sequential(
            [
                kit.Input((5, 3)),
                layers.Bidirectional(layers.LSTM(2, name="lstm"), name="both", merge_mode="sum"),
                layers.Reshape((2, 1)),
                layers.GRU(2, name="gru"),
                kit.Sequential([layers.Dense(2, name="dense")], name="inner"),
                kit.Sequential([kit.Input((2,)), layers.Dense(2, name="dense")], name="ready"),
            ],
            name="outer",
        )

    def paths(model: Any) -> list[str]:
        return [v.path for v in model.trainable_variables]

    ours, theirs = model_of(ranvier), paths(model_of(keras))
    assert paths(ours) == theirs
    assert paths(ranvier.models.clone_model(ours)) == paths(copy.deepcopy(ours)) == theirs
    ours.save(tmp_path / "m.keras")
    assert paths(ranvier.saving.load_model(tmp_path / "m.keras")) == theirs


def test_what_was_unfrozen_learns(rng: np.random.Generator) -> None:
    model = model_of(ranvier, several(O, "engine"), frozen=True)
    x, y = rng.normal(size=(8, 6)), rng.normal(size=(8, 2))
    before = model.get_weights()[0]
    model.fit(x, y, verbose=0)
    assert np.array_equal(model.get_weights()[0], before)
    model.layers[0].trainable = True
    model.fit(x, y, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_go_on_alike(duplicate: Any, rng: np.random.Generator) -> None:
    model = model_of(ranvier, several(O, "averages and accumulation"))
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))
    model.fit(x, y, batch_size=4, verbose=0)
    other = duplicate(model)
    assert other.optimizer.optimizers[0] is not model.optimizer.optimizers[0]
    for one in (model, other):
        one.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for p, q in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(p, q)


@pytest.mark.parametrize("make", [lambda o: several(o, "engine"), by_function])
def test_functions_and_maps_are_saved(make: Any, tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))
    model, other = (model_of(ranvier, make(O), frozen=True) for _ in range(2))
    model.fit(x, y, batch_size=4, verbose=0)
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    assert other.optimizer.iterations == 5
    for one in (model, other):
        one.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for p, q in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(p, q)
    # before the first step there is little to save
    fresh = model_of(ranvier, make(O), frozen=True)
    fresh.save_weights(tmp_path / "fresh.weights.h5")
    other.load_weights(tmp_path / "fresh.weights.h5")
    assert other.optimizer.iterations == 0
    other_kind = model_of(ranvier, several(O, "NumPy"), frozen=True)
    with pytest.warns(UserWarning, match="'multi_optimizer' is not loaded"):
        other_kind.load_weights(tmp_path / "w.weights.h5")


def test_h5_holds_the_state_too(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))
    model = model_of(ranvier, several(O, "engine"))
    model.fit(x, y, batch_size=4, verbose=0)
    model.save(tmp_path / "m.h5")
    other = ranvier.saving.load_model(tmp_path / "m.h5")
    for one in (model, other):
        one.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for p, q in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(p, q)


def test_schedule_free_begins_anew_after_a_file_without_state(tmp_path: pathlib.Path) -> None:
    x, y = np.ones((8, 6)), np.ones((8, 2))
    model = model_of(ranvier, O.ScheduleFreeAdamW(0.1))
    model.save_weights(tmp_path / "w.weights.h5")
    model.fit(x, y, verbose=0)
    model.load_weights(tmp_path / "w.weights.h5")
    for m, w in zip(model.optimizer.variables[::2], model.trainable_weights, strict=True):
        assert np.array_equal(m.numpy(), w.numpy())


# -- callbacks --------------------------------------------------------------------------------


def test_callbacks_change_each_rate(rng: np.random.Generator, capsys: Any) -> None:
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))
    rates = []
    for kit in (keras, ranvier):
        c = kit.callbacks
        o = kit.optimizers
        inner = {".*/bias": o.Adam(0.02, name="quick")}
        model = model_of(kit, o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1, name="slow"), inner)))
        watch = [
            c.LearningRateScheduler(lambda epoch, rate: rate * 0.5, verbose=1),
            c.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=1e9, min_lr=1e-3),
        ]
        history = model.fit(x, y, epochs=4, verbose=0, callbacks=watch).history
        rates.append({k: v for k, v in history.items() if k.startswith("learning_rate")})
        rates[-1]["last"] = [float(one.learning_rate) for one in model.optimizer.optimizers]
    assert set(rates[1]) == set(rates[0]) == {"learning_rate_quick", "learning_rate_slow", "last"}
    for name, theirs in rates[0].items():
        np.testing.assert_allclose(rates[1][name], theirs, rtol=1e-6)
    assert (
        "LearningRateScheduler sets the learning rate of quick to 0.01." in capsys.readouterr().out
    )


def test_callbacks_refuse_what_they_cannot_change(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))
    half = ranvier.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    model = model_of(ranvier, several(O, "schedules"))
    with pytest.raises(
        ValueError, match="LearningRateScheduler: the learning rate of sgd is a sch"
    ):
        model.fit(x, y, verbose=0, callbacks=[half])
    model = model_of(ranvier, by_function(O))
    with pytest.raises(ValueError, match="LearningRateScheduler: which optimizers"):
        model.fit(iter([(x, y)]), verbose=0, callbacks=[half])
    model.fit(x, y, verbose=0, callbacks=[half])
    assert model.optimizer.optimizers[0].learning_rate == 0.025
    swap = ranvier.callbacks.SwapEMAWeights()
    with pytest.raises(ValueError, match="SwapEMAWeights"):
        model.fit(x, y, verbose=0, callbacks=[swap], validation_data=(x, y))


class Stop(ranvier.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == 8:
            raise KeyboardInterrupt


def test_backup_brings_all_rates_back(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 2))

    def run(folder: str, *more: Any) -> Any:
        ranvier.utils.set_random_seed(1)
        model = model_of(ranvier, several(O, "engine"))
        # rates that are no float32
        change = ranvier.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 3)
        backup = ranvier.callbacks.BackupAndRestore(tmp_path / folder, save_freq=1)
        model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[change, backup, *more])
        return model

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("cut", Stop())
    again = run("cut")
    assert [o.learning_rate for o in again.optimizer.optimizers] == [
        o.learning_rate for o in whole.optimizer.optimizers
    ]
    for p, q in zip(whole.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(p, q)


# -- bad input --------------------------------------------------------------------------------


def test_bad_input() -> None:
    sgd = O.SGD()
    for wrong in ("sgd", None, O.MultiOptimizer(lambda v: sgd)):
        with pytest.raises(TypeError, match="OptimizerMap: `default_optimizer`"):
            O.OptimizerMap(wrong)
    with pytest.raises(TypeError, match="`optimizer_map` must be a dict"):
        O.OptimizerMap(sgd, [("a", sgd)])
    with pytest.raises(ValueError, match="that of 'a'"):
        O.OptimizerMap(sgd, {"a": "adam"})
    with pytest.raises(ValueError, match=r"'\(' is no regular expression"):
        O.OptimizerMap(sgd, {"(": sgd})
    for wrong in (sgd, {"a": sgd}, None):
        with pytest.raises(TypeError, match="`optimizer_map` must be an OptimizerMap"):
            O.MultiOptimizer(wrong)
    with pytest.raises(ValueError, match="loss_scale_factor"):
        O.MultiOptimizer(lambda v: sgd, loss_scale_factor=2.0)
    optimizer = O.MultiOptimizer(O.OptimizerMap(sgd))
    with pytest.raises(AttributeError, match="each of its `optimizers`"):
        optimizer.learning_rate  # noqa: B018
    with pytest.raises(AttributeError, match="each of its `optimizers`"):
        optimizer.learning_rate = 0.1
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(ValueError, match="exclude_from_weight_decay"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    weight = variable("a/b", [1.0])
    with pytest.raises(ValueError, match="that of variable 'a/b'"):
        O.MultiOptimizer(lambda v: "sgd").apply([np.ones(1)], [weight])
    with pytest.raises(ValueError, match="gradients for"):
        optimizer.apply([], [weight])


def test_a_map_that_fails_fails_again() -> None:
    """Two patterns for a variable: the second `fit` does not pass over it."""
    sgd, adam = O.SGD(), O.Adam()
    which = O.OptimizerMap(sgd, {".*kernel": adam, ".*/dense/.*": sgd})
    model = model_of(ranvier, O.MultiOptimizer(which))
    x, y = np.ones((4, 6)), np.ones((4, 2))
    for _ in range(2):
        with pytest.raises(ValueError, match="more than one pattern matches variable 'net/dense/k"):
            model.fit(x, y, verbose=0)


def test_optimizers_of_another_model_are_refused() -> None:
    sgd = O.SGD(momentum=0.5)
    x, y = np.ones((4, 6)), np.ones((4, 2))
    model_of(ranvier, sgd).fit(x, y, verbose=0)
    with pytest.raises(ValueError, match="SGD 'sgd' already holds the state of other weights"):
        model_of(ranvier, O.MultiOptimizer(O.OptimizerMap(sgd))).fit(x, y, verbose=0)


def test_an_estimator_takes_several() -> None:
    pytest.importorskip("sklearn")
    from ranvier.sklearn import MLPRegressor

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    several_ = O.MultiOptimizer(O.OptimizerMap(O.SGD(0.05), {".*/bias": O.Adam(0.01)}))
    mlp = MLPRegressor(hidden_layer_sizes=(9,), optimizer=several_, tol=1e-2, random_state=0)
    mlp.fit(x, x.sum(axis=1))
    assert mlp.score(x, x.sum(axis=1)) > 0.9
    assert [o.iterations > 0 for o in mlp._optimizer.optimizers] == [True, True]
    assert not several_.built


def test_tensorboard_writes_each_rate(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("tensorboardX")
    model = model_of(ranvier, several(O, "engine"))
    written: list[str] = []
    board = ranvier.callbacks.TensorBoard(tmp_path)
    board._write = lambda where, values, step: written.extend(values)  # type: ignore[method-assign]
    model.fit(np.ones((4, 6)), np.ones((4, 2)), verbose=0, callbacks=[board])
    assert {"epoch_learning_rate_adam", "epoch_learning_rate_sgd"} <= set(written)
