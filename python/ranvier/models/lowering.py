"""Turning layers into a graph of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core, activations
from ranvier.layers.layer import Layer

if TYPE_CHECKING:
    from ranvier.variables import Variable

_NO_BUILD = Layer.build

LINEAR = ("linear", 0.0, 0.0, 0.0)


class Builder:
    """What `Layer.lower` gets: the graph under construction and the variables it uses.

    `builder.graph` is a `_core.Graph32` or `Graph64`; its methods add nodes and return values.
    `builder.masks` has the mask of each value that has one: a value of 1 for steps that count and
    0 for those to skip, of the shape of the sequence's first axes. Nodes only look at it.

    Args:
        sample_shape: of the input, without the batch axis.
        dtype: of everything.
        mask_axes: how many axes the mask has that comes with the input; 0: there is none.
    """

    # what makes the description of a walk that `graph.recurrent` takes
    rnn_spec: Any = _core.RnnSpec

    def __init__(
        self, sample_shape: tuple[int | None, ...], dtype: str, mask_axes: int = 0
    ) -> None:
        self.graph: Any = _core.Graph64() if dtype == "float64" else _core.Graph32()
        self.variables: list[Variable] = []
        self.trained: list[bool] = []
        extents = [-1 if n is None else n for n in sample_shape]
        self.x: int = self.graph.input(extents, mask_axes)
        self.masks: dict[int, int] = {self.x: self.x + 1} if mask_axes else {}

    def weight(self, variable: Variable, trainable: bool) -> int:
        """The graph's number for a variable; `trainable` is the layer's own flag."""
        trained = trainable and variable.trainable
        self.variables.append(variable)
        self.trained.append(trained)
        return int(self.graph.param(variable.size, trained))

    def lower(self, layer: Layer, x: int) -> int:
        """Adds a layer's own nodes; ONNX export does more here."""
        return layer.lower(self, x)

    def add(self, layer: Layer, x: int) -> int:
        """Adds a whole layer, its activity regularizer and its output's mask included."""
        before = self.masks.get(x)
        y = self.lower(layer, x)
        mask = layer.lower_mask(self, x, y, before)
        x = y
        penalty = layer.activity_regularizer
        if penalty is not None:
            if penalty.native is None:
                raise ValueError(
                    f"{layer.label}: `activity_regularizer` must be L1, L2 or L1L2; got {penalty!r}"
                )
            x = self.graph.activity_regularizer(x, *penalty.native)
        self.graph.label(layer.label)
        if mask is None:
            self.masks.pop(x, None)
        else:
            self.masks[x] = mask
        return x

    def finish(self, x: int) -> None:
        """Makes `x` and its mask the graph's output."""
        y = x
        # a graph without nodes (only an InputLayer) still has an output: its input
        if x == self.x:
            y = self.graph.activation(x, *LINEAR)
        self.graph.set_output(y, self.masks.get(x, -1))

    def split_activation(self, label: str, function: Any) -> tuple[tuple[Any, ...], Any]:
        """(what a matrix product may apply as it goes, what must be a node of its own).

        Softmax works on rows; a sigmoid stays a node so that, as the last one, binary
        cross-entropy can take its place and work on logits.
        """
        native = getattr(function, "native", None)
        if native is None or native[0] in ("softmax", "log_softmax", "sigmoid"):
            return LINEAR, function
        return tuple(native), None

    def activation(self, label: str, function: Any, x: int) -> int:
        """Adds the nodes of an activation function (None: none)."""
        if function is None:
            return x
        # Keras takes layers like LeakyReLU() here; those with weights would need building
        if isinstance(function, Layer) and function.is_native and type(function).build is _NO_BUILD:
            return self.add(function, x)
        native = getattr(function, "native", None)
        if isinstance(function, activations.RowActivation):
            raise ValueError(
                f"{label}: put `layers.Activation({function.__name__!r})` after the layer: it runs "
                "in Python"
            )
        if native is None:
            raise ValueError(
                f"{label}: the activation {function!r} is not one of ranvier's, or has weights; "
                "put it into the model as a Layer (with `forward` and `backward` if it is your own)"
            )
        if native[0] in ("softmax", "log_softmax"):
            return int(self.graph.softmax(x, -1, native[0] == "log_softmax"))
        if native[0] == "linear":
            return x
        return int(self.graph.activation(x, *native))
