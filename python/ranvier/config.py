"""Settings of the running process, and what this build is."""

from __future__ import annotations

from typing import Any

from ranvier import _core, _dtypes
from ranvier._messages import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)

__all__ = [
    "disable_interactive_logging",
    "enable_interactive_logging",
    "floatx",
    "get_num_threads",
    "get_winograd",
    "image_data_format",
    "is_interactive_logging_enabled",
    "set_floatx",
    "set_image_data_format",
    "set_num_threads",
    "set_winograd",
    "show_config",
]

floatx = _dtypes.floatx
set_floatx = _dtypes.set_floatx
image_data_format = _dtypes.image_data_format
set_image_data_format = _dtypes.set_image_data_format


def set_num_threads(n: int) -> None:
    """Sets how many threads ranvier may use, from now on and in all Python threads.

    Args:
        n: in 1..4096. Results do not depend on it.

    Raises:
        ValueError: `n` is no integer in 1..4096.

    >>> import ranvier
    >>> before = ranvier.config.get_num_threads()
    >>> ranvier.config.set_num_threads(1)
    >>> ranvier.config.get_num_threads()
    1
    >>> ranvier.config.set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 4096:
        raise ValueError(f"set_num_threads: `n` must be an integer in 1..4096; got {n!r}")
    _core.set_num_threads(n)


def get_num_threads() -> int:
    """How many threads ranvier may use: `set_num_threads`, else the environment variable
    `RANVIER_NUM_THREADS`, else OpenMP's own limit (`OMP_NUM_THREADS`, threadpoolctl)."""
    return _core.num_threads()


def set_winograd(enabled: bool) -> None:
    """Whether convolutions may use Winograd's algorithms, from now on and in all Python threads.

    They are F(5x5, 2x2), F(4x4, 3x3) and F(2x2, 5x5), which need about a third of the direct sum's
    multiplications: in float32, for square kernels of 2, 3 and 5 taps a side with stride 1, and
    for most of 3 to 10 with stride 2 and one group, with at least 16 channels of a group on either
    side, where the picture is large enough. Their errors are two to six times those of the direct
    sum: with 64 channels some 2e-6 of the largest output, 4e-6 of the first form. Off, such
    convolutions are slower and that much nearer. Either way the number of threads does not change
    a bit.

    Args:
        enabled: True (the default of a process) or False.

    Raises:
        TypeError: `enabled` is not a boolean.

    Reference: Lavin and Gray, Fast algorithms for convolutional neural networks, arXiv 1509.09308.

    >>> import ranvier
    >>> ranvier.config.set_winograd(False)
    >>> ranvier.config.get_winograd()
    False
    >>> ranvier.config.set_winograd(True)
    """
    if not isinstance(enabled, bool):
        raise TypeError(f"set_winograd: `enabled` must be True or False; got {enabled!r}")
    _core.set_winograd_enabled(enabled)


def get_winograd() -> bool:
    """Whether convolutions may use Winograd's algorithms, see `set_winograd`."""
    return _core.winograd_enabled()


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Prints version, instruction set, threads, compiler and float types.

    Args:
        mode: "stdout" prints, "dicts" returns a dictionary instead.

    >>> import ranvier
    >>> sorted(ranvier.show_config("dicts"))[:3]
    ['build', 'compiler', 'float_types']
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"show_config: `mode` must be 'stdout' or 'dicts'; got {mode!r}")
    info: dict[str, Any] = {
        "version": _core.__version__,
        "instruction_set": _core.isa(),
        "instruction_sets_available": list(_core.isas_available()),
        "threads": _core.num_threads(),
        "threading_layer": _core.threading_layer(),
        "compiler": _core.compiler(),
        "build": f"pybind11 {_core.pybind11_version()}",
        "float_types": ["float32", "float64"],
        "floatx": floatx(),
        "winograd": _core.winograd_enabled(),
    }
    if mode == "dicts":
        return info
    width = max(map(len, info))
    for key, value in info.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key.replace('_', ' '):{width}}  {shown}")
    return None
