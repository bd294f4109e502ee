"""A layer inside whose kernel has spectral norm 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import initializers
from ranvier.layers.layer import Shape, positive_int
from ranvier.layers.wrapper import Wrapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.layer import Layer
    from ranvier.models.network import Network
    from ranvier.variables import Variable


class SpectralNormalization(Wrapper):
    """Divides the kernel of the layer inside by its greatest singular value, before each step.

    By power iteration on W, the kernel as a matrix of which the last axis is the columns:
    `v = u W^T / |u W^T|, u = v W / |v W|, W <- W / (v W u^T)`, with u kept from step to step. The
    kernel itself is replaced, as by Keras on TensorFlow and PyTorch; on JAX, Keras normalizes for
    the step alone, and predicts by a kernel that it does not. A kernel of zeros stays.

    Args:
        layer: one with a `kernel` (Dense, Conv2D, ...) or `embeddings`.
        power_iterations: >= 1, default 1.

    Raises:
        ValueError: `layer` has neither, is written in Python, or has an `activity_regularizer`.

    Reference: Miyato et al., arXiv 1802.05957, algorithm 1.

    >>> import numpy as np, ranvier
    >>> dense = ranvier.layers.Dense(2, kernel_initializer="ones")
    >>> layer = ranvier.layers.SpectralNormalization(dense)
    >>> layer(np.ones((1, 8), "float32"), training=True).round(3)
    array([[2., 2.]], dtype=float32)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_int(self, "power_iterations", power_iterations)
        if layer.activity_regularizer is not None:
            raise ValueError(
                f"{self.label}: {layer.label} has an `activity_regularizer`; "
                "give it to SpectralNormalization"
            )

    @property
    def is_native(self) -> bool:
        return False

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if kernel is None or not self.layer.is_native:
            raise ValueError(
                f"{self.label}: `layer` must be one of ranvier's with a `kernel` or `embeddings`; "
                f"got {self.layer!r}"
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            (1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.layer.compute_output_shape(input_shape)

    # -- weights: the kernel, u, then the others of the layer inside, as Keras has them ----------

    def own_variables(self) -> list[Variable]:
        return [self.kernel, self.vector_u] if self.built else []

    def all_variables(self) -> list[Variable]:
        return [*self._weights, *super().all_variables()]

    @property
    def weights(self) -> list[Variable]:
        inner = super().weights
        own = self.own_variables()
        return [*own, *(v for v in inner if all(v is not o for o in own))]

    variables = weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [*self._weights, *super().non_trainable_weights] if self.trainable else self.weights

    non_trainable_variables = non_trainable_weights

    # -- running ----------------------------------------------------------------------------

    def _inner(self, shape: tuple[int, ...]) -> Network:
        """The layer inside, ready to run."""
        from ranvier.models.network import Network

        made: Network | None = self.__dict__.get("_network_inside")
        if made is None or made.sample_shape != shape:
            made = self.__dict__["_network_inside"] = Network([self.layer], shape, self.dtype)
        made.refresh()
        return made

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_network_inside", None)
        return state

    def normalize(self) -> None:
        """Divides the kernel by its greatest singular value, and follows it with u."""
        kernel, u = self.kernel.value, self.vector_u.value
        w = kernel.reshape(-1, kernel.shape[-1])
        if not w.any():
            return
        for _ in range(self.power_iterations):
            v = _unit(u @ w.T)
            u = _unit(v @ w)
        self.vector_u.assign(u)
        self.kernel.assign(kernel / (v @ w @ u.T).item())

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        network = self._inner(x.shape[1:])
        if not training:
            return network.run(x), None
        self.normalize()
        y, tape = network.forward(x, 0, want_input_gradient=True)
        return y, (network, tape)

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        network, tape = cache
        dx = network.backward(tape, np.ascontiguousarray(dy))
        if dx is None:  # of an Embedding's numbers
            dx = np.zeros_like(tape[0][0])
        at = network.offsets
        return dx, [
            network.gradient[at[id(v)] :][: v.size].reshape(v.shape) for v in self.trainable_weights
        ]


def _unit(x: NDArray[Any]) -> NDArray[Any]:
    return x / np.sqrt(np.maximum(np.sum(x * x), 1e-12))
