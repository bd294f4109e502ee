"""Pictures of clothes."""

from __future__ import annotations

import gzip
import os
from typing import Any

import numpy as np

from ranvier.datasets._arrays import Pair
from ranvier.datasets._fetch import fetch


def load_data(path: Any = "fashion-mnist") -> tuple[Pair, Pair]:
    """Fashion-MNIST: 60,000 pictures of ten kinds of clothes to train on, 10,000 to test on.

    Args:
        path: the folder of the four files in the cache, or a folder of your own.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8: pictures (N, 28, 28), labels (N,).

    Source: Zalando SE (arXiv:1708.07747); MIT license.
    """

    def read(name: str, begin: int) -> Any:
        with gzip.open(fetch(name, os.path.join(path, name))) as file:
            return np.frombuffer(bytearray(file.read()), np.uint8, offset=begin)

    def pair(part: str) -> Pair:
        y = read(f"{part}-labels-idx1-ubyte.gz", 8)
        return read(f"{part}-images-idx3-ubyte.gz", 16).reshape(len(y), 28, 28), y

    return pair("train"), pair("t10k")
