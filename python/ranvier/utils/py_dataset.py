"""Batches that a class of one's own makes, prepared ahead by threads or processes."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _random

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class PyDataset:
    """Base class of data in batches: write `__getitem__(index)` and `__len__`.

    `__getitem__` returns a whole batch: x, (x, y) or (x, y, sample_weight); `__len__` (or
    `num_batches`, which may be None: without end) the number of batches. `fit` takes the batches in
    a new order each epoch unless `shuffle=False`; `evaluate` and `predict` in theirs.
    `on_epoch_begin` and `on_epoch_end` are called around each pass, while no worker runs.

    Args:
        workers: how many prepare batches ahead; 0 or 1 without `use_multiprocessing`: none, `fit`
            calls `__getitem__` itself. Default 1.
        use_multiprocessing: processes instead of threads, each with a copy of the data set as it is
            at the start of the epoch, its random generators seeded by batch. Default False.
        max_queue_size: at most so many batches ahead. Default 10.

    Raises:
        TypeError, ValueError: numbers out of range.

    >>> import numpy as np, ranvier
    >>> class Squares(ranvier.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.full((2, 1), index)
    ...         return x, x**2
    >>> [int(y[0, 0]) for x, y in Squares(workers=2)]
    [0, 1, 4]
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        for argument, value, low in (
            ("workers", workers, 0),
            ("max_queue_size", max_queue_size, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise TypeError(
                    f"{type(self).__name__}: `{argument}` must be an integer; got {value!r}"
                )
            if value < low:
                raise ValueError(
                    f"{type(self).__name__}: `{argument}` must be >= {low}; got {value}"
                )
        self.workers = workers
        self.use_multiprocessing = bool(use_multiprocessing)
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must write __getitem__(index)")

    def __iter__(self) -> Iterator[Any]:
        n = self.num_batches
        for index in itertools.count() if n is None else range(n):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None: without end, which needs `steps_per_epoch`."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must write __len__ or `num_batches`")

    def _in_new_order(self, rng: np.random.Generator) -> PyDataset | None:
        """What `fit` goes through in an epoch with `shuffle`; None: batches in a new order."""
        return None

    def on_epoch_begin(self) -> None:
        """Called before each pass."""

    def on_epoch_end(self) -> None:
        """Called after each pass."""


Sequence = PyDataset  # Keras' older name


class Batches:
    """Goes through batches of a `PyDataset` in the order of `indices`, its workers ahead.

    After `stop` no worker runs; `next` goes on where it was.
    """

    def __init__(self, dataset: PyDataset, indices: Iterable[int]) -> None:
        self._dataset = dataset
        self._indices = iter(indices)
        self._ahead: deque[tuple[int, Any]] = deque()
        self._pool: Any = None

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Any:
        dataset = self._dataset
        if dataset.workers <= (0 if dataset.use_multiprocessing else 1):
            return dataset[next(self._indices)]
        if self._pool is None:
            self._start()
        try:
            while len(self._ahead) < dataset.max_queue_size:
                index = next(self._indices, None)
                if index is None:
                    break
                self._ahead.append((index, self._pool.submit(self._get, index)))
            if not self._ahead:
                self.stop()
                raise StopIteration
            item = self._ahead[0][1].result()
        except Exception:
            self.stop()
            raise
        except BaseException:  # Ctrl-C does not wait for batches that nobody wants
            self.stop(wait=False)
            raise
        self._ahead.popleft()
        return item

    def _start(self) -> None:
        dataset = self._dataset
        if dataset.use_multiprocessing:
            import multiprocessing
            import os
            from concurrent.futures import ProcessPoolExecutor
            from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask

            if multiprocessing.get_start_method() == "forkserver":  # imports once, not each worker
                multiprocessing.set_forkserver_preload(["__main__", "ranvier"])
            seed = _random.draw_seed()
            self._pool = ProcessPoolExecutor(
                dataset.workers, initializer=_receive, initargs=(dataset, seed)
            )
            before = pthread_sigmask(SIG_BLOCK, {SIGINT})  # which worker processes inherit
            try:
                self._pool.submit(os.getpid)
            finally:
                pthread_sigmask(SIG_SETMASK, before)
            self._get: Any = _item
        else:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(dataset.workers, "ranvier-batches")
            self._get = dataset.__getitem__

    def stop(self, wait: bool = True) -> None:
        """Ends the workers; what they had ready is made again if it is wanted."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait, cancel_futures=True)
        again = [index for index, _ in self._ahead]
        self._ahead.clear()
        self._indices = itertools.chain(again, self._indices)


_received: tuple[Any, int] = (None, 0)


def _receive(dataset: PyDataset, seed: int) -> None:
    """The first that a worker process does."""
    global _received
    import signal

    from ranvier import config

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains
    config.set_num_threads(1)
    _received = dataset, seed


def _item(index: int) -> Any:
    """A batch, in a worker process; copies of one generator would give all of them the same."""
    from ranvier.utils import set_random_seed

    dataset, seed = _received
    set_random_seed((seed + index) & (2**63 - 1))
    return dataset[index]
