"""Small colour pictures of ten kinds of things."""

from __future__ import annotations

from typing import Any

from ranvier.datasets._arrays import Pair
from ranvier.datasets._cifar import load


def load_data(path: Any = "cifar-10-python.tar.gz") -> tuple[Pair, Pair]:
    """CIFAR-10: 50,000 colour pictures of ten kinds of things to train on, 10,000 to test on.

    Args:
        path: the file's name in the cache, or a file of your own.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8: pictures (N, 32, 32, 3) in [0, 255], labels
        (N, 1).

    Source: Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
    """
    train = [f"data_batch_{i}" for i in range(1, 6)]
    return load("cifar-10-python.tar.gz", path, train, "test_batch", "labels")
