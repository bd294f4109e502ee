"""Weights as safetensors."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import ranvier

safetensors = pytest.importorskip("safetensors.numpy")
L = ranvier.layers


def model_of(units: int = 2) -> Any:
    return ranvier.Sequential(
        [
            ranvier.Input((4, 3)),
            L.Bidirectional(L.LSTM(2)),
            ranvier.Sequential([L.Dense(3), L.BatchNormalization()]),
            L.Dense(3),
            L.Dense(units),
        ]
    )


def test_names_and_arrays(tmp_path: pathlib.Path) -> None:
    model = model_of()
    model.save_weights(tmp_path / "m.safetensors")
    arrays = safetensors.load_file(tmp_path / "m.safetensors")
    assert sorted(arrays) == sorted(
        [
            *(
                f"bidirectional.{side}_layer.cell.{name}"
                for side in ("forward", "backward")
                for name in ("kernel", "recurrent_kernel", "bias")
            ),
            *(f"sequential.dense.{name}" for name in ("kernel", "bias")),
            *(
                f"sequential.batch_normalization.{name}"
                for name in ("gamma", "beta", "moving_mean", "moving_variance")
            ),
            *(f"{layer}.{name}" for layer in ("dense", "dense_1") for name in ("kernel", "bias")),
        ]
    )
    np.testing.assert_array_equal(arrays["dense_1.kernel"], model.layers[-1].kernel.numpy())


def test_arrays_of_others(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.Input((2,)), L.Dense(2)])
    kernel = np.array([[1, 2], [3, 4]], "float16")
    safetensors.save_file(
        {"dense.kernel": kernel, "dense.bias": np.array([5, 6], "float64")},
        tmp_path / "m.safetensors",
    )
    model.load_weights(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_array_equal(model.get_weights()[1], [5, 6])


def test_arrays_that_do_not_fit(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "m.safetensors"
    model_of(2).save_weights(path)
    other = model_of(5)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"m\.safetensors: Dense.*dense_1\.kernel' of shape \(3, 5\); got one of shape \(3, 2\)"):  # fmt: skip
        other.load_weights(path)
    for one, kept in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, kept)
    with pytest.warns(UserWarning, match=r"skipped: Dense"):
        other.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[-1], before[-1])
    assert not np.array_equal(other.get_weights()[0], before[0])

    more = ranvier.Sequential([ranvier.Input((2,)), L.Dense(2)])
    arrays = {"dense.kernel": np.ones((2, 2)), "dense.bias": np.ones(2), "head.kernel": np.ones(3)}
    safetensors.save_file(arrays, path)
    with pytest.raises(ValueError, match=r"the model has no weights.*head\.kernel"):
        more.load_weights(path)
    del arrays["dense.bias"], arrays["head.kernel"]
    safetensors.save_file(arrays, path)
    with pytest.raises(ValueError, match=r"dense\.bias' of shape \(2,\); got none"):
        more.load_weights(path)


def test_two_weights_of_one_name(tmp_path: pathlib.Path) -> None:
    class Two(L.Layer):
        def build(self, input_shape: Any) -> None:
            self.a = self.add_weight((2,), name="w")
            self.b = self.add_weight((2,), name="w")

        def forward(self, x: Any, training: bool = False) -> Any:
            return x * self.a.value + self.b.value, None

    model, other = (ranvier.Sequential([ranvier.Input((2,)), Two()]) for _ in range(2))
    model.save_weights(tmp_path / "m.safetensors")
    assert sorted(safetensors.load_file(tmp_path / "m.safetensors")) == ["two.0", "two.1"]
    other.load_weights(tmp_path / "m.safetensors")
    for one, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_without_the_package(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"safetensors.*ranvier\[safetensors\]"):
        model_of().save_weights(tmp_path / "m.safetensors")
