"""The layer that walks a cell through time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import _dtypes
from ranvier._loading import claim
from ranvier.layers import _recurrent
from ranvier.layers._nested import Nested
from ranvier.layers._recurrent import Walk, mask_array, state_arrays
from ranvier.layers._steps import steps_back, steps_forward
from ranvier.layers.cells import is_native
from ranvier.layers.layer import Layer, Shape
from ranvier.layers.stacked_cells import StackedRNNCells, sizes_of, width_of
from ranvier.variables import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder

    Array = NDArray[Any]


SEVERAL = (
    "has several outputs with `return_state`, which a model cannot pass on; call the layer itself"
)


class Kept(NamedTuple):
    """What a pass in Python leaves for `backward`."""

    tapes: list[Any]
    steps: int


class RNN(Nested):
    """Walks a cell through the steps of each sequence.

    Args:
        cell: a `SimpleRNNCell`, `LSTMCell`, `GRUCell`, `StackedRNNCells`, a list of cells, or a
            cell of your own: a Layer with `state_size`, `forward(x, states, training)` that
            returns (output, new states, cache), and `backward(cache, dy, dstates)` that returns
            (dx, gradients of the states, gradients of its trainable weights).
        return_sequences: whether the output is that of every step; else of the last. Default False.
        return_state: whether a call also returns the last states. Default False.
        go_backwards: from the last step to the first; outputs are in that order. Default False.
        stateful: each batch begins with the states that the one before left; needs a fixed batch
            size (`Input(batch_shape=...)`). `reset_states()` sets them to zero. Default False.
        unroll: of Keras; changes no numbers.
        zero_output_for_mask: skipped steps have output 0, else the state as it stays.

    Shapes:
        input (N, T, F), output (N, units), or (N, T, units) with `return_sequences`. A mask (N, T),
        of `Masking`, `Embedding(mask_zero=True)` or given to the call, skips the steps where it is
        False: states stay as they are.

    Raises:
        ValueError: the cell has no `state_size`; a stateful layer's batch size is not known, or a
            batch has another size.

    Long sequences (truncated backpropagation through time): cut them into pieces that follow each
    other in a `stateful` model, and call `reset_states()` where a new sequence begins.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> layers.RNN([layers.LSTMCell(4), layers.GRUCell(2)])(np.ones((3, 5, 1), "float32")).shape
    (3, 2)
    """

    supports_masking = True

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell, dtype=self.dtype)
        self.cell: Any = cell
        if not isinstance(self.cell, Layer) or getattr(self.cell, "state_size", None) is None:
            raise ValueError(
                f"{self.label}: `cell` must be a recurrent cell (a Layer with `state_size`) or a "
                f"list of cells; got {cell!r}"
            )
        if self.cell.dtype != self.dtype:
            raise ValueError(
                f"{self.label}: the cell's dtype must be the layer's, {self.dtype}; "
                f"got {self.cell.dtype}"
            )
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.states: list[Variable] | None = None
        self._calls = 0

    # -- structure --------------------------------------------------------------------------

    def inner_layers(self) -> list[Layer]:
        return [self.cell]

    @property
    def cells(self) -> list[Any]:
        """The cells that stand on each other, one or more."""
        return self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]

    @property
    def is_native(self) -> bool:
        return super().is_native and all(is_native(cell) for cell in self.cells)

    @property
    def state_size(self) -> Any:
        """The cell's own, as a list."""
        size = self.cell.state_size
        return list(size) if isinstance(size, (list, tuple)) else [size]

    @property
    def _sizes(self) -> list[int]:
        return [n for cell in self.cells for n in sizes_of(cell)]

    def build(self, input_shape: Shape) -> None:
        self._require_rank(len(input_shape))
        self.cell.ensure_built((input_shape[0], *input_shape[2:]))
        self._prefix_paths()
        if not self.stateful:
            return
        batch = input_shape[0]
        if batch is None:
            raise ValueError(
                f"{self.label}: `stateful` needs a fixed batch size; give the model "
                "Input(batch_shape=(batch, steps, features))"
            )
        if self.states is None:
            claim(self.label, (batch, sum(self._sizes)))
            try:
                zeros = [np.zeros((batch, n), self.dtype) for n in self._sizes]
            except (MemoryError, ValueError):
                raise MemoryError(
                    f"{self.label}: cannot allocate states of {batch} rows of {self._sizes}"
                ) from None
            self.states = [
                Variable(value, trainable=False, name=f"state_{i}", dtype=self.dtype)
                for i, value in enumerate(zeros)
            ]

    def _require_rank(self, rank: int) -> None:
        if rank != 3:
            raise ValueError(
                f"{self.label}: expected input of shape (batch, steps, features); "
                f"got {rank} {'axis' if rank == 1 else 'axes'}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._require_rank(len(input_shape))
        batch, steps = input_shape[:2]
        units = width_of(self.cells[-1])
        y = (batch, steps, units) if self.return_sequences else (batch, units)
        if not self.return_state:
            return y
        sizes = self.state_size
        return (y, *([(batch, k) for k in n] if isinstance(n, (list, tuple)) else (batch, n)
                     for n in sizes))  # fmt: skip

    # -- states -----------------------------------------------------------------------------

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states before the first step if none are given: the cell's, else zeros."""
        make = getattr(self.cell, "get_initial_state", None)
        if make is None:
            return [np.zeros((batch_size, n), self.dtype) for n in self._sizes]
        states = make(batch_size=batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def reset_states(self, states: Any = None) -> None:
        """Sets the states of a stateful layer to zero, or to `states`."""
        if not self.stateful or self.states is None:
            if states is None:
                return
            raise ValueError(f"{self.label}: reset_states(states) needs a built, stateful layer")
        rows = self.states[0].shape[0]
        given = state_arrays(self, states, self._sizes, rows)
        for i, variable in enumerate(self.states):
            variable.assign(np.zeros(variable.shape) if given is None else given[i])

    def reset_state(self) -> None:
        """`reset_states()`."""
        self.reset_states()

    # -- in a model -------------------------------------------------------------------------

    def walks(self, batch: int = 0) -> list[Walk]:
        """How each cell's input is walked through: only the first one's may be backwards."""
        last = len(self.cells) - 1
        return [
            Walk(
                sequences=self.return_sequences or i < last,
                backwards=self.go_backwards and i == 0,
                mask_backwards=self.go_backwards,
                zero_masked=self.zero_output_for_mask and i == last,
                batch=batch,
            )
            for i in range(last + 1)
        ]

    def lowered(self, builder: Builder, trainable: bool = True) -> list[tuple[Any, list[int]]]:
        """(description, parameters) of each cell's node."""
        self._require_one_output()
        states = iter(self.states or ())
        batch = self.states[0].shape[0] if self.states else 0
        nodes = []
        for cell, walk in zip(self.cells, self.walks(batch), strict=True):
            params = cell.lower_weights(builder, trainable and self.trainable and cell.trainable)
            if self.states:
                params += [builder.weight(next(states), False) for _ in sizes_of(cell)]
            nodes.append((_recurrent.spec(cell, walk, builder.rnn_spec), params))
        return nodes

    @property
    def outside_models(self) -> str | None:  # type: ignore[override]
        return SEVERAL if self.return_state else None

    def _require_one_output(self) -> None:
        if self.outside_models is not None:
            raise ValueError(f"{self.label} {self.outside_models}")

    def lower(self, builder: Builder, x: int) -> int:
        mask = builder.masks.get(x, -1)
        for cell, (spec, params) in zip(self.cells, self.lowered(builder), strict=True):
            x = int(builder.graph.recurrent(x, mask, spec, params, cell.stream_seed))
        return x

    def lower_mask(self, builder: Builder, x: int, y: int, mask: int | None) -> int | None:
        return mask if self.return_sequences else None

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """That of the inputs, if the output has steps."""
        return previous_mask if self.return_sequences else None

    def forward(self, x: Array, training: bool = False, mask: Any = None) -> tuple[Array, Any]:
        """A cell of one's own: steps in Python."""
        self._require_one_output()
        self._require_steps(x.shape)
        skipped = mask_array(self, mask, x.shape[:2])
        y, states, kept = self.walk(x, self._first_states(x, None), skipped, training, keep=True)
        self._leave(states)
        return y, kept

    def backward(self, cache: Any, dy: Array) -> tuple[Array, list[Array]]:
        dx, _, gradients = self.walk_back(cache, dy)
        return dx, gradients if self.trainable else []

    # -- by itself --------------------------------------------------------------------------

    def __call__(  # type: ignore[override]
        self, x: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """The output on an array (N, T, F); with `return_state` also the last states.

        Args:
            initial_state: the states before the first step, as `return_state` gives them; zeros
                (or those of a stateful layer) if None.
            mask: (N, T), False where a step is skipped, or None.
            training: whether dropout is on.
        """
        array = _dtypes.as_input(self.label, x, self.dtype)
        self._require_rank(array.ndim)
        self.ensure_built(array.shape)
        self._require_steps(array.shape)
        first = self._first_states(array, initial_state)
        array = np.ascontiguousarray(array)
        kept = mask_array(self, mask, array.shape[:2])
        y, states, _ = self.walk(array, first, kept, training)
        self._leave(states)
        return (y, *self._grouped(states)) if self.return_state else y

    def _require_steps(self, shape: tuple[int, ...]) -> None:
        cell = self.cells[0]
        features = cell.kernel.shape[0] if is_native(cell) else shape[2]
        if shape[1] == 0 or shape[2] != features:
            raise ValueError(
                f"{self.label}: expected input of shape (batch, steps >= 1, {features}); "
                f"got {shape}"
            )

    def _grouped(self, states: list[Array]) -> list[Any]:
        """Of stacked cells: a list for each, as Keras returns them."""
        if not isinstance(self.cell, StackedRNNCells):
            return states
        left = iter(states)
        return [[next(left) for _ in sizes_of(cell)] for cell in self.cells]

    def _first_states(self, x: Array, given: Any) -> list[Array] | None:
        if self.states is not None:
            rows = self.states[0].shape[0]
            if len(x) != rows:
                raise ValueError(
                    f"{self.label}: a stateful layer expects batches of the {rows} rows that its "
                    f"states have; got input of shape {x.shape}"
                )
            if given is None:
                return [v.numpy() for v in self.states]  # these change before `backward`
        if given is None and not self.is_native:
            given = self.get_initial_state(len(x))
        if isinstance(given, (list, tuple)) and isinstance(self.cell, StackedRNNCells):
            groups = (g if isinstance(g, (list, tuple)) else [g] for g in given)
            given = [state for group in groups for state in group]
        return state_arrays(self, given, self._sizes, len(x))

    def _leave(self, states: list[Array]) -> None:
        for variable, state in zip(self.states or (), states, strict=False):
            variable.assign(state)

    def walk(
        self,
        x: Array,
        states: list[Array] | None,
        mask: Array | None,
        training: bool,
        keep: bool = False,
    ) -> tuple[Array, list[Array], Kept | None]:
        """(output, last states of all cells, what `walk_back` takes)."""
        if training:
            self._calls += 1
        tapes, last = [], []
        given = iter(states or ())
        for cell, walk in zip(self.cells, self.walks(), strict=True):
            own = None if states is None else [next(given) for _ in sizes_of(cell)]
            run = _recurrent.walk_forward if is_native(cell) else steps_forward
            x, after, tape = run(cell, walk, x, own, mask, training, self._calls, keep)
            tapes.append(tape)
            last += after
        return x, last, Kept(tapes, x.shape[1]) if keep else None

    def walk_back(
        self, kept: Kept, dy: Array, dstates: list[Array] | None = None
    ) -> tuple[Array, list[Array], list[Array]]:
        """(dx, gradients of the first states, gradients of the trainable weights)."""
        before: list[Array] = []
        gradients: list[Array] = []
        dy = np.ascontiguousarray(dy, self.dtype)
        rest = None if dstates is None else list(dstates)
        for cell, tape in zip(reversed(self.cells), reversed(kept.tapes), strict=True):
            n = len(sizes_of(cell))
            own = None if rest is None else [rest.pop() for _ in range(n)][::-1]
            run = _recurrent.walk_backward if is_native(cell) else steps_back
            dy, first, weights = run(cell, tape, dy, own)
            before = first + before
            if is_native(cell):
                trained = cell.trainable_weights
                both = zip(cell.all_variables(), weights, strict=True)
                weights = [g for v, g in both if any(v is t for t in trained)]
            gradients = weights + gradients
        return dy, before, gradients

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RNN:
        from ranvier._serialize import deserialize_keras_object

        config = dict(config)
        if isinstance(config.get("cell"), dict):
            config["cell"] = deserialize_keras_object(config["cell"])
        return cls(**config)
