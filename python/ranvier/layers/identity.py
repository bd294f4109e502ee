"""Layers whose output is their input, and what a layer may say about its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _dtypes, regularizers
from ranvier._checks import number
from ranvier._config import Configurable
from ranvier.layers.layer import Layer

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class Identity(Layer):
    """Gives its input: `y = x`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.Identity()(np.array([[1.0, 2.0]], "float32"))
    array([[1., 2.]], dtype=float32)
    """

    supports_masking = True

    def lower(self, builder: Builder, x: int) -> int:
        return x


class ActivityRegularization(Identity):
    """Gives its input, and adds `(l1 sum |x| + l2 sum x^2) / N` of it to the loss in training.

    Args:
        l1, l2: numbers >= 0, default 0.

    Raises:
        ValueError: a number < 0.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.ActivityRegularization(l2=0.1)(np.ones((1, 2), "float32"))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l1 = number(self.label, "l1", l1, 0.0)
        self.l2 = number(self.label, "l2", l2, 0.0)
        self.activity_regularizer = regularizers.L1L2(l1, l2)

    def get_config(self) -> dict[str, Any]:
        """What makes this layer again."""
        config = super().get_config()
        del config["activity_regularizer"]
        return config


class InputSpec(Configurable):
    """What a layer of your own, as its `input_spec`, wants of its input; models hold it to that.

    Args:
        dtype: that of the layer, or None.
        shape: extents with the batch axis, None where any will do; or None.
        ndim, min_ndim, max_ndim: numbers of axes, or None.
        axes: extents by axis, {-1: 3}, or None.
        allow_last_axis_squeeze: whether a last axis of extent 1 may be missing, or be there too.
        name, optional: kept for Keras' sake.

    Raises:
        TypeError: `axes` is no dictionary of integers.
        ValueError: an axis that `ndim` does not have.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Identity(name="i")
    >>> layer.input_spec = ranvier.layers.InputSpec(axes={-1: 3})
    >>> layer(np.ones((1, 2)))
    Traceback (most recent call last):
    ValueError: Identity 'i': expected an extent of 3 along axis -1; got input of shape (None, 2)
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Any = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else _dtypes.standardize(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        try:
            self.axes = {int(axis): extent for axis, extent in dict(axes or {}).items()}
        except (TypeError, ValueError):
            raise TypeError(
                f"InputSpec: `axes` must be a dictionary with integers as keys; got {axes!r}"
            ) from None
        most = self.max_ndim if self.ndim is None else self.ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise ValueError(f"InputSpec: `axes` must be below {most}; got {max(self.axes)}")
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self) -> dict[str, Any]:
        """What makes it again; as in Keras without `allow_last_axis_squeeze` and `name`."""
        config = super().get_config()
        del config["allow_last_axis_squeeze"], config["name"]
        return {**config, "axes": self.axes}

    def __repr__(self) -> str:
        said = [f"{k}={v}" for k, v in vars(self).items() if v and not k.startswith("_")]
        return f"InputSpec({', '.join(said)})"

    def check(self, layer: Layer, shape: tuple[int | None, ...]) -> None:
        """Raises a ValueError if the input of `layer` is not what this says."""
        wanted = self._wanted(layer.dtype, shape)
        if wanted:
            raise ValueError(f"{layer.label}: expected {wanted}; got input of shape {shape}")

    def _wanted(self, dtype: str, shape: tuple[int | None, ...]) -> str:
        ndim = len(shape)
        if self.ndim not in (None, ndim) and not self.allow_last_axis_squeeze:
            return f"{self.ndim} axes"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"at most {self.max_ndim} axes"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"at least {self.min_ndim} axes"
        if self.dtype not in (None, dtype):
            return f"dtype {self.dtype}, not {dtype}"
        for axis, extent in self.axes.items():
            if not -ndim <= axis < ndim or (
                extent is not None and shape[axis] not in (extent, None)
            ):
                return f"an extent of {extent} along axis {axis}"
        given, spec = shape, self.shape
        if spec is not None and self.allow_last_axis_squeeze:
            given, spec = (s[:-1] if s and s[-1] == 1 else s for s in (given, spec))
        if spec is not None and (
            len(spec) != len(given)
            or any(
                None not in pair and pair[0] != pair[1] for pair in zip(spec, given, strict=True)
            )
        ):
            return f"shape {self.shape}"
        return ""
