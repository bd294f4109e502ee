"""NumPy twins of normalization."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.reference.maths import Array, floating, give


def _affine(y: Array, gamma: Any, beta: Any) -> Array:
    y = y if gamma is None else y * floating(gamma)
    return y if beta is None else y + floating(beta)


def _gradients(
    x: Array, center: Any, inverse: Any, gamma: Any, dy: Array, axes: tuple[int, ...]
) -> tuple[Array, Array, Array]:
    """(dx, dy xhat, g) of `y = (x - center) inverse gamma`, statistics over `axes`."""
    hat = (x - center) * inverse
    g = _affine(dy, gamma, None)
    dx = g - g.mean(axes, keepdims=True) - hat * (g * hat).mean(axes, keepdims=True)
    return dx * inverse, dy * hat, g


def _sum_rows(x: Array) -> Array:
    return x.sum(tuple(range(x.ndim - 1)))


def batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3, out: Array | None = None
) -> tuple[Array, Array, Array]:
    """`y = (x - mean) / sqrt(variance + epsilon) gamma + beta`; (y, mean, variance)."""
    x = floating(x)
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    y = _affine((x - mean) / np.sqrt(variance + epsilon), gamma, beta)
    return give(y, out), mean, variance


def batch_norm_inference(
    x: Any,
    mean: Any,
    variance: Any,
    gamma: Any = None,
    beta: Any = None,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> Array:
    """`y = (x - mean) / sqrt(variance + epsilon) gamma + beta`."""
    x = floating(x)
    y = (x - floating(mean)) / np.sqrt(floating(variance) + epsilon)
    return give(_affine(y, gamma, beta).astype(x.dtype, copy=False), out)


def batch_norm_backward(
    x: Any,
    mean: Any,
    variance: Any,
    dy: Any,
    gamma: Any = None,
    epsilon: float = 1e-3,
    of_batch: bool = True,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta)."""
    x, dy = floating(x), floating(dy)
    inverse = 1 / np.sqrt(floating(variance) + epsilon)
    axes = tuple(range(x.ndim - 1))
    dx, dgamma, g = _gradients(x, floating(mean), inverse, gamma, dy, axes)
    return give(dx if of_batch else g * inverse, out), _sum_rows(dgamma), _sum_rows(dy)


def group_norm(
    x: Any,
    groups: int,
    gamma: Any = None,
    beta: Any = None,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Statistics for each sample and group of channels; (y, mean, 1 / sqrt(var + epsilon))."""
    x = floating(x)
    parts = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    mean = parts.mean((1, 3), keepdims=True)
    inverse = 1 / np.sqrt(parts.var((1, 3), keepdims=True) + epsilon)
    y = _affine(((parts - mean) * inverse).reshape(x.shape), gamma, beta)
    return give(y, out), mean[:, 0, :, 0], inverse[:, 0, :, 0]


def group_norm_backward(
    x: Any,
    mean: Any,
    inverse: Any,
    dy: Any,
    groups: int,
    gamma: Any = None,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta)."""
    x, dy = floating(x), floating(dy)
    shape = (len(x), -1, groups, x.shape[-1] // groups)
    weights = None if gamma is None else floating(gamma).reshape(groups, -1)
    m, k = (floating(v)[:, None, :, None] for v in (mean, inverse))
    dx, dgamma, _ = _gradients(x.reshape(shape), m, k, weights, dy.reshape(shape), (1, 3))
    return give(dx.reshape(x.shape), out), _sum_rows(dgamma.reshape(x.shape)), _sum_rows(dy)


def layer_norm(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    epsilon: float = 1e-3,
    rms_scaling: bool = False,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Statistics of each row of the last axis; (y, mean, 1 / sqrt(var + epsilon))."""
    x = floating(x)
    mean, inverse = x.mean(-1), 1 / np.sqrt(x.var(-1) + epsilon)
    centered = x if rms_scaling else x - mean[..., None]
    return give(_affine(centered * inverse[..., None], gamma, beta), out), mean, inverse


def layer_norm_backward(
    x: Any,
    mean: Any,
    inverse: Any,
    dy: Any,
    gamma: Any = None,
    rms_scaling: bool = False,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta)."""
    x, dy = floating(x), floating(dy)
    m, k = floating(mean)[..., None], floating(inverse)[..., None]
    dx, dgamma, g = _gradients(x, m, k, gamma, dy, (-1,))
    if rms_scaling:
        dgamma = dy * x * k
        dx = k * g - k**3 * (x - m) * (g * x).mean(-1, keepdims=True)
    return give(dx, out), _sum_rows(dgamma), _sum_rows(dy)


def rms_norm(
    x: Any, gamma: Any = None, epsilon: float = 1e-6, out: Array | None = None
) -> tuple[Array, Array]:
    """`y = x inverse gamma`; (y, inverse = 1 / sqrt(mean(x^2) + epsilon))."""
    x = floating(x)
    inverse = 1 / np.sqrt((x * x).mean(-1) + epsilon)
    return give(_affine(x * inverse[..., None], gamma, None), out), inverse


def rms_norm_backward(
    x: Any, inverse: Any, dy: Any, gamma: Any = None, out: Array | None = None
) -> tuple[Array, Array]:
    """(dx, dgamma)."""
    x, dy = floating(x), floating(dy)
    k, g = floating(inverse)[..., None], _affine(dy, gamma, None)
    dx = k * g - k**3 * x * (g * x).mean(-1, keepdims=True)
    return give(dx, out), _sum_rows(dy * x * k)


def unit_norm(x: Any, epsilon: float = 1e-12, out: Array | None = None) -> tuple[Array, Array]:
    """`y = x inverse`; (y, inverse = 1 / max(sqrt(sum(x^2)), epsilon))."""
    x = floating(x)
    inverse = 1 / np.maximum(np.sqrt((x * x).sum(-1)), x.dtype.type(epsilon))
    return give(x * inverse[..., None], out), inverse


def unit_norm_backward(
    x: Any, inverse: Any, dy: Any, epsilon: float = 1e-12, out: Array | None = None
) -> Array:
    """dx."""
    x, dy, inverse = floating(x), floating(dy), floating(inverse)
    k = inverse[..., None]
    along = np.where(k >= inverse.dtype.type(1 / epsilon), 0, x * (dy * x).sum(-1, keepdims=True))
    return give((k * dy - k**3 * along).astype(dy.dtype, copy=False), out)
