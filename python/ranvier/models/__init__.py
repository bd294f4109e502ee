"""Models."""

from ranvier.models.parts import up_to
from ranvier.models.sequential import Sequential

__all__ = ["Sequential", "up_to"]
