"""Models."""

from ranvier.models.sequential import Sequential

__all__ = ["Sequential"]
