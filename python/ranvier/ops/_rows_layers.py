"""Rows of the table: what layers compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops, reference
from ranvier.ops._row import Inputs, Op, elementwise, matrix_shape, normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]


def _square(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((normal(rng, dtype, n, n), normal(rng, dtype, n, n)))


def _transposed_a(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((normal(rng, dtype, n, n), normal(rng, dtype, n, n)), {"transpose_a": True})


def _transposed_b(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((normal(rng, dtype, n, n), normal(rng, dtype, n, n)), {"transpose_b": True})


def _dense(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    arrays = (normal(rng, dtype, 32, n), normal(rng, dtype, n, n), normal(rng, dtype, n))
    return Inputs((*arrays, "relu"))


def _one_row(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((normal(rng, dtype, 1, n), normal(rng, dtype, n, n), normal(rng, dtype, n)))


def _matmul(name: str, make: Any, rows: Callable[[int], int], doc: str) -> Op:
    return Op(
        f"matmul/{name}",
        ops.matmul,
        reference.matmul,
        make,
        doc,
        terms=lambda n: n,
        flops=lambda n: 2.0 * rows(n) * n * n,
    )


def _matmuls() -> list[Op]:
    return [
        _matmul("square", _square, lambda n: n, "C = A B"),
        _matmul("transpose_a", _transposed_a, lambda n: n, "C = A^T B"),
        _matmul("transpose_b", _transposed_b, lambda n: n, "C = A B^T"),
        _matmul("dense", _dense, lambda n: 32, "relu(X W + b) for a batch of 32"),
        _matmul("one_row", _one_row, lambda n: 1, "x W + b for one row"),
    ]


ACTIVATIONS: tuple[Any, ...] = (
    "linear",
    "binary_step",
    "relu",
    ("relu", 0.2, float("inf"), 0.0),
    ("relu", 0.1, 1.5, 0.25),
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "hard_sigmoid",
    "exponential",
    ("elu", 0.5, 0.5, 0.0),
    ("softplus", -1.0, 0.0, 0.0),
    ("pieces", 0.5, 0.25, 3.0),
    ("pieces", 0.0, 0.0, 4.0),
    ("pieces", 0.0, 0.0, 6.0),
    "mish",
    "tanh_shrink",
    "squareplus",
)
# NumPy lacks erf, and a step function or a copy are no contest.
_UNFAIR = ("gelu", "linear", "binary_step")


def _label(act: Any) -> str:
    if isinstance(act, str):
        return act
    return str(act[0]) + "_" + "_".join(f"{value:g}" for value in act[1:])


def _activation(act: Any) -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((act, 3 * normal(rng, dtype, n)))

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x = 3 * normal(rng, dtype, n)
        saved = x if reference.activation_reads_input(act) else reference.activation(act, x)
        return Inputs((act, saved, normal(rng, dtype, n)))

    def bias_backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        flat = backward(rng, dtype, int(np.prod(matrix_shape(n))))
        return Inputs((act, *(a.reshape(matrix_shape(n)) for a in flat.args[1:])))

    label = _label(act)
    fair = label not in _UNFAIR
    return [
        elementwise(
            f"activation/{label}",
            ops.activation,
            reference.activation,
            forward,
            f"y = {label}(x)",
            2,
            fair=fair,
        ),
        elementwise(
            f"activation_derivative/{label}",
            ops.activation_derivative,
            reference.activation_derivative,
            forward,
            f"{label}'(x)",
            2,
            ulps=16.0,
            fair=fair,
        ),
        elementwise(
            f"activation_backward/{label}",
            ops.activation_backward,
            reference.activation_backward,
            backward,
            f"dx = dy {label}'",
            3,
            ulps=16.0,
            fair=fair,
        ),
        elementwise(
            f"bias_activation_backward/{label}",
            ops.bias_activation_backward,
            reference.bias_activation_backward,
            bias_backward,
            f"dx = dy {label}', db = sum dx",
            3,
            terms=lambda n: matrix_shape(n)[0],
            fair=fair,
        ),
    ]


def _prelus() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = matrix_shape(n)
        return Inputs((normal(rng, dtype, rows, cols), normal(rng, dtype, cols)))

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((*forward(rng, dtype, n).args, normal(rng, dtype, *matrix_shape(n))))

    return [
        elementwise("prelu", ops.prelu, reference.prelu, forward, "y = max(x, 0) + a min(x, 0)", 2),
        elementwise(
            "prelu_backward",
            ops.prelu_backward,
            reference.prelu_backward,
            backward,
            "dx and dalpha of PReLU",
            3,
            terms=lambda n: matrix_shape(n)[0],
        ),
    ]


def _softmaxes() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = max(n // 10, 1), min(n, 10)
        return Inputs((3 * normal(rng, dtype, rows, cols),))

    def strided(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((forward(rng, dtype, n).args[0].reshape(-1, min(n, 10)).T.copy(), 0))

    def backward(twin: Any) -> Any:
        def make(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            (x,) = forward(rng, dtype, n).args
            return Inputs((twin(x), normal(rng, dtype, *x.shape)))

        return make

    def terms(n: int) -> int:
        return min(n, 10)

    return [
        elementwise(
            "softmax",
            ops.softmax,
            reference.softmax,
            forward,
            "along the last axis",
            2,
            terms=terms,
        ),
        elementwise(
            "softmax/axis_0",
            ops.softmax,
            reference.softmax,
            strided,
            "along the first axis",
            2,
            terms=terms,
        ),
        elementwise(
            "softmax_backward",
            ops.softmax_backward,
            reference.softmax_backward,
            backward(reference.softmax),
            "dx = y (dy - sum y dy)",
            3,
            terms=terms,
        ),
        elementwise(
            "log_softmax",
            ops.log_softmax,
            reference.log_softmax,
            forward,
            "x - log sum e^x",
            2,
            terms=terms,
        ),
        elementwise(
            "log_softmax_backward",
            ops.log_softmax_backward,
            reference.log_softmax_backward,
            backward(reference.log_softmax),
            "dx = dy - e^y sum dy",
            3,
            terms=terms,
        ),
    ]


MATHS = ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "erf")


def _maths() -> list[Op]:
    def make(name: str) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            x = 3 * normal(rng, dtype, n)
            return Inputs((np.abs(x) if name.startswith("log") else x,))

        return inputs

    return [
        elementwise(
            name,
            getattr(ops, name),
            getattr(reference, name),
            make(name),
            f"y = {name}(x)",
            2,
            ulps=4.0,
            fair=name != "erf",
        )
        for name in MATHS
    ]


def layer_ops() -> list[Op]:
    """The rows of this file."""
    found = _matmuls()
    for act in ACTIVATIONS:
        found += _activation(act)
    return found + _prelus() + _softmaxes() + _maths()
