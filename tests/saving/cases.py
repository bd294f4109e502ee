"""A model for every layer, ours or Keras': what goes through files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import ranvier


class Case(NamedTuple):
    """`make(L, S)` gives the layers: L is `ranvier.layers` or `keras.layers`, S its Sequential."""

    shape: tuple[int | None, ...]
    make: Callable[[Any, Any], list[Any]]
    batch: int | None = None
    integers: int = 0  # input of integers below it
    keras: bool = True  # False: Keras' own needs TensorFlow, or predicts otherwise on purpose


IMAGE = (8, 8, 3)
STEPS = (5, 3)


def _one(shape: tuple[int | None, ...], name: str, *args: Any, **kwargs: Any) -> Case:
    integers = kwargs.pop("integers", 0)
    keras = kwargs.pop("keras", True)
    return Case(shape, lambda L, S: [getattr(L, name)(*args, **kwargs)], None, integers, keras)


@ranvier.saving.register_serializable("tests")
def twice_and(x: Any, more: float = 0.0) -> Any:
    """For a Lambda, in either."""
    return 2 * x[:, 1:] + more


CASES: dict[str, Case] = {
    "ELU": _one((4,), "ELU", 0.3),
    "LeakyReLU": _one((4,), "LeakyReLU", negative_slope=0.1),
    "PReLU": _one((4, 3), "PReLU", shared_axes=[1]),
    "ReLU": _one((4,), "ReLU", max_value=2.0, negative_slope=0.1, threshold=0.2),
    "Softmax": _one((4, 3), "Softmax", axis=1),
    "Activation": _one((4,), "Activation", "swish"),
    "BatchNormalization": _one((4,), "BatchNormalization", momentum=0.9, epsilon=0.01),
    "BatchNormalization without scale": _one((4,), "BatchNormalization", scale=False),
    "LayerNormalization": _one((4, 3), "LayerNormalization", axis=[1, 2]),
    "RMSNormalization": _one((4,), "RMSNormalization", axis=[-1], epsilon=0.01),
    "UnitNormalization": _one((4,), "UnitNormalization"),
    "GroupNormalization": _one((4, 6), "GroupNormalization", groups=3),
    "Conv1D": _one(STEPS, "Conv1D", 4, 3, padding="causal", dilation_rate=2, activation="relu"),
    "Conv2D": _one(IMAGE, "Conv2D", 4, (3, 2), strides=2, padding="same", use_bias=False),
    "Conv3D": _one((4, 4, 4, 2), "Conv3D", 2, 2, activation="tanh"),
    "DepthwiseConv1D": _one(STEPS, "DepthwiseConv1D", 2, depth_multiplier=2),
    "DepthwiseConv2D": _one(IMAGE, "DepthwiseConv2D", 3, activation="elu"),
    "SeparableConv1D": _one(STEPS, "SeparableConv1D", 4, 2),
    "SeparableConv2D": _one(IMAGE, "SeparableConv2D", 4, 3, depth_multiplier=2),
    "Conv1DTranspose": _one(STEPS, "Conv1DTranspose", 4, 3, strides=2),
    "Conv2DTranspose": _one(IMAGE, "Conv2DTranspose", 2, 3, padding="same"),
    "Conv3DTranspose": _one((3, 3, 3, 2), "Conv3DTranspose", 2, 2),
    "Dense": _one((4,), "Dense", 3, activation="softmax", kernel_regularizer="l2",
                  kernel_constraint="max_norm", kernel_initializer="he_normal"),
    "Dense frozen, without bias": _one((4,), "Dense", 3, use_bias=False, trainable=False),
    "Embedding": _one((6,), "Embedding", 9, 4, integers=9),
    "Cropping1D": _one(STEPS, "Cropping1D", (1, 2)),
    "Cropping2D": _one(IMAGE, "Cropping2D", ((1, 2), (0, 1))),
    "Cropping3D": _one((4, 4, 4, 2), "Cropping3D", 1),
    "ZeroPadding1D": _one(STEPS, "ZeroPadding1D", (1, 2)),
    "ZeroPadding2D": _one(IMAGE, "ZeroPadding2D", ((1, 2), (0, 1))),
    "ZeroPadding3D": _one((2, 2, 2, 2), "ZeroPadding3D", 1),
    **{
        f"Global{kind}Pooling{n}D": _one(
            (4,) * n + (2,), f"Global{kind}Pooling{n}D", keepdims=True
        )
        for kind in ("Average", "Max") for n in (1, 2, 3)
    },
    **{
        f"{kind}Pooling{n}D": _one((5,) * n + (2,), f"{kind}Pooling{n}D", 2, strides=2, padding="same")
        for kind in ("Average", "Max") for n in (1, 2, 3)
    },
    "Masking": Case(STEPS, lambda L, S: [L.Masking(0.5), L.LSTM(2)]),
    "Rescaling": _one((4,), "Rescaling", 0.5, offset=1.0),
    "Normalization": _one((4,), "Normalization", mean=[1.0, 2.0, 3.0, 4.0], variance=[2.0] * 4),
    "Normalization adapted": _one((4, 3), "Normalization", axis=(1, 2)),
    "RandomBrightness": _one(IMAGE, "RandomBrightness", 0.2, seed=1),
    "RandomContrast": _one(IMAGE, "RandomContrast", 0.2),
    "RandomCrop": _one(IMAGE, "RandomCrop", 4, 8, keras=False),
    "RandomFlip": _one(IMAGE, "RandomFlip", "horizontal"),
    "RandomRotation": _one(IMAGE, "RandomRotation", 0.1, fill_mode="constant"),
    "RandomTranslation": _one(IMAGE, "RandomTranslation", 0.1, 0.2),
    "RandomZoom": _one(IMAGE, "RandomZoom", 0.1),
    "AutoContrast": _one(IMAGE, "AutoContrast", (-1, 4)),
    "Equalization": _one(IMAGE, "Equalization", (-5, 5), bins=8, keras=False),
    "Solarization": _one(IMAGE, "Solarization", 0.1, (0.2, 0.3), value_range=[-1, 1]),
    "RandomColorDegeneration": _one(IMAGE, "RandomColorDegeneration", 0.3, seed=2),
    "RandomColorJitter": _one(IMAGE, "RandomColorJitter", (0, 1), 0.1, contrast_factor=0.2),
    "RandomErasing": _one(IMAGE, "RandomErasing", 0.5, (0.1, 0.2), [1, 2, 3]),
    "RandomGaussianBlur": _one(IMAGE, "RandomGaussianBlur", (0.2, 0.5), 5, 0.7),
    "RandomGrayscale": _one(IMAGE, "RandomGrayscale", 0.3),
    "RandomHue": _one(IMAGE, "RandomHue", 0.3, [0, 1]),
    "RandomInvert": _one(IMAGE, "RandomInvert", (0.1, 0.2)),
    "RandomPerspective": _one(IMAGE, "RandomPerspective", 0.5, 0.2, "nearest", 3.0),
    "RandomPosterization": _one(IMAGE, "RandomPosterization", (2, 4)),
    "RandomSaturation": _one(IMAGE, "RandomSaturation", (0.4, 0.6)),
    "RandomSharpness": _one(IMAGE, "RandomSharpness", 0.4),
    "RandomShear": _one(IMAGE, "RandomShear", (0.1, 0.2), (0.1, 0.3), fill_mode="wrap"),
    "RandAugment": _one(IMAGE, "RandAugment", (0, 1), 3, factor=0.1, seed=4),
    "AugMix": _one(IMAGE, "AugMix", num_chains=2, alpha=0.5, all_ops=False),
    "STFTSpectrogram": _one((90, 2), "STFTSpectrogram", "psd", 16, window="hamming"),
    "MelSpectrogram": _one((900,), "MelSpectrogram", 128, 64, num_mel_bins=9, keras=False),
    "CategoryEncoding": _one((3,), "CategoryEncoding", 9, "count", integers=9),
    "Discretization": _one((3,), "Discretization", [-0.5, 0.5], output_mode="one_hot"),
    "Discretization adapted": _one((3,), "Discretization", num_bins=3),
    "Hashing": _one((3,), "Hashing", 5, salt=3, output_mode="count", integers=9, keras=False),
    "Pipeline": Case(
        IMAGE,
        lambda L, S: [L.Pipeline([L.AutoContrast(), L.RandomFlip(), L.Conv2D(2, 3), L.Flatten()]),
                      L.Dense(2)],
    ),
    "CenterCrop": _one(IMAGE, "CenterCrop", 4, 4),
    "Resizing": _one(IMAGE, "Resizing", 4, 6),
    "GRU": _one(STEPS, "GRU", 3, reset_after=False, return_sequences=True),
    "LSTM": _one(STEPS, "LSTM", 3, dropout=0.2, go_backwards=True),
    "SimpleRNN": _one(STEPS, "SimpleRNN", 3, activation="relu", unroll=True),
    "LSTM stateful": Case(STEPS, lambda L, S: [L.LSTM(3, stateful=True)], batch=6),
    "RNN": Case(STEPS, lambda L, S: [L.RNN(L.GRUCell(3, dropout=0.1))]),
    "StackedRNNCells": Case(
        STEPS, lambda L, S: [L.RNN([L.LSTMCell(2), L.LSTMCell(2), L.SimpleRNNCell(3)])]
    ),
    "LSTMCell": Case(STEPS, lambda L, S: [L.RNN(L.LSTMCell(3), return_sequences=True)]),
    "GRUCell": Case(STEPS, lambda L, S: [L.RNN(L.GRUCell(3))]),
    "SimpleRNNCell": Case(STEPS, lambda L, S: [L.RNN(L.SimpleRNNCell(3))]),
    "Bidirectional": Case(
        STEPS, lambda L, S: [L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum")]
    ),
    "Bidirectional of two": Case(
        STEPS,
        lambda L, S: [L.Bidirectional(L.LSTM(2), backward_layer=L.SimpleRNN(3, go_backwards=True))],
    ),
    "TimeDistributed": Case(STEPS, lambda L, S: [L.TimeDistributed(L.Dense(2, "relu"))]),
    "TimeDistributed model": Case(
        (2, *IMAGE),
        lambda L, S: [L.TimeDistributed(S([L.Conv2D(2, 3), L.Flatten(), L.Dropout(0.1), L.Dense(3)]))],
    ),
    **{
        f"Adaptive{kind}Pooling{n}D": _one(
            (5,) * n + (2,), f"Adaptive{kind}Pooling{n}D", (2, 3, 1)[:n], data_format="channels_first"
        )
        for kind in ("Average", "Max") for n in (1, 2, 3)
    },
    "EinsumDense": _one((4, 5), "EinsumDense", "abc,cde->abde", (4, 2, 3), "relu", "de",
                        kernel_regularizer="l2", bias_initializer="ones"),
    "EinsumDense in Python": _one((4, 5), "EinsumDense", "abc,bcd->adb", (3, 4), "tanh", "b"),
    "SpectralNormalization": Case(
        IMAGE, lambda L, S: [L.SpectralNormalization(L.Conv2D(2, 3), power_iterations=2)]
    ),
    "SpectralNormalization of an Embedding": Case(
        (6,), lambda L, S: [L.SpectralNormalization(L.Embedding(9, 4))], integers=9
    ),
    "Identity": _one((4,), "Identity"),
    "ActivityRegularization": _one((4,), "ActivityRegularization", 0.1, 0.2),
    "Lambda": Case(
        (4, 3),
        lambda L, S: [
            L.Lambda(twice_and, output_shape=(3, 3), arguments={"more": 0.5}), L.Dense(2)
        ],
    ),
    "AlphaDropout": _one((4, 3), "AlphaDropout", 0.2, noise_shape=(None, 1, 3), seed=3),
    "GaussianDropout": _one((4,), "GaussianDropout", 0.2, seed=3),
    "Dropout": _one((4,), "Dropout", 0.25, noise_shape=(None, 1), seed=3),
    "GaussianNoise": _one((4,), "GaussianNoise", 0.25),
    **{f"SpatialDropout{n}D": _one((3,) * n + (2,), f"SpatialDropout{n}D", 0.2) for n in (1, 2, 3)},
    "Flatten": _one(STEPS, "Flatten", data_format="channels_first"),
    "Permute": _one(STEPS, "Permute", (2, 1)),
    "RepeatVector": _one((4,), "RepeatVector", 3),
    "Reshape": _one((6,), "Reshape", (-1, 2)),
    "UpSampling1D": _one(STEPS, "UpSampling1D", 3),
    "UpSampling2D": _one(IMAGE, "UpSampling2D", (2, 3), interpolation="bilinear"),
    "UpSampling3D": _one((2, 2, 2, 2), "UpSampling3D", 2),
    "IntegerLookup": Case(
        (3,),
        lambda L, S: [L.IntegerLookup(vocabulary=[3, 5, 7], output_mode="multi_hot"), L.Dense(2)],
        integers=9,
        keras=False,
    ),
    "InputLayer": Case((4,), lambda L, S: [S([L.InputLayer((4,)), L.Dense(2)]), L.Dense(3)]),
    "models in models": Case(
        STEPS,
        lambda L, S: [
            S([L.Dense(4), L.Dense(3)]), S([L.Dense(3), S([L.LSTM(2), L.BatchNormalization()])]),
            L.Dense(4, name="head"), L.Dense(4),
        ],
    ),
}  # fmt: skip

# Of these there is nothing in a model that a file could hold.
OUTSIDE = {"HashedCrossing", "InputSpec", "Layer", "Wrapper", "StringLookup", "TextVectorization"}


def build(case: Case, kit: Any = ranvier) -> Any:
    """The case's model in `ranvier` or `keras`."""
    batch_shape = (case.batch, *case.shape)
    layers = case.make(kit.layers, kit.Sequential)
    model = kit.Sequential([kit.Input(batch_shape=batch_shape), *layers])
    for layer in model.layers:
        if type(layer).__name__ == "Normalization" and getattr(layer, "mean", None) is None:
            layer.adapt(np.random.default_rng(5).normal(2.0, 3.0, (50, *case.shape)))
        if getattr(layer, "num_bins", None) and hasattr(layer, "update_state"):
            layer.update_state(np.random.default_rng(5).normal(2.0, 3.0, (50, *case.shape)))
            layer.finalize_state()
    return model


def data(case: Case, rng: np.random.Generator) -> np.ndarray:
    """Six rows of input."""
    if case.integers:
        return rng.integers(0, case.integers, (6, *case.shape))
    return rng.normal(size=(6, *case.shape)).astype("float32")


def randomize(model: Any, rng: np.random.Generator) -> None:
    """Weights that no initializer would give; positive, as variances must be."""
    if any(type(layer).__name__ == "Normalization" for layer in model.layers):
        return
    model.set_weights([rng.uniform(0.1, 0.9, np.shape(w)) for w in model.get_weights()])
