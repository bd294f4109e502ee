"""Variables that an optimizer in Python keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._config import Configurable
from ranvier.initializers import get as get_initializer
from ranvier.variables import Variable

if TYPE_CHECKING:
    from collections.abc import Sequence


class State(Configurable):
    """Makes and lists state variables, in Keras 3's order."""

    name: str
    _own_variables: list[Variable]
    _references: list[Variable | None]  # the weight that each of them is of

    @property
    def variables(self) -> list[Variable]:
        """The state of an optimizer of your own: what `add_variable` and its kin made."""
        return list(self._own_variables)

    def _variables_of(self, weights: Sequence[Variable]) -> list[Variable]:
        """`variables` without the state of weights that are not among these."""
        ids = {id(None), *map(id, weights)}
        own = zip(self._own_variables, self._references, strict=True)
        return [v for v, reference in own if id(reference) in ids]

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any = "zeros",
        dtype: str | None = None,
        name: str = "",
    ) -> Variable:
        """A state variable of any shape; dtype None: float32."""
        return self._add_variable(shape, initializer, dtype, name, None)

    def _add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any,
        dtype: str | None,
        name: str,
        reference: Variable | None,
    ) -> Variable:
        kind = dtype or "float32"
        made = get_initializer(initializer)(shape, kind)
        variable = Variable(made, trainable=False, name=name, dtype=kind)
        variable.path = f"{self.name}/{name}"
        self._own_variables.append(variable)
        self._references.append(reference)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str = "", initializer: Any = "zeros"
    ) -> Variable:
        """A state variable of the shape and dtype of a weight."""
        variable = self._add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            name,
            reference_variable,
        )
        variable.path = f"{self.name}/{reference_variable.path}_{name}"
        return variable

    def add_optimizer_variables(
        self,
        trainable_variables: Sequence[Variable],
        name: Sequence[str],
        initializer: Any = "zeros",
    ) -> list[list[Variable]]:
        """For each name, a state variable of each weight, all of a weight's in turn."""
        made = [
            [self.add_variable_from_reference(v, one, initializer) for one in name]
            for v in trainable_variables
        ]
        return [list(column) for column in zip(*made, strict=True)] or [[] for _ in name]
