"""Models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranvier._lazy import lazy
from ranvier.models.sequential import Sequential

if TYPE_CHECKING:
    from ranvier.models.folding import fold
    from ranvier.models.parts import up_to
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

__getattr__, __dir__ = lazy(
    __name__,
    {
        "folding": "fold",
        "parts": "up_to",
        "ranvier.saving": "clone_model load_model model_from_json save_model",
    },
)
