"""How many of Keras' public names ranvier has; run with `-s` for the figures."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from .keras_reference import keras

# The least share of each family's names that apply, in percent; docs/coverage.md has a reason for
# each of the others.
HELD = {
    "losses": 95,
    "metrics": 95,
    "activations": 95,
    "optimizers": 95,
    "optimizers.schedules": 95,
    "callbacks": 95,
    "initializers": 95,
    "regularizers": 95,
    "constraints": 95,
    "layers": 75,
    "utils": 95,
}
# For other frameworks, half precision, the functional API, detection, and old spellings.
OUTSIDE = {
    *("LossScaleOptimizer", "legacy", "OrbaxCheckpoint"),
    *("JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer"),
    *("FeatureSpace", "get_source_inputs", "is_keras_tensor", "bounding_boxes"),
}
# Layers that take some arguments by name only; and which of Keras' they do not have.
BY_NAME: dict[str, set[str]] = {
    "BatchNormalization": {"renorm", "renorm_clipping", "renorm_momentum"},
    "Dense": {"lora_rank", "lora_alpha", "quantization_config"},
    "GRUCell": set(),
    "LSTMCell": set(),
    "SpatialDropout1D": set(),
    "SpatialDropout2D": set(),
    "SpatialDropout3D": set(),
}
PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"


def names(family: str) -> tuple[Any, Any, list[str]]:
    theirs = importlib.import_module(f"{keras.__name__}.{family}")
    ours = importlib.import_module(f"ranvier.{family}")
    return theirs, ours, [name for name in dir(theirs) if not name.startswith("_")]


def parameters(function: Any) -> list[str]:
    function = getattr(function, "__wrapped__", function)
    return [p for p in inspect.signature(function).parameters if p not in ("args", "kwargs")]


@pytest.mark.parametrize("family", HELD)
def test_public_names(family: str) -> None:
    _, ours, public = names(family)
    assert len(public) > 5
    missing = [name for name in public if not hasattr(ours, name)]
    apply = [name for name in public if name not in OUTSIDE]
    share = 100 * sum(name not in missing for name in apply) / len(apply)
    print(f"\n{family}: {len(public) - len(missing)} of {len(public)} ({share:.0f} %)", end="")
    print(f"; not: {', '.join(missing)}" if missing else "", end="")
    assert share >= HELD[family], missing
    assert not [name for name in missing if f"`{name}`" not in PAGE.read_text()]


@pytest.mark.parametrize("family", HELD)
def test_names_are_the_same_things(family: str) -> None:
    """Classes are classes and functions functions, each with Keras' arguments in their order."""
    theirs, ours, public = names(family)
    for name in public:
        their, our = getattr(theirs, name), getattr(ours, name, None)
        if our is None or name in (
            "get",
            "serialize",
            "deserialize",
            "deserialize_keras_object",  # has two more, for the package itself
            "Loss",
            "Metric",
            "schedules",
        ):
            continue
        assert isinstance(our, type) == isinstance(their, type), name
        wanted = parameters(their)
        if name in BY_NAME:
            wanted = [w for w in wanted if w not in BY_NAME[name]]
            assert set(wanted) <= {*our.constructor_arguments(), "name", "dtype"}, name
            wanted = wanted[: len(parameters(our))]
        assert parameters(our)[: len(wanted)] == wanted, name
