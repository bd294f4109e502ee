"""Shared fixtures."""

from __future__ import annotations

import os
from importlib.metadata import distributions

os.environ.setdefault("KERAS_BACKEND", "jax")
# Several processes of tests share the cores: a thread that waits must not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# JAX compiles each operation for each shape: half as long if it does not optimise. A flag that
# another version does not know would end the process.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0"
    + " --xla_cpu_use_fusion_emitters=false"
    * any(d.version.startswith("0.10.") for d in distributions(name="jaxlib")),
)

import numpy as np
import pytest

import ranvier


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    ranvier.utils.set_random_seed(1234)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def threads():
    """Sets the number of threads, and puts it back."""
    before = ranvier.config.get_num_threads()
    yield ranvier.config.set_num_threads
    ranvier.config.set_num_threads(before)
