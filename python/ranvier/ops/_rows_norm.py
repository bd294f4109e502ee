"""Rows of the table: normalization."""

from __future__ import annotations

from ranvier.ops._row import Op


def norm_ops() -> list[Op]:
    return []
