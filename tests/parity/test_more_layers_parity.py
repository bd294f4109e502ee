"""Layers that came later: adaptive pooling, EinsumDense, SpectralNormalization and small ones."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

from .keras_reference import copy_weights, keras
from .layer_checks import check_config, check_forward_and_gradients, ids

ADAPTIVE: list[Any] = [
    (f"Adaptive{kind}Pooling{n}D", {"output_size": size[:n], **more}, shape)
    for kind in ("Average", "Max")
    for n in (1, 2, 3)
    for size, extents in (((3, 2, 4), (7, 5, 9)), ((3, 3, 2), (6, 9, 4)), ((4, 1, 3), (3, 1, 2)))
    for more, shape in (
        ({}, (*extents[:n], 3)),
        ({"data_format": "channels_first"}, (3, *extents[:n])),
    )
    if size == (3, 2, 4) or not more
]
EINSUM: list[Any] = [
    ("EinsumDense", {"equation": equation, "output_shape": output, **more}, shape)
    for equation, output, more, shape in [
        # dense layers of the engine
        ("ab,bc->ac", 3, {"bias_axes": "c", "activation": "relu"}, (4,)),
        ("abc,cd->abd", (4, 3), {"bias_axes": "d", "activation": "softmax"}, (4, 5)),
        ("...x,xy->...y", 3, {"bias_axes": "y"}, (4, 5)),
        ("abc,cde->abde", (4, 2, 3), {"bias_axes": "de", "activation": "sigmoid"}, (4, 5)),
        ("abcd,cde->abe", (4, 3), {"bias_axes": "e", "activation": "tanh"}, (4, 3, 2)),
        ("abc,bd->adc", (6, 5), {}, (4, 5)),
        ("abcd,ce->adbe", (6, 4, 2), {"bias_axes": "e"}, (4, 3, 6)),
        # what NumPy computes
        ("ab...,bc->ac...", 7, {"bias_axes": "c", "activation": "gelu"}, (4, 5)),
        ("abc,bcd->adb", (3, 4), {"bias_axes": "b", "activation": "elu"}, (4, 5)),
        ("abc,cd->abd", (4, 3), {"bias_axes": "bd", "activation": "softmax"}, (4, 5)),
        ("abc,cd->abd", (4, 3), {"bias_axes": "b", "activation": "log_softmax"}, (4, 5)),
        ("abc,cd->ad", 3, {"bias_axes": "d", "activation": "silu"}, (4, 5)),
        ("abc,dc->abd", (4, 3), {}, (4, 5)),
        ("...ab,bc->...ac", (4, 3), {"bias_axes": "ac"}, (2, 4, 5)),
        ("abc,c->ab", 4, {}, (4, 5)),
    ]
]
# What is only the input when nothing is trained.
INPUT: list[Any] = [
    ("Identity", {}, (5,)),
    ("ActivityRegularization", {"l1": 0.25, "l2": 0.5}, (5,)),
    ("AlphaDropout", {"rate": 0.4, "noise_shape": (None, 1, 4), "seed": 5}, (3, 4)),
    ("GaussianDropout", {"rate": 0.4, "seed": 5}, (6,)),
]


@pytest.mark.parametrize("case", [*ADAPTIVE, *EINSUM, INPUT[0]], ids=ids)
def test_forward_and_gradients(case: Any, rng: np.random.Generator) -> None:
    check_forward_and_gradients(case, rng)


@pytest.mark.parametrize("case", [*ADAPTIVE[::4], *EINSUM, *INPUT], ids=ids)
def test_config_is_keras_own_and_round_trips(case: Any) -> None:
    check_config(case)


@pytest.mark.parametrize("case", INPUT, ids=ids)
def test_inference_leaves_the_input(case: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, *case[2])).astype("float32")
    np.testing.assert_array_equal(getattr(keras.layers, case[0])(**case[1])(x), x)
    np.testing.assert_array_equal(getattr(L, case[0])(**case[1])(x), x)


@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_adaptive_pooling_of_varying_extents_ties_and_nan(
    kind: str, rng: np.random.Generator
) -> None:
    """One layer takes inputs of all extents; equal maxima send the gradient where Keras does."""
    ours = ranvier.Sequential(
        [ranvier.Input((None, None, 2)), getattr(L, f"Adaptive{kind}Pooling2D")((3, 2))]
    )
    theirs = getattr(keras.layers, f"Adaptive{kind}Pooling2D")((3, 2))
    for extents in ((5, 7), (3, 2), (2, 9), (9, 4)):
        x = rng.normal(size=(2, *extents, 2)).astype("float32")
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-6, atol=1e-6)
        x[0, 1, 1, 0] = np.nan
        np.testing.assert_array_equal(np.isnan(ours(x)), np.isnan(theirs(x)))
    for extents in ((5, 7), (6, 4)):
        check = (f"Adaptive{kind}Pooling2D", {"output_size": (3, 2)}, (*extents, 2))
        check_forward_and_gradients(check, _Steps(), rows=4)


class _Steps:
    """Draws few different values, so that maxima are equal."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)

    def normal(self, size: Any = None, scale: float = 1.0) -> np.ndarray:
        return self.rng.integers(0, 2, size).astype(float)


@pytest.mark.parametrize("case", EINSUM, ids=ids)
def test_initial_spread_follows_the_equation(case: Any) -> None:
    """Glorot's bound is that of the axes that are summed over and made."""
    shape = (None, *case[2])
    theirs = keras.layers.EinsumDense(**case[1])
    ours = L.EinsumDense(**case[1])
    theirs.build(shape)
    made: list[float] = []
    for _ in range(40):
        ours = L.EinsumDense(**case[1])
        ours.build(shape)
        made.append(float(np.abs(ours.kernel.value).max()))
    fans = keras.src.initializers.random_initializers.compute_fans(
        theirs.kernel.shape, *_axes_of(case[1]["equation"])
    )
    bound = np.sqrt(6 / sum(fans))
    assert 0.9 * bound < max(made) <= bound
    assert float(np.abs(theirs.get_weights()[0]).max()) <= bound


def _axes_of(equation: str) -> tuple[list[int], list[int]]:
    kernel, y = equation.split(",")[1].split("->")
    return [i for i, a in enumerate(kernel) if a not in y], [
        i for i, a in enumerate(kernel) if a in y
    ]


STACKS: list[Any] = [
    [("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (4, 2, 3), "bias_axes": "de",
                      "activation": "tanh", "kernel_regularizer": "l2"}),
     ("EinsumDense", {"equation": "abcd,bcde->aeb", "output_shape": (3, 4), "bias_axes": "eb",
                      "activation": "softplus", "kernel_constraint": "max_norm"}),
     ("Flatten", {}), ("Dense", {"units": 2})],
    [("AdaptiveMaxPooling1D", {"output_size": 3}), ("Dense", {"units": 4, "activation": "tanh"}),
     ("ActivityRegularization", {"l1": 0.01, "l2": 0.02}), ("Identity", {}),
     ("AdaptiveAveragePooling1D", {"output_size": 2}), ("Flatten", {}), ("Dense", {"units": 2})],
]  # fmt: skip


@pytest.mark.parametrize("stack", STACKS, ids=["einsum", "pooling"])
def test_training_follows_the_same_path(stack: Any, rng: np.random.Generator, double: None) -> None:
    x, y = rng.normal(size=(50, 4, 5)), rng.normal(size=(50, 2))

    def build(module: Any) -> Any:
        return module.Sequential(
            [module.Input((4, 5)), *(getattr(module.layers, n)(**a) for n, a in stack)]
        )

    theirs, ours = build(keras), build(ranvier)
    copy_weights(ours, theirs)
    fits = []
    for model in (theirs, ours):
        model.compile(optimizer="adam", loss="mse", metrics=["mae"])
        fits.append(model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history)
    for name, values in fits[0].items():
        np.testing.assert_allclose(fits[1][name], values, rtol=1e-6, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


# -- noise ----------------------------------------------------------------------------------------


def test_alpha_dropout_by_kerass_formula(rng: np.random.Generator) -> None:
    """Keras' `call` on the elements that ours kept, and the share it keeps."""
    x = rng.normal(size=(400, 300)).astype("float32")
    for rate in (0.1, 0.5, 0.9):
        y = L.AlphaDropout(rate, seed=3)(x, training=True)
        low = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
        a = ((1 - rate) * (1 + rate * low**2)) ** -0.5
        b = -a * low * rate
        dropped = np.isclose(y, a * low + b, rtol=0, atol=1e-5)
        np.testing.assert_allclose(y[~dropped], (a * x + b)[~dropped], rtol=1e-5, atol=2e-6)
        assert abs(dropped.mean() - rate) < 0.005
        theirs = np.asarray(keras.layers.AlphaDropout(rate, seed=3)(x, training=True))
        assert np.isclose(theirs, a * low + b, rtol=0, atol=1e-5).any()
        assert abs(y.mean() - theirs.mean()) < 0.02
        assert abs(y.std() - theirs.std()) < 0.02


def test_alpha_dropout_shares_its_noise(rng: np.random.Generator) -> None:
    x = np.zeros((4, 50, 3), "float32")
    y = L.AlphaDropout(0.5, noise_shape=(None, 1, 3), seed=1)(x, training=True)
    assert (y == y[:, :1]).all()
    assert len(np.unique(y)) == 2


def test_gaussian_dropout_has_kerass_moments(rng: np.random.Generator) -> None:
    x = rng.uniform(1, 2, size=(400, 300)).astype("float32")
    for rate in (0.1, 0.5):
        factors = [
            np.asarray(kit.layers.GaussianDropout(rate, seed=3)(x, training=True)) / x
            for kit in (ranvier, keras)
        ]
        for f in factors:
            assert abs(f.mean() - 1) < 0.01
            assert abs(f.std() - np.sqrt(rate / (1 - rate))) < 0.01


@pytest.mark.parametrize("kind", ["AlphaDropout", "GaussianDropout"])
def test_noise_differs_from_step_to_step_and_not_by_threads(kind: str, threads: Any) -> None:
    x, y = np.ones((64, 40)), np.zeros((64, 1))
    got = []
    for n in (1, 2):
        threads(n)
        ranvier.utils.set_random_seed(3)
        model = ranvier.Sequential([getattr(L, kind)(0.4), L.Dense(1)])
        model.compile("sgd", "mse")
        got.append(model.fit(x, y, epochs=3, verbose=0, shuffle=False).history["loss"])
    assert got[0] == got[1]


# -- SpectralNormalization -----------------------------------------------------------------------


def normalized(kit: Any) -> Any:
    K = kit.layers
    return kit.Sequential(
        [
            kit.Input((6, 6, 2)),
            K.SpectralNormalization(K.Conv2D(3, 3, activation="tanh"), power_iterations=2),
            K.Flatten(),
            K.SpectralNormalization(K.Dense(2)),
        ]
    )


def test_spectral_normalization_of_one_call(rng: np.random.Generator) -> None:
    for inner, shape in (
        (("Dense", {"units": 4}), (5,)),
        (("Conv2D", {"filters": 3, "kernel_size": 2}), (5, 5, 2)),
        (("DepthwiseConv2D", {"kernel_size": 2}), (5, 5, 2)),
        (("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (3, 4)}), (3, 5)),
    ):
        both = [
            kit.layers.SpectralNormalization(
                getattr(kit.layers, inner[0])(**inner[1]), power_iterations=3
            )
            for kit in (ranvier, keras)
        ]
        x = rng.normal(size=(4, *shape)).astype("float32")
        for layer in both:
            layer(x)
        weights = [rng.normal(size=w.shape) for w in both[1].get_weights()]
        for layer in both:
            layer.set_weights(weights)
        for training in (False, True, True, False):
            ours, theirs = (np.asarray(layer(x, training=training)) for layer in both)
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        for a, b in zip(both[0].get_weights(), both[1].get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        kernel = both[0].get_weights()[0]
        norm = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
        assert 0.9 < norm < 1.1


_TORCH = """
import sys
import numpy as np, keras
sys.path.insert(0, sys.argv[2])
from tests.parity.test_more_layers_parity import normalized
data = np.load(sys.argv[1])
model = normalized(keras)
model.set_weights([data[f"w{i}"] for i in range(len(model.get_weights()))])
model.compile(keras.optimizers.SGD(0.05), "mse")
history = model.fit(data["x"], data["y"], batch_size=8, epochs=3, shuffle=False, verbose=0)
np.savez(sys.argv[1], *model.get_weights(), loss=history.history["loss"],
         predicted=model.predict(data["x"], verbose=0))
"""


def test_spectral_normalization_trains_as_keras_on_torch(
    tmp_path: pathlib.Path, rng: np.random.Generator
) -> None:
    """There, as on TensorFlow, the kernel is replaced; Keras on JAX forgets that after the step."""
    pytest.importorskip("torch")
    x, y = rng.normal(size=(24, 6, 6, 2)), rng.normal(size=(24, 2))
    ours = normalized(ranvier)
    file = tmp_path / "numbers.npz"
    np.savez(file, x=x, y=y, **{f"w{i}": w for i, w in enumerate(ours.get_weights())})
    root = pathlib.Path(__file__).parents[2]
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _TORCH, str(file), str(root)]
    subprocess.run(command, check=True, env=environment)
    theirs = np.load(file)

    ours.compile(ranvier.optimizers.SGD(0.05), "mse")
    history = ours.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], theirs["loss"], rtol=1e-4)
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs["predicted"], rtol=1e-3, atol=1e-4
    )
    for i, w in enumerate(ours.get_weights()):
        np.testing.assert_allclose(w, theirs[f"arr_{i}"], rtol=1e-3, atol=1e-5)


def test_a_kernel_of_zeros_stays() -> None:
    for kit in (ranvier, keras):
        layer = kit.layers.SpectralNormalization(kit.layers.Dense(2, kernel_initializer="zeros"))
        y = np.asarray(layer(np.ones((1, 3), "float32"), training=True))
        np.testing.assert_array_equal(y, [[0, 0]])


# -- Lambda ---------------------------------------------------------------------------------------


def test_lambda_is_its_function(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5, 3)).astype("float32")
    for function, arguments in (
        (lambda x: x[:, ::2] * 2 + 1, None),
        (lambda x, a, b=1: a * x.sum(axis=1) + b, {"a": 3}),
        (lambda x, training: x if training else -x, None),
    ):
        ours, theirs = (
            kit.layers.Lambda(function, arguments=arguments) for kit in (ranvier, keras)
        )
        for training in (False, True):
            expected = np.asarray(theirs(x, training=training))
            np.testing.assert_allclose(ours(x, training=training), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("output_shape", "expected"),
    [(None, (None, None, 6)), ((4, 6), (None, 4, 6)), (lambda s: (*s[:-1], 6), (None, None, 6))],
)
def test_lambda_output_shape(output_shape: Any, expected: Any) -> None:
    for kit in (ranvier, keras):
        concatenate = np.concatenate if kit is ranvier else keras.ops.concatenate
        layer = kit.layers.Lambda(lambda x, c=concatenate: c([x, x], axis=-1), output_shape)
        assert layer.compute_output_shape((None, None, 3)) == expected


def test_lambda_mask() -> None:
    x = np.array([[[1.0], [0.0], [3.0]]])
    for kit in (ranvier, keras):
        K = kit.layers
        model = kit.Sequential(
            [
                K.Masking(),
                K.Lambda(lambda x, mask: x + 1, output_shape=(3, 1), mask=lambda x, m: m),
                K.GlobalAveragePooling1D(),
            ]
        )
        np.testing.assert_array_equal(np.asarray(model(x)), [[3.0]])
