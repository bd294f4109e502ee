"""Every layer, and every argument that changes its ONNX form, by ONNX Runtime beside `predict`."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import ranvier
from ranvier import layers as L

from ..saving.cases import CASES, build, data, randomize
from .checks import agree, operators

# A function in Python, unless the user says how; a layer whose states are inputs: test_recurrent.py.
REFUSED = {"Lambda", "LSTM stateful"}


@pytest.mark.parametrize("name", [n for n in CASES if n not in REFUSED])
def test_every_layer(name: str, tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    case = CASES[name]
    model = build(case)
    randomize(model, rng)
    x = data(case, rng)[:5]
    proto = agree(model, x, tmp_path)
    if name == "Hashing":  # to the bit, of everything: test_prepare.py
        return
    if name != "SimpleRNN":  # it does not know Relu there
        evaluator = ReferenceEvaluator(proto)  # by the standard's own words
        (y,) = evaluator.run(None, {evaluator.input_names[0]: x.astype("float32")})
        np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def stack(shape: Any, *layers: Any) -> Any:
    model = ranvier.Sequential([ranvier.Input(shape), *layers])
    values = np.random.default_rng(3)
    model.set_weights([values.uniform(0.1, 0.9, w.shape) for w in model.get_weights()])
    return model


ELEMENTWISE = sorted(
    name
    for name, thing in vars(ranvier.activations).items()
    if isinstance(thing, ranvier.activations.Activation) and name != "threshold"
)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations(name: str, dtype: str, tmp_path: pathlib.Path) -> None:
    if (name, dtype) == ("gelu", "float64"):
        pytest.skip("ONNX Runtime has no Erf of float64")
    model = ranvier.Sequential(
        [ranvier.Input((6,), dtype=dtype), L.Activation(name, dtype=dtype)]
    )  # fmt: skip
    x = np.concatenate([np.linspace(-8, 8, 96), [0, -0.0, 0.5, -0.5, 1, -1]]).reshape(-1, 6)
    exact = dtype == "float64"
    agree(model, x.astype(dtype), tmp_path, *((1e-12, 1e-14) if exact else (1e-4, 1e-6)))


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n not in ("glu", "sparsemax")])
def test_activations_within_layers(name: str, tmp_path: pathlib.Path) -> None:
    x = np.random.default_rng(1).normal(size=(4, 6, 3)).astype("float32")
    model = ranvier.Sequential(
        [ranvier.Input((6, 3)), L.Conv1D(4, 2, activation=name), L.Dense(3, activation=name)]
    )
    agree(model, x, tmp_path)


SEQUENCE, IMAGE, VOLUME = (9, 4), (8, 9, 4), (5, 6, 5, 4)
LAYERS: dict[str, tuple[Any, Any]] = {
    "relu of all arguments": ((5,), lambda: L.ReLU(1.5, 0.2, 0.3)),
    "relu with a limit": ((5,), lambda: L.ReLU(0.7)),
    "relu with a threshold": ((5,), lambda: L.ReLU(threshold=0.3)),
    "leaky and limited": ((5,), lambda: L.ReLU(0.5, 0.1)),
    "a layer as activation": ((5,), lambda: L.Dense(3, activation=L.LeakyReLU(0.1))),
    "elu": ((5,), lambda: L.ELU(-0.5)),
    "prelu": (IMAGE, lambda: L.PReLU()),
    "prelu shared": (IMAGE, lambda: L.PReLU(shared_axes=[1, 2])),
    "softmax over a middle axis": (IMAGE, lambda: L.Softmax(2)),
    "log_softmax": (SEQUENCE, lambda: L.Dense(3, activation="log_softmax")),
    "conv1d same": (SEQUENCE, lambda: L.Conv1D(6, 4, 3, "same")),
    "conv1d causal": (SEQUENCE, lambda: L.Conv1D(6, 3, 2, "causal")),
    "conv1d causal dilated, groups": (SEQUENCE, lambda: L.Conv1D(6, 3, padding="causal", dilation_rate=3, groups=2)),
    "conv1d channels first": ((4, 9), lambda: L.Conv1D(6, 3, data_format="channels_first", activation="softmax")),
    "conv2d same, strides": (IMAGE, lambda: L.Conv2D(6, (3, 4), (2, 3), "same", activation="gelu")),
    "conv2d strides past the kernel": (IMAGE, lambda: L.Conv2D(6, 2, 3, "same")),
    "conv2d dilated same": (IMAGE, lambda: L.Conv2D(6, 3, padding="same", dilation_rate=(2, 3))),
    "conv2d groups": (IMAGE, lambda: L.Conv2D(6, 3, groups=2, activation="sigmoid")),
    "conv2d channels first": ((4, 8, 9), lambda: L.Conv2D(6, 3, 2, "same", "channels_first")),
    "conv3d": (VOLUME, lambda: L.Conv3D(6, (2, 3, 1), (1, 2, 2), "same", groups=2)),
    "conv3d channels first": ((4, 5, 6, 5), lambda: L.Conv3D(6, 2, dilation_rate=2, data_format="channels_first")),
    "depthwise1d": (SEQUENCE, lambda: L.DepthwiseConv1D(3, 2, "same", 2)),
    "depthwise2d": (IMAGE, lambda: L.DepthwiseConv2D(3, 1, "same", 3, dilation_rate=2)),
    "depthwise2d first": ((4, 8, 9), lambda: L.DepthwiseConv2D(3, 2, "same", 2, "channels_first")),
    "separable1d": (SEQUENCE, lambda: L.SeparableConv1D(5, 3, dilation_rate=2, depth_multiplier=2)),
    "separable2d": (IMAGE, lambda: L.SeparableConv2D(5, 3, 2, "same", activation="relu")),
    "separable2d first": ((4, 8, 9), lambda: L.SeparableConv2D(5, 3, data_format="channels_first")),
    **{
        f"transposed{n}d {padding} kernel {k} stride {s} dilation {d} output padding {p}": (
            shape,
            lambda n=n, k=k, s=s, d=d, padding=padding, p=p: getattr(L, f"Conv{n}DTranspose")(
                3, k, s, padding, p, dilation_rate=d, activation="relu"
            ),
        )
        for padding in ("valid", "same")
        for n, shape, k, s, d, p in (
            (1, SEQUENCE, 2, 3, 1, None), (1, SEQUENCE, 4, 3, 1, 1), (1, SEQUENCE, 3, 1, 2, None),
            (1, SEQUENCE, 1, 3, 1, 2), (1, SEQUENCE, 5, 2, 1, 0), (2, IMAGE, (3, 2), 2, 1, None),
            (2, IMAGE, 3, 2, 1, 1), (2, IMAGE, (4, 3), (1, 2), 1, (0, 1)), (3, VOLUME, 2, 2, 1, None),
        )
    },
    "transposed first": ((4, 8, 9), lambda: L.Conv2DTranspose(3, 3, 2, "same", data_format="channels_first")),
    **{
        f"{kind} pooling {n}d {padding} {size} {strides} {form}": (
            shape if form == "channels_last" else (shape[-1], *shape[:-1]),
            lambda kind=kind, n=n, p=padding, s=size, t=strides, f=form: getattr(
                L, f"{kind}Pooling{n}D"
            )(s, t, p, data_format=f),
        )
        for kind in ("Max", "Average")
        for n, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME))
        for padding, size, strides, form in (
            ("valid", 3, 2, "channels_last"), ("same", 3, 1, "channels_last"),
            ("same", 2, 3, "channels_first"), ("valid", 2, None, "channels_first"),
        )
    },
    **{
        f"global {kind} {n}d": (
            (4, *shape[:-1]),
            lambda kind=kind, n=n: getattr(L, f"Global{kind}Pooling{n}D")("channels_first", n == 2),
        )
        for kind in ("Max", "Average") for n, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME))
    },
    "batch norm of axis 1": (IMAGE, lambda: L.BatchNormalization(1, center=False)),
    "layer norm of axis 1": (IMAGE, lambda: L.LayerNormalization(1)),
    "layer norm plain": (SEQUENCE, lambda: L.LayerNormalization(center=False, scale=False)),
    "layer norm, only scale": (SEQUENCE, lambda: L.LayerNormalization([1, 2], center=False)),
    "layer norm, only center": (SEQUENCE, lambda: L.LayerNormalization(scale=False)),
    "rms norm of two axes": (IMAGE, lambda: L.RMSNormalization([1, 3])),
    "unit norm of two axes": (IMAGE, lambda: L.UnitNormalization([1, 2])),
    "group norm first": ((4, 8, 9), lambda: L.GroupNormalization(2, axis=1)),
    "instance norm": (IMAGE, lambda: L.GroupNormalization(-1, scale=False)),
    "normalization by numbers": (SEQUENCE, lambda: L.Normalization(None, 2.0, 3.0)),
    "normalization inverted": (SEQUENCE, lambda: L.Normalization(-1, [1, 2, 3, 4], [2, 2, 2, 0], True)),
    "rescaling by channels": (SEQUENCE, lambda: L.Rescaling([1, 2, 3, 4], [0, 1, 0, 1])),
    "rescaling by 1": (SEQUENCE, lambda: L.Rescaling(1.0)),
    "cropping": (SEQUENCE, lambda: L.Cropping1D((0, 3))),
    "cropping first": ((4, 8, 9), lambda: L.Cropping2D(((1, 0), (2, 3)), "channels_first")),
    "padding first": ((4, 8, 9), lambda: L.ZeroPadding2D(((1, 0), (2, 3)), "channels_first")),
    "upsampling first": ((4, 8, 9), lambda: L.UpSampling2D((3, 2), "channels_first", "bilinear")),
    "upsampling 3d first": ((4, 2, 3, 2), lambda: L.UpSampling3D((1, 2, 3), "channels_first")),
    "reshape of one open axis": (IMAGE, lambda: L.Reshape((6, -1, 3))),
    "permute": (IMAGE, lambda: L.Permute((3, 1, 2))),
    "center crop of small images": (IMAGE, lambda: L.CenterCrop(10, 5)),
    "center crop first": ((4, 8, 9), lambda: L.CenterCrop(3, 5, "channels_first")),
    "random crop first": ((4, 8, 9), lambda: L.RandomCrop(3, 5, data_format="channels_first")),
    **{
        f"resizing {size} {interpolation} {more}": (
            IMAGE if "data_format" not in more else (4, 8, 9),
            lambda size=size, i=interpolation, more=more: L.Resizing(*size, i, **more),
        )
        for size in ((5, 4), (13, 20), (8, 3))
        for interpolation in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        for more in (
            {}, {"antialias": True}, {"crop_to_aspect_ratio": True, "data_format": "channels_first"},
            {"pad_to_aspect_ratio": True, "fill_value": 0.5},
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_arguments(name: str, tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    shape, make = LAYERS[name]
    agree(stack(shape, make()), rng.normal(size=(5, *shape)).astype("float32"), tmp_path)


@pytest.mark.parametrize("size", [(5, 4), (16, 27), (8, 9)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_extents_that_vary(size: Any, interpolation: str, tmp_path: pathlib.Path) -> None:
    model = stack(
        (None, None, 2),
        L.Conv2D(3, 3, 2, "same"), L.MaxPooling2D(2, 1, "same"), L.Conv2D(3, 3, padding="same"),
        L.Conv2DTranspose(2, 3, 2, "same"), L.ZeroPadding2D(1), L.Cropping2D(1), L.UpSampling2D(2),
        L.Resizing(*size, interpolation), L.UnitNormalization([1, 2]),
    )  # fmt: skip
    for shape in ((3, 7, 8, 2), (2, 9, 6, 2)):
        agree(model, np.random.default_rng(1).normal(size=shape).astype("float32"), tmp_path)


def test_all_at_once(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    model = stack(
        (12, 12, 3),
        L.Rescaling(1 / 255), L.RandomFlip(), L.Conv2D(8, 3, activation="relu", padding="same"),
        L.BatchNormalization(), L.MaxPooling2D(), L.SpatialDropout2D(0.2),
        L.SeparableConv2D(6, 3, activation="silu"), L.LayerNormalization(), L.GaussianNoise(0.1),
        L.Reshape((16, 6)), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.GRU(5),
        L.Dropout(0.5), L.Dense(4, activation="softmax"),
    )  # fmt: skip
    agree(model, rng.uniform(0, 255, (5, 12, 12, 3)).astype("float32"), tmp_path)


def test_transposes_that_undo_each_other_are_left_out(tmp_path: pathlib.Path) -> None:
    model = stack((8, 8, 3), L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(2, 2))
    proto = agree(model, np.ones((2, 8, 8, 3), "float32"), tmp_path)
    assert operators(proto) == ["Transpose", "Conv", "Relu", "MaxPool", "Conv", "Transpose"]
    model = stack((3, 8, 8), *(L.Conv2D(2, 3, data_format="channels_first") for _ in range(2)))
    proto = agree(model, np.ones((2, 3, 8, 8), "float32"), tmp_path)
    assert operators(proto) == ["Conv", "Conv"]


def test_infinities_and_extremes(tmp_path: pathlib.Path) -> None:
    x = np.array([[-math.inf, -1e30, -100.0, 100.0, 1e30, math.inf]], "float32")
    for name in ("relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus",
                 "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "exponential"):  # fmt: skip
        model = ranvier.Sequential([ranvier.Input((6,)), L.Activation(name)])
        agree(model, x, tmp_path)
