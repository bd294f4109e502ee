"""Threads within joblib's workers."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def fair_threads() -> Iterator[None]:
    """One thread for the engine where joblib runs several threads beside this one.

    Worker processes need no such thing: loky tells them a limit by `OMP_NUM_THREADS`, and a forked
    child of a process that had threads runs on one. OpenMP's limit is each Python thread's own.
    """
    if threading.current_thread() is threading.main_thread():
        yield
        return
    from joblib.parallel import get_active_backend
    from threadpoolctl import threadpool_limits

    backend, _ = get_active_backend()
    if not getattr(backend, "nesting_level", 0):
        yield
        return
    with threadpool_limits(1, user_api="openmp"):
        yield
