"""Layers that bring data to a common scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.layers.layer import Layer, Shape
from ranvier.variables import layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder


# In a file: neither adapted nor given statistics. Keras would read it as mean 0, variance 1.
_NOT_ADAPTED = -1

# Data as a whole, not an iterable of batches.
_WHOLE = (list, tuple, str, bytes, dict)


class Rescaling(Layer):
    """`y = x * scale + offset`.

    Args:
        scale: a number, or one for each entry of the last axis. 1/255 brings pixels to [0, 1].
        offset: likewise. Default 0.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Rescaling(0.5, 1.0)(np.array([[2.0, 4.0]], "float32"))
    array([[2., 3.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        for argument, value in (("scale", scale), ("offset", offset)):
            if _dtypes.as_numeric(self.label, value, argument).size == 0:
                raise ValueError(f"{self.label}: `{argument}` is empty; got {value!r}")

    def lower(self, builder: Builder, x: int) -> int:
        scale = np.atleast_1d(np.asarray(self.scale, np.float64))
        offset = np.atleast_1d(np.asarray(self.offset, np.float64))
        if scale.ndim > 1 or offset.ndim > 1:
            raise ValueError(f"{self.label}: `scale` and `offset` must be numbers or 1-D")
        if scale.size > 1 and offset.size > 1 and scale.size != offset.size:
            raise ValueError(
                f"{self.label}: `scale` has {scale.size} elements, `offset` {offset.size}"
            )
        return builder.graph.rescaling(x, scale.tolist(), offset.tolist())


class Normalization(Layer):
    """`y = (x - mean) / sqrt(variance)`, with statistics from `adapt` or given.

    Args:
        axis: the axis or axes (with the batch axis as 0) that keep statistics of their own.
            Default -1. None: one mean and variance for everything.
        mean, variance: given statistics, or None (then call `adapt`).
        invert: if True, `y = x * sqrt(variance) + mean`.

    Raises:
        ValueError: `adapt` was not called and no statistics were given; one of `mean` and
            `variance` without the other.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[5.0]], "float32"))
    array([[3.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if axis is None:
            self.axis: tuple[int, ...] = ()
        else:
            self.axis = (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"{self.label}: give both `mean` and `variance`, or neither")
        self.mean = mean
        self.variance = variance
        self.invert = bool(invert)
        self._statistics: tuple[NDArray[Any], NDArray[Any]] | None = None

    def _kept(self, rank: int) -> list[int]:
        kept = sorted(a if a >= 0 else rank + a for a in self.axis)
        if any(a < 1 or a >= rank for a in kept):
            raise ValueError(
                f"{self.label}: `axis` {self.axis} is not among the axes 1..{rank - 1} of the input"
            )
        return kept

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Takes mean and variance (in float64) over all axes but `axis` of `data`.

        Args:
            data: an array (N, ...), or an iterable of such batches.
            batch_size: rows taken at a time from an array. Default 32768.
            steps: at most so many batches, or None for all.
        """
        count, total, squares = 0, 0.0, 0.0
        shift: Any = None
        shape: Shape = ()
        for done, batch in enumerate(_batches(self.label, data, batch_size or 32768)):
            if steps is not None and done >= steps:
                break
            x = np.asarray(_dtypes.as_numeric(self.label, batch, "data"), np.float64)
            if x.ndim == 1:
                x = x[:, None]
            kept = self._kept(x.ndim)
            over = tuple(a for a in range(x.ndim) if a not in kept)
            shape = (None, *x.shape[1:])
            if shift is None:  # shifted sums lose no digits when the mean is far from 0
                shift = x.mean(axis=over, keepdims=True)
            x = x - shift
            total = total + x.sum(axis=over)
            squares = squares + np.square(x).sum(axis=over)
            count += x.size // max(1, int(np.prod([x.shape[a] for a in kept])))
        if count == 0:
            raise ValueError(f"{self.label}: adapt() got no data")
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0.0)
        self._statistics = (mean + shift.reshape(np.shape(mean)), variance)
        if not self.built:
            self.ensure_built(shape)
        self._set()

    def build(self, input_shape: Shape) -> None:
        kept = self._kept(len(input_shape))
        extents = [input_shape[a] for a in kept]
        if None in extents:
            raise ValueError(
                f"{self.label}: the axes {self.axis} must be known; got shape {input_shape}"
            )
        first = kept[0] if kept else len(input_shape)
        # statistics laid out along all axes from the first kept one on
        self._kept_shape = tuple(int(n or 0) for n in input_shape[first:])
        self._broadcast = tuple(
            int(input_shape[a] or 0) if a in kept else 1 for a in range(first, len(input_shape))
        )
        self._statistics_shape = tuple(int(n or 0) for n in extents)
        self.scale = self.add_weight(
            self._kept_shape or (1,), "ones", trainable=False, name="scale"
        )
        self.shift = self.add_weight(
            self._kept_shape or (1,), "zeros", trainable=False, name="shift"
        )
        if self.mean is not None:
            self._statistics = (self._given("mean"), self._given("variance"))
        if self._statistics is not None:
            self._set()

    def _given(self, argument: str) -> NDArray[Any]:
        value = _dtypes.as_numeric(self.label, getattr(self, argument), argument)
        if argument == "variance" and (value < 0).any():
            raise ValueError(f"{self.label}: `variance` must be >= 0; got {value}")
        try:
            return np.broadcast_to(value.astype(np.float64), self._statistics_shape)
        except ValueError:
            raise ValueError(
                f"{self.label}: `{argument}` must be a number or have shape "
                f"{self._statistics_shape}; got shape {value.shape}"
            ) from None

    def _set(self) -> None:
        assert self._statistics is not None
        mean, variance = (np.reshape(s, self._broadcast) for s in self._statistics)
        # Keras divides by max(sqrt(variance), epsilon)
        deviation = np.maximum(np.sqrt(variance), 1e-7)
        scale = deviation if self.invert else 1.0 / deviation
        shift = mean if self.invert else -mean / deviation
        shape = self.scale.shape
        self.scale.assign(np.broadcast_to(scale, self._kept_shape).reshape(shape))
        self.shift.assign(np.broadcast_to(shift, self._kept_shape).reshape(shape))
        layout.epoch += 1

    # -- files: Keras keeps mean, variance and a count, of which it makes no use ---------------

    saved_names = ("mean", "variance", "count")

    def save_own_variables(self, store: Any) -> None:
        if self.mean is not None or not self.built:
            return
        shape = self._statistics_shape
        known = self._statistics or (np.zeros(shape), np.ones(shape))
        store["0"], store["1"] = (np.reshape(s, shape) for s in known)
        store["2"] = np.int32(0 if self._statistics else _NOT_ADAPTED)

    def load_own_variables(self, store: Any) -> None:
        if self.mean is not None or not self.built:
            return
        mean, variance = (np.array(store[key], np.float64) for key in "01")
        if (variance < 0).any():
            raise ValueError(f"{self.label}: the variance must be >= 0; got {variance}")
        if store["2"] == _NOT_ADAPTED and not mean.any() and (variance == 1).all():
            self._statistics = None
            return
        self._statistics = (mean, variance)
        self._set()

    def lower(self, builder: Builder, x: int) -> int:
        if self._statistics is None:
            raise ValueError(f"{self.label}: call adapt(data) first, or give `mean` and `variance`")
        if not self._kept_shape:
            scale, shift = float(self.scale.value[0]), float(self.shift.value[0])
            return builder.graph.rescaling(x, [scale], [shift])
        return builder.graph.affine(
            x,
            list(self._kept_shape),
            builder.weight(self.scale, False),
            builder.weight(self.shift, False),
        )


def _batches(owner: str, data: Any, size: int) -> Any:
    if hasattr(data, "__iter__") and not hasattr(data, "shape") and not isinstance(data, _WHOLE):
        return iter(data)
    array = _dtypes.as_numeric(owner, data, "data")
    if array.ndim == 0:
        raise ValueError(f"{owner}: `data` must have a batch axis; got the number {array}")
    return (array[i : i + size] for i in range(0, len(array), size))
