"""Rows of the table: losses, metrics and optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, elementwise, normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _predictions(rng: np.random.Generator, dtype: str, kind: str, n: int) -> tuple[Array, Array]:
    rows, cols = max(n // 10, 1), 10
    y_pred = normal(rng, dtype, rows, cols)
    if "crossentropy" in kind and not kind.endswith("_logits"):
        y_pred = (
            reference.sigmoid(y_pred) if kind.startswith("binary") else reference.softmax(y_pred)
        )
    if kind == "poisson":
        y_pred = np.abs(y_pred) + 0.1
    labels = rng.integers(0, cols, rows)
    if kind.startswith("sparse_"):
        return labels.astype(dtype), y_pred
    if kind.startswith("mean_"):
        return normal(rng, dtype, rows, cols), y_pred
    if kind.startswith("binary_"):
        return rng.integers(0, 2, (rows, cols)).astype(dtype), y_pred
    if kind == "accuracy":
        return y_pred.round(), y_pred.round()
    return np.eye(cols, dtype=dtype)[labels], y_pred


def _losses() -> list[Op]:
    def make(kind: str) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            y_true, y_pred = _predictions(rng, dtype, kind, n)
            given = {"gradient": True, "scale": 1 / len(y_pred)}
            if kind == "huber":
                given["label_smoothing"] = 0.5
            return Inputs((kind, y_true, y_pred), given)

        return inputs

    return [
        elementwise(
            f"loss/{kind}",
            ops.loss,
            reference.loss,
            make(kind),
            f"{kind} and its gradient",
            3,
            terms=lambda n: 10,
        )
        for kind in ops.losses.KINDS
    ]


def _counts() -> list[Op]:
    def make(kind: str) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            return Inputs((kind, *_predictions(rng, dtype, kind, n)))

        return inputs

    return [
        elementwise(
            f"count/{kind}",
            ops.count,
            reference.count,
            make(kind),
            f"matches of {kind}",
            2,
            ulps=1.0,
        )
        for kind in ops.losses.COUNTS
    ]


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"kind": "sgd"},
    "sgd_momentum": {"kind": "sgd", "momentum": 0.9},
    "sgd_nesterov": {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    "sgd_clipvalue": {"kind": "sgd", "clipvalue": 0.5},
    "adam": {"kind": "adam", "learning_rate": 0.001},
    "adam_amsgrad": {"kind": "adam", "learning_rate": 0.001, "amsgrad": True},
    "adam_weight_decay": {"kind": "adam", "learning_rate": 0.001, "weight_decay": 0.01},
    "adam_clipnorm": {"kind": "adam", "learning_rate": 0.001, "clipnorm": 1.0},
    "adam_global_clipnorm": {"kind": "adam", "learning_rate": 0.001, "global_clipnorm": 1.0},
    "rmsprop": {"kind": "rmsprop", "learning_rate": 0.001},
    "rmsprop_momentum": {"kind": "rmsprop", "learning_rate": 0.001, "momentum": 0.5},
    "rmsprop_centered": {
        "kind": "rmsprop",
        "learning_rate": 0.001,
        "momentum": 0.5,
        "centered": True,
    },
    "adagrad": {"kind": "adagrad", "learning_rate": 0.001},
    "adadelta": {"kind": "adadelta", "learning_rate": 1.0, "rho": 0.95},
    "adamax": {"kind": "adamax", "learning_rate": 0.001},
    "nadam": {"kind": "nadam", "learning_rate": 0.001},
    "lion": {"kind": "lion", "learning_rate": 0.001, "beta_2": 0.99},
    "ftrl": {"kind": "ftrl", "learning_rate": 0.1, "l1": 0.05, "l2": 0.01, "beta": 0.1},
}


def _stepped(step: Any) -> Any:
    """The optimizer step as a function of its inputs: works on copies, returns what it changed."""

    def run(params: dict[str, Any], w: Array, g: Array, slots: list[Array], l1: float = 0.0) -> Any:
        w, g, slots = w.copy(), g.copy(), [s.copy() for s in slots]
        half = w.size // 2
        variables = [
            (w[:half], 0, half, True, l1, 0.5 * l1),
            (w[half:], half, w.size - half, False, 0.0, 0.0),
        ]
        penalty = step(params, 2, variables, g, slots)
        return (w, *slots, np.array([penalty], w.dtype))

    return run


def _optimizers() -> list[Op]:
    def make(name: str, params: dict[str, Any]) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            slots = [
                rng.uniform(0.5, 1.0, n).astype(dtype)
                for _ in range(reference.optimizer_slots(params))
            ]
            if params.get("centered"):  # the variance must be positive
                slots[-1] *= 0.1
            arrays = (normal(rng, dtype, n), normal(rng, dtype, n), slots)
            return Inputs((params, *arrays), {"l1": 0.01 if name in ("sgd", "adam") else 0.0})

        return inputs

    return [
        elementwise(
            f"optimizer_step/{name}",
            _stepped(ops.optimizer_step),
            _stepped(reference.optimizer_step),
            make(name, params),
            f"one update by {name}",
            3 + 2 * reference.optimizer_slots(params),
            ulps=16.0,
            terms=lambda n: max(int(n**0.5), 1),
        )
        for name, params in OPTIMIZERS.items()
    ]


def training_ops() -> list[Op]:
    """The rows of this file."""
    return _losses() + _counts() + _optimizers()
