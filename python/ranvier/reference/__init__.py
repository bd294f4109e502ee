"""NumPy twins of `ranvier.ops`: the same names and arguments, plain formulas, no extension.

They say what each op means; the tests and the benchmark compare the kernels with them.
"""

from ranvier.reference.activations import (
    activation,
    activation_backward,
    activation_derivative,
    activation_reads_input,
    bias_activation_backward,
    prelu,
    prelu_backward,
)
from ranvier.reference.convolution import conv, conv_backward_input, conv_backward_kernel
from ranvier.reference.data import (
    all_finite,
    column_sums,
    gather_rows,
    permute,
    reduce_sum,
    reduce_sumabs,
    reduce_sumsq,
    scale_shift,
)
from ranvier.reference.images import affine_transform, resize_images
from ranvier.reference.linear import matmul
from ranvier.reference.losses import count, loss
from ranvier.reference.maths import erf, exp, expm1, log, log1p, sigmoid, softplus, tanh
from ranvier.reference.optim import optimizer_slots, optimizer_step
from ranvier.reference.pooling import (
    average_pool,
    average_pool_backward,
    crop,
    global_average_pool,
    global_average_pool_backward,
    global_max_pool,
    global_max_pool_backward,
    max_pool,
    max_pool_backward,
    max_pool_indexed,
    upsample,
    upsample_backward,
    zero_pad,
)
from ranvier.reference.random import (
    dropout,
    dropout_mask,
    permutation,
    random_normal,
    random_uniform,
)
from ranvier.reference.softmaxes import (
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
    "log",
    "log1p",
    "log_softmax",
    "log_softmax_backward",
    "loss",
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
    "scale_shift",
    "sigmoid",
    "softmax",
    "softmax_backward",
    "softplus",
    "tanh",
    "upsample",
    "upsample_backward",
    "zero_pad",
]
