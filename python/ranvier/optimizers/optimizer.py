"""The base class of optimizers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ranvier import ops
from ranvier._checks import number
from ranvier._serialize import snake
from ranvier._suggest import suggestion
from ranvier.optimizers._rates import Rates
from ranvier.variables import Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


class Optimizer(Rates):
    """Base class of optimizers.

    Those of ranvier run in the engine, over one contiguous buffer of all weights. An optimizer of
    your own writes `build(variables)` and `update_step(gradient, variable, learning_rate)`:

    >>> import numpy as np, ranvier
    >>> class Momentum(ranvier.optimizers.Optimizer):
    ...     def build(self, variables):
    ...         super().build(variables)
    ...         self.m = [self.add_variable_from_reference(v, "m") for v in variables]
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         m = self.m[self._get_variable_index(variable)]
    ...         m.assign(0.9 * m.value - learning_rate * gradient)
    ...         variable.assign(variable.value + m.value)
    >>> w = ranvier.variables.Variable([1.0, 2.0])
    >>> Momentum(learning_rate=0.5).apply([np.array([1.0, 0.0])], [w])
    >>> w.numpy()
    array([0.5, 2. ], dtype=float32)

    Args:
        learning_rate: a number >= 0, a `LearningRateSchedule`, or a function without arguments.
        weight_decay: share of a weight that each step takes off, times the learning rate; or None.
        clipnorm: the greatest norm of a variable's gradient, or None. At most one of the three.
        clipvalue: the greatest absolute value of an element of the gradient, or None.
        global_clipnorm: the greatest norm of all gradients together, or None.
        use_ema: whether `a = ema_momentum a + (1 - ema_momentum) w` is kept after each batch and
            becomes the weights at the end of `fit`. Default False.
        ema_momentum: in [0, 1]. Default 0.99.
        ema_overwrite_frequency: every so many updates a becomes the weights; or None.
        loss_scale_factor: None; nothing else is needed, as nothing is computed in float16.
        gradient_accumulation_steps: so many batches' mean gradient makes one update, >= 2; or None.
            With this or `use_ema`, each batch passes through Python.
        name: of the optimizer.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        owner = type(self).__name__
        if kwargs:
            unknown = next(iter(kwargs))
            raise TypeError(
                f"{owner} has no argument `{unknown}`."
                + suggestion(unknown, self.constructor_arguments())
            )
        if loss_scale_factor:
            raise ValueError(
                f"{owner}: `loss_scale_factor` is not in ranvier, which computes nothing in "
                f"float16; got {loss_scale_factor!r}"
            )
        clips = {
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        given = [argument for argument, value in clips.items() if value is not None]
        if len(given) > 1:
            raise ValueError(
                f"{owner}: only one of `clipnorm`, `clipvalue` and `global_clipnorm` may be set; "
                f"got {', '.join(given)}"
            )
        for argument, value in {**clips, "weight_decay": weight_decay}.items():
            if value is not None:
                number(owner, argument, value, 0.0)
        self.name = snake(owner) if name is None else name
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.loss_scale_factor = loss_scale_factor
        self._set_averages(
            use_ema, ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps
        )
        self._set_rate(learning_rate)
        self.slots: list[NDArray[Any]] = []
        self._places: list[tuple[Variable, int]] = []
        self._own_variables = []
        self._references = []
        self._undecayed: list[Any] = []

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        return self._learning_rate if name == "learning_rate" else super()._config_value(name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name} learning_rate={self.learning_rate:g}>"

    @property
    def native(self) -> dict[str, Any] | None:
        """What the engine needs to know of an optimizer that it has, else None."""
        own = self._native()
        if own is None or type(self).update_step is not Optimizer.update_step:
            return None
        common = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
        return {**own, **{name: getattr(self, name) or 0.0 for name in common}}

    def _native(self) -> dict[str, Any] | None:
        return None

    @property
    def in_engine(self) -> bool:
        """Whether whole runs of batches need nothing from Python."""
        return not (self.use_ema or self.gradient_accumulation_steps or self.native is None)

    # What each slot begins with; 0 where it ends.
    _slot_starts: tuple[float, ...] = ()

    # Numbers that Keras counts among an optimizer's state: iterations and learning rate.
    scalars = 2

    def state_size(self, weights: Sequence[Variable]) -> int:
        """How many numbers of state Keras would show for these trained weights."""
        trained = sum(v.size for v in weights)
        buffers = len(self.slots) + self.use_ema + bool(self.gradient_accumulation_steps)
        return self.scalars + buffers * trained + sum(v.size for v in self._variables_of(weights))

    # -- state ------------------------------------------------------------------------------

    @property
    def built(self) -> bool:
        return bool(self._places)

    def allocate(self, places: Sequence[tuple[Variable, int]], n: int, dtype: str) -> None:
        """Makes the state for variables that lie at these offsets of a buffer of `n` elements.

        Raises:
            ValueError: the optimizer has the state of other variables already.
        """
        if self._places:
            same = len(self._places) == len(places) and all(
                a is b for (a, _), (b, _) in zip(self._places, places, strict=True)
            )
            if not same:
                raise ValueError(
                    f"{type(self).__name__} '{self.name}' already holds the state of other "
                    "weights (another model, or this one before layers changed): make a new one "
                    "and compile with it"
                )
            if self._places != list(places):
                self._move(list(places), n)
        elif places:
            self._places = list(places)
            if self.native is None:
                self.build([v for v, _ in places])
        self._allocate(n, dtype)

    def _move(self, places: list[tuple[Variable, int]], n: int) -> None:
        """State that `build` laid out by itself, to where a model has the weights."""

        def moved(old: NDArray[Any]) -> NDArray[Any]:
            new = np.zeros(n, old.dtype)
            for (variable, at), (_, to) in zip(self._places, places, strict=True):
                new[to : to + variable.size] = old[at : at + variable.size]
            return new

        self.slots = [moved(slot) for slot in self.slots]
        self.averages = None if self.averages is None else moved(self.averages)
        self.accumulated = None if self.accumulated is None else moved(self.accumulated)
        self._places = places

    def _allocate(self, n: int, dtype: str) -> None:
        self._allocate_averages(n, dtype)
        native = self.native
        if native is None:
            return
        starts = (*self._slot_starts, 0.0, 0.0, 0.0)
        for i in range(len(self.slots), ops.optimizer_slots(native)):
            self.slots.append(np.full(n, starts[i], dtype))

    def build(self, variables: Sequence[Variable]) -> None:
        """Called once, with all variables, before the first step; makes state of one's own."""
        if self._places or not variables:
            return
        ends = np.cumsum([0, *(v.size for v in variables)]).tolist()
        self._places = list(zip(variables, ends, strict=False))
        self._allocate(ends[-1], variables[0].dtype)

    def _begin(self) -> None:
        """Gives state of one's own that does not begin with 0 its first value."""

    def _room(self) -> int:
        """The length of a buffer of gradients."""
        if self.slots:
            return len(self.slots[0])
        return max(offset + v.size for v, offset in self._places)

    def _get_variable_index(self, variable: Variable) -> int:
        for i, (own, _) in enumerate(self._places):
            if own is variable:
                return i
        raise ValueError(f"{type(self).__name__} '{self.name}' does not know {variable!r}")

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        import copy

        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return new

    # -- weight decay -----------------------------------------------------------------------

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Variables that `weight_decay` leaves alone.

        Args:
            var_list: variables, or None.
            var_names: regular expressions that are searched for in variables' paths, or None.
        """
        self._undecayed = [*(var_list or ()), *(re.compile(name) for name in var_names or ())]

    def decays(self, variable: Variable) -> bool:
        """Whether weight decay applies to a variable."""
        return not self._undecayed or not any(
            rule is variable if isinstance(rule, Variable) else rule.search(variable.path)
            for rule in self._undecayed
        )

    def _decay_of(self, variable: Variable) -> float:
        return (self.weight_decay or 0.0) if self.decays(variable) else 0.0

    # -- stepping ---------------------------------------------------------------------------

    def update_step(self, gradient: NDArray[Any], variable: Variable, learning_rate: float) -> None:
        """Updates one variable. `gradient` is clipped already, weight decay done."""
        raise NotImplementedError(
            f"{type(self).__name__} must write update_step(gradient, variable, learning_rate)"
        )

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """One step on gradients of one's own, in the order of the variables.

        Args:
            grads: arrays of the variables' shapes.
            trainable_variables: None: those of the calls before.

        Raises:
            ValueError: counts or shapes that differ, or variables that the optimizer was not
                built with.
        """
        owner = f"{type(self).__name__} '{self.name}'"
        if trainable_variables is None:
            trainable_variables = [v for v, _ in self._places]
        if len(grads) != len(trainable_variables):
            raise ValueError(
                f"{owner}: got {len(grads)} gradients for {len(trainable_variables)} variables"
            )
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            if np.shape(gradient) != variable.shape:
                raise ValueError(
                    f"{owner}: {variable!r} needs a gradient of its shape; got {np.shape(gradient)}"
                )
        if not trainable_variables:
            return
        dtype = trainable_variables[0].dtype
        if not self._places:
            self.build(trainable_variables)
        where = {id(v): offset for v, offset in self._places}
        for variable in trainable_variables:
            if id(variable) not in where:
                raise ValueError(f"{owner} was built without {variable!r}")
        buffer = np.zeros(self._room(), dtype)
        places = [(v, where[id(v)]) for v in trainable_variables]
        for (variable, offset), gradient in zip(places, grads, strict=True):
            buffer[offset : offset + variable.size] = np.reshape(gradient, -1)
        self.step(places, buffer)
        for variable in trainable_variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """`apply` for pairs of gradient and variable."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def step(self, places: Sequence[tuple[Variable, int]], gradient: NDArray[Any]) -> None:
        """One step of these variables, whose gradients lie at their offsets of one buffer."""
        if not self._accumulates(places, gradient):
            self._update(places, gradient)
        self._average()
        self._iterations += 1

    def _update(self, places: Sequence[tuple[Variable, int]], gradient: NDArray[Any]) -> None:
        rate = self.learning_rate
        native = self.native
        if native is not None:
            native["learning_rate"] = rate
            variables = [
                (v.value.reshape(-1), at, v.size, self.decays(v), 0.0, 0.0) for v, at in places
            ]
            ops.optimizer_step(native, self.iterations, variables, gradient, self.slots)
        else:
            grads = [gradient[at : at + v.size].reshape(v.shape) for v, at in places]
            for (variable, _), g in zip(places, self._clip(grads), strict=True):
                decay = self._decay_of(variable)
                if decay:
                    variable.assign(variable.value * (1 - decay * rate))
                self.update_step(g, variable, rate)

    def _clip(self, grads: list[NDArray[Any]]) -> list[NDArray[Any]]:
        if self.clipnorm:
            return [g * (self.clipnorm / max(norm([g]), self.clipnorm)) for g in grads]
        if self.global_clipnorm:
            share = self.global_clipnorm / max(norm(grads), self.global_clipnorm)
            return [g * share for g in grads]
        if self.clipvalue:
            return [np.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads


def norm(arrays: list[NDArray[Any]]) -> float:
    """Euclid's norm of arrays together, added up in a fixed order."""
    return math.sqrt(sum(ops.reduce_sumsq(a) for a in arrays))
