"""CIFAR's archives, read without unpacking them to disk."""

from __future__ import annotations

import tarfile
from typing import Any

import numpy as np

from ranvier.datasets._arrays import Pair, unpickle
from ranvier.datasets._fetch import fetch


def load(name: str, path: Any, train: list[str], test: str, key: str) -> tuple[Pair, Pair]:
    """Pictures (N, 32, 32, 3) and labels (N, 1) of the members of an archive."""
    wanted: dict[str, Any] = dict.fromkeys([*train, test])
    with tarfile.open(fetch(name, path)) as archive:
        for member in archive:
            last = member.name.rpartition("/")[2]
            if last in wanted and (file := archive.extractfile(member)) is not None:
                wanted[last] = unpickle(file)
    missing = [part for part, given in wanted.items() if given is None]
    if missing:
        raise ValueError(f"ranvier.datasets: {path} has no {', '.join(missing)}; wanted is {name}")

    def pair(parts: list[str]) -> Pair:
        x = np.concatenate([wanted[part][b"data"] for part in parts])
        y = np.concatenate([wanted[part][key.encode()] for part in parts]).astype(np.uint8)
        return x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), y[:, None]

    return pair(train), pair([test])
