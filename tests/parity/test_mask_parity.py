"""Masks beside Keras: what makes them, passes them on, ends them, and what they change."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier.models.network import Network

from .keras_reference import copy_weights, gradients, jax, keras, our_gradients
from .layer_checks import check_config, check_forward_and_gradients, ids, pair

K = keras.layers
B, T, F = 6, 5, 3
# steps that count: at the end, at the beginning, in the middle, all, none, one
KEPT = np.array(
    [[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 1, 1], [1] * 5, [0] * 5, [0, 0, 1, 0, 0]], bool
)


def sequences(rng: np.random.Generator, value: float = 0.0) -> np.ndarray:
    x = rng.normal(size=(B, T, F)).astype("float32")
    x[~KEPT] = value
    return x


def words(rng: np.random.Generator, most: int = 9) -> np.ndarray:
    return np.where(KEPT, rng.integers(1, most, (B, T)), 0)


# -- Embedding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
@pytest.mark.parametrize("shape", [(5,), (1,), (2, 3)])
def test_embedding(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    ours, theirs = pair("Embedding", {"input_dim": 9, "output_dim": 7}, shape)
    copy_weights(ours, theirs)
    x = rng.integers(0, 9, (11, *shape)).astype(dtype)
    expected = np.asarray(theirs(x))
    np.testing.assert_array_equal(ours(x), expected)
    np.testing.assert_array_equal(ours.predict(x, verbose=0), expected)
    assert ours.output_shape == theirs.output_shape
    r = rng.normal(size=expected.shape).astype("float32")
    floats = x.astype("float32")
    dx, dw = gradients(theirs, floats, r)
    _, our_dx, our_dw = our_gradients(ours, floats, r)
    np.testing.assert_array_equal(our_dx, dx)
    np.testing.assert_allclose(our_dw[0], dw[0], rtol=1e-5, atol=1e-6)


EMBEDDINGS: list[Any] = [
    ("Embedding", {"input_dim": 9, "output_dim": 7}, (5,)),
    (
        "Embedding",
        {
            "input_dim": 3,
            "output_dim": 2,
            "embeddings_initializer": "ones",
            "embeddings_regularizer": "l2",
            "embeddings_constraint": "non_neg",
            "mask_zero": True,
            "activity_regularizer": "l1",
            "trainable": False,
        },
        (5,),
    ),
    ("Masking", {}, (5, 3)),
    ("Masking", {"mask_value": -1.5}, (5, 3)),
]


@pytest.mark.parametrize("case", EMBEDDINGS, ids=ids)
def test_config(case: Any) -> None:
    check_config(case)


def test_embedding_begins_with_given_weights() -> None:
    table = np.arange(6.0).reshape(3, 2)
    for given in (table, [table]):
        ours, theirs = L.Embedding(3, 2, weights=given), K.Embedding(3, 2, weights=given)
        np.testing.assert_array_equal(ours(np.array([[2, 0]])), theirs(np.array([[2, 0]])))
        assert "weights" not in ours.get_config()
    with pytest.warns(UserWarning, match="`input_length` is deprecated"):
        L.Embedding(3, 2, input_length=4)


# -- Masking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, -1.5, 2])
@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 4, 3)])
def test_masking(shape: tuple[int, ...], value: float, rng: np.random.Generator) -> None:
    check_forward_and_gradients(("Masking", {"mask_value": value}, shape), rng)
    ours, theirs = pair("Masking", {"mask_value": value}, shape)
    x = rng.integers(-1, 2, (40, *shape)).astype("float32")
    x[x == 0] = value
    x[0] = np.nan
    x[1, ..., 0] = np.inf
    x[2] = np.where(rng.random(x[2].shape) < 0.5, np.nan, value)
    expected = np.asarray(theirs(x))
    np.testing.assert_array_equal(ours(x), expected)
    net = ours.network()
    net.forward(x, 0)
    np.testing.assert_array_equal(net.mask, np.asarray(theirs.layers[0].compute_mask(x)))


def test_compute_mask(rng: np.random.Generator) -> None:
    x = np.array([[0.0, 2.0], [1.0, 0.0]])
    made: list[Any] = [
        lambda k: k.Embedding(3, 2, mask_zero=True),
        lambda k: k.Embedding(3, 2),
        lambda k: k.Masking(2.0),
        lambda k: k.GlobalAveragePooling1D(),
        lambda k: k.Dense(2),
        lambda k: k.TimeDistributed(k.Dense(2)),
    ]
    for make in made:
        got = make(L).compute_mask(x, KEPT)
        expected = make(K).compute_mask(x, KEPT)
        assert (got is None) == (expected is None)
        if expected is not None:
            np.testing.assert_array_equal(got, expected)


# -- who passes a mask on -----------------------------------------------------------------------

ARGUMENTS: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"},
    "AlphaDropout": {"rate": 0.5},
    "CategoryEncoding": {"num_tokens": 2},
    "CenterCrop": {"height": 2, "width": 2},
    "Dense": {"units": 2},
    "Discretization": {"num_bins": 2},
    "Dropout": {"rate": 0.5},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 2},
    "Embedding": {"input_dim": 3, "output_dim": 2},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "InputLayer": {"shape": (2,)},
    "Lambda": {"function": lambda x: x, "mask": lambda x, m: m},
    "Permute": {"dims": (2, 1)},
    "RandomBrightness": {"factor": 0.1},
    "RandomColorDegeneration": {"factor": 0.1},
    "RandomContrast": {"factor": 0.1},
    "RandomCrop": {"height": 2, "width": 2},
    "RandomHue": {"factor": 0.1},
    "RandomPosterization": {"factor": 2},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.1},
    "RandomSharpness": {"factor": 0.1},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Reshape": {"target_shape": (-1,)},
    "Resizing": {"height": 2, "width": 2},
}
for _rank in (1, 2, 3):
    ARGUMENTS[f"SpatialDropout{_rank}D"] = {"rate": 0.5}
    for _kind in ("Average", "Max"):
        ARGUMENTS[f"Adaptive{_kind}Pooling{_rank}D"] = {"output_size": 1}
    for _kind in ("Conv", "SeparableConv", "Convolution", "SeparableConvolution"):
        ARGUMENTS[f"{_kind}{_rank}D"] = {"filters": 2, "kernel_size": 1}
        ARGUMENTS[f"{_kind}{_rank}DTranspose"] = {"filters": 2, "kernel_size": 1}
    ARGUMENTS[f"AveragePooling{_rank}D"] = ARGUMENTS[f"AvgPool{_rank}D"] = {"pool_size": 2}
    ARGUMENTS[f"DepthwiseConv{_rank}D"] = {"kernel_size": 1}
for _name in ("SimpleRNN", "LSTM", "GRU"):
    ARGUMENTS[_name] = ARGUMENTS[f"{_name}Cell"] = {"units": 1}
# the base class, those that only wrap, and those that Keras does not have without TensorFlow
NOT_LAYERS = {"Input", "Layer", "Wrapper", "TimeDistributed", "RNN", "Bidirectional"}
NOT_LAYERS |= {"InputSpec", "SpectralNormalization", "deserialize", "serialize"}
NOT_LAYERS |= {"StackedRNNCells", "IntegerLookup", "StringLookup", "TextVectorization"}
NOT_LAYERS |= {"Hashing", "HashedCrossing", "Pipeline"}


@pytest.mark.parametrize("name", [n for n in L.__all__ if n not in NOT_LAYERS])
def test_the_same_layers_support_masking(name: str) -> None:
    arguments = ARGUMENTS.get(name, {})
    theirs = getattr(K, name)(**arguments)
    assert getattr(L, name)(**arguments).supports_masking == theirs.supports_masking
    assert L.TimeDistributed(L.Dense(1)).supports_masking
    assert L.Bidirectional(L.RNN(L.GRUCell(1))).supports_masking
    assert L.Embedding(2, 1, mask_zero=True).supports_masking


STACKS: list[Any] = [
    lambda k: [k.Masking(), k.Dense(4, "relu"), k.Dropout(0.0), k.LayerNormalization()],
    lambda k: [k.Masking(), k.Activation("tanh"), k.GroupNormalization(1), k.LeakyReLU()],
    lambda k: [k.Masking(), k.TimeDistributed(k.Dense(4)), k.Rescaling(2.0)],
    lambda k: [k.Dense(F, "relu"), k.Masking(), k.PReLU(), k.SpatialDropout1D(0.0)],
    lambda k: [k.Masking(), k.Dense(2, activity_regularizer="l2"), k.ReLU(), k.ELU()],
]


@pytest.mark.parametrize("layers_of", STACKS, ids=range(len(STACKS)))
def test_masks_pass_on(layers_of: Any, rng: np.random.Generator) -> None:
    x = sequences(rng)
    theirs = keras.Sequential([keras.Input((T, F)), *layers_of(K)])
    ours = ranvier.Sequential([L.Input((T, F)), *layers_of(L)])
    copy_weights(ours, theirs)
    y = theirs(x)
    net = ours.network()
    ours_y, _ = net.forward(x, 0, training=False)
    np.testing.assert_allclose(ours_y, y, rtol=2e-5, atol=2e-6)
    expected = np.asarray(keras.src.backend.get_keras_mask(y))
    assert net.mask is not None and 0 < expected.sum() < expected.size
    np.testing.assert_array_equal(net.mask, expected)


def test_who_ends_a_mask_says_so_as_keras_does(rng: np.random.Generator) -> None:
    makers: list[Any] = [
        lambda k: k.Flatten(name="x"),
        lambda k: k.Reshape((F, T), name="x"),
        lambda k: k.Permute((2, 1), name="x"),
        lambda k: k.Conv1D(2, 2, name="x"),
        lambda k: k.GlobalMaxPooling1D(name="x"),
        lambda k: k.MaxPooling1D(2, name="x"),
        lambda k: k.RMSNormalization(name="x"),
        lambda k: k.Embedding(1000, 2, name="x"),
    ]
    for make in makers:
        told = []
        for k, model in ((K, keras), (L, ranvier)):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                stack = model.Sequential([k.Input((T, F)), k.Masking(), make(k)])
                stack.predict(np.abs(sequences(rng)).round(), verbose=0)
            told.append({str(w.message) for w in caught if w.category is UserWarning})
        assert told[0] == told[1] and len(told[1]) == 1, make


# -- what a mask changes ------------------------------------------------------------------------


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_average(keepdims: bool, rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, T, F)).astype("float32")
    x[~KEPT] = np.nan  # never looked at
    theirs, layer = (
        K.GlobalAveragePooling1D(keepdims=keepdims),
        L.GlobalAveragePooling1D(keepdims=keepdims),
    )
    expected = np.asarray(theirs(x, mask=KEPT))
    some = KEPT.any(axis=1)
    assert np.isnan(expected[~some]).all() and not np.isnan(expected[some]).any()
    np.testing.assert_allclose(layer(x, mask=KEPT), expected, rtol=1e-6, atol=1e-6)
    r = rng.normal(size=expected.shape).astype("float32")
    r[~some] = 0
    dx = jax.grad(lambda v: (theirs(v, mask=KEPT)[some] * r[some]).sum())(x)
    net = Network([layer], x.shape[1:], "float32")
    _, tape = net.forward(x, 0, want_input_gradient=True, mask=KEPT.astype("float32"))
    ours = net.backward(tape, r)
    np.testing.assert_allclose(ours[some], np.asarray(dx)[some], rtol=1e-5, atol=1e-6)
    assert not ours[~KEPT].any()


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("kept", ["some", "all", "none"])
def test_batch_normalization(kept: str, center: bool, rng: np.random.Generator) -> None:
    mask = {"some": KEPT, "all": np.ones_like(KEPT), "none": np.zeros_like(KEPT)}[kept]
    x = (3 + 2 * rng.normal(size=(B, T, F))).astype("float32")
    theirs, ours = K.BatchNormalization(center=center), L.BatchNormalization(center=center)
    for training in (True, False, True):
        expected = np.asarray(theirs(x, training=training, mask=mask))
        got = ours(x, training=training, mask=mask)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


LOSSES: list[Any] = [
    "mse",
    "mae",
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    ("MeanSquaredError", {"reduction": "sum"}),
    ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "reduction": "sum"}),
    (
        "SparseCategoricalCrossentropy",
        {"ignore_class": 1, "reduction": "mean_with_sample_weight"},
    ),
]
C = 3


def made(k: Any, loss: Any) -> Any:
    return loss if isinstance(loss, str) else getattr(k.losses, loss[0])(**loss[1])


def _is_sparse(loss: Any) -> bool:
    return (loss if isinstance(loss, str) else loss[0]).lower().startswith("sparse")


def labels(loss: Any, rng: np.random.Generator) -> np.ndarray:
    numbers = rng.integers(0, C, (B, T))
    return numbers if _is_sparse(loss) else np.eye(C, dtype="float32")[numbers]


def text_models(loss: Any, output: str = "softmax") -> tuple[Any, Any]:
    both = []
    for k, layers, model in ((keras, K, keras), (ranvier, L, ranvier)):
        stack = model.Sequential(
            [
                layers.Input((T,), dtype="int32"),
                layers.Embedding(9, 4, mask_zero=True),
                layers.Dense(6, "tanh"),
                layers.BatchNormalization(),
                layers.Dense(C, output),
            ]
        )
        # `mae` of class numbers means nothing
        more = {} if _is_sparse(loss) else {"weighted_metrics": ["mae"]}
        stack.compile(k.optimizers.SGD(0.5), made(k, loss), **more)
        both.append(stack)
    copy_weights(both[1], both[0])
    return both[1], both[0]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_loss_of_masked_outputs(loss: Any, weighted: bool, rng: np.random.Generator) -> None:
    ours, theirs = text_models(loss, "sigmoid" if loss == "binary_crossentropy" else "softmax")
    x, y = words(rng), labels(loss, rng)
    w = {"sample_weight": rng.random((B, T)).astype("float32")} if weighted else {}
    batch = {"batch_size": 4, "verbose": 0}  # the last batch has rows without any step
    expected = np.atleast_1d(theirs.evaluate(x, y, **w, **batch))
    np.testing.assert_allclose(
        np.atleast_1d(ours.evaluate(x, y, **w, **batch)), expected, rtol=2e-5
    )
    h = theirs.fit(x, y, **w, epochs=3, shuffle=False, **batch).history["loss"]
    g = ours.fit(x, y, **w, epochs=3, shuffle=False, **batch).history["loss"]
    np.testing.assert_allclose(g, h, rtol=5e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_of_masked_outputs(weighted: bool, rng: np.random.Generator) -> None:
    ours, theirs = text_models("mse")
    names = ["mse", "RootMeanSquaredError", "categorical_accuracy", "categorical_crossentropy"]
    for k, model in ((ranvier, ours), (keras, theirs)):
        more = [k.metrics.MeanMetricWrapper(_distance if k is ranvier else _their_distance, "far")]
        model.compile("sgd", "mse", metrics=[*names, *more], weighted_metrics=["mse", "mae"])
    x, y = words(rng), labels("mse", rng)
    w = {"sample_weight": rng.random((B, T)).astype("float32")} if weighted else {}
    expected = theirs.evaluate(x, y, **w, batch_size=B, verbose=0, return_dict=True)
    got = ours.evaluate(x, y, **w, batch_size=B, verbose=0, return_dict=True)
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=2e-5, err_msg=name)


def _distance(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return np.max(np.abs(y_true - y_pred), axis=-1)


def _their_distance(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)


# -- TimeDistributed ----------------------------------------------------------------------------

INNER: list[Any] = [
    (lambda k, m: k.Dense(4, "tanh"), (5, 3)),
    (lambda k, m: k.Dense(4, "softmax"), (1, 3)),
    (lambda k, m: k.Conv2D(2, 2, padding="same", activation="relu"), (3, 5, 4, 2)),
    (lambda k, m: k.Flatten(), (3, 5, 4, 2)),
    (lambda k, m: k.GlobalMaxPooling2D(), (3, 5, 4, 2)),
    (lambda k, m: k.LayerNormalization(), (4, 2, 3)),
    (lambda k, m: k.TimeDistributed(k.Dense(2)), (4, 2, 3)),
    (lambda k, m: m.Sequential([k.Conv1D(3, 2), k.MaxPooling1D(2), k.Flatten()]), (4, 7, 3)),
    (lambda k, m: k.BatchNormalization(), (4, 3)),
]


@pytest.mark.parametrize("case", INNER, ids=range(len(INNER)))
def test_time_distributed(case: Any, rng: np.random.Generator) -> None:
    make, shape = case
    theirs = keras.Sequential([keras.Input(shape), K.TimeDistributed(make(K, keras))])
    ours = ranvier.Sequential([L.Input(shape), L.TimeDistributed(make(L, ranvier))])
    copy_weights(ours, theirs)
    assert ours.output_shape == theirs.output_shape
    x = rng.normal(size=(6, *shape)).astype("float32")
    expected = np.asarray(theirs(x))
    np.testing.assert_allclose(ours(x), expected, rtol=2e-5, atol=2e-6)
    free = ranvier.Sequential([L.Input((None, *shape[1:])), *ours.layers])
    for t in (1, 4):
        longer = rng.normal(size=(2, t, *shape[1:])).astype("float32")
        each = np.stack([np.asarray(theirs.layers[0].layer(longer[:, i])) for i in range(t)], 1)
        np.testing.assert_allclose(free(longer), each, rtol=2e-5, atol=2e-6)
    if isinstance(ours.layers[0].layer, L.BatchNormalization):
        return  # in training its statistics are those of all steps together
    r = rng.normal(size=expected.shape).astype("float32")
    dx, dw = gradients(theirs, x, r)
    y, our_dx, our_dw = our_gradients(ours, x, r)
    np.testing.assert_allclose(y, expected, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(our_dx, dx, rtol=1e-4, atol=2e-5)
    for a, b in zip(our_dw, dw, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-5)


def test_config_of_time_distributed() -> None:
    theirs = K.TimeDistributed(K.Dense(3, "relu", name="inside"), name="given", trainable=False)
    ours = L.TimeDistributed(L.Dense(3, "relu", name="inside"), name="given", trainable=False)
    config = ours.get_config()
    expected = theirs.get_config()
    for written in (config, expected):
        written["layer"]["config"].pop("quantization_config", None)
        written["layer"].pop("build_config", None)
    assert config == expected
    again = L.TimeDistributed.from_config(config)
    assert again.get_config() == ours.get_config()
    model = ranvier.Sequential([L.Input((None, 4)), ours])
    copy = ranvier.Sequential.from_config(model.get_config())
    assert copy.output_shape == (None, None, 3)
    assert copy.get_config() == model.get_config()
