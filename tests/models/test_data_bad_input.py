"""Errors of the layers that prepare data say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

X = np.zeros((2, 4, 5, 3), "float32")
FACTORS = [
    "RandomColorDegeneration", "RandomErasing", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomSaturation", "RandomSharpness",
]  # fmt: skip
RANGES = [
    "AugMix", "AutoContrast", "Equalization", "RandAugment", "RandomColorJitter", "RandomErasing",
    "RandomGaussianBlur", "RandomInvert", "Solarization",
]  # fmt: skip


@pytest.mark.parametrize("name", FACTORS)
def test_factors(name: str) -> None:
    kind = getattr(L, name)
    for factor in (2, -1.5, "a", float("nan"), (2, 3), (0.1, 0.2, 0.3), True):
        with pytest.raises(ValueError, match=rf"{name} 'n': `factor` must be .*got"):
            kind(factor, name="n")
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        kind(0.1, seed=0.5)


@pytest.mark.parametrize("name", RANGES)
def test_ranges_of_values(name: str) -> None:
    for value in (3, (0, 1, 2), (0, "a"), (1, 1), None):
        with pytest.raises(ValueError, match=f"{name} 'n': `value_range` must be"):
            getattr(L, name)(value_range=value, name="n")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: L.Equalization(bins=0, name="e"), ValueError, "Equalization 'e': `bins` must be a positive integer; got 0"),
        (lambda: L.Solarization(1.5), ValueError, r"`addition_factor` must be a number in \[0, 1\]"),
        (lambda: L.Solarization(threshold_factor=(-1, 0)), ValueError, "`threshold_factor` must be"),
        (lambda: L.RandomPosterization(0), ValueError, "`factor` must be integers >= 1; got 0"),
        (lambda: L.RandomPosterization((2, 9)), ValueError, r"one or two integers in \[1, 8\]; got \(2, 9\)"),
        (lambda: L.RandomPosterization(2.5), ValueError, "`factor` must be integers"),
        (lambda: L.RandomGaussianBlur(kernel_size=4), ValueError, "`kernel_size` must be one or two odd integers; got 4"),
        (lambda: L.RandomGaussianBlur(sigma=2), ValueError, r"`sigma` must be a number in \[0, 1\]"),
        (lambda: L.RandomErasing(scale=2), ValueError, r"`scale` must be a number in \[0, 1\]"),
        (lambda: L.RandomErasing(fill_value=(1, 2)), ValueError, r"`fill_value` must be a number or three; got \(1, 2\)"),
        (lambda: L.RandomErasing(fill_value="a"), ValueError, "`fill_value` must be a finite number; got 'a'"),
        (lambda: L.RandomErasing(fill_value=(1, 2, 3))(X[..., :1]), ValueError, "expected images of 3 channels"),
        (lambda: L.RandomPerspective(scale=1.5), ValueError, r"`scale` must be a number in \[0, 1\]; got 1.5"),
        (lambda: L.RandomPerspective(interpolation="bicubic"), ValueError, "`interpolation` must be one of"),
        (lambda: L.RandomShear(1.5), ValueError, "`x_factor` must be a number"),
        (lambda: L.RandomShear(0, (0, 2)), ValueError, "`y_factor` must be a number"),
        (lambda: L.RandomShear(fill_mode="mirror"), ValueError, "`fill_mode` must be one of"),
        (lambda: L.RandomColorJitter(hue_factor=3), ValueError, "`factor` must be"),
        (lambda: L.RandAugment(num_ops=0), ValueError, "`num_ops` must be a positive integer; got 0"),
        (lambda: L.RandAugment(factor=2), ValueError, "`factor` must be a number"),
        (lambda: L.AugMix(alpha=0), ValueError, "`alpha` must be a number >= "),
        (lambda: L.AugMix(interpolation="area"), ValueError, "`interpolation` must be one of"),
        (lambda: L.RandomHue(0.1)(X[..., :2]), ValueError, r"expected images of 3 channels; got shape \(None, 4, 5, 2\)"),
        (lambda: L.RandomGrayscale()(X[..., :2]), ValueError, "expected images of 1 or 3 channels"),
        (lambda: L.AutoContrast(name="a")(X[0, 0]), ValueError, r"AutoContrast 'a': expected images \(N, H, W, C\); got shape \(None, 3\)"),
        (lambda: L.AutoContrast()(X[:, :0]), ValueError, "no pixels"),
        (lambda: L.AutoContrast()([["a"]]), TypeError, "must hold numbers"),
        (lambda: L.AutoContrast(bounding_box_format="xyxy"), ValueError, "`bounding_box_format` is not in ranvier"),
        (lambda: L.RandomInvert()({"images": X}), TypeError, "must be an array of numbers"),
        (lambda: L.CategoryEncoding(name="c"), ValueError, "CategoryEncoding 'c': `num_tokens` must be a positive integer; got None"),
        (lambda: L.CategoryEncoding(3, "int"), ValueError, "`output_mode` must be one of 'one_hot', 'multi_hot', 'count'; got 'int'"),
        (lambda: L.CategoryEncoding(3, sparse=True), ValueError, "`sparse=True` is not in ranvier"),
        (lambda: L.CategoryEncoding(3)([0, 3]), ValueError, r"expected integers in \[0, 3\); got 3"),
        (lambda: L.CategoryEncoding(3)([0.5]), ValueError, "expected integers; got 0.5"),
        (lambda: L.CategoryEncoding(3)([1], count_weights=[1.0]), ValueError, "`count_weights` are for `output_mode` 'count'"),
        (lambda: L.CategoryEncoding(3, "count")([1], count_weights=[1.0, 2.0]), ValueError, r"must have the input's shape \(1,\); got \(2,\)"),
        (lambda: L.Discretization(), ValueError, "give either `bin_boundaries` or `num_bins`; got None and None"),
        (lambda: L.Discretization([1.0], 3), ValueError, "give either"),
        (lambda: L.Discretization([1.0, 0.0]), ValueError, r"numbers in ascending order; got \[1.0, 0.0\]"),
        (lambda: L.Discretization([0.0, np.nan]), ValueError, "in ascending order"),
        (lambda: L.Discretization(num_bins=-1), ValueError, "`num_bins` must be a positive integer; got -1"),
        (lambda: L.Discretization(num_bins=2, epsilon=0), ValueError, "`epsilon` must be a number in"),
        (lambda: L.Discretization(num_bins=2)([1.0]), ValueError, r"call adapt\(data\) first"),
        (lambda: L.Discretization([1.0]).adapt([1.0]), ValueError, r"adapt\(\) cannot replace given `bin_boundaries`"),
        (lambda: L.Discretization(num_bins=2).adapt(np.zeros((0, 1))), ValueError, "got no data"),
        (lambda: L.Discretization(num_bins=2).adapt(np.array([[np.nan]])), ValueError, "`data` must be finite"),
        (lambda: L.Discretization([1.0])(["a"]), TypeError, "must hold numbers"),
        (lambda: ranvier.Sequential([ranvier.Input((2,)), L.Discretization(num_bins=2, output_mode="one_hot")]), ValueError, "call adapt"),
        (lambda: L.Hashing(0), ValueError, "`num_bins` must be a positive integer; got 0"),
        (lambda: L.Hashing(2, salt="a"), ValueError, "`salt` must be an integer >= 0 or two of them; got 'a'"),
        (lambda: L.Hashing(2, salt=[1]), ValueError, "`salt` must be"),
        (lambda: L.Hashing(2, dtype="float32"), ValueError, "`dtype` must be one of .* got 'float32'"),
        (lambda: L.Hashing(2)([["a"], ["b", "c"]]), ValueError, "strings"),
        (lambda: L.Hashing(2)([1.0, np.nan]), ValueError, "expected finite numbers; got nan"),
        (lambda: L.Hashing(2)([None]), TypeError, "expected|numbers"),
        (lambda: L.HashedCrossing(2, "count"), ValueError, "`output_mode` must be one of 'int', 'one_hot'"),
        (lambda: L.HashedCrossing(2)(np.array([1])), ValueError, "expected a list of two or more arrays"),
        (lambda: L.HashedCrossing(2)(([1], [1, 2])), ValueError, r"got shapes \(1,\), \(2,\)"),
        (lambda: L.HashedCrossing(2)(([[1, 2]], [[1, 2]])), ValueError, "expected arrays of one shape"),
        (lambda: L.HashedCrossing(2)(([1.0], [1.0])), TypeError, "expected integers or strings; got 1.0"),
        (lambda: ranvier.Sequential([L.HashedCrossing(2)]), ValueError, "takes several inputs"),
        (lambda: L.Pipeline([]), ValueError, r"`layers` must be a list of layers; got \[\]"),
        (lambda: L.Pipeline([3]), ValueError, "`layers` must be a list of layers"),
        (lambda: ranvier.Sequential([L.Pipeline([L.StringLookup(vocabulary=["a"])])]), ValueError, "StringLookup.*text"),
        (lambda: L.STFTSpectrogram("loud", name="s"), ValueError, "STFTSpectrogram 's': `mode` must be one of .* got 'loud'"),
        (lambda: L.STFTSpectrogram(frame_length=0), ValueError, "`frame_length` must be a positive integer; got 0"),
        (lambda: L.STFTSpectrogram(frame_step=300), ValueError, "`frame_step` must be at most `frame_length` 256; got 300"),
        (lambda: L.STFTSpectrogram(fft_length=200), ValueError, "`fft_length` must be at least `frame_length` 256; got 200"),
        (lambda: L.STFTSpectrogram(window="kaiser"), ValueError, "`window` must be 'hann', .* got 'kaiser'"),
        (lambda: L.STFTSpectrogram(window=[1.0, 2.0]), ValueError, r"`window` must have shape \(256,\); got \(2,\)"),
        (lambda: L.STFTSpectrogram(scaling="x"), ValueError, "`scaling` must be 'density', 'spectrum' or None; got 'x'"),
        (lambda: L.STFTSpectrogram(padding="causal"), ValueError, "`padding` must be one of 'valid', 'same'"),
        (lambda: L.STFTSpectrogram()(np.zeros((2, 100, 1))), ValueError, "at least `frame_length` 256 samples"),
        (lambda: L.STFTSpectrogram()(np.zeros((2, 300))), ValueError, r"expected input \(N, T, C\); got shape"),
        (lambda: L.MelSpectrogram(fft_length=64, sequence_length=65), ValueError, "`sequence_length` must be at most `fft_length` 64; got 65"),
        (lambda: L.MelSpectrogram(num_mel_bins=0), ValueError, "`num_mel_bins` must be a positive integer; got 0"),
        (lambda: L.MelSpectrogram(min_freq=9000.0), ValueError, "`max_freq` must be a number >= 9000; got 8000"),
        (lambda: L.MelSpectrogram()(np.zeros((2, 1000))), ValueError, "more than 1024 samples"),
        (lambda: L.MelSpectrogram()(np.zeros((2, 1000, 1))), ValueError, r"expected input \(N, T\)"),
    ],
)  # fmt: skip
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_weights_before_images_that_change_cannot_be_trained() -> None:
    """The layers have no gradient in training; saying so is better than a wrong one."""
    model = ranvier.Sequential(
        [ranvier.Input((4, 5, 3)), L.Conv2D(3, 1), L.RandomHue(0.1), L.Flatten()]
    )
    model.compile("sgd", "mse")
    with pytest.raises(NotImplementedError, match=r"RandomHue .* has no backward pass"):
        model.fit(X, np.zeros((2, 60)), verbose=0)
