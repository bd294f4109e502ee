"""Prices of houses in California's districts."""

from __future__ import annotations

from typing import Any

from ranvier.datasets._arrays import Pair, split


def load_data(
    version: str = "large",
    path: Any = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """California housing: 20,640 rows of 8 features, with the median price in dollars.

    Args:
        version: "large" (default), or "small": the first 600 rows.
        path: the file's name in the cache, or a file of your own.
        test_split: the share to test on, in [0, 1). Default 0.2.
        seed: of the order. Default 113.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: (N, 8) and (N,).

    Raises:
        ValueError: another `version`, or `test_split` out of range.

    Source: Pace and Barry, "Sparse spatial autoregressions" (1997).
    """
    if version not in ("small", "large"):
        raise ValueError(
            f"california_housing: `version` must be 'small' or 'large'; got {version!r}"
        )
    rows = 600 if version == "small" else None
    return split("california_housing", "california_housing.npz", path, test_split, seed, rows)
