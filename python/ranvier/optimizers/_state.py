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

    @property
    def variables(self) -> list[Variable]:
        """The state of an optimizer of your own: what `add_variable` and its kin made."""
        return list(self._own_variables)

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any = "zeros",
        dtype: str | None = None,
        name: str = "",
    ) -> Variable:
        """A state variable of any shape; dtype None: float32."""
        kind = dtype or "float32"
        made = get_initializer(initializer)(shape, kind)
        variable = Variable(made, trainable=False, name=name, dtype=kind)
        variable.path = f"{self.name}/{name}"
        self._own_variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str = "", initializer: Any = "zeros"
    ) -> Variable:
        """A state variable of the shape and dtype of a weight."""
        variable = self.add_variable(
            reference_variable.shape, initializer, reference_variable.dtype, name
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
