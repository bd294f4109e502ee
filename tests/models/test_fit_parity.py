"""What `compile`, `fit` and `evaluate` make of their arguments, beside Keras."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ranvier

from ..parity.keras_reference import copy_weights, keras

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = RNG.integers(0, 3, 50)
W = RNG.uniform(0.1, 2, 50)


class _Batches:
    """A sequence, shuffled by neither: `shuffle=False` below."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        return X[16 * i : 16 * i + 16], Y[16 * i : 16 * i + 16]


class _KerasBatches(_Batches, keras.utils.PyDataset):  # type: ignore[misc]
    pass


def _generator() -> Any:
    while True:
        yield from (_Batches()[i] for i in range(4))


# name: (arguments of compile, or a function of the module; of fit)
CASES: dict[str, tuple[Any, Callable[[], dict[str, Any]]]] = {
    "weighted metrics": ({"weighted_metrics": ["acc", "accuracy"]}, lambda: {"sample_weight": W}),
    "same metric twice": ({"metrics": ["accuracy", "accuracy"]}, dict),
    "metrics in a dictionary": ({"metrics": {"top": "accuracy"}}, dict),
    "nested metrics": ({"metrics": [["accuracy", "sparse_categorical_crossentropy"]]}, dict),
    "loss in a list": ({"loss": ["sparse_categorical_crossentropy"]}, dict),
    "loss as an object": (
        lambda k: {"loss": k.losses.SparseCategoricalCrossentropy(reduction="sum")},
        lambda: {"sample_weight": W},
    ),
    "class weights": ({}, lambda: {"class_weight": {0: 3.0}, "validation_split": 0.3}),
    "split and data": (
        {},
        lambda: {"validation_split": 0.3, "validation_data": (X[:7], Y[:7])},
    ),
    "validation steps": (
        {},
        lambda: {
            "validation_data": (X, Y, W),
            "validation_steps": 2,
            "validation_batch_size": 5,
        },
    ),
    "part of an epoch": ({}, lambda: {"steps_per_epoch": 3, "epochs": 4}),
    "more steps than data": ({}, lambda: {"steps_per_epoch": 6, "epochs": 3}),
    "arrays in lists": ({}, lambda: {"x": [X], "y": [Y]}),
    "labels (N, 1)": ({}, lambda: {"y": Y[:, None], "sample_weight": W[:, None]}),
    "generator": ({}, lambda: {"x": _generator(), "y": None, "steps_per_epoch": 3}),
}


def _histories(compiled: Any, fit: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    models = []
    for module in (keras, ranvier):
        layers = module.layers
        model = module.Sequential(
            [
                module.Input((4,)),
                layers.Dense(8, activation="tanh"),
                layers.Dense(3, activation="softmax", name="top"),
            ]
        )
        arguments = compiled(module) if callable(compiled) else compiled
        model.compile(
            **{
                "optimizer": "sgd",
                "loss": "sparse_categorical_crossentropy",
                "metrics": ["accuracy"],
                **arguments,
            }
        )
        models.append(model)
    copy_weights(models[1], models[0])
    given = {"x": X, "y": Y, "batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both warn where the data run out
        return [m.fit(**{**given, **fit()}).history for m in models]


@pytest.mark.parametrize("name", CASES)
def test_history_is_that_of_keras(name: str) -> None:
    theirs, ours = _histories(*CASES[name])
    assert sorted(ours) == sorted(theirs)
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=2e-4, atol=1e-5, err_msg=key)


def test_sequences_are_shuffled_by_batches_as_in_keras() -> None:
    def seen(module: Any, source: Any) -> list[float]:
        first: list[float] = []

        class Noting(type(source)):  # type: ignore[misc]
            def __getitem__(self, i: int) -> Any:
                first.append(float(super().__getitem__(i)[0][0, 0]))
                return super().__getitem__(i)

        model = module.Sequential([module.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(Noting(), epochs=6, verbose=0)
        return first

    for module, source in ((keras, _KerasBatches()), (ranvier, _Batches())):
        order = seen(module, source)
        assert {order[i : i + 4] == order[:4] for i in range(0, len(order), 4)} != {True}
    assert sorted(order[:4]) == sorted(order[4:8])


def test_data_that_run_out_end_the_epoch_with_a_warning() -> None:
    model = ranvier.Sequential([ranvier.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(RuntimeWarning, match="ran out after 4 of 6 steps"):
        model.fit(X, Y, batch_size=16, steps_per_epoch=6, verbose=0)


def test_a_model_takes_an_array_in_a_list_or_dictionary() -> None:
    model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(3)])
    for given in ([X], (X,), {"input": X}):
        assert np.array_equal(model(given), model(X))
        assert np.array_equal(model.predict(given, verbose=0), model.predict(X, verbose=0))
    # one row is a batch of one
    assert np.array_equal(model.predict([X[0]], verbose=0), model(X[:1]))
    assert model.input_shape == (None, 4)


def test_a_learning_rate_may_be_a_whole_number() -> None:
    model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(1)])
    weights = []
    for rate in (1, 1.0, np.array(1)):
        model.compile(ranvier.optimizers.SGD(rate), "mse")
        assert isinstance(model.optimizer.learning_rate, float)
        model.set_weights([np.ones((4, 1)), np.zeros(1)])
        model.train_on_batch(X, X[:, 0])
        weights.append(model.get_weights()[0])
    assert np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[0], weights[2])


def test_layers_as_activations() -> None:
    layers = (ranvier.layers, keras.layers)
    dense = [k.Dense(3, activation=k.LeakyReLU(negative_slope=0.2)) for k in layers]
    for layer in dense:
        layer.build((None, 4))
    dense[0].set_weights(dense[1].get_weights())
    np.testing.assert_allclose(dense[0](X), np.asarray(dense[1](X)), rtol=1e-5, atol=1e-6)
    again = ranvier.layers.Dense.from_config(dense[0].get_config())
    assert again.activation.negative_slope == 0.2


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adagrad"])
def test_summary_counts_as_in_keras(optimizer: str) -> None:
    def counts(module: Any) -> list[str]:
        layers = module.layers
        frozen = layers.Dense(5, trainable=False)
        model = module.Sequential([module.Input((4,)), frozen, layers.Dense(3, name="last")])
        model.compile(optimizer, "mse")
        texts: list[str] = []
        model.summary(print_fn=lambda text, **kwargs: texts.append(text), line_length=60)
        model.fit(X, np.zeros((50, 3)), verbose=0)
        model.summary(print_fn=lambda text, **kwargs: texts.append(text), line_length=60)
        return [line.strip() for line in "\n".join(texts).split("\n") if "params" in line]

    assert counts(ranvier) == counts(keras)


def test_variables_add_and_subtract_in_place() -> None:
    variable = ranvier.variables.Variable([1.0, 2.0])
    variable.assign_add(1)
    variable.assign_sub([2.0, 1.0])
    assert variable.numpy().tolist() == [0.0, 2.0]
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        variable.assign_add(np.ones((3, 2)))
