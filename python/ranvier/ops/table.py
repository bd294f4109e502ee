"""The table of ops: what the parity tests, the benchmark and the documentation read.

Each row says which kernel, which NumPy twin, how to make inputs, how near the results must be and
how much work it is. A new kernel gets a row here and is then tested, timed and documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import ops, reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]


class Inputs(NamedTuple):
    """Positional and keyword arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}


class Op(NamedTuple):
    """One row.

    Attributes:
        name: unique; the op's name, with its variant after a slash.
        native, reference: the function of `ranvier.ops` and its twin.
        make_inputs: `(rng, dtype, size)` to `Inputs`; size is about the number of elements (of
            a matrix product: of one side).
        ulps: how many units in the last place of the greatest element the results may be off, for
            a sum of `terms(size)` terms.
        terms: length of the sums, by size.
        flops, bytes: work and memory traffic of one call, by size and bytes an element; one of
            them is 0: the benchmark shows % of the peak or GB/s.
        doc: one line.
        fair: whether NumPy has the function, so that a ratio of times says something.
    """

    name: str
    native: Callable[..., Any]
    reference: Callable[..., Any]
    make_inputs: Callable[[np.random.Generator, str, int], Inputs]
    doc: str
    ulps: float = 8.0
    terms: Callable[[int], int] = lambda size: 1
    flops: Callable[[int], float] = lambda size: 0.0
    bytes: Callable[[int, int], float] = lambda size, item: 0.0
    fair: bool = True

    def tolerance(self, dtype: str, size: int) -> float:
        """Permitted difference, relative to the greatest absolute value among the results.

        Rounding errors of a sum of n terms grow like sqrt(n) where they are independent.
        """
        return float(self.ulps * np.finfo(dtype).eps * np.sqrt(max(self.terms(size), 1)))


def _normal(rng: np.random.Generator, dtype: str, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(dtype)


def _rows(size: int) -> tuple[int, int]:
    """A matrix of about `size` elements with as many columns as a layer has units."""
    cols = min(size, 64)
    return max(size // max(cols, 1), 1), cols


# ---- matrix products -------------------------------------------------------------------------
def _square(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((_normal(rng, dtype, n, n), _normal(rng, dtype, n, n)))


def _transposed_a(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((_normal(rng, dtype, n, n), _normal(rng, dtype, n, n)), {"transpose_a": True})


def _transposed_b(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((_normal(rng, dtype, n, n), _normal(rng, dtype, n, n)), {"transpose_b": True})


def _dense(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    arrays = (_normal(rng, dtype, 32, n), _normal(rng, dtype, n, n), _normal(rng, dtype, n))
    return Inputs((*arrays, "relu"))


def _one_row(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
    return Inputs((_normal(rng, dtype, 1, n), _normal(rng, dtype, n, n), _normal(rng, dtype, n)))


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


# ---- element for element ---------------------------------------------------------------------
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
)
# NumPy lacks erf, and a step function or a copy are no contest.
_UNFAIR = ("gelu", "linear", "binary_step")


def _label(act: Any) -> str:
    if isinstance(act, str):
        return act
    return act[0] + "_" + "_".join(f"{value:g}" for value in act[1:])


def _elementwise(
    name: str, native: Any, twin: Any, make: Any, doc: str, arrays: int, **more: Any
) -> Op:
    return Op(
        name,
        native,
        twin,
        make,
        doc,
        bytes=lambda size, item: float(arrays * item * size),
        **more,
    )


def _activation(act: Any) -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((act, 3 * _normal(rng, dtype, n)))

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        x = 3 * _normal(rng, dtype, n)
        saved = x if reference.activation_reads_input(act) else reference.activation(act, x)
        return Inputs((act, saved, _normal(rng, dtype, n)))

    def bias_backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        flat = backward(rng, dtype, int(np.prod(_rows(n))))
        return Inputs((act, *(a.reshape(_rows(n)) for a in flat.args[1:])))

    label = _label(act)
    fair = label not in _UNFAIR
    return [
        _elementwise(
            f"activation/{label}",
            ops.activation,
            reference.activation,
            forward,
            f"y = {label}(x)",
            2,
            fair=fair,
        ),
        _elementwise(
            f"activation_derivative/{label}",
            ops.activation_derivative,
            reference.activation_derivative,
            forward,
            f"{label}'(x)",
            2,
            ulps=16.0,
            fair=fair,
        ),
        _elementwise(
            f"activation_backward/{label}",
            ops.activation_backward,
            reference.activation_backward,
            backward,
            f"dx = dy {label}'",
            3,
            ulps=16.0,
            fair=fair,
        ),
        _elementwise(
            f"bias_activation_backward/{label}",
            ops.bias_activation_backward,
            reference.bias_activation_backward,
            bias_backward,
            f"dx = dy {label}', db = sum dx",
            3,
            terms=lambda n: _rows(n)[0],
            fair=fair,
        ),
    ]


def _prelus() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = _rows(n)
        return Inputs((_normal(rng, dtype, rows, cols), _normal(rng, dtype, cols)))

    def backward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((*forward(rng, dtype, n).args, _normal(rng, dtype, *_rows(n))))

    return [
        _elementwise("prelu", ops.prelu, reference.prelu, forward, "y = max(x, 0) + a min(x, 0)", 2),
        _elementwise(
            "prelu_backward",
            ops.prelu_backward,
            reference.prelu_backward,
            backward,
            "dx and dalpha of PReLU",
            3,
            terms=lambda n: _rows(n)[0],
        ),
    ]


def _softmaxes() -> list[Op]:
    def forward(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = max(n // 10, 1), min(n, 10)
        return Inputs((3 * _normal(rng, dtype, rows, cols),))

    def strided(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((forward(rng, dtype, n).args[0].reshape(-1, min(n, 10)).T.copy(), 0))

    def backward(twin: Any) -> Any:
        def make(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            (x,) = forward(rng, dtype, n).args
            return Inputs((twin(x), _normal(rng, dtype, *x.shape)))

        return make

    def terms(n: int) -> int:
        return min(n, 10)

    return [
        _elementwise(
            "softmax", ops.softmax, reference.softmax, forward, "along the last axis", 2, terms=terms
        ),
        _elementwise(
            "softmax/axis_0",
            ops.softmax,
            reference.softmax,
            strided,
            "along the first axis",
            2,
            terms=terms,
        ),
        _elementwise(
            "softmax_backward",
            ops.softmax_backward,
            reference.softmax_backward,
            backward(reference.softmax),
            "dx = y (dy - sum y dy)",
            3,
            terms=terms,
        ),
        _elementwise(
            "log_softmax", ops.log_softmax, reference.log_softmax, forward, "x - log sum e^x", 2,
            terms=terms,
        ),
        _elementwise(
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
            x = 3 * _normal(rng, dtype, n)
            return Inputs((np.abs(x) if name.startswith("log") else x,))

        return inputs

    return [
        _elementwise(
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


# ---- losses and metrics ----------------------------------------------------------------------
def _predictions(rng: np.random.Generator, dtype: str, kind: str, n: int) -> tuple[Array, Array]:
    rows, cols = max(n // 10, 1), 10
    y_pred = _normal(rng, dtype, rows, cols)
    if "crossentropy" in kind and not kind.endswith("_logits"):
        y_pred = (
            reference.sigmoid(y_pred) if kind.startswith("binary") else reference.softmax(y_pred)
        )
    labels = rng.integers(0, cols, rows)
    if kind.startswith("sparse_"):
        return labels.astype(dtype), y_pred
    if kind.startswith("mean_"):
        return _normal(rng, dtype, rows, cols), y_pred
    if kind.startswith("binary_"):
        return rng.integers(0, 2, (rows, cols)).astype(dtype), y_pred
    if kind == "accuracy":
        return y_pred.round(), y_pred.round()
    return np.eye(cols, dtype=dtype)[labels], y_pred


def _losses() -> list[Op]:
    def make(kind: str) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            y_true, y_pred = _predictions(rng, dtype, kind, n)
            return Inputs((kind, y_true, y_pred), {"gradient": True, "scale": 1 / len(y_pred)})

        return inputs

    return [
        _elementwise(
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
        _elementwise(
            f"count/{kind}", ops.count, reference.count, make(kind), f"matches of {kind}", 2, ulps=1.0
        )
        for kind in ops.losses.COUNTS
    ]


# ---- optimizers ------------------------------------------------------------------------------
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
            arrays = (_normal(rng, dtype, n), _normal(rng, dtype, n), slots)
            return Inputs((params, *arrays), {"l1": 0.01 if name in ("sgd", "adam") else 0.0})

        return inputs

    return [
        _elementwise(
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


# ---- data ------------------------------------------------------------------------------------
def _gathers() -> list[Op]:
    def make(source: str) -> Any:
        def inputs(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
            rows, cols = _rows(n)
            x = (100 * rng.standard_normal((rows, cols))).astype(source)
            return Inputs((x, rng.permutation(rows)), {"dtype": dtype})

        return inputs

    return [
        _elementwise(
            f"gather_rows/{source}",
            ops.gather_rows,
            reference.gather_rows,
            make(source),
            f"shuffled rows of {source}",
            2,
            ulps=1.0,
        )
        for source in ("float32", "float64", "uint8", "float16", "int64", ">f4")
    ]


def _data() -> list[Op]:
    def flat(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((_normal(rng, dtype, n),))

    def matrix(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((_normal(rng, dtype, *_rows(n)),))

    def permuted(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = _rows(n)
        return Inputs((_normal(rng, dtype, rows, 4, cols)[:, : min(4, n)], (0, 2, 1)))

    def scaled(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((_normal(rng, dtype, n), 1 / 255, -0.5))

    def scaled_columns(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        rows, cols = _rows(n)
        columns = _normal(rng, dtype, cols), _normal(rng, dtype, cols)
        return Inputs((_normal(rng, dtype, rows, cols), *columns))

    def dropped(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((_normal(rng, dtype, n), 0.3, 11, 5))

    def masked(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 0.3, 11, 5), {"dtype": dtype})

    def uniform(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 11, 5), {"dtype": dtype})

    def normal(rng: np.random.Generator, dtype: str, n: int) -> Inputs:
        return Inputs((n, 1.0, 2.0, 11, 5), {"dtype": dtype})

    def row(name: str, make: Any, doc: str, arrays: int, **more: Any) -> Op:
        native = getattr(ops, name.partition("/")[0])
        twin = getattr(reference, name.partition("/")[0])
        return _elementwise(name, native, twin, make, doc, arrays, **more)

    def whole(n: int) -> int:
        return n

    return [
        row("scale_shift", scaled, "y = x s + o", 2),
        row("scale_shift/columns", scaled_columns, "y = x s_j + o_j", 2),
        row("permute", permuted, "the last two axes exchanged", 8, ulps=0.0),
        row("column_sums", matrix, "over all axes but the last", 1, terms=lambda n: _rows(n)[0]),
        row("reduce_sum", flat, "sum x", 1, terms=whole),
        row("reduce_sumsq", flat, "sum x^2", 1, terms=whole),
        row("reduce_sumabs", flat, "sum |x|", 1, terms=whole),
        row("all_finite", flat, "no infinity, no NaN", 1, ulps=0.0),
        row("dropout", dropped, "x / (1 - rate) or 0", 2, fair=False),
        row("dropout_mask", masked, "1 / (1 - rate) or 0", 1, fair=False),
        row("random_uniform", uniform, "in [0, 1)", 1, fair=False),
        row("random_normal", normal, "Box-Muller", 1, fair=False),
    ]


def table() -> list[Op]:
    """All rows."""
    rows = _matmuls()
    for act in ACTIVATIONS:
        rows += _activation(act)
    rows += _prelus() + _softmaxes() + _maths() + _losses() + _counts() + _optimizers()
    return rows + _gathers() + _data()


def find(name: str) -> Op:
    """The row of that name."""
    for op in table():
        if op.name == name:
            return op
    raise ValueError(f"no op named {name!r} in the table")
