"""Errors of normalization say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

X = np.ones((2, 3, 4), "float32")


def model_of(layer: Any, shape: Any = (3, 4)) -> ranvier.Sequential:
    return ranvier.Sequential([ranvier.Input(shape), layer])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L.BatchNormalization(axis=1.5, name="b"), ValueError, r"BatchNormalization 'b': `axis` must be an integer; got 1.5"),
        (lambda: L.BatchNormalization(axis=True), ValueError, "`axis` must be an integer; got True"),
        (lambda: L.BatchNormalization(axis=[1]), ValueError, r"`axis` must be an integer; got \[1\]"),
        (lambda: model_of(L.BatchNormalization(axis=3)), ValueError, r"among the axes 1\.\.2 .*\(None, 3, 4\); got 3"),
        (lambda: model_of(L.BatchNormalization(axis=0)), ValueError, r"among the axes 1\.\.2 .* got 0"),
        (lambda: model_of(L.BatchNormalization(axis=-4)), ValueError, "got -4"),
        (lambda: L.BatchNormalization(axis=7).compute_output_shape((None, 3)), ValueError, "got 7"),
        (lambda: model_of(L.BatchNormalization(axis=1), (None, 4)), ValueError, r"extents along `axis` \[1\] must be known; got input shape \(None, None, 4\)"),
        (lambda: L.BatchNormalization(momentum=1.5), ValueError, r"`momentum` must be a number in \[0, 1\]; got 1.5"),
        (lambda: L.BatchNormalization(momentum="a"), ValueError, "`momentum`"),
        (lambda: L.BatchNormalization(epsilon=-1e-3), ValueError, r"`epsilon` must be a number >= 0; got -0.001"),
        (lambda: L.BatchNormalization(epsilon=float("nan")), ValueError, "`epsilon`"),
        (lambda: L.BatchNormalization(synchronized=True), ValueError, "`synchronized` must be False"),
        (lambda: L.BatchNormalization(renorm=True), ValueError, "`renorm` is not in ranvier"),
        (lambda: L.BatchNormalization(gamma_initializer="onez"), ValueError, "ones"),
        (lambda: L.BatchNormalization(momentun=0.9), TypeError, "momentum"),
        (lambda: L.BatchNormalization(name="b").inference_scale_offset(), ValueError, "'b': inference_scale_offset.. needs the weights"),
        (lambda: model_of(L.BatchNormalization())(X[..., :3]), ValueError, r"got \(2, 3, 3\)"),
        (lambda: model_of(L.BatchNormalization(moving_mean_initializer=lambda s, dtype: np.ones(2))), ValueError, r"\(4,\); got \(2,\)"),
        (lambda: L.GroupNormalization(0), ValueError, "`groups` must be a positive integer, or -1 .* got 0"),
        (lambda: L.GroupNormalization(2.0), ValueError, "got 2.0"),
        (lambda: L.GroupNormalization(-2), ValueError, "got -2"),
        (lambda: model_of(L.GroupNormalization(name="g")), ValueError, "GroupNormalization 'g': `groups` must divide the 4 channels; got 32"),
        (lambda: model_of(L.GroupNormalization(3)), ValueError, "must divide the 4 channels; got 3"),
        (lambda: model_of(L.GroupNormalization(-1, axis=1), (None, 4)), ValueError, "must be known"),
        (lambda: L.GroupNormalization(axis=[1]), ValueError, "`axis` must be an integer"),
        (lambda: L.LayerNormalization(axis="a"), ValueError, "`axis` must be an integer or a list of integers; got 'a'"),
        (lambda: L.LayerNormalization(axis=[]), ValueError, r"got \[\]"),
        (lambda: L.LayerNormalization(axis=[1, 2.0]), ValueError, r"got \[1, 2.0\]"),
        (lambda: model_of(L.LayerNormalization(axis=[2, -1])), ValueError, "names an axis twice"),
        (lambda: model_of(L.LayerNormalization(axis=[0, 1])), ValueError, r"among the axes 1\.\.2"),
        (lambda: model_of(L.LayerNormalization(axis=[1, 2]), (None, 4)), ValueError, "must be known"),
        (lambda: L.LayerNormalization(epsilon=-1), ValueError, "`epsilon`"),
        (lambda: L.RMSNormalization(epsilon=None), ValueError, "`epsilon`"),
        (lambda: model_of(L.UnitNormalization(axis=5)), ValueError, "got 5"),
        (lambda: L.UnitNormalization(axis=None), ValueError, "got None"),
        (lambda: L.SpatialDropout1D(1.5), ValueError, r"`rate` must be a number in \[0, 1\]"),
        (lambda: L.SpatialDropout2D(0.5, seed="a"), ValueError, "`seed`"),
        (lambda: L.SpatialDropout2D(0.5, "last"), ValueError, "`data_format` must be 'channels_last' or 'channels_first'; got 'last'"),
        (lambda: model_of(L.SpatialDropout2D(0.5, name="s")), ValueError, r"'s': the input must have 4 axes .* got shape \(None, 3, 4\)"),
        (lambda: L.SpatialDropout1D(0.5, data_format="channels_last"), TypeError, "data_format"),
        (lambda: L.SpatialDropout3D(0.5)(X), ValueError, "must have 5 axes"),
    ],
)  # fmt: skip
def test_message(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_rms_scaling_warns() -> None:
    with pytest.warns(UserWarning, match="RMSNormalization"):
        L.LayerNormalization(rms_scaling=True)


def test_input_shape_may_be_given_as_keras_2_did() -> None:
    model = ranvier.Sequential([L.SpatialDropout1D(0.5, input_shape=(3, 4))])
    assert model.output_shape == (None, 3, 4)
    model = ranvier.Sequential([L.BatchNormalization(input_dim=4)])
    assert model.output_shape == (None, 4)
