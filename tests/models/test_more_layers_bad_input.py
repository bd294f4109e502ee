"""The layers of test_more_layers_parity.py: what they refuse, and Lambda's and InputSpec's rules."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

ROWS = np.zeros((2, 4), "float32")
LINE = np.zeros((2, 5, 3), "float32")
E = L.EinsumDense


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L.AdaptiveMaxPooling2D((2, 2, 2)), ValueError, r"AdaptiveMaxPooling2D '\w+': `output_size` must be .* tuple of 2; got \(2, 2, 2\)"),
        (lambda: L.AdaptiveMaxPooling1D(0), ValueError, "`output_size` must be an integer >= 1; got 0"),
        (lambda: L.AdaptiveMaxPooling1D("2"), ValueError, "got '2'"),
        (lambda: L.AdaptiveMaxPooling1D(None), ValueError, "got None"),
        (lambda: L.AdaptiveAveragePooling3D(2, "first"), ValueError, "`data_format` .*got 'first'"),
        (lambda: L.AdaptiveAveragePooling2D(2, name="p")(LINE), ValueError, r"AdaptiveAveragePooling2D 'p': expected input \(N, H, W, C\); got shape \(None, 5, 3\)"),
        (lambda: L.AdaptiveAveragePooling1D(2)(LINE[:, :0]), ValueError, r"nothing to pool in input of shape \(None, 0, 3\)"),
        (lambda: L.AlphaDropout(1.0, name="a"), ValueError, r"AlphaDropout 'a': `rate` must be a number in \[0, 1\); got 1.0"),
        (lambda: L.AlphaDropout(-0.1), ValueError, r"`rate` must be a number in \[0, 1\]; got -0.1"),
        (lambda: L.AlphaDropout(0.5, noise_shape=(3, 1))(ROWS, training=True), ValueError, r"noise_shape \(3, 1\) does not fit"),
        (lambda: L.GaussianDropout(1), ValueError, r"\[0, 1\); got 1"),
        (lambda: L.GaussianDropout("much"), ValueError, "got 'much'"),
        (lambda: L.GaussianDropout(0.5, seed=1.5), ValueError, "`seed` .*got 1.5"),
        (lambda: L.ActivityRegularization(-1.0, name="r"), ValueError, "ActivityRegularization 'r': `l1` must be a number >= 0; got -1.0"),
        (lambda: L.ActivityRegularization(l2="x"), ValueError, "`l2` .*got 'x'"),
        (lambda: E("ab,bc-ac", 3, name="e"), ValueError, "EinsumDense 'e': `equation` must be of the form .*got 'ab,bc-ac'"),
        (lambda: E(3, 3), ValueError, "got 3"),
        (lambda: E("ab,bc->ca", 3), ValueError, "the batch first"),
        (lambda: E("ab,ac->bc", 3), ValueError, "the batch first"),
        (lambda: E("aab,bc->aac", 3), ValueError, "each letter once"),
        (lambda: E("ab,bcd->ac", 3), ValueError, "none in one part alone"),
        (lambda: E("ab,bc->acd", (3, 4)), ValueError, "none in one part alone"),
        (lambda: E("...ab,bc->ac", 3), ValueError, "must be of the form"),
        (lambda: E("...ab...,bc->...ac...", 3), ValueError, "must be of the form"),
        (lambda: E("a...,b->ab...", 3), ValueError, "must be of the form"),
        (lambda: E("abc,cd->abd", 3, name="e"), ValueError, "EinsumDense 'e': `output_shape` must have an extent for each of 'abd' but the batch axis; got 3"),
        (lambda: E("ab,bc->ac", 0), ValueError, "`output_shape` must hold positive integers or None; got 0"),
        (lambda: E("ab,bc->ac", "c"), ValueError, "`output_shape` .*got 'c'"),
        (lambda: E("ab,bc->ac", 3, bias_axes="b"), ValueError, "`bias_axes` must be letters of the output 'ac'; got 'b'"),
        (lambda: E("ab,bc->ac", 3, bias_axes=1), ValueError, "`bias_axes` .*got 1"),
        (lambda: E("ab,bc->ac", 3, bias_axes="a")(ROWS), ValueError, "the extents of 'a' in 'ab,bc->ac' must be known"),
        (lambda: E("ab,bc->ac", None), ValueError, "`output_shape` .*got None"),
        (lambda: E("ab,bc->ac", (None,), name="e")(ROWS), ValueError, "EinsumDense 'e': the extents of 'bc' in 'ab,bc->ac' must be known"),
        (lambda: E("ab,bc->ac", 3)(LINE), ValueError, r"the equation 'ab,bc->ac' does not fit input of shape \(None, 5, 3\)"),
        (lambda: E("...abc,cd->...abd", (5, 3, 2))(LINE), ValueError, "does not fit input"),
        (lambda: E("abc,cd->abd", (4, 2))(LINE), ValueError, r"`output_shape` has 4 for 'b' of 'abc,cd->abd'; got input of shape \(None, 5, 3\)"),
        (lambda: E("abc,bd->adc", 3, lora_rank=2), ValueError, "`lora_rank` is not in ranvier; got 2"),
        (lambda: E("ab,bc->ac", 3, "sparsemax")(ROWS), ValueError, "Activation"),
        (lambda: E("abc,bcd->abd", (5, 3), "glu")(LINE), ValueError, "glu.* runs in Python; put it behind"),
        (lambda: E("abc,bcd->abd", (5, 3), L.LeakyReLU())(LINE), ValueError, "put it behind"),
        (lambda: L.SpectralNormalization(3), ValueError, "`layer` must be a layer; got 3"),
        (lambda: L.SpectralNormalization(L.Dense(2), 0, name="s"), ValueError, "SpectralNormalization 's': `power_iterations` must be a positive integer; got 0"),
        (lambda: L.SpectralNormalization(L.Flatten(), name="s")(LINE), ValueError, "SpectralNormalization 's': `layer` must be one of ranvier's with a `kernel`"),
        (lambda: L.SpectralNormalization(L.LSTM(2))(LINE), ValueError, "with a `kernel`"),
        (lambda: L.SpectralNormalization(L.Dense(2, activity_regularizer="l2")), ValueError, "give it to SpectralNormalization"),
        (lambda: L.Lambda("abs", name="f"), TypeError, "Lambda 'f': `function` must be a function; got 'abs'"),
        (lambda: L.Lambda(np.abs, 3), TypeError, "`output_shape` must be a tuple or a function; got 3"),
        (lambda: L.Lambda(np.abs, arguments=[1]), TypeError, r"`arguments` must be a dictionary; got \[1\]"),
        (lambda: L.Lambda(np.sum, (3,), name="f")(LINE), ValueError, r"Lambda 'f': the function must give an array of 2 rows; got shape \(\)"),
        (lambda: L.Lambda(lambda x: x[:, :, 7], name="f")(LINE), ValueError, "Lambda 'f': cannot tell the shape of the output.*give `output_shape`"),
        (lambda: L.Lambda(np.abs, (9,), name="f")(ROWS), ValueError, r"Lambda 'f': forward\(\) gave an output of shape \(2, 4\); .*\(None, 9\)"),
        (lambda: L.InputSpec(axes=[1]), TypeError, r"`axes` must be a dictionary with integers as keys; got \[1\]"),
        (lambda: L.InputSpec(ndim=2, axes={2: 3}), ValueError, "`axes` must be below 2; got 2"),
        (lambda: L.InputSpec(dtype="floaty"), (TypeError, ValueError), "floaty"),
        (lambda: L.deserialize({"module": "keras.optimizers", "class_name": "SGD", "config": {}}), ValueError, "a config of a layer was wanted; got"),
        (lambda: L.deserialize({"class_name": "Dens", "config": {"units": 3}}), ValueError, "Dens"),
        (lambda: L.deserialize("Dense"), ValueError, "a config of a layer was wanted; got 'Dense'"),
    ],
)  # fmt: skip
def test_refused(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# -- Lambda ---------------------------------------------------------------------------------------


def test_lambda_trains_what_comes_after_it(rng: np.random.Generator) -> None:
    """As if its function had been applied to the data."""
    x, y = rng.uniform(0, 3, size=(40, 4)), rng.normal(size=(40, 1))
    first = ranvier.Sequential([ranvier.Input((4,)), L.Dense(3, "tanh"), L.Dense(1)])
    model = ranvier.Sequential(
        [ranvier.Input((4,)), L.Rescaling(2.0), L.Lambda(np.log1p), *first.clone().layers]
    )
    model.set_weights(first.get_weights())
    histories = []
    for m, inputs in ((first, np.log1p(2 * x.astype("float32"))), (model, x)):
        m.compile("adam", "mse")
        histories.append(m.fit(inputs, y, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-6)


def test_lambda_after_weights_predicts_and_does_not_train(rng: np.random.Generator) -> None:
    dense = L.Dense(3)
    model = ranvier.Sequential([ranvier.Input((4,)), dense, L.Lambda(np.exp, name="f"), L.Dense(1)])
    assert model.predict(ROWS, verbose=0).shape == (2, 1)
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match="Lambda 'f': a function has no derivative here"):
        model.fit(ROWS, ROWS[:, :1], verbose=0)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    dense.trainable = False
    model.compile("sgd", "mse")
    model.fit(ROWS, ROWS[:, :1] + 1, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert (model.get_weights()[3] != before[3]).any()


def test_a_lambda_is_not_saved(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.Input((4,)), L.Lambda(lambda x: x + 1, name="f")])
    with pytest.raises(ValueError, match="Lambda 'f': `function`: a lambda cannot be written"):
        model.save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


def test_a_lambda_config_is_refused_and_a_named_function_looked_up() -> None:
    code = {
        "class_name": "__lambda__",
        "config": {"code": "4wA=", "defaults": None, "closure": None},
    }
    for key in ("function", "output_shape", "mask"):
        config = {"function": np.abs, key: code}
        with pytest.raises(ValueError, match="lambda, which is Python code"):
            L.Lambda.from_config(config)
    named = {"module": "builtins", "class_name": "function", "config": "mine"}
    with pytest.raises(ValueError, match="function 'mine' that ranvier does not know"):
        L.Lambda.from_config({"function": named})
    layer = L.Lambda.from_config({"function": named}, custom_objects={"mine": np.negative})
    np.testing.assert_array_equal(layer(ROWS + 1), -ROWS - 1)


# -- InputSpec, serialize -------------------------------------------------------------------------


class Wanting(L.Layer):
    """Says what it wants, as layers of one's own do."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(name="w")
        self.input_spec = L.InputSpec(**spec)

    def forward(self, x: Any, training: bool = False) -> Any:
        return x, None


@pytest.mark.parametrize(
    ("spec", "fits", "message"),
    [
        ({"ndim": 2}, False, "2 axes"),
        ({"ndim": 3}, True, ""),
        ({"min_ndim": 4}, False, "at least 4 axes"),
        ({"max_ndim": 2}, False, "at most 2 axes"),
        ({"axes": {-1: 3, 1: None}}, True, ""),
        ({"axes": {"-1": 4}}, False, "an extent of 4 along axis -1"),
        ({"shape": (None, 5, 3)}, True, ""),
        ({"shape": (None, 5, 2)}, False, r"shape \(None, 5, 2\)"),
        ({"shape": (None, 5)}, False, "2 axes"),
        ({"shape": (None, 5, 3, 1), "allow_last_axis_squeeze": True}, True, ""),
        ({"dtype": "float32"}, True, ""),
        ({"dtype": "float64"}, False, "dtype float64, not float32"),
    ],
)
def test_input_spec_is_as_in_keras(spec: Any, fits: bool, message: str) -> None:
    keras = pytest.importorskip("keras")
    theirs = keras.layers.Identity(name="w")
    theirs.input_spec = keras.layers.InputSpec(**spec)
    ours = Wanting(**spec)
    assert ours.input_spec.get_config() == theirs.input_spec.get_config()
    assert L.InputSpec.from_config(ours.input_spec.get_config()).get_config() == (
        ours.input_spec.get_config()
    )
    if fits:
        theirs(LINE)
        assert ours(LINE).shape == LINE.shape
        ranvier.Sequential([ranvier.Input((5, 3)), Wanting(**spec)])
        return
    with pytest.raises(ValueError, match="w"):
        theirs(LINE)
    with pytest.raises(ValueError, match=rf"Wanting 'w': expected {message}"):
        ours(LINE)
    with pytest.raises(ValueError, match=rf"Wanting 'w': expected {message}"):
        ranvier.Sequential([ranvier.Input((5, 3)), Wanting(**spec)])


def test_layers_are_serialized_as_in_keras() -> None:
    keras = pytest.importorskip("keras")
    ours = L.AdaptiveMaxPooling2D((2, 3), name="p")
    theirs = keras.layers.AdaptiveMaxPooling2D((2, 3), name="p")
    assert L.serialize(ours) == keras.layers.serialize(theirs)
    assert L.deserialize(keras.layers.serialize(theirs)).get_config() == ours.get_config()
    assert keras.layers.deserialize(L.serialize(ours)).get_config() == theirs.get_config()


def test_long_names() -> None:
    keras = pytest.importorskip("keras")
    for n in (1, 2, 3):
        for end in ("", "Transpose"):
            name = f"Convolution{n}D{end}"
            assert getattr(L, name) is getattr(L, f"Conv{n}D{end}")
            assert getattr(keras.layers, name) is getattr(keras.layers, f"Conv{n}D{end}")
    assert L.SeparableConvolution2D is L.SeparableConv2D
