"""Dropout of whole channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ranvier._checks import number
from ranvier.layers.layer import Layer, Shape
from ranvier.layers.regularization import seed_of

if TYPE_CHECKING:
    from ranvier.models.lowering import Builder


class _SpatialDropout(Layer):
    """What the three share. `_rank`: axes of the input, the batch axis included."""

    _rank: ClassVar[int]
    rate: float
    data_format: str = "channels_last"
    supports_masking = True

    def _set(self, rate: float, seed: int | None) -> None:
        self.rate = number(self.label, "rate", rate, 0.0, 1.0)
        self.seed = seed
        self._stream_seed = seed_of(self, seed)

    def _set_data_format(self, data_format: str | None) -> None:
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"{self.label}: `data_format` must be 'channels_last' or 'channels_first'; "
                f"got {data_format!r}"
            )
        self.data_format = data_format or "channels_last"

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != self._rank:
            raise ValueError(
                f"{self.label}: the input must have {self._rank} axes with the batch axis; "
                f"got shape {tuple(input_shape)}"
            )
        return tuple(input_shape)

    def lower(self, builder: Builder, x: int) -> int:
        if self.rate == 0:
            return x
        shared = [1] * (self._rank - 2)
        noise = [0, *shared, 0] if self.data_format == "channels_last" else [0, 0, *shared]
        return builder.graph.dropout(x, float(self.rate), noise, self._stream_seed, False)

    def get_config(self) -> dict[str, Any]:
        """What makes this layer again; Keras writes no `trainable`, and the dtype as a name."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "dtype": self.dtype}


class SpatialDropout1D(_SpatialDropout):
    """Sets a share `rate` of the channels to 0 in training, at all time steps alike, and scales
    the others by 1 / (1 - rate).

    Args:
        rate: in [0, 1].
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    Shapes:
        input (N, T, C) and output are alike.

    Raises:
        ValueError: `rate` out of range; an input that has not three axes.

    Reference: Tompson et al., arXiv 1411.4280, section 3.2.

    >>> import numpy as np, ranvier
    >>> x = np.ones((1, 2, 3), "float32")
    >>> y = ranvier.layers.SpatialDropout1D(0.5, seed=1)(x, training=True)
    >>> bool((y[:, 0] == y[:, 1]).all())
    True
    """

    _rank = 3

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set(rate, seed)


class SpatialDropout2D(_SpatialDropout):
    """Sets a share `rate` of the channels to 0 in training, at all places alike, and scales the
    others by 1 / (1 - rate).

    Args:
        rate: in [0, 1].
        data_format: "channels_last" (default, also for None) or "channels_first".
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    Shapes:
        input (N, H, W, C), or (N, C, H, W) if channels come first; output alike.

    Raises:
        ValueError: an argument out of range; an input that has not four axes.

    Reference: Tompson et al., arXiv 1411.4280, section 3.2.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.SpatialDropout2D(0.5)(np.ones((1, 1, 1, 2), "float32"))
    array([[[[1., 1.]]]], dtype=float32)
    """

    _rank = 4

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set(rate, seed)
        self._set_data_format(data_format)


class SpatialDropout3D(_SpatialDropout):
    """Sets a share `rate` of the channels to 0 in training, at all places alike, and scales the
    others by 1 / (1 - rate).

    Args:
        rate: in [0, 1].
        data_format: "channels_last" (default, also for None) or "channels_first".
        seed: an integer, or None (drawn from the generator that `set_random_seed` seeds).

    Shapes:
        input (N, D, H, W, C), or (N, C, D, H, W) if channels come first; output alike.

    Raises:
        ValueError: an argument out of range; an input that has not five axes.

    Reference: Tompson et al., arXiv 1411.4280, section 3.2.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.SpatialDropout3D(0.5)(np.ones((1, 1, 1, 1, 2), "float32"))
    array([[[[[1., 1.]]]]], dtype=float32)
    """

    _rank = 5

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set(rate, seed)
        self._set_data_format(data_format)
