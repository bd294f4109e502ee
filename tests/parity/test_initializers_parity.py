"""Initializers draw from Keras' distributions: two-sample tests against Keras' own draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import ranvier

from .keras_reference import keras

RANDOM = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 1.5, "stddev": 0.2}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": -2.0, "stddev": 0.7}),
    ("GlorotNormal", {}),
    ("GlorotUniform", {}),
    ("HeNormal", {}),
    ("HeUniform", {}),
    ("LecunNormal", {}),
    ("LecunUniform", {}),
    ("VarianceScaling", {}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"}),
]
# dense, convolution (fans count the window), and a bias
SHAPES = [(80, 300), (3, 3, 40, 60), (20000,)]


@pytest.mark.parametrize(("name", "config"), RANDOM)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_random_initializers_draw_from_keras_distribution(name, config, shape):
    ours = getattr(ranvier.initializers, name)(seed=11, **config)(shape)
    theirs = np.asarray(getattr(keras.initializers, name)(seed=5, **config)(shape))
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    # 45 fixed draws; a scale that is off by 5 % gives p < 1e-6 at 20,000 values
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-3
    assert ours.std() == pytest.approx(theirs.std(), rel=0.03)


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (3, 2, 8)])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal(shape, gain):
    ours = ranvier.initializers.Orthogonal(gain=gain, seed=3)(shape)
    theirs = np.asarray(keras.initializers.Orthogonal(gain=gain, seed=3)(shape))
    flat, reference = ours.reshape(-1, shape[-1]), theirs.reshape(-1, shape[-1])
    # the same singular values as Keras' matrix: all equal to the gain
    np.testing.assert_allclose(
        np.linalg.svd(flat, compute_uv=False),
        np.linalg.svd(reference, compute_uv=False),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("name", "config", "shape"),
    [
        ("Zeros", {}, (3, 4)),
        ("Ones", {}, (3, 4)),
        ("Constant", {"value": -2.5}, (3, 4)),
        ("Identity", {}, (4, 4)),
        ("Identity", {"gain": 2.0}, (3, 5)),
    ],
)
def test_constant_initializers(name, config, shape):
    ours = getattr(ranvier.initializers, name)(**config)(shape)
    theirs = np.asarray(getattr(keras.initializers, name)(**config)(shape))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        *RANDOM,
        ("Orthogonal", {"gain": 2.0}),
        ("Constant", {"value": 3.0}),
        ("Identity", {}),  # Keras' own config forgets the gain
        ("Zeros", {}),
        ("Ones", {}),
    ],
)
def test_config_goes_to_keras_and_back(name, config):
    seeded = {} if name in ("Constant", "Identity", "Zeros", "Ones") else {"seed": 9}
    ours = getattr(ranvier.initializers, name)(**config, **seeded)
    written = ranvier.initializers.serialize(ours)
    theirs = keras.initializers.deserialize(written)
    assert type(theirs).__name__ == name
    back = ranvier.initializers.deserialize(keras.initializers.serialize(theirs))
    assert back.get_config() == ours.get_config()
    np.testing.assert_array_equal(back((4, 4)), ours((4, 4)))


def test_the_default_of_dense_is_keras_default():
    ours, theirs = ranvier.layers.Dense(3), keras.layers.Dense(3)
    assert type(ours.kernel_initializer).__name__ == type(theirs.kernel_initializer).__name__
    assert type(ours.bias_initializer).__name__ == type(theirs.bias_initializer).__name__


def test_a_seed_gives_the_same_values_each_time():
    first = ranvier.initializers.GlorotUniform(seed=4)
    np.testing.assert_array_equal(first((3, 3)), first((3, 3)))
    np.testing.assert_array_equal(first((3, 3)), ranvier.initializers.GlorotUniform(seed=4)((3, 3)))
    other = ranvier.initializers.GlorotUniform(seed=5)((3, 3))
    assert not np.array_equal(first((3, 3)), other)


def test_float64_has_the_resolution_of_float64():
    values = ranvier.initializers.RandomNormal(seed=1)((1000,), dtype="float64")
    assert values.dtype == np.float64
    assert not np.array_equal(values, values.astype("float32"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda i: i.RandomNormal(stddev=-1.0), r"RandomNormal: `stddev` .*got -1"),
        (lambda i: i.RandomNormal(seed="a"), r"RandomNormal: `seed` .*got 'a'"),
        (lambda i: i.VarianceScaling(scale=0.0), "VarianceScaling: `scale`"),
        (lambda i: i.VarianceScaling(mode="fan"), "VarianceScaling: .*mode.*fan_in"),
        (lambda i: i.VarianceScaling(distribution="normale"), "VarianceScaling: .*distribution"),
        (lambda i: i.Orthogonal()((3,)), "Orthogonal: .*two axes"),
        (lambda i: i.Identity()((3, 3, 3)), "Identity"),
        (lambda i: i.get("glorot"), "glorot.*Did you mean.*glorot_"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make(ranvier.initializers)
