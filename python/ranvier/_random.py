"""The one global source of seeds and shuffles."""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

# In place of the global generator, in this thread and for a while.
_scope: contextvars.ContextVar[np.random.Generator | None] = contextvars.ContextVar(
    "generator", default=None
)
_generator: np.random.Generator | None = None
_seed: int | None = None

_MASK = 2**64 - 1


def set_seed(seed: int) -> None:
    """Starts the global generator anew."""
    global _generator, _seed
    _generator, _seed = make(seed), seed


def make(seed: int) -> np.random.Generator:
    """A generator of its own for a seed (any integer)."""
    from numpy.random import default_rng

    return default_rng(seed & _MASK)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within this context, this thread draws from a generator of its own."""
    token = _scope.set(make(seed))
    try:
        yield
    finally:
        _scope.reset(token)


def generator() -> np.random.Generator:
    """The global generator; from the system's entropy until a seed is set."""
    global _generator
    own = _scope.get()
    if own is not None:
        return own
    if _generator is None:
        from numpy.random import default_rng

        _generator = default_rng()
    return _generator


def draw_seed() -> int:
    """A fresh seed for something that was given none."""
    return int(generator().integers(1, 10**9))


_names = 0


class SeedGenerator:
    """A source of seeds: what draws from it gives new values at each call, in a fixed order.

    Args:
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).
        name: of the generator.

    >>> SeedGenerator(1).next() == SeedGenerator(1).next()
    True
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        global _names
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"SeedGenerator: `seed` must be an integer or None; got {seed!r}")
        if name is None:
            name = "seed_generator" if _names == 0 else f"seed_generator_{_names}"
            _names += 1
        self.name = name
        self.initial_seed = draw_seed() if seed is None else seed
        self._generator = make(self.initial_seed)

    def next(self) -> int:
        """The next seed."""
        return int(self._generator.integers(0, 2**63 - 1))

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        return cls(**config)
