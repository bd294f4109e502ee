"""Backward passes against central differences, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers.layer import Layer
from ranvier.losses import Loss
from ranvier.models.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def check_gradients(
    target: Layer | Loss | Callable[[NDArray[Any]], tuple[float, NDArray[Any]]],
    x: Any,
    y: Any = None,
    *,
    step: float = 1e-5,
    tolerance: float = 1e-6,
    samples: int = 200,
    seed: int = 0,
) -> float:
    """Compares a backward pass with central differences, `(f(x + h) - f(x - h)) / 2h`.

    Args:
        target: a layer or model (made with dtype="float64"): gradients of its input and of all
            trainable weights of `sum(r * layer(x))`, r random; a `Loss`: the gradient in the
            predictions `x` for labels `y`; or a function that returns (value, gradient).
        x: input values, away from kinks by more than `step`.
        y: labels, for a loss.
        step: h. Default 1e-5.
        tolerance: largest difference allowed, relative to max(1, largest gradient).
        samples: at most so many elements are tried of each array.
        seed: of r and of the choice of elements.

    Returns:
        The largest relative difference.

    Raises:
        AssertionError: a difference is above `tolerance`; says where.
        ValueError: the layer is not float64, or has no input gradient.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Dense(3, activation="tanh", dtype="float64")
    >>> ranvier.testing.check_gradients(layer, np.ones((2, 4))) < 1e-6
    True
    """
    rng = np.random.default_rng(seed)
    values = np.array(x, np.float64)
    if isinstance(target, Loss):

        def evaluate(p: NDArray[Any]) -> float:
            return float(np.sum(target(y, p)))

        return _compare("y_pred", evaluate, values, target.gradient(y, values), step, tolerance,
                        samples, rng)  # fmt: skip
    if not isinstance(target, Layer):

        def value_of(p: NDArray[Any]) -> float:
            return float(target(p)[0])

        return _compare("x", value_of, values, target(values)[1], step, tolerance, samples, rng)
    return _check_layer(target, values, step, tolerance, samples, rng)


def _check_layer(
    layer: Layer,
    x: NDArray[Any],
    step: float,
    tolerance: float,
    samples: int,
    rng: np.random.Generator,
) -> float:
    if layer.dtype != "float64":
        raise ValueError(f"{layer.label}: check_gradients needs dtype='float64'; got {layer.dtype}")
    layer.ensure_built((None, *x.shape[1:]))
    network = Network([layer], x.shape[1:], "float64")
    stream = 7  # the same dropout mask in each pass
    y, tape = network.forward(x, stream, want_input_gradient=True)
    r = rng.normal(size=y.shape)
    dx = network.backward(tape, r.copy())
    gradient = network.gradient.copy()

    def evaluate(_: Any) -> float:
        out, _tape = network.forward(x, stream, want_input_gradient=True)
        return float(np.sum(out * r)) + network.penalty

    worst = _compare("x", evaluate, x, dx, step, tolerance, samples, rng)
    for slot in network.trained:
        variable = slot.variable
        expected = gradient[slot.offset : slot.offset + variable.size].reshape(variable.shape)
        worst = max(
            worst,
            _compare(
                variable.path, evaluate, variable.value, expected, step, tolerance, samples, rng
            ),
        )
    return worst


def _compare(
    name: str,
    evaluate: Callable[[NDArray[Any]], float],
    at: NDArray[Any],
    gradient: NDArray[Any],
    step: float,
    tolerance: float,
    samples: int,
    rng: np.random.Generator,
) -> float:
    """Moves elements of `at` in place, and puts them back."""
    gradient = np.asarray(gradient)
    if gradient.shape != at.shape:
        raise AssertionError(f"gradient of {name} has shape {gradient.shape}, not {at.shape}")
    chosen = rng.permutation(at.size)[:samples]
    scale = max(1.0, float(np.max(np.abs(gradient), initial=0.0)))
    flat, worst = at.reshape(-1), 0.0
    for i in chosen:
        kept = flat[i]
        flat[i] = kept + step
        above = evaluate(at)
        flat[i] = kept - step
        below = evaluate(at)
        flat[i] = kept
        numeric = (above - below) / (2 * step)
        error = abs(numeric - float(gradient.reshape(-1)[i])) / scale
        if not error <= tolerance:
            raise AssertionError(
                f"gradient of {name} at {np.unravel_index(int(i), at.shape)}: backward gives "
                f"{gradient.reshape(-1)[i]:.9g}, central differences {numeric:.9g}"
            )
        worst = max(worst, error)
    return worst
