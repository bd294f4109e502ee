"""Comes first among the imports of this room: says what is missing."""

from ranvier._extras import MissingExtra, need

__all__ = ["MissingExtra"]

need("sklearn", "sklearn", "ranvier.sklearn needs")
