"""An optimizer's state in Keras' order: iterations, learning rate, then slots by variable."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.optimizers import Optimizer
    from ranvier.variables import Variable

# Which of the engine's slots go together: all of one group for a variable, then for the next one.
_GROUPS = {"adam": ((0, 1), (2,)), "rmsprop": ((0,), (1,), (2,))}

_MOST = 2**53


def save(optimizer: Optimizer, trained: list[Variable]) -> dict[str, NDArray[Any]]:
    """What Keras' optimizer of that name saves: "0", "1", ..."""
    state = [np.array(optimizer.iterations, np.int64)]
    dtype = trained[0].dtype if trained else "float32"
    if optimizer.has_constant_rate:
        state.append(np.array(optimizer.learning_rate, dtype))
    if optimizer.built:
        state += slots(optimizer, trained)
    return {str(i): array for i, array in enumerate(state)}


def slots(optimizer: Optimizer, trained: list[Variable]) -> list[NDArray[Any]]:
    """Views of the state of each variable, in Keras' order."""
    native = optimizer.native
    if native is None:
        return [v.value for v in optimizer.variables]
    where = {id(v): at for v, at in optimizer._places}
    return [
        optimizer.slots[i][where[id(v)] :][: v.size].reshape(v.shape)
        for group in _GROUPS.get(native["kind"], ((0,),))
        for v in trained
        for i in group
        if i < len(optimizer.slots) and id(v) in where
    ]


class Loader:
    """Checks first, then sets: `arrays` are unread datasets by name."""

    def __init__(self, model: Any, arrays: dict[str, Any], read: Any) -> None:
        self.model = model
        self.optimizer: Optimizer = model.optimizer
        self._trained = model.trainable_weights
        self._first = 1 + self.optimizer.has_constant_rate
        self.fits = len(arrays) >= self._first and all(str(i) in arrays for i in range(len(arrays)))
        self._start = [read(arrays[str(i)], ()) for i in range(self._first)] if self.fits else []
        if not all(0 <= number < _MOST for number in self._start):
            raise ValueError(f"optimizer '{self.optimizer.name}': iterations or rate out of range")
        rest = [arrays[str(i)] for i in range(self._first, len(arrays))] if self.fits else []
        # one that never stepped has no slots yet, as in Keras
        self._shapes = self._expected() if rest else []
        if self._shapes is not None and len(rest) != len(self._shapes):
            self.fits = False
        if not self.fits:
            self._warn(len(arrays))
            return
        shapes = [d.shape for d in rest] if self._shapes is None else self._shapes
        self._slots = [read(d, s) for d, s in zip(rest, shapes, strict=True)]

    def _expected(self) -> list[tuple[int, ...]] | None:
        """The slots' shapes; None: an optimizer of the user's own will say when it is built."""
        native = self.optimizer.native
        if native is None:
            built = self.optimizer.variables
            return [v.shape for v in built] if self.optimizer.built else None
        from ranvier import ops

        count = ops.optimizer_slots(native)
        groups = _GROUPS.get(native["kind"], ((0,),))
        return [v.shape for g in groups for v in self._trained for i in g if i < count]

    def _warn(self, n: int) -> None:
        own = self._first + len(self._expected() or ())
        warnings.warn(
            f"the state of optimizer '{self.optimizer.name}' is not loaded: the file has {n} "
            f"variables of it, but it has {own}",
            UserWarning,
            stacklevel=6,
        )

    def set(self) -> None:
        """Gives the optimizer what was read."""
        if not self.fits:
            return
        if self._slots:
            self._allocate()
            own = slots(self.optimizer, self._trained)
            if [a.shape for a in own] != [a.shape for a in self._slots]:
                raise ValueError(f"the state of '{self.optimizer.name}' has other shapes")
            for mine, stored in zip(own, self._slots, strict=True):
                mine[...] = stored
        elif self.optimizer.built:
            for slot in slots(self.optimizer, self._trained):
                slot[...] = self.optimizer._slot_start
        self.optimizer.iterations = int(self._start[0])
        if self._first > 1:
            # the file has it in float32; the config has the number itself
            stored_rate = self._start[1]
            if stored_rate != np.asarray(self.optimizer.learning_rate, stored_rate.dtype):
                self.optimizer.learning_rate = float(stored_rate)

    def _allocate(self) -> None:
        net = self.model.network()
        net.gather()
        places = [(s.variable, s.offset) for s in net.slots]
        self.optimizer.allocate(places, net.gradient.size, net.dtype)
