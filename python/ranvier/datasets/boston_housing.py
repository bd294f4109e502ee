"""Prices of houses in Boston's suburbs."""

from __future__ import annotations

from typing import Any

from ranvier.datasets._arrays import Pair, split


def load_data(
    path: Any = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """Boston housing: 506 rows of 13 features, with the median price in 1,000 dollars.

    One of the features counts residents by race, on the assumption that segregation raises prices;
    take `california_housing` unless that is your subject.

    Args:
        path: the file's name in the cache, or a file of your own.
        test_split: the share to test on, in [0, 1). Default 0.2.
        seed: of the order. Default 113.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: (N, 13) and (N,), float64.

    Source: Harrison and Rubinfeld (1978).
    """
    return split("boston_housing", "boston_housing.npz", path, test_split, seed)
