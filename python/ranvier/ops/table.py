"""The table of ops: what the parity tests, the benchmark and the documentation read.

Each row says which kernel, which NumPy twin, how to make inputs, how near the results must be and
how much work it is. A new kernel gets a row here and is then tested, timed and documented.
"""

from ranvier.ops._row import Inputs, Op
from ranvier.ops._rows_conv import conv_ops
from ranvier.ops._rows_data import data_ops
from ranvier.ops._rows_image import image_ops
from ranvier.ops._rows_layers import ACTIVATIONS, layer_ops
from ranvier.ops._rows_norm import norm_ops
from ranvier.ops._rows_pool import pool_ops
from ranvier.ops._rows_recurrence import recurrence_ops
from ranvier.ops._rows_training import training_ops

__all__ = ["ACTIVATIONS", "Inputs", "Op", "find", "table"]


def table() -> list[Op]:
    """All rows."""
    return [
        *layer_ops(),
        *conv_ops(),
        *pool_ops(),
        *norm_ops(),
        *image_ops(),
        *recurrence_ops(),
        *training_ops(),
        *data_ops(),
    ]


def find(name: str) -> Op:
    """The row of that name.

    >>> find("softmax").doc
    'along the last axis'
    """
    for op in table():
        if op.name == name:
            return op
    raise ValueError(f"no op named {name!r} in the table")
