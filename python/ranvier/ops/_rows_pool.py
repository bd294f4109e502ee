"""Rows of the table: pooling, upsampling, padding and cropping."""

from __future__ import annotations

from ranvier.ops._row import Op


def pool_ops() -> list[Op]:
    return []
