"""NumPy twins of the losses and of the metrics that count."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.reference.maths import Array, sigmoid, softplus
from ranvier.reference.softmaxes import log_softmax


def _clip(p: Array, epsilon: float) -> tuple[Array, Array]:
    """p within [epsilon, 1 - epsilon], and where it was."""
    low, high = p.dtype.type(epsilon), p.dtype.type(1) - p.dtype.type(epsilon)
    return np.clip(p, low, high), (p >= low) & (p <= high)


def _squared(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    return ((p - t) ** 2).mean(-1), 2 * (p - t) / p.shape[-1]


def _absolute(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    return np.abs(p - t).mean(-1), np.sign(p - t) / p.shape[-1]


def _binary(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    q, inside = _clip(p, epsilon)
    value = -(t * np.log(q) + (1 - t) * np.log(1 - q)).mean(-1)
    return value, np.where(inside, (q - t) / (q * (1 - q)), 0) / p.shape[-1]


def _binary_logits(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    value = (t * softplus(-p) + (1 - t) * softplus(p)).mean(-1)
    return value, (sigmoid(p) - t) / p.shape[-1]


def _half_poisson_logits(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    entropy = t * np.log(np.where(t == 0, 1, t))
    return (np.exp(p) - t * p + (entropy - t)).mean(-1), (np.exp(p) - t) / p.shape[-1]


def _signs(t: Array) -> Array:
    return 2 * t - 1 if bool(np.all((t == 0) | (t == 1))) else t


def _huber(t: Array, p: Array, delta: float) -> tuple[Array, Array]:
    off = np.abs(p - t)
    value = np.where(off <= delta, off * off / 2, delta * off - delta * delta / 2)
    return value.mean(-1), np.clip(p - t, -delta, delta) / p.shape[-1]


def _log_cosh(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    value = p - t + softplus(-2 * (p - t)) - np.log(2)
    return value.mean(-1), np.tanh(p - t) / p.shape[-1]


def _hinge(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    margin = np.maximum(1 - _signs(t) * p, 0)
    return margin.mean(-1), -_signs(t) * (margin > 0) / p.shape[-1]


def _squared_hinge(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    margin = np.maximum(1 - _signs(t) * p, 0)
    return (margin * margin).mean(-1), -2 * _signs(t) * margin / p.shape[-1]


def _poisson(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    return (p - t * np.log(p + epsilon)).mean(-1), (1 - t / (p + epsilon)) / p.shape[-1]


def _squared_logarithmic(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    off = np.log1p(np.maximum(p, epsilon)) - np.log1p(np.maximum(t, epsilon))
    return (off * off).mean(-1), 2 * off * (p > epsilon) / (1 + p) / p.shape[-1]


def _absolute_percentage(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    weight = 100 / np.maximum(np.abs(t), epsilon)
    return (np.abs(p - t) * weight).mean(-1), np.sign(p - t) * weight / p.shape[-1]


def _categorical(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    total = p.sum(-1, keepdims=True)
    q, inside = _clip(p / total, epsilon)
    dq = np.where(inside, -t / q, 0)
    dp = (dq - (dq * (p / total)).sum(-1, keepdims=True)) / total
    return -(t * np.log(q)).sum(-1), dp


def _categorical_logits(t: Array, p: Array, epsilon: float) -> tuple[Array, Array]:
    log_q = log_softmax(p)
    return -(t * log_q).sum(-1), np.exp(log_q) * t.sum(-1, keepdims=True) - t


_KINDS = {
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
    "binary_crossentropy": _binary,
    "binary_crossentropy_logits": _binary_logits,
    "half_poisson_logits": _half_poisson_logits,
    "huber": _huber,
    "log_cosh": _log_cosh,
    "hinge": _hinge,
    "squared_hinge": _squared_hinge,
    "poisson": _poisson,
    "mean_squared_logarithmic_error": _squared_logarithmic,
    "mean_absolute_percentage_error": _absolute_percentage,
    "categorical_crossentropy": _categorical,
    "categorical_crossentropy_logits": _categorical_logits,
}


def loss(
    kind: str,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    scale: float = 1.0,
    label_smoothing: float = 0.0,
    ignore_class: int | None = None,
    gradient: bool = False,
    *,
    epsilon: float = 1e-7,
    probabilities: Array | None = None,
) -> tuple[Array, Array | None]:
    """One loss value for each row of `y_pred`, and its gradient."""
    p = np.asarray(y_pred)
    shape, cols = p.shape, p.shape[-1]
    p = p.reshape(-1, cols)
    counted = np.ones(len(p), bool)
    if kind.startswith("sparse_"):
        labels = np.asarray(y_true).reshape(-1)
        if ignore_class is not None:
            counted = labels != ignore_class
        labels = np.where(counted, labels, 0)
        if not ((labels >= 0) & (labels < cols) & (labels == np.trunc(labels))).all():
            raise ValueError(f"loss: `y_true` must hold class numbers in [0, {cols})")
        t = np.eye(cols, dtype=p.dtype)[labels.astype(np.int64)]
        kind = kind.removeprefix("sparse_")
    else:
        t = np.asarray(y_true, p.dtype).reshape(p.shape)
        if label_smoothing and "crossentropy" in kind:
            uniform = 0.5 if kind.startswith("binary") else 1 / cols
            t = t * (1 - label_smoothing) + label_smoothing * uniform
    value, dy = _KINDS[kind](t, p, label_smoothing if kind == "huber" else epsilon)
    if probabilities is not None:
        if kind == "half_poisson_logits":
            q = np.exp(p)
        else:
            q = sigmoid(p) if kind.startswith("binary") else np.exp(log_softmax(p))
        probabilities[...] = q.reshape(shape)
    value = np.where(counted, value, 0).astype(p.dtype)
    if not gradient:
        return value, None
    w = np.ones(len(p)) if sample_weight is None else np.asarray(sample_weight).reshape(-1)
    factor = (scale * w * counted)[:, None]
    dy = np.where(counted[:, None], dy * factor, 0)
    return value, dy.astype(p.dtype).reshape(shape)


def _in_top_k(labels: Array, p: Array, k: int) -> Array:
    at = np.take_along_axis(p, labels.astype(np.int64)[:, None], -1)
    at = np.where(np.isnan(at), -np.inf, at)
    result: Array = np.less_equal(1 + (p > at).sum(-1), k)
    return result


def count(
    kind: str,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    threshold: float = 0.5,
    k: int = 5,
) -> Array:
    """Whether each row of predictions matches the truth, without weights."""
    p = np.asarray(y_pred)
    p = p.reshape(-1, p.shape[-1])
    t = np.asarray(y_true)
    t = t.reshape(-1) if kind.startswith("sparse_") else t.reshape(p.shape)
    match kind:
        case "accuracy":
            matches = (t == p).mean(-1)
        case "binary_accuracy":
            matches = (t == (p > p.dtype.type(threshold))).mean(-1)
        case "categorical_accuracy":
            matches = t.argmax(-1) == p.argmax(-1)
        case "sparse_categorical_accuracy":
            matches = t == p.argmax(-1)
        case "top_k_categorical_accuracy":
            matches = _in_top_k(t.argmax(-1), p, k)
        case "sparse_top_k_categorical_accuracy":
            matches = _in_top_k(t, p, k)
        case _:
            raise ValueError(f"count: unknown kind {kind!r}")
    return np.asarray(matches).astype(p.dtype)
