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
_GROUPS = {
    "adam": ((0, 1), (2,)),
    "rmsprop": ((0,), (1,), (2,)),
    "adadelta": ((0, 1),),
    "adamax": ((0, 1),),
    "nadam": ((0, 1),),
    "ftrl": ((0, 1),),
}

_MOST = 2**53


def save(optimizer: Optimizer, trained: list[Variable]) -> dict[str, NDArray[Any]]:
    """What Keras' optimizer of that name saves: "0", "1", ..."""
    state = [np.array(optimizer._iterations, np.int64)]
    dtype = trained[0].dtype if trained else "float32"
    if optimizer.has_constant_rate:
        state.append(np.array(optimizer.learning_rate, dtype))
    if optimizer.built:
        state += slots(optimizer, trained)
        if _has_product(optimizer):
            state.append(np.array(_product(optimizer), dtype))
    return {str(i): array for i, array in enumerate(state)}


def _has_product(optimizer: Optimizer) -> bool:
    return optimizer.native is not None and optimizer.native["kind"] == "nadam"


def _product(optimizer: Optimizer) -> float:
    """Nadam's p_t, which Keras keeps and the engine computes."""
    t = np.arange(1, optimizer.iterations + 1)
    return float(np.prod(optimizer.native["beta_1"] * (1 - 0.5 * 0.96**t)))  # type: ignore[index]


def slots(optimizer: Optimizer, trained: list[Variable]) -> list[NDArray[Any]]:
    """Views of the state of each variable, in Keras' order."""
    where = {id(v): at for v, at in optimizer._places}

    def view(buffer: NDArray[Any], v: Variable) -> NDArray[Any]:
        return buffer[where[id(v)] :][: v.size].reshape(v.shape)

    placed = [v for v in trained if id(v) in where]
    around = [b for b in (optimizer.averages, optimizer.accumulated) if b is not None]
    found = [view(buffer, v) for buffer in around for v in placed]
    native = optimizer.native
    if native is None:
        return found + [v.value for v in optimizer._variables_of(trained)]
    return found + [
        view(optimizer.slots[i], v)
        for group in _GROUPS.get(native["kind"], ((0,),))
        for v in placed
        for i in group
        if i < len(optimizer.slots)
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
        if rest and _has_product(self.optimizer):  # follows from the iterations
            read(rest.pop(), ())
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
        optimizer = self.optimizer
        native = optimizer.native
        around = int(optimizer.use_ema) + bool(optimizer.gradient_accumulation_steps)
        shapes = [v.shape for _ in range(around) for v in self._trained]
        if native is None:
            own = optimizer._variables_of(self._trained)
            return shapes + [v.shape for v in own] if optimizer.built else None
        from ranvier import ops

        count = ops.optimizer_slots(native)
        groups = _GROUPS.get(native["kind"], ((0,),))
        return shapes + [v.shape for g in groups for v in self._trained for i in g if i < count]

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
                slot[...] = 0
            starts = (*self.optimizer._slot_starts, 0.0, 0.0, 0.0)
            for buffer, start in zip(self.optimizer.slots, starts, strict=False):
                buffer[...] = start
        self.optimizer._iterations = int(self._start[0])
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
