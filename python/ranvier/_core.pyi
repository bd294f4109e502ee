"""The C++ engine. Arguments of single ops are positional: ranvier.ops is their public face."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]
# What ranvier.ops passes on before it is known to fit; the gate refuses what does not.
_Given = Any

# runtime (csrc/bindings/bind_runtime.cpp)
def isa() -> str: ...
def isas_available() -> list[str]: ...
def num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
def threading_layer() -> str: ...
def compiler() -> str: ...
def pybind11_version() -> str: ...
def scratch_bytes() -> int: ...
def release_scratch() -> None: ...
def fma_peak(threads: int, seconds: float, dtype: str) -> float: ...

# matrix products (bind_ops_matmul.cpp)
def matmul(
    a: _Given,
    b: _Given,
    bias: _Given,
    activation: tuple[str, float, float, float] | None,
    transpose_a: bool,
    transpose_b: bool,
    alpha: float,
    beta: float,
    out: _Array | None,
    pre: _Array | None,
    /,
) -> _Array: ...

# activations (bind_ops_activation.cpp)
def activation(
    act: str, a: float, b: float, c: float, x: _Given, out: _Array | None, /
) -> _Array: ...
def activation_backward(
    act: str, a: float, b: float, c: float, saved: _Given, dy: _Given, out: _Array | None, /
) -> _Array: ...
def activation_derivative(
    act: str, a: float, b: float, c: float, x: _Given, out: _Array | None, /
) -> _Array: ...
def activation_reads_input(act: str, a: float, b: float, c: float, /) -> bool: ...
def bias_activation_backward(
    act: str,
    a: float,
    b: float,
    c: float,
    saved: _Given,
    dy: _Given,
    out: _Array | None,
    db: _Array | None,
    /,
) -> tuple[_Array, _Array]: ...
def softmax(x: _Given, axis: int, out: _Array | None, /) -> _Array: ...
def softmax_backward(y: _Given, dy: _Given, axis: int, out: _Array | None, /) -> _Array: ...
def log_softmax(x: _Given, axis: int, out: _Array | None, /) -> _Array: ...
def log_softmax_backward(y: _Given, dy: _Given, axis: int, out: _Array | None, /) -> _Array: ...
def prelu(x: _Given, alpha: _Given, out: _Array | None, /) -> _Array: ...
def prelu_backward(
    x: _Given, alpha: _Given, dy: _Given, out: _Array | None, /
) -> tuple[_Array, _Array]: ...
def vector_math(f: str, x: _Given, out: _Array | None, /) -> _Array: ...
def column_sums(x: _Given, out: _Array | None, /) -> _Array: ...

# losses (bind_ops_loss.cpp)
def loss(
    kind: str,
    y_true: _Given,
    y_pred: _Given,
    sample_weight: _Given,
    scale: float,
    label_smoothing: float,
    ignore_class: int | None,
    gradient: bool,
    epsilon: float,
    probabilities: _Array | None,
    /,
) -> tuple[_Array, _Array | None]: ...
def count(
    kind: str,
    y_true: _Given,
    y_pred: _Given,
    sample_weight: _Given,
    threshold: float,
    k: int,
    /,
) -> _Array: ...

# optimizers (bind_ops_optim.cpp)
def optimizer_slots(params: dict[str, Any], /) -> int: ...
def optimizer_step(
    params: dict[str, Any],
    iteration: int,
    variables: list[tuple[_Array, int, int, bool, float, float]],
    gradient: _Array,
    slots: list[_Array],
    /,
) -> float: ...

# data (bind_ops_data.cpp)
def gather_rows(
    x: _Array, rows: _Array | None, start: int, n: int, dtype: str, out: _Array | None, /
) -> _Array: ...
def permute(x: _Given, perm: list[int], out: _Array | None, /) -> _Array: ...
def scale_shift(x: _Given, scale: float, offset: float, out: _Array | None, /) -> _Array: ...
def scale_shift_columns(
    x: _Given, scale: _Array, offset: _Array, out: _Array | None, /
) -> _Array: ...
def dropout(x: _Given, rate: float, seed: int, stream: int, out: _Array | None, /) -> _Array: ...
def dropout_mask(
    shape: Sequence[int],
    rate: float,
    seed: int,
    stream: int,
    dtype: str,
    out: _Array | None,
    /,
) -> _Array: ...
def random_uniform(
    shape: Sequence[int], seed: int, stream: int, dtype: str, out: _Array | None, /
) -> _Array: ...
def random_normal(
    shape: Sequence[int],
    mean: float,
    stddev: float,
    seed: int,
    stream: int,
    dtype: str,
    out: _Array | None,
    /,
) -> _Array: ...
def reduce_sum(x: _Given, /) -> float: ...
def reduce_sumsq(x: _Given, /) -> float: ...
def reduce_sumabs(x: _Given, /) -> float: ...
def all_finite(x: _Given, /) -> bool: ...
