"""Models."""

from ranvier.models.folding import fold
from ranvier.models.parts import up_to
from ranvier.models.sequential import Sequential

__all__ = ["Sequential", "fold", "up_to"]
