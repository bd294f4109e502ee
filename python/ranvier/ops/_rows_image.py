"""Rows of the table: image augmentation and resizing."""

from __future__ import annotations

from ranvier.ops._row import Op


def image_ops() -> list[Op]:
    return []
