"""Settings and helpers where Keras' users look for them: `from ranvier import backend as K`."""

from __future__ import annotations

from ranvier._dtypes import (
    floatx,
    image_data_format,
    set_floatx,
    set_image_data_format,
)
from ranvier._dtypes import standardize as standardize_dtype
from ranvier.layers.layer import reset_names

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def backend() -> str:
    """What computes: "ranvier".

    >>> import ranvier
    >>> ranvier.backend.backend()
    'ranvier'
    """
    return "ranvier"


def clear_session(free_memory: bool = True) -> None:
    """Begins the names of layers anew: the next Dense is `dense` again.

    Models hold all there is and go with the last reference to them: no memory is kept for them.

    Args:
        free_memory: of Keras; without effect.

    >>> import ranvier
    >>> ranvier.backend.clear_session()
    >>> ranvier.layers.Dense(1).name, ranvier.layers.Dense(1).name
    ('dense', 'dense_1')
    """
    reset_names()


def epsilon() -> float:
    """What losses and optimizers keep divisors and probabilities away from 0 by, 1e-7.

    >>> import ranvier
    >>> ranvier.backend.epsilon()
    1e-07
    """
    return 1e-7
