"""How many of Keras' public names ranvier has; run with `-s` for the figures."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from .keras_reference import keras

# Families that are complete but for what docs/coverage.md gives a reason for; others are printed.
HELD = ("losses", "metrics", "activations")
PRINTED = (
    "optimizers",
    "optimizers.schedules",
    "callbacks",
    "initializers",
    "regularizers",
    "constraints",
    "layers",
)
PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"


def names(family: str) -> tuple[Any, Any, list[str]]:
    theirs = importlib.import_module(f"{keras.__name__}.{family}")
    ours = importlib.import_module(f"ranvier.{family}")
    return theirs, ours, [name for name in dir(theirs) if not name.startswith("_")]


def parameters(function: Any) -> list[str]:
    function = getattr(function, "__wrapped__", function)
    return [p for p in inspect.signature(function).parameters if p not in ("args", "kwargs")]


@pytest.mark.parametrize("family", [*HELD, *PRINTED])
def test_public_names(family: str) -> None:
    _, ours, public = names(family)
    assert len(public) > 5
    missing = [name for name in public if not hasattr(ours, name)]
    share = 100 * (1 - len(missing) / len(public))
    print(f"\n{family}: {len(public) - len(missing)} of {len(public)} ({share:.0f} %)", end="")
    print(f"; not: {', '.join(missing)}" if missing else "", end="")
    if family in HELD:
        assert share >= 95, missing
        unexplained = [name for name in missing if f"`{name}`" not in PAGE.read_text()]
        assert not unexplained


@pytest.mark.parametrize("family", HELD)
def test_names_are_the_same_things(family: str) -> None:
    """Classes are classes and functions functions, each with Keras' arguments in their order."""
    theirs, ours, public = names(family)
    for name in public:
        their, our = getattr(theirs, name), getattr(ours, name, None)
        if our is None or name in ("get", "serialize", "deserialize", "Loss", "Metric"):
            continue
        assert isinstance(our, type) == isinstance(their, type), name
        wanted = parameters(their)
        assert parameters(our)[: len(wanted)] == wanted, name
