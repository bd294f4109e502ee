"""Handwritten digits."""

from __future__ import annotations

from typing import Any

from ranvier.datasets._arrays import Pair, load_npz


def load_data(path: Any = "mnist.npz") -> tuple[Pair, Pair]:
    """MNIST: 60,000 pictures of the digits 0 to 9 to train on, 10,000 to test on.

    Args:
        path: the file's name in the cache, or a file of your own.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8: pictures (N, 28, 28), labels (N,).

    Source: LeCun, Cortes and Burges; license CC BY-SA 3.0.
    """
    a = load_npz("mnist.npz", path)
    return (a["x_train"], a["y_train"]), (a["x_test"], a["y_test"])
