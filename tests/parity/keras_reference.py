"""Real Keras (JAX backend) as the reference: forward, gradients, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")


def copy_weights(ours: Any, theirs: Any) -> None:
    """Gives our model Keras' weights; the order and shapes must be the same."""
    weights = theirs.get_weights()
    assert [w.shape for w in weights] == [w.shape for w in ours.get_weights()]
    ours.set_weights(weights)


def gradients(model: Any, x: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Gradients of sum(r * model(x)) in x and in the trainable weights."""
    trainable = [v.value for v in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]

    def value(weights: Any, inputs: Any) -> Any:
        out, _ = model.stateless_call(weights, fixed, inputs, training=False)
        return (out * r).sum()

    dw, dx = jax.grad(value, argnums=(0, 1))(trainable, x)
    return np.asarray(dx), [np.asarray(g) for g in dw]


def our_gradients(
    model: Any, x: np.ndarray, r: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The same of ours: output, gradient of the input, gradients of the weights."""
    net = model.network()
    y, tape = net.forward(x, 0, want_input_gradient=True)
    dx = net.backward(tape, np.ascontiguousarray(r, y.dtype))
    dw = [
        net.gradient[net.offsets[id(v)] :][: v.size].reshape(v.shape)
        for v in model.trainable_weights
    ]
    return y, dx, dw
