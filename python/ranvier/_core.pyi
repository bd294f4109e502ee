"""The C++ engine. Arguments of single ops are positional: ranvier.ops is their public face."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]
# What ranvier.ops passes on before it is known to fit; the gate refuses what does not.
_Given = Any

__version__: str

# runtime (csrc/bindings/bind_runtime.cpp)
def isa() -> str: ...
def isas_available() -> list[str]: ...
def num_threads() -> int: ...
def set_num_threads(n: int, /) -> None: ...
def threading_layer() -> str: ...
def compiler() -> str: ...
def pybind11_version() -> str: ...
def scratch_bytes() -> int: ...
def release_scratch() -> None: ...
def fma_peak(threads: int, seconds: float, dtype: str, /) -> float: ...

# one network: its graph, the graph with its numbers, whole steps (bind_graph.cpp, bind_trainer.cpp)
class Feed:  # made by feed
    def __init__(self, /, *args: Any, **kwargs: Any) -> None: ...

def feed(
    x: _Array, y: _Array, weights: _Array | None, order: _Array | None, batch: int, /
) -> Feed: ...

class _Graph:
    def __init__(self) -> None: ...
    def input(self, sample_shape: Sequence[int], mask_axes: int, /) -> int: ...
    def param(self, size: int, trainable: bool, /) -> int: ...
    def label(self, label: str, /) -> None: ...
    def output_shape(self, input_shape: Sequence[int], /) -> list[int]: ...
    @property
    def kinds(self) -> list[str]: ...
    def dense(
        self,
        x: int,
        units_in: int,
        units: int,
        kernel: int,
        bias: int,
        act: str,
        a: float,
        b: float,
        c: float,
        /,
    ) -> int: ...
    def activation(self, x: int, act: str, a: float, b: float, c: float, /) -> int: ...
    def softmax(self, x: int, axis: int, log: bool, /) -> int: ...
    def prelu(self, x: int, alpha_shape: Sequence[int], alpha: int, /) -> int: ...
    def reshape(self, x: int, target: Sequence[int], /) -> int: ...
    def permute(self, x: int, perm: Sequence[int], /) -> int: ...
    def repeat(self, x: int, n: int, /) -> int: ...
    def dropout(
        self, x: int, rate: float, noise_shape: Sequence[int], seed: int, alpha: bool, /
    ) -> int: ...
    def gaussian_noise(self, x: int, stddev: float, seed: int, factor: bool, /) -> int: ...
    def rescaling(self, x: int, scale: Sequence[float], offset: Sequence[float], /) -> int: ...
    def affine(self, x: int, kept_shape: Sequence[int], scale: int, offset: int, /) -> int: ...
    def activity_regularizer(self, x: int, l1: float, l2: float, /) -> int: ...
    # bind_nodes_pool.cpp
    def pool(
        self, x: int, average: bool, window: Sequence[int], strides: Sequence[int], same: bool, /
    ) -> int: ...
    def adaptive_pool(self, x: int, average: bool, axis: int, size: int, /) -> int: ...
    def global_pool(self, x: int, average: bool, axes: int, keepdims: bool, /) -> int: ...
    def upsample(self, x: int, size: Sequence[int], bilinear: bool, /) -> int: ...
    def frame(self, x: int, before: Sequence[int], after: Sequence[int], grow: bool, /) -> int: ...
    # bind_nodes_conv.cpp
    def conv(
        self,
        x: int,
        c: int,
        co: int,
        groups: int,
        kernel_size: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int],
        padding: str,
        kernel: int,
        bias: int,
        act: str,
        a: float,
        b: float,
        p: float,
        /,
    ) -> int: ...
    def conv_transpose(
        self,
        x: int,
        c: int,
        co: int,
        kernel_size: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int],
        padding: str,
        output_padding: Sequence[int],
        kernel: int,
        bias: int,
        /,
    ) -> int: ...
    # images (bind_nodes_image.cpp)
    def set_output(self, output: int, mask: int, /) -> None: ...
    def sequence(
        self, kind: str, inputs: list[int], params: list[int], numbers: list[float], /
    ) -> int: ...
    def random_flip(
        self, x: int, horizontal: bool, vertical: bool, channels_first: bool, seed: int, /
    ) -> int: ...
    def random_affine(
        self,
        x: int,
        motion: str,
        first: tuple[float, float],
        second: tuple[float, float],
        interpolation: str,
        fill_mode: str,
        fill_value: float,
        channels_first: bool,
        seed: int,
        /,
    ) -> int: ...
    def random_contrast(
        self,
        x: int,
        factor: tuple[float, float],
        limits: tuple[float, float],
        channels_first: bool,
        seed: int,
        /,
    ) -> int: ...
    def random_brightness(
        self,
        x: int,
        delta: tuple[float, float],
        limits: tuple[float, float],
        channels_first: bool,
        seed: int,
        /,
    ) -> int: ...
    def random_crop(
        self, x: int, height: int, width: int, channels_first: bool, seed: int, /
    ) -> int: ...
    def center_crop(self, x: int, height: int, width: int, channels_first: bool, /) -> int: ...
    def resizing(
        self,
        x: int,
        height: int,
        width: int,
        interpolation: str,
        antialias: bool,
        aspect: str,
        fill_value: float,
        channels_first: bool,
        /,
    ) -> int: ...
    def batch_norm(
        self,
        x: int,
        channels: int,
        gamma: int,
        beta: int,
        mean: int,
        variance: int,
        momentum: float,
        epsilon: float,
        frozen: bool,
        mask: int,
        /,
    ) -> int: ...
    def group_norm(
        self, x: int, channels: int, groups: int, gamma: int, beta: int, epsilon: float, /
    ) -> int: ...
    def row_norm(
        self, x: int, kind: str, shape: Sequence[int], gamma: int, beta: int, epsilon: float, /
    ) -> int: ...
    def recurrent(
        self, x: int, mask: int, spec: RnnSpec, params: Sequence[int], seed: int, /
    ) -> int: ...
    def bidirectional(
        self,
        x: int,
        mask: int,
        first: RnnSpec,
        second: RnnSpec,
        merge: str,
        params: Sequence[int],
        seed: int,
        /,
    ) -> int: ...

class RnnSpec:
    def __init__(
        self,
        *,
        cell: str,
        features: int,
        units: int,
        use_bias: bool,
        act: tuple[str, float, float, float],
        gate_act: tuple[str, float, float, float],
        sequences: bool,
        backwards: bool,
        mask_backwards: bool,
        zero_masked: bool,
        dropout: float,
        recurrent_dropout: float,
        batch: int,
    ) -> None: ...

class Graph32(_Graph): ...
class Graph64(_Graph): ...

class _Runner:
    def __init__(self, graph: Any) -> None: ...
    def bind(self, values: list[_Array], gradient: _Array, offsets: list[int], /) -> None: ...
    def infer(self, x: object, /) -> _Array | None: ...
    def predict(
        self, x: _Array, chunk: int, mask: _Array | None, /
    ) -> tuple[_Array, _Array | None]: ...
    def forward(
        self,
        x: _Array,
        training: bool,
        stream: int,
        want_input_gradient: bool,
        mask: _Array | None,
        /,
    ) -> tuple[_Array, _Array | None]: ...
    def backward(self, x: _Array, dy: _Array, /) -> _Array | None: ...
    @property
    def penalty(self) -> float: ...
    @property
    def bytes(self) -> int: ...

class Runner32(_Runner): ...
class Runner64(_Runner): ...

class _Trainer:  # made by trainer32 and trainer64
    def __init__(self, /, *args: Any, **kwargs: Any) -> None: ...
    def set_optimizer(
        self,
        params: dict[str, Any],
        variables: list[tuple[int, int, int, bool, float, float]],
        slots: list[_Array],
        /,
    ) -> None: ...
    def train(
        self,
        feed: Feed,
        start: int,
        max_batches: int,
        seconds: float,
        rates: list[float],
        iteration: int,
        /,
    ) -> int: ...
    def watched(
        self,
        feed: Feed,
        run: Any,
        machine: Any,
        ends: list[Any],
        step: int,
        steps: int,
        /,
    ) -> int: ...
    def accumulate(self, feed: Feed, sums: _Array, /) -> float: ...
    def evaluate(
        self, feed: Feed, penalty: float, start: int, max_batches: int, seconds: float, /
    ) -> int: ...
    def totals(self) -> tuple[float, ...]: ...
    def reset_totals(self) -> None: ...
    def predictions(self) -> _Array: ...
    def mask(self) -> _Array | None: ...
    def keep_predictions(self, keep: bool, /) -> None: ...
    @property
    def stream(self) -> int: ...
    def set_stream(self, stream: int, /) -> None: ...
    @property
    def bytes(self) -> int: ...

class Trainer32(_Trainer): ...
class Trainer64(_Trainer): ...

def trainer32(
    owner: str, runner: Any, loss: dict[str, Any], metrics: list[dict[str, Any]], /
) -> Trainer32: ...
def trainer64(
    owner: str, runner: Any, loss: dict[str, Any], metrics: list[dict[str, Any]], /
) -> Trainer64: ...

# images (bind_ops_image.cpp)
def affine_transform(
    x: _Array,
    transforms: _Array,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    channels_first: bool,
    out: _Array | None,
    /,
) -> _Array: ...
def resize_images(
    x: _Array,
    height: int,
    width: int,
    interpolation: str,
    antialias: bool,
    aspect: str,
    fill_value: float,
    channels_first: bool,
    out: _Array | None,
    /,
) -> _Array: ...

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

# pooling, upsampling, padding, cropping (bind_ops_pool.cpp)
def pool(
    average: bool,
    x: _Given,
    window: Sequence[int],
    strides: Sequence[int],
    same: bool,
    out: _Array | None,
    /,
) -> _Array: ...
def max_pool_indexed(
    x: _Given,
    window: Sequence[int],
    strides: Sequence[int],
    same: bool,
    out: _Array | None,
    /,
) -> tuple[_Array, _Array]: ...
def max_pool_backward(
    dy: _Given,
    index: _Array,
    x_shape: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    same: bool,
    out: _Array | None,
    /,
) -> _Array: ...
def average_pool_backward(
    dy: _Given,
    x_shape: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    same: bool,
    out: _Array | None,
    /,
) -> _Array: ...
def global_pool(average: bool, x: _Given, out: _Array | None, /) -> _Array: ...
def global_max_pool_backward(x: _Given, y: _Given, dy: _Given, out: _Array | None, /) -> _Array: ...
def global_average_pool_backward(
    dy: _Given, x_shape: Sequence[int], out: _Array | None, /
) -> _Array: ...
def upsample(
    backward: bool, bilinear: bool, x: _Given, size: Sequence[int], out: _Array | None, /
) -> _Array: ...
def frame(
    grow: bool,
    x: _Given,
    before: Sequence[int],
    after: Sequence[int],
    out: _Array | None,
    /,
) -> _Array: ...

# convolution (bind_ops_conv.cpp)
def conv(
    x: _Given,
    kernel: _Given,
    bias: _Given,
    activation: tuple[str, float, float, float] | None,
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    groups: int,
    out: _Array | None,
    /,
) -> _Array: ...
def conv_backward_input(
    dy: _Given,
    kernel: _Given,
    x_shape: Sequence[int],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    groups: int,
    out: _Array | None,
    /,
) -> _Array: ...
def conv_backward_kernel(
    x: _Given,
    dy: _Given,
    kernel_shape: Sequence[int],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    groups: int,
    out: _Array | None,
    /,
) -> _Array: ...
def winograd_enabled() -> bool: ...
def set_winograd_enabled(enabled: bool, /) -> None: ...

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
def permutation(out: _Array, seed: int, stream: int, /) -> None: ...
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

# normalization (bind_ops_norm.cpp)
def batch_norm(
    x: _Given, gamma: _Given, beta: _Given, epsilon: float, out: _Array | None, /
) -> tuple[_Array, _Array, _Array]: ...
def batch_norm_inference(
    x: _Given,
    mean: _Given,
    variance: _Given,
    gamma: _Given,
    beta: _Given,
    epsilon: float,
    out: _Array | None,
    /,
) -> _Array: ...
def batch_norm_backward(
    x: _Given,
    mean: _Given,
    variance: _Given,
    gamma: _Given,
    dy: _Given,
    epsilon: float,
    of_batch: bool,
    out: _Array | None,
    /,
) -> tuple[_Array, _Array, _Array]: ...
def group_norm(
    x: _Given, groups: int, gamma: _Given, beta: _Given, epsilon: float, out: _Array | None, /
) -> tuple[_Array, _Array, _Array]: ...
def group_norm_backward(
    x: _Given,
    mean: _Given,
    inverse: _Given,
    gamma: _Given,
    dy: _Given,
    groups: int,
    out: _Array | None,
    /,
) -> tuple[_Array, _Array, _Array]: ...
def row_norm(
    kind: str,
    op: str,
    x: _Given,
    gamma: _Given,
    beta: _Given,
    epsilon: float,
    out: _Array | None,
    /,
) -> tuple[_Array, _Array, _Array]: ...
def row_norm_backward(
    kind: str,
    op: str,
    x: _Given,
    mean: _Given,
    inverse: _Given,
    gamma: _Given,
    dy: _Given,
    epsilon: float,
    out: _Array | None,
    /,
) -> tuple[_Array, _Array, _Array]: ...
def rnn(
    spec: RnnSpec,
    x: _Given,
    kernel: _Given,
    recurrent_kernel: _Given,
    bias: _Given,
    mask: _Given,
    h0: _Given,
    c0: _Given,
    time_major: bool,
    keep: bool,
    training: bool,
    seed: int,
    stream: int,
    /,
) -> tuple[_Array, _Array, _Array | None, _Array | None]: ...
def rnn_backward(
    spec: RnnSpec,
    x: _Given,
    kernel: _Given,
    recurrent_kernel: _Given,
    bias: _Given,
    mask: _Given,
    cache: _Given,
    dy: _Given,
    dh: _Given,
    dc: _Given,
    time_major: bool,
    training: bool,
    seed: int,
    stream: int,
    /,
) -> tuple[_Array, _Array, _Array, _Array | None, _Array, _Array | None]: ...
