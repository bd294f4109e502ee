"""Sound as pictures of its frequencies over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._checks import number
from ranvier.initializers.stft import STFT, window_of
from ranvier.layers._image import one_of
from ranvier.layers.layer import Layer, Shape, positive_int
from ranvier.ops.linear import matmul

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPSILON = 1e-7
_POWERS = ("log", "magnitude", "psd")
_MODES = (*_POWERS, "real", "imag", "angle", "stft")


def _frames(x: NDArray[Any], length: int, step: int) -> NDArray[Any]:
    """The last axis cut into frames: [..., T, length]."""
    return np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[..., ::step, :]


class STFTSpectrogram(Layer):
    """Frequencies of sound over time, by a Fourier transform of frames; the kernels can be trained.

    `z_k = sum_t w_t x_t exp(-2 pi i t k / n)` of each frame, n = `fft_length`, w the scaled window.

    Args:
        mode: "log" (default): `log sqrt(max(|z|^2, 1e-7))`; "magnitude"; "psd": |z|^2, twice for
            all k but the first and the last; "real"; "imag"; "angle"; "stft": real parts, then
            imaginary ones.
        frame_length: samples of a frame. Default 256.
        frame_step: from frame to frame. Default frame_length // 2.
        fft_length: n, at least `frame_length`. Default the next power of two.
        window, periodic, scaling: as in `initializers.STFT`.
        padding: "valid" (default) or "same".
        expand_dims: an axis of its own for the input's channels. Default False.
        data_format: "channels_last" (default) or "channels_first".

    Shapes: (N, T, C) to (N, T', C K), with `expand_dims` to (N, T', K, C), K = n // 2 + 1 (twice
    that for "stft"); (N, C, T) to (N, C K, T') or (N, C, T', K).

    Raises:
        ValueError: bad arguments, or an input of other shape or shorter than a frame.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.STFTSpectrogram(frame_length=64)(np.ones((3, 640, 1))).shape
    (3, 19, 33)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mode = one_of(self, "mode", mode, _MODES)
        self.frame_length = frame_length = positive_int(self, "frame_length", frame_length)
        self.frame_step = frame_step
        self.fft_length = fft_length
        self._step = frame_length // 2 or 1
        if frame_step is not None:
            self._step = positive_int(self, "frame_step", frame_step)
        if self._step > frame_length:
            raise ValueError(
                f"{self.label}: `frame_step` must be at most `frame_length` {frame_length}; "
                f"got {frame_step}"
            )
        n = 1 << (frame_length - 1).bit_length()
        if fft_length is not None:
            n = positive_int(self, "fft_length", fft_length)
        if n < frame_length:
            raise ValueError(
                f"{self.label}: `fft_length` must be at least `frame_length` {frame_length}; "
                f"got {fft_length}"
            )
        self._bins = n // 2 + 1
        window_of(self.label, window, frame_length, periodic)
        self.window = window
        self.periodic = bool(periodic)
        STFT("real", window, scaling)
        self.scaling = scaling
        self.padding = one_of(self, "padding", padding, ("valid", "same"))
        self.expand_dims = bool(expand_dims)
        known = ("channels_last", "channels_first")
        self.data_format = one_of(self, "data_format", data_format or known[0], known)
        self._last = self.data_format == known[0]

    def build(self, input_shape: Shape) -> None:
        self._channels_and_steps(input_shape)
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                self.add_weight(
                    (self.frame_length, 1, self._bins),
                    STFT(side, self.window, self.scaling, self.periodic),
                    name=f"{side}_kernel",
                )

    def _channels_and_steps(self, shape: Shape) -> tuple[int | None, int | None]:
        if len(shape) != 3:
            axes = "(N, T, C)" if self._last else "(N, C, T)"
            raise ValueError(f"{self.label}: expected input {axes}; got shape {tuple(shape)}")
        samples, channels = shape[1:] if self._last else shape[:0:-1]
        if samples is None:
            return channels, None
        if self.padding == "same":
            return channels, -(-samples // self._step)
        if samples < self.frame_length:
            raise ValueError(
                f"{self.label}: expected at least `frame_length` {self.frame_length} samples; "
                f"got shape {tuple(shape)}"
            )
        return channels, (samples - self.frame_length) // self._step + 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels, steps = self._channels_and_steps(input_shape)
        bins = self._bins * (1 + (self.mode == "stft"))
        n = input_shape[0]
        if self.expand_dims:
            return (n, steps, bins, channels) if self._last else (n, channels, steps, bins)
        wide = None if channels is None else channels * bins
        return (n, steps, wide) if self._last else (n, wide, steps)

    # y is [N, C, T', K] inside

    def _arranged(self, y: NDArray[Any]) -> NDArray[Any]:
        n, channels, steps, bins = y.shape
        if self.expand_dims:
            return y.transpose(0, 2, 3, 1) if self._last else y
        if self._last:
            return y.transpose(0, 2, 1, 3).reshape(n, steps, channels * bins)
        return y.transpose(0, 1, 3, 2).reshape(n, channels * bins, steps)

    def _back(self, dy: NDArray[Any], channels: int) -> NDArray[Any]:
        n = len(dy)
        if self.expand_dims:
            return dy.transpose(0, 3, 1, 2) if self._last else dy
        if self._last:
            return dy.reshape(n, dy.shape[1], channels, -1).transpose(0, 2, 1, 3)
        return dy.reshape(n, channels, -1, dy.shape[2]).transpose(0, 1, 3, 2)

    def _edges(self, samples: int) -> tuple[int, int]:
        if self.padding == "valid":
            return 0, 0
        steps = -(-samples // self._step)
        missing = max((steps - 1) * self._step + self.frame_length - samples, 0)
        return missing // 2, missing - missing // 2

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        signals = x.swapaxes(1, 2) if self._last else x
        edges = self._edges(signals.shape[-1])
        signals = np.pad(signals, ((0, 0), (0, 0), edges))
        frames = _frames(signals, self.frame_length, self._step)
        lead = frames.shape[:3]
        frames = frames.reshape(-1, self.frame_length)
        kernels = [v.value.reshape(self.frame_length, self._bins) for v in self._weights]
        parts = [matmul(frames, kernel).reshape(*lead, -1) for kernel in kernels]
        power = y = parts[0]
        if self.mode == "angle":
            y = np.arctan2(parts[1], parts[0])
        elif self.mode == "stft":
            y = np.concatenate(parts, -1)
        elif self.mode in _POWERS:
            power = np.square(parts[0]) + np.square(parts[1])
            y = np.sqrt(np.maximum(power, _EPSILON)) if self.mode != "psd" else power.copy()
            if self.mode == "log":
                y = np.log(y)
            elif self.mode == "psd":
                y[..., 1:-1] *= 2
        return self._arranged(y), (frames, kernels, parts, power, signals.shape, edges)

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        frames, kernels, parts, power, shape, edges = cache
        d = self._back(dy, shape[1])
        if self.mode == "stft":
            slopes = [d[..., : self._bins], d[..., self._bins :]]
        elif self.mode == "angle":
            real, imag = parts
            with np.errstate(divide="ignore", invalid="ignore"):
                d = np.nan_to_num(d / (real * real + imag * imag), posinf=0, neginf=0)
            slopes = [-imag * d, real * d]
        elif self.mode in _POWERS:
            if self.mode == "psd":
                d = d.copy()
                d[..., 1:-1] *= 2
            else:
                floor = np.maximum(power, _EPSILON)
                below = 2 * (floor if self.mode == "log" else np.sqrt(floor))
                d = np.where(power > _EPSILON, d / below, 0)
            slopes = [2 * part * d for part in parts]
        else:
            slopes = [d]
        flat = [np.ascontiguousarray(s, frames.dtype).reshape(-1, self._bins) for s in slopes]
        weights = [
            matmul(frames, s, transpose_a=True).reshape(self.frame_length, 1, -1) for s in flat
        ]
        pieces = sum(matmul(s, k, transpose_b=True) for s, k in zip(flat, kernels, strict=True))
        pieces = np.reshape(pieces, (*d.shape[:3], self.frame_length))
        dx = np.zeros(shape, frames.dtype)
        for t in range(pieces.shape[2]):
            dx[..., t * self._step : t * self._step + self.frame_length] += pieces[:, :, t]
        dx = dx[..., edges[0] : shape[-1] - edges[1]]
        return (dx.swapaxes(1, 2) if self._last else dx), weights


class MelSpectrogram(Layer):
    """Loudness of sound over time in bands that are equally wide for the ear.

    `y = 10 log10 max(M |z|^e, min_power) - 10 log10 ref_power`, z the Fourier transform of frames
    about every `sequence_stride`-th sample (the ends mirrored), M triangles whose ends lie evenly
    on the scale `2595 log10(1 + f / 700 Hz)`; at most `top_db` below the batch's loudest value.
    It has no gradient.

    Args:
        fft_length: of the transform. Default 2048.
        sequence_stride: samples from frame to frame. Default 512.
        sequence_length: samples of the window, in the middle of the frame. Default `fft_length`.
        window: "hann" (default), "hamming", an array, or None.
        sampling_rate: samples a second. Default 16000.
        num_mel_bins: bands. Default 128.
        min_freq, max_freq: their ends in Hz. Default 20, and half the sampling rate.
        power_to_db: False leaves `M |z|^e`. Default True.
        top_db, mag_exp (e), min_power, ref_power: see above. Default 80, 2, 1e-10, 1.

    Shapes: (N, T) to (N, num_mel_bins, T'), (T,) to (num_mel_bins, T').

    Raises:
        ValueError: bad arguments; an input of other shape, or not longer than half a frame.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.MelSpectrogram(num_mel_bins=64, sequence_stride=256)(np.ones(16000)).shape
    (64, 63)
    """

    has_gradient = False

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: float = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = fft_length = positive_int(self, "fft_length", fft_length)
        self.sequence_stride = positive_int(self, "sequence_stride", sequence_stride)
        length = sequence_length or fft_length
        self.sequence_length = positive_int(self, "sequence_length", length)
        if length > fft_length:
            raise ValueError(
                f"{self.label}: `sequence_length` must be at most `fft_length` {fft_length}; "
                f"got {length}"
            )
        self.window = window
        # with no window Keras takes the whole frame
        own = fft_length if window is None else length
        before = (fft_length - own) // 2
        taps = window_of(self.label, window, own, True)
        self._window = np.pad(taps, (before, fft_length - own - before)).astype(self.dtype)
        self.sampling_rate = number(self.label, "sampling_rate", sampling_rate, 1e-9)
        self.num_mel_bins = positive_int(self, "num_mel_bins", num_mel_bins)
        self.min_freq = number(self.label, "min_freq", min_freq, 0)
        highest = max_freq or int(sampling_rate / 2)
        self.max_freq = number(self.label, "max_freq", highest, min_freq)
        self.power_to_db = bool(power_to_db)
        self.top_db = number(self.label, "top_db", top_db)
        self.mag_exp = number(self.label, "mag_exp", mag_exp)
        self.min_power = number(self.label, "min_power", min_power, 1e-45)
        self.ref_power = number(self.label, "ref_power", ref_power)
        self._bands = self._mel_weights().astype(self.dtype)

    def _mel_weights(self) -> NDArray[Any]:
        """M, [fft_length // 2 + 1, num_mel_bins]."""
        first, last = 1127 * np.log1p(np.array([self.min_freq, self.max_freq]) / 700)
        low, middle, high = _frames(np.linspace(first, last, self.num_mel_bins + 2), 3, 1).T
        bins = np.linspace(0, self.sampling_rate / 2, self.fft_length // 2 + 1)
        mel = 1127 * np.log1p(bins / 700)[:, None]
        up, down = (mel - low) / (middle - low), (high - mel) / (high - middle)
        weights = np.maximum(0, np.minimum(up, down))
        weights[0] = 0
        return weights

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The layer's output on a batch of signals, or on one."""
        if isinstance(x, Layer):
            return super().__call__(x, training, mask)
        array = _dtypes.as_numeric(self.label, x)
        if array.ndim == 1:
            y: NDArray[Any] = super().__call__(array[None], training, mask)[0]
            return y
        return super().__call__(array, training, mask)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(f"{self.label}: expected input (N, T); got shape {tuple(input_shape)}")
        n, samples = input_shape
        half = self.fft_length // 2
        if samples is None:
            return (n, self.num_mel_bins, None)
        if samples <= half:
            raise ValueError(
                f"{self.label}: expected more than {half} samples, half of `fft_length`; "
                f"got shape {tuple(input_shape)}"
            )
        steps = (samples + 2 * half - self.fft_length) // self.sequence_stride + 1
        return (n, self.num_mel_bins, steps)

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        half = self.fft_length // 2
        frames = _frames(np.pad(x, ((0, 0), (half, half)), "reflect"), self.fft_length,
                         self.sequence_stride)  # fmt: skip
        size = np.abs(np.fft.rfft(frames * self._window)).astype(x.dtype) ** self.mag_exp
        y = matmul(size.reshape(-1, half + 1), self._bands)
        y = y.reshape(len(x), -1, self.num_mel_bins)
        if self.power_to_db:
            y = 10 * np.log10(np.maximum(y, self.min_power))
            y = y - 10 * np.log10(max(abs(self.ref_power), self.min_power))
            y = np.maximum(y, y.max() - self.top_db)
        return y.swapaxes(1, 2), None
