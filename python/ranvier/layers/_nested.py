"""Layers that hold other layers: their weights are those of what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranvier.layers.layer import Layer
from ranvier.variables import layout

if TYPE_CHECKING:
    from ranvier.variables import Variable


class Nested(Layer):
    """Base of layers with layers inside, which `inner_layers` lists."""

    def inner_layers(self) -> list[Layer]:
        """What it holds, in the order of their weights."""
        raise NotImplementedError

    def _prefix_paths(self) -> None:
        """Of the weights inside: named after this layer, too."""
        for variable in self.all_variables():
            if not variable.path.startswith(f"{self.name}/"):
                variable.path = f"{self.name}/{variable.path}"

    def all_variables(self) -> list[Variable]:
        return [v for layer in self.inner_layers() for v in layer.all_variables()]

    def trains(self, variable: Variable) -> bool:
        return self.trainable and any(
            layer.trains(variable)
            for layer in self.inner_layers()
            if any(variable is v for v in layer.all_variables())
        )

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.inner_layers():
            layer.trainable = value
        layout.epoch += 1

    @property
    def trainable_weights(self) -> list[Variable]:
        if not self.trainable:
            return []
        return [v for layer in self.inner_layers() for v in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        if not self.trainable:
            return self.weights
        return [v for layer in self.inner_layers() for v in layer.non_trainable_weights]

    @property
    def weights(self) -> list[Variable]:
        return [v for layer in self.inner_layers() for v in layer.weights]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights
