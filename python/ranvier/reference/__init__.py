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
from ranvier.reference.linear import matmul
from ranvier.reference.losses import count, loss
from ranvier.reference.maths import erf, exp, expm1, log, log1p, sigmoid, softplus, tanh
from ranvier.reference.norms import (
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
from ranvier.reference.optim import optimizer_slots, optimizer_step
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
    "all_finite",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "bias_activation_backward",
    "column_sums",
    "count",
    "dropout",
    "dropout_mask",
    "erf",
    "exp",
    "expm1",
    "gather_rows",
    "group_norm",
    "group_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "log",
    "log1p",
    "log_softmax",
    "log_softmax_backward",
    "loss",
    "matmul",
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
    "rms_norm",
    "rms_norm_backward",
    "scale_shift",
    "sigmoid",
    "softmax",
    "softmax_backward",
    "softplus",
    "tanh",
    "unit_norm",
    "unit_norm_backward",
]
