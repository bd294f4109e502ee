"""Recurrent cells: what one step of SimpleRNN, LSTM and GRU does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, activations, constraints, initializers, regularizers
from ranvier._checks import number
from ranvier.layers._recurrent import Walk, state_arrays, walk_backward, walk_forward
from ranvier.layers.layer import Layer, Shape, positive_int
from ranvier.layers.regularization import seed_of
from ranvier.layers.stacked_cells import ONE_STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder
    from ranvier.variables import Variable

    Array = NDArray[Any]


class NativeCell(Layer):
    """Base of the cells that the engine computes; their arguments are the layers' too."""

    outside_models = ONE_STEP
    kind = ""
    gates = 1
    bias_rows = 0  # > 0: the bias has rows
    state_count = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # of Keras: how to compute it, which changes no numbers
        kwargs.pop("implementation", None)
        # the layer whose arguments the cell's are, as errors name it
        self._owner: str | None = kwargs.pop("owner", None)
        super().__init__(**kwargs)
        self.units = positive_int(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        # Keras' own limits: more than 1 or less than 0 is taken to them
        self.dropout = min(1.0, max(0.0, number(self.label, "dropout", dropout)))
        self.recurrent_dropout = min(
            1.0, max(0.0, number(self.label, "recurrent_dropout", recurrent_dropout))
        )
        self.seed = seed
        self.stream_seed = seed_of(self, seed)
        self.bias: Variable | None = None
        self._native("activation", self.activation)

    def build(self, input_shape: Shape) -> None:
        features = input_shape[-1] if len(input_shape) > 1 else None
        if features is None:
            raise ValueError(
                f"{self.label}: the last axis of the input must be known; got shape {input_shape}"
            )
        columns = self.gates * self.units
        self.kernel = self.add_weight(
            (features, columns),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, columns),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
            name="recurrent_kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.bias_rows, columns) if self.bias_rows else (columns,),
                initializer=self._bias_start(),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def _bias_start(self) -> Any:
        return self.bias_initializer

    @property
    def label(self) -> str:
        return self._owner or super().label

    @property
    def state_size(self) -> Any:
        return self.units if self.state_count == 1 else [self.units] * self.state_count

    @property
    def output_size(self) -> int:
        return self.units

    @property
    def state_sizes(self) -> list[int]:
        """`state_size` as a list."""
        return [self.units] * self.state_count

    def get_initial_state(self, batch_size: int) -> list[Array]:
        """Zeros, one array (batch_size, units) for each state."""
        return [np.zeros((batch_size, self.units), self.dtype) for _ in range(self.state_count)]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.units)

    # -- what the engine is told ------------------------------------------------------------

    def native_activations(self) -> tuple[Any, Any]:
        """Of the state and of the gates, as the engine names them."""
        gate = getattr(self, "recurrent_activation", activations.sigmoid)
        return self._native("activation", self.activation), self._native(
            "recurrent_activation", gate
        )

    def _native(self, argument: str, function: Any) -> tuple[Any, ...]:
        native = getattr(function, "native", None)
        if native is None or native[0] in ("softmax", "log_softmax"):
            raise ValueError(
                f"{self.label}: `{argument}` must be one of ranvier's elementwise activations; "
                f"got {function!r}"
            )
        return tuple(native)

    def values(self) -> tuple[Array, Array, Array | None]:
        """Kernel, recurrent kernel and bias, as they are now."""
        bias = None if self.bias is None else self.bias.value
        return self.kernel.value, self.recurrent_kernel.value, bias

    def lower_weights(self, builder: Builder, trainable: bool) -> list[int]:
        """The graph's numbers of the weights."""
        used = [v for v in (self.kernel, self.recurrent_kernel, self.bias) if v is not None]
        return [builder.weight(v, trainable) for v in used]

    # -- one step ---------------------------------------------------------------------------

    def __call__(  # type: ignore[override]
        self, x: Any, states: Any = None, training: bool = False
    ) -> tuple[Array, list[Array]]:
        """One step: (output, new states) of x (N, F) and the states, each (N, units).

        `states` None: zeros.
        """
        array = _dtypes.as_input(self.label, x, self.dtype)
        if array.ndim != 2:
            raise ValueError(f"{self.label}: expected input of shape (N, F); got {array.shape}")
        self.ensure_built((None, array.shape[-1]))
        features = self.kernel.shape[0]
        if array.shape[1] != features:
            raise ValueError(
                f"{self.label}: expected input of shape (N, {features}); got {array.shape}"
            )
        given = state_arrays(self, states, self.state_sizes, len(array))
        y, new, _ = self.forward(array, given, training)
        return y, new

    def forward(  # type: ignore[override]
        self, x: Array, states: list[Array] | None, training: bool = False, stream: int = 0
    ) -> tuple[Array, list[Array], Any]:
        """(output, new states, what `backward` takes)."""
        x = np.ascontiguousarray(x[:, None, :], self.dtype)
        return walk_forward(self, Walk(), x, states, None, training, stream, keep=True)

    def backward(  # type: ignore[override]
        self, cache: Any, dy: Array, dstates: list[Array]
    ) -> tuple[Array, list[Array], list[Array]]:
        """(dx, gradients of the states, gradients of the weights)."""
        dx, before, weights = walk_backward(self, cache, dy, dstates)
        return dx[:, 0], before, weights


def is_native(cell: Any) -> bool:
    """Whether the engine may walk this cell: a NativeCell whose step nobody has written anew."""
    return (
        isinstance(cell, NativeCell)
        and type(cell).forward is NativeCell.forward
        and type(cell).backward is NativeCell.backward
    )


class SimpleRNNCell(NativeCell):
    """One step of a `SimpleRNN`: `h = activation(x W + h' R + b)`.

    Args:
        units: number of outputs, >= 1.
        activation: elementwise; default "tanh".
        use_bias: whether b is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: of W ("glorot_uniform"),
            R ("orthogonal") and b ("zeros").
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, or None.
        kernel_constraint, recurrent_constraint, bias_constraint: projections, or None.
        dropout, recurrent_dropout: shares of x and of h' that training drops, in [0, 1]; the same
            ones in all steps of a batch.
        seed: of the dropout, an integer or None.

    Shapes:
        input (N, F), states [(N, units)]; output (N, units) and the new states.

    Raises:
        ValueError: `units` is not a positive integer; an activation is not elementwise.

    Reference: Elman, Finding structure in time, Cognitive Science 14 (1990).

    >>> import numpy as np, ranvier
    >>> cell = ranvier.layers.SimpleRNNCell(2)
    >>> y, states = cell(np.ones((3, 4), "float32"))
    >>> y.shape, len(states)
    ((3, 2), 1)
    """

    kind = "simple"


class LSTMCell(NativeCell):
    """One step of an `LSTM`: gates i, f, o and candidate g; `c = f c' + i g`, `h = o act(c)`.

    Args:
        units: number of outputs, >= 1.
        activation: of g and c, elementwise; default "tanh".
        recurrent_activation: of the gates; default "sigmoid".
        unit_forget_bias: the bias of f begins at 1. Default True.
        the others as `SimpleRNNCell`.

    Shapes:
        input (N, F), states [h, c], each (N, units); output h and the new states. Columns of the
        weights are in the order i, f, g, o.

    Raises:
        ValueError: `units` is not a positive integer; an activation is not elementwise.

    Reference: Hochreiter & Schmidhuber, Neural Computation 9 (1997); Gers et al. (2000).

    >>> import numpy as np, ranvier
    >>> y, states = ranvier.layers.LSTMCell(2)(np.ones((3, 4), "float32"))
    >>> y.shape, len(states)
    ((3, 2), 2)
    """

    kind = "lstm"
    gates = 4
    state_count = 2

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self._native("recurrent_activation", self.recurrent_activation)
        self.unit_forget_bias = bool(unit_forget_bias)

    def _bias_start(self) -> Any:
        if not self.unit_forget_bias:
            return self.bias_initializer

        def start(shape: tuple[int, ...], dtype: Any = None) -> Array:
            parts = [self.bias_initializer((n * self.units,), dtype=dtype) for n in (1, 2)]
            return np.concatenate([parts[0], np.ones(self.units, dtype), parts[1]])

        return start


class GRUCell(NativeCell):
    """One step of a `GRU`: gates z, r and candidate x; `h = z h' + (1 - z) x`.

    `x = act(x W + b + r (h' R + b'))` with `reset_after`, else `act(x W + b + (r h') R)`.

    Args:
        units: number of outputs, >= 1.
        activation: of the candidate, elementwise; default "tanh".
        recurrent_activation: of the gates; default "sigmoid".
        reset_after: r acts after the product with R. Default True.
        the others as `SimpleRNNCell`.

    Shapes:
        input (N, F), states [(N, units)]; output (N, units) and the new states. Columns of the
        weights are in the order z, r, x; with `reset_after` the bias is (2, 3 units).

    Raises:
        ValueError: `units` is not a positive integer; an activation is not elementwise.

    Reference: Cho et al., EMNLP (2014).

    >>> import numpy as np, ranvier
    >>> y, states = ranvier.layers.GRUCell(2)(np.ones((3, 4), "float32"))
    >>> y.shape, len(states)
    ((3, 2), 1)
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self._native("recurrent_activation", self.recurrent_activation)
        self.reset_after = bool(reset_after)
        self.kind = "gru_reset_after" if self.reset_after else "gru"
        self.bias_rows = 2 if self.reset_after else 0
