"""One function for each C++ kernel, on NumPy arrays.

Inputs may be anything that NumPy makes an array of real numbers of: slices, reversed, Fortran and
byte-swapped arrays, float16, integers, lists. Results are float64 where an input array is, else
float32. `out=` is written to where it stands, so it must fit exactly. Inputs may be read-only and
may hold NaN; empty arrays give empty results.
"""

from ranvier.ops.activations import (
    activation,
    activation_backward,
    activation_derivative,
    activation_reads_input,
    bias_activation_backward,
    prelu,
    prelu_backward,
)
from ranvier.ops.convolution import conv, conv_backward_input, conv_backward_kernel
from ranvier.ops.data import (
    all_finite,
    column_sums,
    gather_rows,
    permute,
    reduce_sum,
    reduce_sumabs,
    reduce_sumsq,
    scale_shift,
)
from ranvier.ops.images import affine_transform, resize_images
from ranvier.ops.linear import matmul
from ranvier.ops.losses import count, loss
from ranvier.ops.maths import erf, exp, expm1, log, log1p, sigmoid, softplus, tanh
from ranvier.ops.norms import (
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    group_norm,
    group_norm_backward,
    layer_norm,
    layer_norm_backward,
    rms_norm,
    rms_norm_backward,
    unit_norm,
    unit_norm_backward,
)
from ranvier.ops.optim import optimizer_slots, optimizer_step
from ranvier.ops.pooling import (
    average_pool,
    average_pool_backward,
    global_average_pool,
    global_average_pool_backward,
    global_max_pool,
    global_max_pool_backward,
    max_pool,
    max_pool_backward,
    max_pool_indexed,
)
from ranvier.ops.random import (
    dropout,
    dropout_mask,
    permutation,
    random_normal,
    random_uniform,
)
from ranvier.ops.recurrence import (
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    simple_rnn,
    simple_rnn_backward,
)
from ranvier.ops.resampling import crop, upsample, upsample_backward, zero_pad
from ranvier.ops.softmaxes import (
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)

__all__ = [
    "activation",
    "activation_backward",
    "activation_derivative",
    "activation_reads_input",
    "affine_transform",
    "all_finite",
    "average_pool",
    "average_pool_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "bias_activation_backward",
    "column_sums",
    "conv",
    "conv_backward_input",
    "conv_backward_kernel",
    "count",
    "crop",
    "dropout",
    "dropout_mask",
    "erf",
    "exp",
    "expm1",
    "gather_rows",
    "global_average_pool",
    "global_average_pool_backward",
    "global_max_pool",
    "global_max_pool_backward",
    "group_norm",
    "group_norm_backward",
    "gru",
    "gru_backward",
    "layer_norm",
    "layer_norm_backward",
    "log",
    "log1p",
    "log_softmax",
    "log_softmax_backward",
    "loss",
    "lstm",
    "lstm_backward",
    "matmul",
    "max_pool",
    "max_pool_backward",
    "max_pool_indexed",
    "optimizer_slots",
    "optimizer_step",
    "permutation",
    "permute",
    "prelu",
    "prelu_backward",
    "random_normal",
    "random_uniform",
    "reduce_sum",
    "reduce_sumabs",
    "reduce_sumsq",
    "resize_images",
    "rms_norm",
    "rms_norm_backward",
    "scale_shift",
    "sigmoid",
    "simple_rnn",
    "simple_rnn_backward",
    "softmax",
    "softmax_backward",
    "softplus",
    "tanh",
    "unit_norm",
    "unit_norm_backward",
    "upsample",
    "upsample_backward",
    "zero_pad",
]


def __dir__() -> list[str]:
    return __all__
