"""NumPy twin of the optimizer step: Keras 3's formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ranvier.reference.maths import Array

_DEFAULTS: dict[str, Any] = {
    "kind": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.0,
    "nesterov": False,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "rho": 0.9,
    "epsilon": 1e-7,
    "amsgrad": False,
    "centered": False,
    "learning_rate_power": -0.5,
    "l1": 0.0,
    "l2": 0.0,
    "l2_shrinkage": 0.0,
    "beta": 0.0,
    "weight_decay": 0.0,
    "clipnorm": 0.0,
    "clipvalue": 0.0,
    "global_clipnorm": 0.0,
}


def optimizer_slots(params: dict[str, Any]) -> int:
    """How many slot arrays the kind needs."""
    p = _DEFAULTS | params
    momentum, amsgrad, centered = bool(p["momentum"]), bool(p["amsgrad"]), bool(p["centered"])
    return {
        "sgd": momentum,
        "adam": 2 + amsgrad,
        "rmsprop": 1 + momentum + centered,
        "adagrad": 1,
        "lion": 1,
        **dict.fromkeys(("adadelta", "adamax", "nadam", "ftrl"), 2),
    }[p["kind"]] + 0


def _sgd(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    lr, momentum = float(p["learning_rate"]), float(p["momentum"])
    if not momentum:
        return -lr * g
    m = slots[0]
    m[...] = momentum * m - lr * g
    return momentum * m - lr * g if p["nesterov"] else m


def _adam(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    m, v = slots[:2]
    alpha = p["learning_rate"] * np.sqrt(1 - p["beta_2"] ** step) / (1 - p["beta_1"] ** step)
    m += (g - m) * (1 - p["beta_1"])
    v += (g * g - v) * (1 - p["beta_2"])
    if p["amsgrad"]:
        np.maximum(slots[2], v, out=slots[2])
        v = slots[2]
    result: Array = np.divide(-(m * alpha), np.sqrt(v) + p["epsilon"])
    return result


def _rmsprop(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    rho, rest = p["rho"], list(slots)
    v = rest.pop(0)
    momentum = rest.pop(0) if p["momentum"] else None
    v[...] = rho * v + (1 - rho) * g * g
    denominator = v + p["epsilon"]
    if p["centered"]:
        mean = rest.pop(0)
        mean[...] = rho * mean + (1 - rho) * g
        denominator = v - mean * mean + p["epsilon"]
    increment = np.divide(p["learning_rate"] * g, np.sqrt(denominator))
    if momentum is None:
        result: Array = -increment
        return result
    momentum[...] = p["momentum"] * momentum + increment
    return -momentum


def _adagrad(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    accumulator = slots[0]
    accumulator += g * g
    result: Array = np.divide(-p["learning_rate"] * g, np.sqrt(accumulator + p["epsilon"]))
    return result


def _adadelta(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    rho, epsilon, (a, b) = p["rho"], p["epsilon"], slots
    a[...] = rho * a + (1 - rho) * g * g
    change = np.divide(np.sqrt(b + epsilon) * g, np.sqrt(a + epsilon))
    b[...] = rho * b + (1 - rho) * change * change
    result: Array = -p["learning_rate"] * change
    return result


def _adamax(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    m, u = slots
    m += (g - m) * (1 - p["beta_1"])
    np.maximum(p["beta_2"] * u, np.abs(g), out=u)
    rate = p["learning_rate"] / (1 - p["beta_1"] ** step)
    result: Array = np.divide(-rate * m, u + p["epsilon"])
    return result


def _nadam(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    m, v = slots
    m += (g - m) * (1 - p["beta_1"])
    v += (g * g - v) * (1 - p["beta_2"])
    u = p["beta_1"] * (1 - 0.5 * 0.96 ** np.arange(1.0, step + 2))
    now, both = np.prod(u[:-1]), np.prod(u)
    mean = float(u[-1] / (1 - both)) * m + float((1 - u[-2]) / (1 - now)) * g
    root = np.sqrt(v / (1 - p["beta_2"] ** step))
    result: Array = np.divide(-p["learning_rate"] * mean, root + p["epsilon"])
    return result


def _lion(p: dict[str, Any], step: int, g: Array, slots: list[Array]) -> Array:
    m, beta_1, beta_2 = slots[0], p["beta_1"], p["beta_2"]
    sign = np.sign(beta_1 * m + (1 - beta_1) * g)
    m[...] = beta_2 * m + (1 - beta_2) * g
    result: Array = -p["learning_rate"] * sign
    return result


def _ftrl(p: dict[str, Any], step: int, g: Array, slots: list[Array], w: Array) -> Array:
    accumulator, z = slots
    rate, power = p["learning_rate"], -p["learning_rate_power"]
    after = accumulator + g * g
    z += g + 2 * p["l2_shrinkage"] * w - (after**power - accumulator**power) / rate * w
    accumulator[...] = after
    below = after**power / rate + 2 * (p["l2"] + p["beta"] / (2 * rate))
    result: Array = np.divide(np.clip(z, -p["l1"], p["l1"]) - z, below) - w
    return result


_KINDS = {
    "sgd": _sgd,
    "adam": _adam,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "adamax": _adamax,
    "nadam": _nadam,
    "lion": _lion,
}


def _clip(p: dict[str, Any], gradients: list[Array]) -> list[Array]:
    if p["clipnorm"]:
        limit = p["clipnorm"]
        norms = [np.sqrt((g * g).sum()) for g in gradients]
        return [g * (limit / max(norm, limit)) for g, norm in zip(gradients, norms, strict=True)]
    if p["global_clipnorm"]:
        limit = p["global_clipnorm"]
        norm = np.sqrt(sum((g * g).sum() for g in gradients))
        return [g * (limit / max(norm, limit)) for g in gradients]
    if p["clipvalue"]:
        return [np.clip(g, -p["clipvalue"], p["clipvalue"]) for g in gradients]
    return gradients


def optimizer_step(
    params: dict[str, Any],
    iteration: int,
    variables: Sequence[tuple[Array, int, int, bool, float, float]],
    gradient: Array,
    slots: Sequence[Array],
) -> float:
    """One update of all variables, in place. Returns the penalty before it."""
    p = _DEFAULTS | params
    penalty = 0.0
    gradients: list[Array] = []
    for w, offset, size, _decay, l1, l2 in variables:
        flat = w.reshape(-1)
        g = gradient[offset : offset + size]
        gradients.append(g + (l1 * np.sign(flat) + 2 * l2 * flat) if l1 or l2 else g)
        penalty += float(l1 * np.abs(flat).sum() + l2 * (flat * flat).sum())
    gradients = _clip(p, gradients)
    for (w, offset, size, decay, _l1, _l2), g in zip(variables, gradients, strict=True):
        if decay and p["weight_decay"]:
            w -= w * (p["weight_decay"] * p["learning_rate"])
        own = [slot[offset : offset + size] for slot in slots]
        if p["kind"] == "ftrl":
            change = _ftrl(p, iteration + 1, g, own, w.reshape(-1))
        else:
            change = _KINDS[p["kind"]](p, iteration + 1, g, own)
        w += change.reshape(w.shape)
    return penalty
