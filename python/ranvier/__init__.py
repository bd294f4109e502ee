"""ranvier: small and medium neural networks on the CPU, with Keras' names.

>>> import numpy as np, ranvier
>>> model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(3)])
>>> model(np.zeros((2, 4), "float32")).shape
(2, 3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from ranvier import _core
except ImportError as error:  # pragma: no cover
    if "subinterpreters" in str(error):
        raise
    raise ImportError(
        "ranvier's compiled part is missing or was built for another Python. "
        "Install with `pip install .` from the source directory, and do not run Python inside "
        f"its python/ folder. ({error})"
    ) from error

from ranvier import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
    utils,
)
from ranvier.config import show_config
from ranvier.initializers import Initializer
from ranvier.layers import Input, Layer
from ranvier.losses import Loss
from ranvier.metrics import Metric
from ranvier.models import Sequential
from ranvier.optimizers import Optimizer
from ranvier.regularizers import Regularizer
from ranvier.variables import Variable

if TYPE_CHECKING:
    from ranvier import (
        datasets,
        export,
        inspect,
        plot,
        preprocessing,
        reference,
        saving,
        sklearn,
        testing,
    )

__version__: str = _core.__version__

__all__ = [
    "Initializer",
    "Input",
    "Layer",
    "Loss",
    "Metric",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "export",
    "initializers",
    "inspect",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "plot",
    "preprocessing",
    "reference",
    "regularizers",
    "saving",
    "show_config",
    "sklearn",
    "testing",
    "utils",
    "version",
]

# Loaded when first asked for: `import ranvier` stays quick.
_LAZY = (
    "datasets", "export", "inspect", "plot", "preprocessing", "reference", "saving", "sklearn",
    "testing",
)  # fmt: skip


def version() -> str:
    """The version of this package.

    >>> import ranvier
    >>> ranvier.version() == ranvier.__version__
    True
    """
    return __version__


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"ranvier.{name}")
    raise AttributeError(f"module 'ranvier' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
