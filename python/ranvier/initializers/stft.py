"""The kernels of a short-time Fourier transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier.initializers.initializer import Initializer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COSINES = {"hann": 0.5, "hamming": 0.54}


def window_of(owner: str, window: Any, length: int, periodic: bool) -> NDArray[Any]:
    """A window by name ("hann", "hamming"), as given, or all ones for None; in float64.

    >>> window_of("test", "hann", 3, False)
    array([0., 1., 0.])
    """
    if window is None:
        return np.ones(length)
    if isinstance(window, str):
        if window not in _COSINES:
            raise ValueError(
                f"{owner}: `window` must be 'hann', 'hamming', an array or None; got {window!r}"
            )
        mean = _COSINES[window]
        turns = np.arange(length) / max(1, length - (not periodic))
        return mean - (1 - mean) * np.cos(2 * np.pi * turns) if length > 1 else np.ones(1)
    array = _dtypes.as_numeric(owner, window, "window")
    if array.shape != (length,):
        raise ValueError(f"{owner}: `window` must have shape ({length},); got {array.shape}")
    return array.astype(np.float64)


class STFT(Initializer):
    """`w_t cos(2 pi t k / n)` or `-w_t sin(2 pi t k / n)`, k = 0..n/2: for shape (T, 1, n/2 + 1).

    Args:
        side: "real" (default) or "imag".
        window: w: "hann" (default), "hamming", an array of T numbers, or None for no window.
        scaling: "density" (default) divides by sqrt(sum w^2), "spectrum" by sum |w|; or None.
        periodic: whether the window is that of a longer period by one. Default False.

    >>> import ranvier
    >>> ranvier.initializers.STFT(window=None)((2, 1, 2))[:, 0]
    array([[ 1.,  1.],
           [ 1., -1.]], dtype=float32)
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: `side` must be 'real' or 'imag'; got {side!r}")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(
                f"STFT: `scaling` must be 'density', 'spectrum' or None; got {scaling!r}"
            )
        if isinstance(window, str):
            window_of("STFT", window, 1, periodic)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: Any = None) -> NDArray[Any]:
        length, _, bins = shape
        w = window_of("STFT", self.window, length, self.periodic)
        if self.window is not None and self.scaling is not None:
            density = self.scaling == "density"
            w = w / (np.sqrt(np.sum(w * w)) if density else np.sum(np.abs(w)))
        # whole turns taken off exactly, in integers
        turns = np.outer(np.arange(length), np.arange(bins)) % max(1, 2 * bins - 2)
        angle = turns * (np.pi / max(1, bins - 1))
        kernel = np.cos(angle) if self.side == "real" else -np.sin(angle)
        return (kernel * w[:, None])[:, None].astype(_dtypes.standardize(dtype))
