"""The network inside a multi-layer perceptron, and what ties it to `coefs_` and `intercepts_`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import layers, ops, regularizers
from ranvier.models import Sequential
from ranvier.models.feed import Feed, Rows
from ranvier.models.network import Network
from ranvier.models.steps import Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.layer import Shape

# scikit-learn's names of activations that Keras calls otherwise.
_NAMES = {"identity": "linear", "logistic": "sigmoid", "exp": "exponential"}
# Rows that a full-batch gradient takes at a time, and that predictions of sparse data do.
_ROWS = 512


# A sparse matrix that is small enough, and not too thin, is faster as an array.
_DENSE_BYTES = 64 << 20
_DENSE_FEATURES, _THIN = 512, 0.03


def is_sparse(x: Any) -> bool:
    return hasattr(x, "tocsr")


def made_dense(x: Any) -> Any:
    """x, as an array where that is the faster form to train on."""
    if not is_sparse(x):
        return x
    size = x.shape[0] * x.shape[1]
    small = size * x.dtype.itemsize <= _DENSE_BYTES
    thin = x.shape[1] > _DENSE_FEATURES and x.nnz < _THIN * size
    return x.toarray() if small and not thin else x.tocsr()


class SparseDense(layers.Layer):
    """`y = x W + b` for a sparse matrix x, whose gradient is never wanted; SciPy multiplies."""

    def __init__(self, units: int, kernel_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def build(self, input_shape: Shape) -> None:
        shape = (input_shape[-1] or 0, self.units)
        self.kernel = self.add_weight(
            shape, initializer="zeros", regularizer=self.kernel_regularizer, name="kernel"
        )
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def forward(self, x: Any, training: bool = False) -> tuple[NDArray[Any], Any]:
        if is_sparse(x):
            return x @ self.kernel.value + self.bias.value, x
        return ops.matmul(x, self.kernel.value, self.bias.value), x

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        return np.empty(0, dy.dtype), [cache.T @ dy, dy.sum(0)]


@dataclass
class Design:
    """What a network is made from: `units` and `activations` from the inputs to the outputs."""

    units: list[int]
    activations: list[Any]  # of the hidden layers
    out_activation: str
    dtype: str
    alpha: float = 0.0
    sparse: bool = False
    batch_normalization: bool = False
    dropout: list[float] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)  # of dropout

    def build(self) -> Sequential:
        """The model, its weights zero."""
        given: dict[str, Any] = {"dtype": self.dtype, "kernel_initializer": "zeros"}
        if self.alpha > 0:
            given["kernel_regularizer"] = regularizers.L2(0.5 * self.alpha)
        stack: list[Any] = [layers.Input((self.units[0],), dtype=self.dtype)]
        for i, units in enumerate(self.units[1:]):
            last = i == len(self.units) - 2
            function = self.out_activation if last else self.activations[i]
            function = _NAMES.get(function, function) if isinstance(function, str) else function
            # an activation of its own can be left out (logits), or follow a normalization
            apart = self.sparse or last or self.batch_normalization
            if self.sparse and i == 0:
                more = {k: v for k, v in given.items() if k != "kernel_initializer"}
                stack.append(SparseDense(units, **more))
            else:
                stack.append(layers.Dense(units, None if apart else function, **given))
            if self.batch_normalization and not last:
                # few steps an epoch: Keras' 0.99 would not have forgotten the start
                stack.append(layers.BatchNormalization(momentum=0.9, dtype=self.dtype))
            if apart and function != "linear":
                stack.append(_activation(function, self.dtype))
            if not last and self.dropout[i] > 0:
                stack.append(layers.Dropout(self.dropout[i], seed=self.seeds[i], dtype=self.dtype))
        return Sequential(stack)


def _activation(function: Any, dtype: str) -> Any:
    if isinstance(function, layers.Layer):
        return function
    return layers.Activation(function, dtype=dtype)


class SparseSteps(Steps):
    """Steps whose rows are those of a sparse matrix."""

    def _batch(self, x: Any) -> Any:
        return x


class Perceptron:
    """A model that is trained and asked for outputs.

    Args:
        model: what `Design.build` made.
        owner: the estimator's name, for errors.
    """

    def __init__(self, model: Sequential, owner: str) -> None:
        self.model = model
        self.owner = owner
        dense = [x for x in model.layers if isinstance(x, (layers.Dense, SparseDense))]
        self.kernels = [layer.kernel for layer in dense]
        self.biases: list[Any] = [layer.bias for layer in dense]
        self.sparse = isinstance(dense[0], SparseDense)
        self.net = model.network()
        # sparse data pass through Python, where the loss works on logits
        self.trained = self.net
        if self.sparse and model.layers[-1] is not dense[-1]:
            self.trained = Network(model.layers[:-1], (dense[0].kernel.shape[0],), self.net.dtype)
        self.trained.gather()
        self.net.refresh()

    @property
    def dtype(self) -> str:
        return self.net.dtype

    @property
    def coefs(self) -> list[NDArray[Any]]:
        """The live weights."""
        return [v.value for v in self.kernels]

    @property
    def intercepts(self) -> list[NDArray[Any]]:
        return [v.value for v in self.biases]

    def assign(self, coefs: list[Any], intercepts: list[Any]) -> bool:
        """Takes weights over that are not the live arrays; whether there were any."""
        changed = False
        pairs = [*zip(self.kernels, coefs, strict=True), *zip(self.biases, intercepts, strict=True)]
        for variable, given in pairs:
            if given is not variable.value:
                variable.assign(np.reshape(given, variable.shape))
                changed = True
        return changed

    def steps(self, loss: Any, optimizer: Any) -> Steps:
        """What trains the model; ready for the first step."""
        make = SparseSteps if self.sparse else Steps
        steps = make(self.owner, self.trained, loss, [], [], optimizer, shares_penalty=True)
        steps.prepare()
        return steps

    def rows(self, x: Any, y: Any, weights: Any) -> Rows:
        """Data as a `Feed` has them."""
        return Rows(x.tocsr() if is_sparse(x) else x, y, weights)

    def whole(self, x: Any, y: Any, weights: Any) -> Feed:
        """All rows, as `accumulate` goes over them."""
        return Feed(self.rows(x, y, weights), _ROWS)

    def outputs(self, x: Any) -> NDArray[Any]:
        """The outputs for rows x, dense or sparse."""
        if not is_sparse(x):
            x = np.ascontiguousarray(x, self.net.dtype)
            self.net.refresh()
            y = self.net.infer(x) if len(x) <= _ROWS else None
            return self.net.run(x) if y is None else y
        x = x.tocsr()
        if self.sparse:
            return self.net.run(x)
        parts = [x[i : i + _ROWS].toarray() for i in range(0, x.shape[0], _ROWS)]
        return np.concatenate([self.net.run(np.ascontiguousarray(p, self.dtype)) for p in parts])

    def accumulate(self, steps: Steps, feed: Feed, sums: NDArray[Any]) -> float:
        """The sum of losses over all rows; the sums of gradients are written to `sums`."""
        if not self.sparse:
            return float(steps._trainer.accumulate(feed.native, sums))
        total, net = 0.0, self.trained
        sums[...] = 0
        for start in range(0, feed.rows.x.shape[0], feed.batch):
            x, y, weights = steps.take(feed, start)
            outputs, tape = net.forward(x, 0)
            total += steps.loss(y, outputs, weights)
            net.backward(tape, steps.loss.gradient(y, outputs, weights))
            sums += net.gradient
        return total
