"""MultiOptimizer and OptimizerMap: several optimizers for one model."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._config import Configurable
from ranvier._serialize import deserialize_keras_object
from ranvier.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ranvier.variables import Variable


def _checked(owner: str, what: str, optimizer: Any, error: type[Exception]) -> Optimizer:
    if isinstance(optimizer, Optimizer) and not isinstance(optimizer, MultiOptimizer):
        return optimizer
    raise error(
        f"{owner}: {what} must be an Optimizer, and not a MultiOptimizer; got {optimizer!r}"
    )


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Which optimizer updates which variable, by the variable's path.

    A path is looked for among the keys; else a key is a regular expression that must match the
    whole of it (`re.fullmatch`); what matches none goes to `default_optimizer`. Paths begin with
    the model's name: "sequential/dense/kernel".

    Args:
        default_optimizer: for all other variables.
        optimizer_map: {path or pattern: optimizer}, or None.

    Raises:
        TypeError, ValueError: something else than optimizers, or no patterns.
        ValueError: on looking up a path that several patterns match.

    >>> from ranvier import optimizers
    >>> which = optimizers.OptimizerMap(optimizers.SGD(), {".*/bias": optimizers.Adam()})
    >>> which["sequential/dense/bias"].name, which["sequential/dense/kernel"].name
    ('adam', 'sgd')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Any = None) -> None:
        owner = "OptimizerMap"
        self.default_optimizer = _checked(
            owner, "`default_optimizer`", default_optimizer, TypeError
        )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"{owner}: `optimizer_map` must be a dictionary; got {optimizer_map!r}")
        self.optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self.optimizer_map:
            return self.optimizer_map[key]
        found = [pattern for pattern in self.optimizer_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f"OptimizerMap: more than one pattern matches variable '{key}': {found}"
            )
        return self.optimizer_map[found[0]] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: a key must be a string; got {key!r}")
        if key in self.optimizer_map:
            raise ValueError(
                f"OptimizerMap: '{key}' already has an optimizer, {self.optimizer_map[key]!r}"
            )
        try:
            re.compile(key)
        except re.error as error:
            raise ValueError(f"OptimizerMap: '{key}' is no regular expression: {error}") from None
        self.optimizer_map[key] = _checked(
            "OptimizerMap", f"that of '{key}'", optimizer, ValueError
        )

    def __delitem__(self, key: str) -> None:
        del self.optimizer_map[key]

    def __len__(self) -> int:
        return len(self.optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self.optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> OptimizerMap:
        return cls(**{k: deserialize_keras_object(v, custom_objects) for k, v in config.items()})


class MultiOptimizer(Optimizer):
    """Gives each variable to one of several optimizers.

    Each keeps its own learning rate, clipping, weight decay, averages and accumulation, and its own
    count of steps. A step of those in the engine is one pass over their variables; batches pass
    through Python one by one.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a variable that returns its optimizer.
        loss_scale_factor: None; see `Optimizer`.
        name: of the optimizer.

    Raises:
        TypeError, ValueError: an argument that is something else.
        AttributeError: `learning_rate` is asked for: there are several, of `optimizers`.

    >>> import ranvier
    >>> from ranvier import layers, optimizers
    >>> model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(4), layers.Dense(1)])
    >>> which = optimizers.OptimizerMap(optimizers.SGD(), {".*/bias": optimizers.Adam()})
    >>> model.compile(optimizers.MultiOptimizer(which), "mse")
    >>> [optimizer.learning_rate for optimizer in model.optimizer.optimizers]
    [0.001, 0.01]
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            raise TypeError(
                "MultiOptimizer: `optimizer_map` must be an OptimizerMap or a function of a "
                f"variable; got {optimizer_map!r}"
            )
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            self._note([*optimizer_map.values(), optimizer_map.default_optimizer])
        self._mapped = len(self._optimizers)  # those that are there whatever the variables are
        self._delegated = False

    def _note(self, found: Iterable[Optimizer]) -> None:
        for optimizer in found:
            if not any(optimizer is known for known in self._optimizers):
                self._optimizers.append(optimizer)

    @property
    def optimizers(self) -> list[Optimizer]:
        """Those of the map, the default last; then what a function returned, in its order."""
        return list(self._optimizers)

    # -- the learning rate ------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """There is none: AttributeError."""
        raise AttributeError(
            "MultiOptimizer has no learning rate of its own: ask each of its `optimizers` for its"
        )

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        raise AttributeError(
            "MultiOptimizer has no learning rate of its own: set that of each of its `optimizers`"
        )

    has_constant_rate = False

    def _rated(self) -> dict[str, Optimizer]:
        named: dict[str, Optimizer] = {}
        for optimizer in self._optimizers:
            first = name = f"learning_rate_{optimizer.name}"
            count = 0
            while name in named:
                count += 1
                name = f"{first}_{count}"
            named[name] = optimizer
        return named

    def _rate_record(self) -> list[Any]:
        return [optimizer._rate_record() for optimizer in self._optimizers]

    def _set_rate_record(self, record: list[Any]) -> None:
        for optimizer, own in zip(self._optimizers, record, strict=True):
            optimizer._set_rate_record(own)

    def __repr__(self) -> str:
        return f"<MultiOptimizer name={self.name} optimizers={self.optimizers}>"

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        return self._optimizer_map if name == "optimizer_map" else super()._config_value(name)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MultiOptimizer:
        which = deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**{**config, "optimizer_map": which})

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Refused: each of `optimizers` has its own weight decay."""
        raise ValueError("MultiOptimizer: call exclude_from_weight_decay of its `optimizers`")

    # -- state ------------------------------------------------------------------------------

    def build(self, variables: Sequence[Variable]) -> None:
        """Asks for each variable's optimizer, and builds those."""
        super().build(variables)
        if self._delegated:
            return
        try:
            self._delegate(variables)
        except BaseException:
            self._places = []
            raise
        self._delegated = True

    def _delegate(self, variables: Sequence[Variable]) -> None:
        owners = [
            _checked(
                "MultiOptimizer",
                f"that of variable '{variable.path}'",
                self._optimizer_map(variable),
                ValueError,
            )
            for variable in variables
        ]
        self._note(owners)
        for optimizer in self._optimizers:
            own = [v for v, owner in zip(variables, owners, strict=True) if owner is optimizer]
            if own:
                # a buffer of its own: one of all weights would be as many times too large
                ends = np.cumsum([0, *(v.size for v in own)]).tolist()
                places = list(zip(own, ends, strict=False))
                optimizer.allocate(places, ends[-1], own[0].dtype)

    def _groups(self, weights: Sequence[Variable]) -> list[tuple[Optimizer, list[Variable]]]:
        """The optimizers that Keras would have for these weights, each with its own of them."""
        owners = {id(v): o for o in self._optimizers for v, _ in o._places}
        found: dict[int, tuple[Optimizer, list[Variable]]] = {
            id(o): (o, []) for o in self._optimizers[: self._mapped]
        }
        for variable in weights if self._delegated else ():
            owner = owners[id(variable)]
            found.setdefault(id(owner), (owner, []))[1].append(variable)
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """The state of those of `optimizers` that keep it in variables."""
        return [v for optimizer in self._optimizers for v in optimizer.variables]

    def state_size(self, weights: Sequence[Variable]) -> int:
        """How many numbers of state Keras would show for these trained weights."""
        return self.scalars + sum(o.state_size(own) for o, own in self._groups(weights))

    # -- stepping ---------------------------------------------------------------------------

    def step(self, places: Sequence[tuple[Variable, int]], gradient: NDArray[Any]) -> None:
        """One step of these variables, whose gradients lie at their offsets of one buffer."""
        where = {id(v): at for v, at in places}
        for optimizer, own in self._groups([v for v, _ in places]):
            if not own:
                continue
            mine = [(v, at) for v, at in optimizer._places if id(v) in where]
            buffer = np.zeros(optimizer._room(), gradient.dtype)
            for v, at in mine:
                start = where[id(v)]
                buffer[at : at + v.size] = gradient[start : start + v.size]
            optimizer.step(mine, buffer)
        self._iterations += 1

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Gives variables their moving averages where their optimizer keeps them."""
        for optimizer in self._optimizers:
            optimizer.finalize_variable_values(var_list)
