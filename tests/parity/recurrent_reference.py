"""Recurrent layers of Keras on JAX: outputs, states and all gradients in one compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np

import ranvier

from .keras_reference import jax, keras

# Keras takes seconds to draw orthogonal kernels that no test keeps
ZEROS = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}


def layers_of(make: Any, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Any, Any]:
    """(ours, theirs) of `make(module.layers)`, built, with the same random weights."""
    ours, theirs = make(ranvier.layers), make(keras.layers)
    theirs.build(shape)
    ours.build(shape)
    weights = [
        rng.normal(scale=0.8 / np.sqrt(len(w)), size=w.shape).astype("f")
        for w in theirs.get_weights()
    ]
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def flat(nested: Any) -> list[np.ndarray]:
    return [np.asarray(a) for a in jax.tree.leaves(nested)]


def their_pass(
    layer: Any, x: np.ndarray, states: Any, mask: np.ndarray | None, rng: np.random.Generator
) -> dict[str, Any]:
    """Outputs, and gradients of sum(r * output) in weights, input and first states."""
    trained = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def outputs(weights: Any, x: Any, states: Any, mask: Any) -> Any:
        given = {} if states is None else {"initial_state": states}
        out, _ = layer.stateless_call(weights, fixed, x, mask=mask, **given)
        return out

    wanted = jax.eval_shape(outputs, trained, x, states, mask)
    r = jax.tree.map(lambda a: rng.normal(size=a.shape).astype("f"), wanted)

    @jax.jit
    def both(weights: Any, x: Any, states: Any, mask: Any) -> Any:
        out, back = jax.vjp(lambda *a: outputs(*a, mask), weights, x, states)
        return out, back(r)

    out, (dw, dx, dstates) = both(trained, x, states, mask)
    return {
        "out": flat(out),
        "r": flat(r),
        "dw": flat(dw),
        "dx": np.asarray(dx),
        "dstates": flat(dstates),
    }


def assert_near(got: Any, expected: Any, tolerance: float = 1e-4) -> None:
    """Arrays, or lists of them, to a share of the largest element."""
    got, expected = flat(got), flat(expected)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        scale = max(1.0, float(np.abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def our_graph_pass(layer: Any, x: np.ndarray, mask: np.ndarray | None, r: np.ndarray) -> Any:
    """(y, dx, dw) of the layer within a model; x must be 0 at the steps that `mask` skips."""
    masking = [] if mask is None else [ranvier.layers.Masking()]
    model = ranvier.Sequential([ranvier.Input(x.shape[1:]), *masking, layer])
    net = model.network()
    y, tape = net.forward(x, 0, want_input_gradient=True, training=True)
    # (its memory may be used again)
    dx = net.backward(tape, np.array(r, y.dtype))
    dw = [
        net.gradient[net.offsets[id(v)] :][: v.size].reshape(v.shape).copy()
        for v in layer.trainable_weights
    ]
    return y, dx, dw
