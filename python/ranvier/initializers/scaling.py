"""Initializers whose spread follows the number of inputs and outputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ranvier._checks import number
from ranvier._suggest import suggestion
from ranvier.initializers.random import RandomInitializer

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Standard deviation of the unit normal cut at -2 and 2.
_CUT_STDDEV = 0.8796256610342398

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


def compute_fans(shape: Any, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """How many inputs an output sees, and how many outputs an input feeds.

    >>> compute_fans((3, 3, 8, 16))
    (72, 144)
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        fans = [math.prod(shape[axis] for axis in axes) for axes in (input_axes, output_axes)]
        return int(fans[0]), int(fans[1])
    if len(shape) < 2:
        n = int(shape[0]) if shape else 1
        return n, n
    window = math.prod(shape[:-2])
    return int(shape[-2] * window), int(shape[-1] * window)


def _choice(owner: str, argument: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(
            f"{owner}: `{argument}` must be one of {', '.join(choices)}; got {value!r}."
            + suggestion(value, choices)
        )
    return str(value)


class VarianceScaling(RandomInitializer):
    """Draws with variance `scale / n`, with n the number of inputs, of outputs, or their mean.

    Args:
        scale: > 0, default 1.
        mode: n: "fan_in" (default), "fan_out" or "fan_avg".
        distribution: "truncated_normal" (default), "untruncated_normal" or "uniform" (then within
            `sqrt(3 scale / n)`).
        seed: see `RandomInitializer`.
        input_axes, output_axes: which axes of the shape make inputs and outputs, or None: the last
            axis holds outputs, the one before it inputs, all others a window.

    Raises:
        ValueError: an argument out of range.

    Reference: Glorot and Bengio, AISTATS 2010; He et al., arXiv 1502.01852.

    >>> import ranvier
    >>> ranvier.initializers.VarianceScaling(2.0, distribution="uniform")((3, 4)).shape
    (3, 4)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        owner = type(self).__name__
        if number(owner, "scale", scale) <= 0:
            raise ValueError(f"{owner}: `scale` must be > 0; got {scale!r}")
        distribution = str(distribution).lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        self.scale = scale
        self.mode = _choice(owner, "mode", mode, _MODES)
        self.distribution = _choice(owner, "distribution", distribution, _DISTRIBUTIONS)
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "truncated_normal":
            return self._truncated(shape, 0.0, math.sqrt(variance) / _CUT_STDDEV, dtype)
        if self.distribution == "untruncated_normal":
            return self._normal(shape, 0.0, math.sqrt(variance), dtype)
        limit = math.sqrt(3.0 * variance)
        return self._uniform(shape, -limit, limit, dtype)


class _Preset(VarianceScaling):
    """A VarianceScaling whose scale, mode and distribution are fixed."""

    _preset: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(*self._preset, seed, input_axes, output_axes)


class GlorotUniform(_Preset):
    """Draws evenly from `[-a, a], a = sqrt(6 / (inputs + outputs))`.

    Args:
        seed: see `RandomInitializer`.
        input_axes, output_axes: see `VarianceScaling`.

    Reference: Glorot and Bengio, AISTATS 2010, eq. 16; also named after Xavier.

    >>> import ranvier
    >>> ranvier.initializers.GlorotUniform(seed=1)((3, 4)).shape
    (3, 4)
    """

    _preset = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Draws from a normal distribution cut at two standard deviations, of variance
    `2 / (inputs + outputs)`.

    Args:
        seed: see `RandomInitializer`.
        input_axes, output_axes: see `VarianceScaling`.

    Reference: Glorot and Bengio, AISTATS 2010; also named after Xavier.

    >>> import ranvier
    >>> ranvier.initializers.GlorotNormal(seed=1)((3, 4)).shape
    (3, 4)
    """

    _preset = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Draws evenly from `[-a, a], a = sqrt(6 / inputs)`.

    Args:
        seed: see `RandomInitializer`.
        input_axes, output_axes: see `VarianceScaling`.

    Reference: He et al., arXiv 1502.01852.

    >>> import ranvier
    >>> ranvier.initializers.HeUniform(seed=1)((3, 4)).shape
    (3, 4)
    """

    _preset = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Draws from a normal distribution cut at two standard deviations, of variance `2 / inputs`.

    Args:
        seed: see `RandomInitializer`.
        input_axes, output_axes: see `VarianceScaling`.

    Reference: He et al., arXiv 1502.01852, eq. 10.

    >>> import ranvier
    >>> ranvier.initializers.HeNormal(seed=1)((3, 4)).shape
    (3, 4)
    """

    _preset = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Draws evenly from `[-a, a], a = sqrt(3 / inputs)`.

    Args:
        seed: see `RandomInitializer`.
        input_axes, output_axes: see `VarianceScaling`.

    Reference: LeCun et al., Efficient BackProp (1998), section 4.6.

    >>> import ranvier
    >>> ranvier.initializers.LecunUniform(seed=1)((3, 4)).shape
    (3, 4)
    """

    _preset = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Draws from a normal distribution cut at two standard deviations, of variance `1 / inputs`.

    Args:
        seed: see `RandomInitializer`.
        input_axes, output_axes: see `VarianceScaling`.

    Reference: LeCun et al., Efficient BackProp (1998), section 4.6.

    >>> import ranvier
    >>> ranvier.initializers.LecunNormal(seed=1)((3, 4)).shape
    (3, 4)
    """

    _preset = (1.0, "fan_in", "truncated_normal")
