"""What every layer is held to beside Keras: output, gradients, configuration."""

from __future__ import annotations

from typing import Any

import numpy as np

import ranvier

from .keras_reference import copy_weights, gradients, keras, our_gradients

# (class, constructor arguments, sample shape)
Case = tuple[str, dict[str, Any], tuple[int, ...]]


def pair(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> tuple[Any, Any]:
    """A model of this one layer, ours and theirs."""
    theirs = keras.Sequential([keras.Input(shape), getattr(keras.layers, name)(**arguments)])
    ours = ranvier.Sequential([ranvier.Input(shape), getattr(ranvier.layers, name)(**arguments)])
    return ours, theirs


def ids(case: Case) -> str:
    """A readable test id."""
    return f"{case[0]}-{'-'.join(f'{k}={v}' for k, v in case[1].items())}".replace(" ", "")


def check_forward_and_gradients(
    case: Case, rng: np.random.Generator, rows: int = 11, scale: float = 1.5
) -> None:
    """Same weights, same data, both float32: outputs and gradients of input and weights agree."""
    ours, theirs = pair(*case)
    x = rng.normal(scale=scale, size=(rows, *case[2])).astype("float32")
    if ours.get_weights():
        weights = [rng.normal(scale=0.7, size=w.shape) for w in theirs.get_weights()]
        if case[0] != "Normalization":
            theirs.set_weights(weights)
            copy_weights(ours, theirs)
    expected = np.asarray(theirs(x))
    r = rng.normal(size=expected.shape).astype("float32")
    dx, dw = gradients(theirs, x, r)

    assert ours.output_shape == theirs.output_shape
    np.testing.assert_allclose(ours(x), expected, rtol=2e-5, atol=2e-6)
    if case[0] in ("Dropout", "GaussianNoise"):
        return  # training draws its own random numbers
    y, our_dx, our_dw = our_gradients(ours, x, r)
    np.testing.assert_allclose(y, expected, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(our_dx, dx, rtol=1e-4, atol=2e-5)
    assert len(our_dw) == len(dw)
    for a, b in zip(our_dw, dw, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-5)


def _plain(value: Any) -> Any:
    """Without what is ours to leave out: arguments that only newer Keras versions have."""
    if isinstance(value, dict):
        return {
            k: _plain(v)
            for k, v in value.items()
            if k not in ("quantization_config", "input_axes", "output_axes")
        }
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def check_config(case: Case) -> None:
    """The config is Keras' own and makes an equal layer."""
    name, arguments, _ = case
    theirs = getattr(keras.layers, name)(**arguments, name="given")
    ours = getattr(ranvier.layers, name)(**arguments, name="given")
    config = ours.get_config()
    assert _plain(config) == _plain(theirs.get_config())
    again = type(ours).from_config(config)
    assert again.get_config() == config
