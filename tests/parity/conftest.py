"""Fixtures of the parity tests."""

from __future__ import annotations

from typing import Any

import pytest

from .keras_reference import jax, keras


@pytest.fixture
def double() -> Any:
    """Both in float64: what differs then differs by more than rounding."""
    import ranvier

    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    ranvier.config.set_floatx("float64")
    yield
    ranvier.config.set_floatx("float32")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    jax.config.update("jax_enable_x64", False)
