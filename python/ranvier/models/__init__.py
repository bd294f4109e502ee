"""Models."""

from ranvier.models.folding import fold
from ranvier.models.parts import up_to
from ranvier.models.sequential import Sequential
from ranvier.saving import clone_model, load_model, model_from_json, save_model

__all__ = [
    "Sequential",
    "clone_model",
    "fold",
    "load_model",
    "model_from_json",
    "save_model",
    "up_to",
]
