"""Errors of masks and tables say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def words(**kwargs: Any) -> ranvier.Sequential:
    model = ranvier.Sequential(
        [L.Input((3,)), L.Embedding(5, 2, name="e"), L.Flatten(), L.Dense(1)]
    )
    model.compile("sgd", "mse", **kwargs)
    return model


@pytest.mark.parametrize("bad", [-1, 5, 1.5, np.nan, np.inf, -np.inf, 2**40, -(2**40)])
def test_what_is_no_number_of_a_row(bad: float, rng: np.random.Generator) -> None:
    model = words()
    x = rng.integers(0, 5, (300, 3)).astype("float64")
    x[170, 1] = bad
    y = np.zeros((300, 1))
    before = model.get_weights()
    message = r"Embedding 'e': the input must hold integers in 0\.\.4 .*; got "
    for call in (
        lambda: model(x[165:175].astype("float32")),
        lambda: model(x),
        lambda: model.predict(x, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.fit(x, y, verbose=0, shuffle=False, batch_size=300),
        lambda: model.train_on_batch(x, y),
        lambda: L.Embedding(5, 2, name="e")(x),
    ):
        with pytest.raises(ValueError, match=message) as told:
            call()
        if abs(bad) < 10:
            assert str(told.value).endswith(f"got {bad:g}")
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    # the model is as usable as before
    x[170, 1] = 4
    model.fit(x.astype("int64"), y, verbose=0)


def test_large_tables_need_double() -> None:
    with pytest.raises(ValueError, match=r"'e': `input_dim` must be at most 16777216.*float64"):
        L.Embedding(2**24 + 1, 1, name="e")
    with pytest.raises(ValueError, match=r"at most 2147483647, as float64 holds"):
        L.Embedding(2**31, 1, dtype="float64")
    L.Embedding(2**24 + 1, 1, dtype="float64")


def masked(*layers: Any, shape: Any = (4, 3)) -> ranvier.Sequential:
    return ranvier.Sequential([L.Input(shape), L.Masking(), *layers])


X = np.ones((2, 4, 3), "float32")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L.Embedding(0, 2, name="e"), ValueError, "Embedding 'e': `input_dim` must be a positive integer; got 0"),
        (lambda: L.Embedding(2, 1.5), ValueError, "`output_dim` must be a positive integer; got 1.5"),
        (lambda: L.Embedding(2, 2, lora_rank=4), ValueError, "`lora_rank` is not in ranvier; got 4"),
        (lambda: L.Embedding(2, 2, quantization_config=1), ValueError, "`quantization_config` is not"),
        (lambda: L.Embedding(2, 2, weights=np.ones((3, 2))), ValueError, r"shape \(2, 2\).*\(3, 2\)"),
        (lambda: L.Embedding(2, 2, mask_zeros=True), TypeError, "mask_zero"),
        (lambda: L.Masking("a", name="m"), ValueError, "Masking 'm': `mask_value` must be a number; got 'a'"),
        (lambda: L.Masking(True), ValueError, "`mask_value`"),
        (lambda: L.Masking(None), ValueError, "`mask_value`"),
        (lambda: ranvier.Sequential([L.Input(()), L.Masking()]), ValueError, r"expected input \(N, ..., C\)"),
        (lambda: L.TimeDistributed(3, name="t"), ValueError, "TimeDistributed 't': `layer` must be a layer; got 3"),
        (lambda: L.TimeDistributed(L.Dense), ValueError, "`layer` must be a layer"),
        (lambda: L.TimeDistributed(L.Dense(2), dtype="float64"), ValueError, "`dtype` must be that of the layer inside, float32"),
        (lambda: L.TimeDistributed(L.Dense(2), name="t")(X[0]), ValueError, r"'t': expected input of three axes or more.*\(None, 3\)"),
        (lambda: L.TimeDistributed(L.Conv2D(2, 3))(X), ValueError, "conv2d"),
        (lambda: L.TimeDistributed(ranvier.Sequential([L.Dense(2, activity_regularizer="l2")])), ValueError, "`activity_regularizer`"),
        (lambda: masked(L.BatchNormalization(axis=1, name="b"))(X), ValueError, "'b': with a mask, `axis` must be the last; got 1"),
        (lambda: L.BatchNormalization(name="b")(X, mask=np.ones((2, 5))), ValueError, r"'b': `mask` must have the shape of the first axes .*\(2, 4, 3\); got \(2, 5\)"),
        (lambda: L.BatchNormalization(name="b")(X, training=True, mask=np.ones(2)), ValueError, r"'b': a mask of shape \(2,\) does not fit input of shape \(2, 4, 3\)"),
        (lambda: L.GlobalAveragePooling1D("channels_first")(X, mask=np.ones((2, 3))), ValueError, "of the first axes"),
        (lambda: L.Dense(2)(X, mask="no"), TypeError, "`mask`"),
        (lambda: masked(L.Dense(2))(X, mask=1.0), ValueError, "`mask`"),
        (lambda: L.Input((3,), dtype="int12"), ValueError, "int12"),
    ],
)  # fmt: skip
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_mask_that_does_not_fit_the_outputs(rng: np.random.Generator) -> None:
    class Flat(L.Layer):
        supports_masking = True

        def forward(self, x: Any, training: bool = False, mask: Any = None) -> Any:
            return x[:, 0], x.shape

        def backward(self, cache: Any, dy: Any) -> Any:
            dx = np.zeros(cache, dy.dtype)
            dx[:, 0] = dy
            return dx, []

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (input_shape[0], *input_shape[2:])

    model = masked(Flat(name="flat"), L.Dense(1))
    model.compile("sgd", "mse")
    with pytest.raises(
        ValueError, match=r"Flat 'flat': the mask of the output must have the shape"
    ):
        model.fit(X, np.zeros((2, 1)), verbose=0)
