"""What holds while a model file is being read: how much memory its config may claim."""

from __future__ import annotations

import contextvars
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# So many elements are free: no file need hold them.
_FREE = 1 << 24

_left: contextvars.ContextVar[int | None] = contextvars.ContextVar("elements_left", default=None)


@contextmanager
def loading(stored: int) -> Iterator[None]:
    """Within this context, weights begin at zero and may not exceed what the file can hold.

    Args:
        stored: bytes of weights that the file has; each element takes one or more.
    """
    token = _left.set(_FREE + stored)
    try:
        yield
    finally:
        _left.reset(token)


def claim(label: str, shape: Sequence[int]) -> bool:
    """Whether a file is being loaded; if so, takes `shape` off what it may claim.

    Raises:
        ValueError: the file is too small for that.
    """
    left = _left.get()
    if left is None:
        return False
    left -= max(0, math.prod(shape))
    if left < 0:
        raise ValueError(f"{label}: a weight of shape {tuple(shape)} is more than the file holds")
    _left.set(left)
    return True
