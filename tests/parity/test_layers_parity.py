"""Every layer against Keras: output, gradients, configuration, five training steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import copy_weights, keras
from .layer_checks import check_config, check_forward_and_gradients, ids

# (class, constructor arguments, sample shape)
CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Dense", {"units": 5}, (7,)),
    ("Dense", {"units": 1, "use_bias": False}, (3,)),
    ("Dense", {"units": 4, "activation": "relu"}, (2, 3)),
    ("Dense", {"units": 9, "activation": "softmax", "bias_initializer": "ones"}, (17,)),
    ("Activation", {"activation": "linear"}, (5,)),
    *[
        ("Dense", {"units": 6, "activation": name}, (4,))
        for name in (
            "sigmoid", "tanh", "softplus", "softsign", "elu", "selu", "gelu", "silu", "swish",
            "hard_sigmoid", "exponential", "relu6", "leaky_relu", "log_softmax",
        )
    ],
    *[
        ("Activation", {"activation": name}, (3, 5))
        for name in (
            "relu", "sigmoid", "tanh", "softplus", "softsign", "elu", "selu", "gelu", "silu",
            "hard_sigmoid", "exponential", "relu6", "leaky_relu", "softmax", "log_softmax",
        )
    ],
    ("ReLU", {}, (9,)),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.5}, (9,)),
    ("ReLU", {"max_value": 0.75}, (9,)),
    ("LeakyReLU", {"negative_slope": 0.07}, (9,)),
    ("ELU", {"alpha": 0.3}, (9,)),
    ("PReLU", {"alpha_initializer": "ones"}, (4, 3)),
    ("PReLU", {"alpha_initializer": "ones", "shared_axes": [1]}, (4, 3)),
    ("Softmax", {}, (2, 5)),
    ("Softmax", {"axis": 1}, (4, 5)),
    ("Flatten", {}, (3, 4)),
    ("Flatten", {"data_format": "channels_first"}, (3, 4, 2)),
    ("Flatten", {"data_format": "channels_first"}, (3,)),
    ("Reshape", {"target_shape": (2, -1)}, (4, 3)),
    ("Permute", {"dims": (3, 1, 2)}, (2, 3, 4)),
    ("RepeatVector", {"n": 3}, (4,)),
    ("Dropout", {"rate": 0.4}, (6,)),
    ("GaussianNoise", {"stddev": 0.4}, (6,)),
    ("Rescaling", {"scale": 0.25, "offset": -1.5}, (6,)),
    ("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 1.0, 0.25]}, (2, 3)),
    ("Normalization", {"mean": 1.5, "variance": 4.0, "axis": None}, (2, 3)),
    (
        "Normalization",
        {"mean": [1.0, 2.0], "variance": [4.0, 1.0], "axis": 1, "invert": True},
        (2, 3),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_forward_and_gradients(case: Any, rng: np.random.Generator) -> None:
    check_forward_and_gradients(case, rng)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_config_is_keras_own_and_round_trips(case: Any) -> None:
    check_config(case)


STACKS: list[tuple[str, list[tuple[str, dict[str, Any]]], str, str]] = [
    ("adam", [("Dense", {"units": 16, "activation": "relu"}), ("Dense", {"units": 3, "activation": "softmax"})],
     "sparse_categorical_crossentropy", "classes"),
    ("sgd", [("Dense", {"units": 8, "activation": "tanh"}), ("Dense", {"units": 1, "activation": "sigmoid"})],
     "binary_crossentropy", "binary"),
    ("rmsprop", [("Dense", {"units": 8}), ("LeakyReLU", {"negative_slope": 0.1}), ("Dense", {"units": 2})],
     "mse", "values"),
    ("adagrad", [("Reshape", {"target_shape": (2, 3)}), ("Dense", {"units": 4, "activation": "elu"}),
                 ("Permute", {"dims": (2, 1)}), ("Flatten", {}), ("PReLU", {}), ("Dense", {"units": 2})],
     "mae", "values"),
    ("adamw", [("Dense", {"units": 12, "activation": "gelu", "kernel_regularizer": "l2"}),
               ("Dense", {"units": 3}), ("Softmax", {})],
     "categorical_crossentropy", "one_hot"),
    ("adam", [("Dense", {"units": 12, "activation": "relu", "activity_regularizer": "l1l2",
                         "kernel_constraint": "max_norm", "bias_regularizer": "l1",
                         # not 0, where JAX alone gives |b| the derivative 1
                         "bias_initializer": "ones"}),
              ("Dense", {"units": 1})], "mse", "one value"),
]  # fmt: skip


@pytest.mark.parametrize("stack", STACKS, ids=lambda s: f"{s[0]}-{s[2]}")
@pytest.mark.parametrize("weighted", [False, True])
def test_training_follows_the_same_path(
    stack: Any, weighted: bool, rng: np.random.Generator, double: None
) -> None:
    optimizer, layers, loss, labels = stack
    x = rng.normal(size=(50, 6))
    y = {
        "classes": rng.integers(0, 3, 50),
        "binary": rng.integers(0, 2, 50),
        "values": rng.normal(size=(50, 2)),
        "one value": rng.normal(size=50),
        "one_hot": np.eye(3)[rng.integers(0, 3, 50)],
    }[labels]
    weights = rng.uniform(0.1, 2.0, 50) if weighted else None

    def build(module: Any) -> Any:
        return module.Sequential(
            [module.Input((6,)), *(getattr(module.layers, n)(**a) for n, a in layers)]
        )

    theirs, ours = build(keras), build(ranvier)
    copy_weights(ours, theirs)
    metrics = {"classes": ["accuracy"], "binary": ["accuracy"], "one_hot": ["accuracy", "mse"]}
    for model in (theirs, ours):
        model.compile(optimizer=optimizer, loss=loss, metrics=metrics.get(labels, ["mae"]))
    arguments = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0}
    expected = theirs.fit(x, y, sample_weight=weights, **arguments)
    got = ours.fit(x, y, sample_weight=weights, **arguments)

    assert got.epoch == expected.epoch
    assert set(got.history) == set(expected.history)
    for name, values in expected.history.items():
        np.testing.assert_allclose(got.history[name], values, rtol=1e-6, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-6, atol=1e-9
    )
    expected_scores = theirs.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    scores = ours.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert set(scores) == set(expected_scores)
    for name, value in expected_scores.items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-6, err_msg=name)
