"""Every convolution against Keras: output, gradients, configuration, shapes, ten training steps."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import copy_weights, gradients, keras, our_gradients
from .layer_checks import Case, check_config, check_forward_and_gradients, ids, pair

# (no tanh: Keras computes it in float32 on JAX, whatever it is given)
CONV: list[Case] = [
    ("Conv1D", {"filters": 4, "kernel_size": 3}, (11, 2)),
    ("Conv1D", {"filters": 5, "kernel_size": 4, "padding": "same", "activation": "relu"}, (10, 3)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 4}, (13, 1)),
    ("Conv1D", {"filters": 3, "kernel_size": 4, "padding": "causal", "strides": 3}, (11, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "strides": 2, "activation": "softsign"}, (7, 5)),
    ("Conv1D", {"filters": 6, "kernel_size": 3, "groups": 3, "use_bias": False}, (9, 6)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "data_format": "channels_first"}, (2, 9)),
    ("Conv1D", {"filters": 8, "kernel_size": 9, "padding": "same"}, (4, 3)),
    ("Conv1D", {"filters": 2, "kernel_size": 1, "activation": "softmax"}, (5, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 3), "activation": "relu"}, (9, 7, 3)),
    ("Conv2D", {"filters": 1, "kernel_size": 1, "activation": "sigmoid"}, (5, 3, 7)),
    ("Conv2D", {"filters": 5, "kernel_size": (2, 3), "padding": "same", "activation": "gelu"}, (5, 8, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "SAME"}, (8, 7, 1)),
    ("Conv2D", {"filters": 3, "kernel_size": 5, "strides": (3, 2), "padding": "valid"}, (11, 9, 3)),
    ("Conv2D", {"filters": 3, "kernel_size": 2, "strides": 3, "padding": "same"}, (8, 10, 3)),
    ("Conv2D", {"filters": 2, "kernel_size": 1, "strides": 2, "padding": "same"}, (7, 6, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (9, 6, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 2), "dilation_rate": (2, 3)}, (9, 8, 2)),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2, "activation": "elu"}, (6, 5, 4)),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 3, "padding": "same", "strides": 2}, (6, 5, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first", "activation": "softmax"}, (3, 6, 5)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2,
                "data_format": "channels_first", "activation": "relu"}, (4, 6, 5)),
    ("Conv2D", {"filters": 17, "kernel_size": 3, "padding": "same", "activation": "silu"}, (7, 9, 16)),
    ("Conv2D", {"filters": 3, "kernel_size": 4, "padding": "same", "kernel_initializer": "he_normal",
                "bias_initializer": "ones", "kernel_regularizer": "l2", "kernel_constraint": "max_norm"}, (3, 2, 2)),
    ("Conv3D", {"filters": 3, "kernel_size": 2, "activation": "relu"}, (4, 5, 3, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": (3, 1, 2), "padding": "same", "strides": (1, 2, 3)}, (4, 5, 6, 3)),
    ("Conv3D", {"filters": 4, "kernel_size": 2, "dilation_rate": (2, 1, 1), "groups": 2}, (5, 4, 3, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": 3, "padding": "same", "data_format": "channels_first"}, (3, 3, 4, 5)),
]  # fmt: skip
DEPTHWISE: list[Case] = [
    ("DepthwiseConv1D", {"kernel_size": 3}, (9, 4)),
    ("DepthwiseConv1D", {"kernel_size": 4, "strides": 2, "padding": "same", "depth_multiplier": 3}, (9, 2)),
    ("DepthwiseConv1D", {"kernel_size": 3, "dilation_rate": 2, "data_format": "channels_first"}, (5, 9)),
    ("DepthwiseConv1D", {"kernel_size": 2, "activation": "relu"}, (6, 1)),
    ("DepthwiseConv2D", {"kernel_size": 3, "activation": "relu"}, (7, 6, 5)),
    ("DepthwiseConv2D", {"kernel_size": (3, 2), "padding": "same", "depth_multiplier": 2}, (5, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}, (7, 8, 17)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": (2, 1), "depth_multiplier": 3, "activation": "gelu"}, (7, 6, 1)),
    ("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": (2, 3), "depth_multiplier": 2,
                         "data_format": "channels_first", "activation": "softsign"}, (3, 7, 6)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depthwise_regularizer": "l2", "depthwise_constraint": "non_neg",
                         "depthwise_initializer": "he_uniform", "bias_regularizer": "l1"}, (4, 4, 2)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, (9, 3)),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 3, "padding": "same", "strides": 2, "depth_multiplier": 2}, (8, 3)),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 2, "dilation_rate": 3, "data_format": "channels_first"}, (2, 9)),
    ("SeparableConv2D", {"filters": 5, "kernel_size": 3, "activation": "elu"}, (6, 7, 3)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2}, (7, 6, 3)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": (1, 3), "dilation_rate": 2, "padding": "same",
                         "data_format": "channels_first", "use_bias": False, "activation": "softmax"}, (4, 5, 6)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 2, "pointwise_regularizer": "l1", "pointwise_constraint": "unit_norm",
                         "pointwise_initializer": "lecun_normal", "depthwise_initializer": "ones"}, (4, 4, 2)),
]  # fmt: skip
TRANSPOSED: list[Case] = [
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3}, (6, 2)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}, (6, 2)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 4, "activation": "softsign"}, (5, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 3, "output_padding": 2}, (5, 1)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 4, "strides": 3, "padding": "same", "output_padding": 1}, (5, 1)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 5, "dilation_rate": 3, "padding": "same"}, (9, 2)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "data_format": "channels_first"}, (3, 5)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "activation": "relu"}, (4, 5, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (4, 5, 7)),
    ("Conv2DTranspose", {"filters": 1, "kernel_size": 4, "strides": 2, "padding": "same", "activation": "sigmoid"}, (4, 3, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (2, 5), "strides": (3, 2), "use_bias": False}, (3, 4, 1)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": (0, 1)}, (3, 4, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 1, "strides": 3, "padding": "same"}, (3, 4, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3, "output_padding": 1}, (3, 2, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": (1, 2)}, (4, 5, 3)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "data_format": "channels_first",
                         "padding": "same", "activation": "softmax"}, (2, 3, 4)),
    ("Conv2DTranspose", {"filters": 16, "kernel_size": 3, "padding": "same"}, (6, 5, 17)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "activation": "relu"}, (2, 3, 2, 3)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 3, "strides": (1, 2, 3), "padding": "same"}, (3, 2, 3, 1)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": (3, 1, 2), "strides": 2, "output_padding": (1, 0, 1)}, (2, 3, 2, 2)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 3, "data_format": "channels_first"}, (2, 2, 3, 2)),
]  # fmt: skip
CASES = CONV + DEPTHWISE + TRANSPOSED
NAMES = sorted({case[0] for case in CASES})


# float64 below tells more; each case costs JAX seconds to compile
@pytest.mark.parametrize("case", CASES[::4], ids=ids)
def test_forward_and_gradients(case: Case, rng: np.random.Generator) -> None:
    check_forward_and_gradients(case, rng, rows=5, scale=0.5)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_forward_and_gradients_in_float64(
    case: Case, rng: np.random.Generator, double: None
) -> None:
    ours, theirs = pair(*case)
    copy_weights(ours, theirs)
    x = rng.normal(size=(3, *case[2]))
    expected = np.asarray(theirs(x))
    r = rng.normal(size=expected.shape)
    dx, dw = gradients(theirs, x, r)
    y, our_dx, our_dw = our_gradients(ours, x, r)
    assert y.dtype == expected.dtype == np.float64
    for a, b in zip((y, our_dx, *our_dw), (expected, dx, *dw), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1, np.abs(b).max()))


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_config_is_keras_own_and_round_trips(case: Case) -> None:
    check_config(case)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_output_shape_with_unknown_extents(case: Case) -> None:
    name, arguments, sample = case
    ours, theirs = (getattr(m.layers, name)(**arguments) for m in (ranvier, keras))
    channel = 0 if arguments.get("data_format") == "channels_first" else len(sample) - 1
    for known in range(len(sample)):
        shape = tuple(n if i in (channel, known) else None for i, n in enumerate(sample))
        for batch in (None, 4):
            expected = tuple(theirs.compute_output_shape((batch, *shape)))
            assert ours.compute_output_shape((batch, *shape)) == expected


def plain(value: Any) -> Any:
    """(1, 1) and 1 are the same default."""
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value


@pytest.mark.parametrize("name", NAMES)
def test_arguments_and_their_order_are_keras_own(name: str) -> None:
    def arguments(module: Any) -> list[tuple[str, Any]]:
        parameters = inspect.signature(getattr(module.layers, name).__init__).parameters
        return [(p.name, plain(p.default)) for p in parameters.values()]

    assert arguments(ranvier) == arguments(keras)


@pytest.mark.parametrize("case", [CONV[0], CONV[9], DEPTHWISE[5], DEPTHWISE[14], *TRANSPOSED[:1]], ids=ids)  # fmt: skip
def test_weights_have_keras_names_order_and_spread(case: Case) -> None:
    """The limits of glorot_uniform follow from fans that Keras counts for kernels of this kind."""
    name, arguments, shape = case
    models = []
    for module in (keras, ranvier):
        layer = getattr(module.layers, name)(
            **{**arguments, "filters": 64} if "filters" in arguments else arguments
        )
        models.append(module.Sequential([module.Input(shape), layer]))
    theirs, ours = (m.layers[-1] for m in models)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    fans = keras.src.initializers.random_initializers.compute_fans
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        assert a.shape == tuple(b.shape)
        assert ranvier.initializers.scaling.compute_fans(a.shape) == fans(tuple(b.shape))
        limit = np.sqrt(6 / sum(fans(a.shape)))
        if a.name != "bias":
            assert 0.5 * limit < np.abs(a.numpy()).max() <= limit


Stack = tuple[str, tuple[int, ...], list[tuple[str, dict[str, Any]]], str]
STACKS: list[Stack] = [
    ("adam", (9, 8, 3), [
        ("Conv2D", {"filters": 6, "kernel_size": (3, 3), "activation": "relu"}),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}),
        ("Flatten", {}), ("Dense", {"units": 3, "activation": "softmax"}),
     ], "sparse_categorical_crossentropy"),
    ("sgd", (12, 2), [
        ("Conv1D", {"filters": 5, "kernel_size": 2, "padding": "causal", "activation": "softsign"}),
        ("Conv1D", {"filters": 5, "kernel_size": 2, "padding": "causal", "dilation_rate": 2, "activation": "elu"}),
        ("Flatten", {}), ("Dense", {"units": 3}),
     ], "mse"),
    ("rmsprop", (8, 7, 3), [
        ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same", "depth_multiplier": 2, "activation": "silu"}),
        ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "activation": "gelu",
                             "pointwise_regularizer": "l2", "depthwise_constraint": "max_norm"}),
        ("Flatten", {}), ("Dense", {"units": 3, "activation": "softmax"}),
     ], "sparse_categorical_crossentropy"),
    ("adamw", (4, 3, 2), [
        ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}),
        ("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "sigmoid", "activity_regularizer": "l2"}),
        ("Flatten", {}), ("Dense", {"units": 3}),
     ], "mae"),
    # the lecture's kind: convolution, activation and pooling are one node
    ("adam", (14, 13, 3), [
        ("Conv2D", {"filters": 6, "kernel_size": (3, 3), "activation": "relu"}),
        ("MaxPooling2D", {"pool_size": (2, 2)}),
        ("Conv2D", {"filters": 5, "kernel_size": 3, "padding": "same"}),
        ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}),
        ("Flatten", {}), ("Dense", {"units": 4, "activation": "relu"}), ("Dense", {"units": 3, "activation": "softmax"}),
     ], "sparse_categorical_crossentropy"),
    ("rmsprop", (15, 4), [
        ("Conv1D", {"filters": 6, "kernel_size": 3, "activation": "leaky_relu", "groups": 2}),
        ("MaxPooling1D", {"pool_size": 2}),
        ("DepthwiseConv1D", {"kernel_size": 2, "depth_multiplier": 2, "activation": "relu"}),
        ("MaxPooling1D", {"pool_size": 2}),
        ("Flatten", {}), ("Dense", {"units": 3}),
     ], "mse"),
    # as large as Winograd's algorithm wants
    ("adam", (12, 13, 16), [
        ("Conv2D", {"filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"}),
        ("Conv2D", {"filters": 16, "kernel_size": 3, "activation": "relu", "data_format": "channels_last"}),
        ("Flatten", {}), ("Dense", {"units": 3, "activation": "softmax"}),
     ], "sparse_categorical_crossentropy"),
    ("sgd", (3, 4, 5, 2), [
        ("Conv3D", {"filters": 3, "kernel_size": 2, "activation": "softplus"}),
        ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2}),
        ("Flatten", {}), ("Dense", {"units": 3}),
     ], "mse"),
]  # fmt: skip


@pytest.mark.parametrize("stack", STACKS, ids=lambda s: f"{s[0]}-{s[2][0][0]}-{s[1]}")
def test_ten_training_steps_follow_the_same_path(
    stack: Stack, rng: np.random.Generator, double: None
) -> None:
    optimizer, shape, layers, loss = stack
    x = rng.normal(size=(30, *shape))
    sparse = loss.startswith("sparse")
    y = rng.integers(0, 3, 30) if sparse else rng.normal(size=(30, 3))

    def build(module: Any) -> Any:
        model = module.Sequential(
            [module.Input(shape), *(getattr(module.layers, n)(**a) for n, a in layers)]
        )
        model.compile(optimizer=optimizer, loss=loss)
        return model

    theirs, ours = build(keras), build(ranvier)
    copy_weights(ours, theirs)
    arguments = {"batch_size": 15, "epochs": 5, "shuffle": False, "verbose": 0}
    expected, got = (model.fit(x, y, **arguments).history["loss"] for model in (theirs, ours))
    np.testing.assert_allclose(got, expected, rtol=1e-7)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}),
        ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}),
        ("SeparableConv2D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first"}),
        ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}),
    ],
)
def test_pictures_of_any_size(name: str, arguments: Any, rng: np.random.Generator) -> None:
    first = arguments.get("data_format") == "channels_first"
    ours, theirs = pair(name, arguments, (4, None, None) if first else (None, None, 4))
    copy_weights(ours, theirs)
    assert ours.output_shape == theirs.output_shape
    for extents in ((5, 8), (9, 3), (5, 8)):
        shape = (2, 4, *extents) if first else (2, *extents, 4)
        x = rng.normal(size=shape).astype("float32")
        np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)


def test_keras_2_input_shape_of_the_lecture() -> None:
    model = ranvier.Sequential(
        [ranvier.layers.Conv2D(32, (3, 3), activation="relu", input_shape=(64, 64, 3))]
    )
    assert model.output_shape == (None, 62, 62, 32)
    assert model.count_params() == 896
