"""Small colour pictures of a hundred kinds of things."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.datasets._arrays import Pair
from ranvier.datasets._cifar import load


def load_data(label_mode: str = "fine", path: Any = "cifar-100-python.tar.gz") -> tuple[Pair, Pair]:
    """CIFAR-100: as CIFAR-10, of a hundred kinds of things in twenty groups.

    Args:
        label_mode: "fine" (default): the kinds are the labels; "coarse": the groups.
        path: the file's name in the cache, or a file of your own.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures (N, 32, 32, 3), uint8 in [0, 255], labels
        (N, 1), int64.

    Raises:
        ValueError: another `label_mode`.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"cifar100: `label_mode` must be 'fine' or 'coarse'; got {label_mode!r}")
    (x, y), (x_test, y_test) = load(
        "cifar-100-python.tar.gz", path, ["train"], "test", f"{label_mode}_labels"
    )
    return (x, y.astype(np.int64)), (x_test, y_test.astype(np.int64))
