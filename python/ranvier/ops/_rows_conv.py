"""Rows of the table: convolution."""

from __future__ import annotations

from ranvier.ops._row import Op


def conv_ops() -> list[Op]:
    return []
