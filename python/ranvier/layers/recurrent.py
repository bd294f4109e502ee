"""SimpleRNN, LSTM and GRU: the engine walks whole sequences, forward and back."""

from __future__ import annotations

from typing import Any

from ranvier.layers.cells import GRUCell, LSTMCell, SimpleRNNCell
from ranvier.layers.layer import auto_name, snake_case
from ranvier.layers.rnn import RNN


class CellLayer(RNN):
    """A layer of one kind of cell, whose arguments are its own too."""

    cell_class: Any = None

    def __init__(self, cell: dict[str, Any], **kwargs: Any) -> None:
        # of Keras: which code computes it, which changes no numbers
        kwargs.pop("implementation", None)
        if kwargs.pop("use_cudnn", "auto") not in ("auto", False):
            raise ValueError(
                f"{type(self).__name__}: `use_cudnn` must be 'auto' or False: there is no GPU here"
            )
        shared: dict[str, Any] = {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        kind = type(self).__name__
        if kwargs.get("name") is None:
            kwargs["name"] = auto_name(snake_case(kind))
        shared["name"] = snake_case(self.cell_class.__name__)
        shared["owner"] = f"{kind} '{kwargs['name']}'"
        super().__init__(self.cell_class(**cell, **shared), **kwargs)

    def __getattr__(self, name: str) -> Any:
        cell = self.__dict__.get("cell")
        if cell is not None and name in type(cell).constructor_arguments():
            return getattr(cell, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for kept_out in ("cell", "use_cudnn"):
            config.pop(kept_out, None)
        config.setdefault("activity_regularizer", None)  # as Keras has it
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


class SimpleRNN(CellLayer):
    """A recurrent layer: `h_t = activation(x_t W + h_(t-1) R + b)` at every step t.

    Args:
        units: number of outputs, >= 1.
        activation: elementwise; default "tanh".
        use_bias: whether b is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: of W ("glorot_uniform"),
            R ("orthogonal") and b ("zeros").
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, recurrent_constraint, bias_constraint: projections, or None.
        dropout, recurrent_dropout: shares of x and of the state before that training drops, in
            [0, 1]; one pattern a row for all steps and gates.
        seed: of the dropout, an integer or None.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as
            `RNN` has them, all False by default.

    Shapes:
        input (N, T, F), output (N, units), or (N, T, units) with `return_sequences`; W is
        (F, units), R is (units, units). T may vary from batch to batch.

    Raises:
        ValueError: `units` is not a positive integer; an activation is not elementwise; the input
            has not three axes or no steps.

    Reference: Elman, Finding structure in time, Cognitive Science 14 (1990); backpropagation
    through time: Werbos, Proceedings of the IEEE 78 (1990).

    >>> import numpy as np, ranvier
    >>> ranvier.layers.SimpleRNN(4)(np.ones((2, 10, 3), "float32")).shape
    (2, 4)
    """

    cell_class = SimpleRNNCell

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = {
            "units": units,
            "activation": activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
        }
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )


class LSTM(CellLayer):
    """Long short-term memory: gates decide what the cell's state c forgets, takes in and shows.

    `i, f, o = recurrent_activation(...)` and `g = activation(...)` of `x_t W + h_(t-1) R + b`;
    `c_t = f c_(t-1) + i g`, `h_t = o activation(c_t)`.

    Args:
        units: number of outputs, >= 1.
        activation: of g and c, elementwise; default "tanh".
        recurrent_activation: of the gates i, f and o; default "sigmoid".
        use_bias: whether b is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: of W ("glorot_uniform"),
            R ("orthogonal") and b ("zeros").
        unit_forget_bias: the bias of f begins at 1. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, recurrent_constraint, bias_constraint: projections, or None.
        dropout, recurrent_dropout: shares of x and of the state before that training drops, in
            [0, 1]; one pattern a row for all steps and gates.
        seed: of the dropout, an integer or None.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as
            `RNN` has them, all False by default.
        use_cudnn: of Keras; "auto" or False.

    Shapes:
        input (N, T, F), output (N, units), or (N, T, units) with `return_sequences`; W is
        (F, 4 units), R is (units, 4 units), columns in the order i, f, g, o. T may vary from batch
        to batch. States are h and c.

    Raises:
        ValueError: `units` is not a positive integer; an activation is not elementwise; the input
            has not three axes or no steps.

    Reference: Hochreiter & Schmidhuber, Neural Computation 9 (1997); forget gate: Gers et al.,
    Neural Computation 12 (2000).

    >>> import numpy as np, ranvier
    >>> lstm = ranvier.layers.LSTM(4, return_sequences=True, return_state=True)
    >>> y, h, c = lstm(np.ones((2, 10, 3), "float32"))
    >>> y.shape, h.shape, c.shape
    ((2, 10, 4), (2, 4), (2, 4))
    """

    cell_class = LSTMCell

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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        cell = {
            "units": units,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
        }
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            use_cudnn=use_cudnn,
            **kwargs,
        )


class GRU(CellLayer):
    """A gated recurrent unit: `h_t = z h_(t-1) + (1 - z) x`, gates z and r, candidate x.

    `z, r = recurrent_activation(...)` of `x_t W + h_(t-1) R + b`, and
    `x = activation(x_t W + b + r (h_(t-1) R + b'))` with `reset_after`, else
    `x = activation(x_t W + b + (r h_(t-1)) R)`.

    Args:
        units: number of outputs, >= 1.
        activation: of the candidate, elementwise; default "tanh".
        recurrent_activation: of the gates; default "sigmoid".
        use_bias: whether b is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: of W ("glorot_uniform"),
            R ("orthogonal") and b ("zeros").
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, or None.
        activity_regularizer: penalty on the output, or None.
        kernel_constraint, recurrent_constraint, bias_constraint: projections, or None.
        dropout, recurrent_dropout: shares of x and of the state before that training drops, in
            [0, 1]; one pattern a row for all steps and gates.
        seed: of the dropout, an integer or None.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as
            `RNN` has them, all False by default.
        reset_after: r acts after the product with R. Default True.
        use_cudnn: of Keras; "auto" or False.

    Shapes:
        input (N, T, F), output (N, units), or (N, T, units) with `return_sequences`; W is
        (F, 3 units), R is (units, 3 units), columns in the order z, r, x; the bias is (2, 3 units)
        with `reset_after`, else (3 units,). T may vary from batch to batch.

    Raises:
        ValueError: `units` is not a positive integer; an activation is not elementwise; the input
            has not three axes or no steps.

    Reference: Cho et al., EMNLP (2014); `reset_after`: Keras 3 and cuDNN.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.GRU(4)(np.ones((2, 10, 3), "float32")).shape
    (2, 4)
    """

    cell_class = GRUCell

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        cell = {
            "units": units,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
            "reset_after": reset_after,
        }
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            use_cudnn=use_cudnn,
            **kwargs,
        )
