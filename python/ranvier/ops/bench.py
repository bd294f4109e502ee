"""The C++ kernels against their NumPy twins, with the machine's own limits beside them.

Answers are checked before anything is timed. Each figure is the median of many runs, kernel and
twin in turn; the ratio is NumPy's time over ranvier's.
"""

from __future__ import annotations

import json
import os
import platform
import time
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import _core
from ranvier.ops.table import Op, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Tiny sizes count as much as large ones: a step of a small network is made of them.
SIZES = (100, 10_000, 1_000_000)
SIDES = (16, 128, 512)


class Row(NamedTuple):
    """One timed op at one size."""

    name: str
    size: int
    native_us: float
    numpy_us: float
    ratio: float
    percent_of_peak: float | None
    gigabytes_per_second: float | None
    fair: bool


def _results(value: Any) -> list[np.ndarray[Any, Any]]:
    if value is None:
        return []
    if isinstance(value, tuple):
        return [array for part in value for array in _results(part)]
    return [np.asarray(value)]


def check(op: Op, dtype: str, size: int) -> None:
    """RuntimeError if the kernel and its twin do not agree."""
    args, kwargs = op.make_inputs(np.random.default_rng(0), dtype, size)
    pairs = zip(
        _results(op.native(*args, **kwargs)), _results(op.reference(*args, **kwargs)), strict=True
    )
    for got, want in pairs:
        scale = max(1.0, float(np.abs(want).max(initial=0)))
        error = float(np.abs(got.astype(np.float64) - want).max(initial=0)) / scale
        # the twin rounds, too
        if not error <= 4 * op.tolerance(dtype, size):
            raise RuntimeError(
                f"{op.name} at size {size}: wrong by {error:.2e} of the greatest value"
            )


def _calls_for(function: Callable[[], Any], seconds: float) -> int:
    """How often to call so that one timing takes about `seconds`."""
    start = time.perf_counter()
    function()
    once = max(time.perf_counter() - start, 1e-7)
    return max(1, min(int(seconds / once), 10_000))


def _time(function: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def measure(op: Op, dtype: str, size: int, peak: float, seconds: float = 0.1) -> Row:
    """Times one op, kernel and twin in turn."""
    args, kwargs = op.make_inputs(np.random.default_rng(0), dtype, size)

    def native() -> Any:
        return op.native(*args, **kwargs)

    def twin() -> Any:
        return op.reference(*args, **kwargs)

    native(), twin()
    calls = [_calls_for(f, seconds / 20) for f in (native, twin)]
    times: list[list[float]] = [[], []]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        for i, function in enumerate((native, twin)):
            times[i].append(_time(function, calls[i]))
    ours, theirs = median(times[0]), median(times[1])
    flops, traffic = op.flops(size), op.bytes(size, np.dtype(dtype).itemsize)
    return Row(
        op.name,
        size,
        ours * 1e6,
        theirs * 1e6,
        theirs / ours,
        100 * flops / ours / (peak * 1e9) if flops and peak else None,
        traffic / ours / 1e9 if traffic else None,
        op.fair,
    )


def environment(dtype: str, peak: float) -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": cpu_name(),
        "instruction_set": _core.isa(),
        "threads": _core.num_threads(),
        "dtype": dtype,
        "peak_gflops": round(peak, 1),
        "compiler": _core.compiler(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def cpu_name() -> str:
    """The processor, as it calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _select(names: Iterable[str] | None) -> list[Op]:
    rows = table()
    if names is None:
        return rows
    wanted = tuple(names)
    chosen = [op for op in rows if op.name.startswith(wanted)]
    if not chosen:
        raise ValueError(f"bench: no op's name begins with {' or '.join(map(repr, wanted))}")
    return chosen


def run(
    names: Iterable[str] | None = None,
    dtype: str = "float32",
    sizes: Iterable[int] | None = None,
    seconds: float = 0.1,
    threads: int | None = None,
    json_path: str | None = None,
    show: bool = True,
) -> list[Row]:
    """Checks and times the ops, prints a table, and returns the rows.

    Args:
        names: beginnings of names in the table of ops, e.g. ["matmul", "loss/mean"]; None: all.
        dtype: "float32" or "float64".
        sizes: numbers of elements (of matrix products: of one side); None: tiny to large.
        seconds: for each op and size.
        threads: how many threads ranvier may use; None: as set. (NumPy uses what its BLAS uses.)
        json_path: a file for the figures and what they were measured on, or None.
        show: whether to print.

    Raises:
        RuntimeError: a kernel's answer is wrong; nothing is timed.
        ValueError: no such op.
    """
    before = _core.num_threads()
    if threads is not None:
        _core.set_num_threads(threads)
    try:
        chosen = _select(names)
        given = None if sizes is None else tuple(sizes)
        cases = [
            (op, size)
            for op in chosen
            for size in given or (SIDES if op.name.startswith("matmul") else SIZES)
        ]
        for op, size in cases:
            check(op, dtype, size)
        peak = _core.fma_peak(_core.num_threads(), 0.3, dtype)
        rows = [measure(op, dtype, size, peak, seconds) for op, size in cases]
        facts = environment(dtype, peak)
    finally:
        if threads is not None:
            _core.set_num_threads(before)
    if json_path is not None:
        with open(json_path, "w", encoding="utf-8") as file:
            json.dump({**facts, "rows": [row._asdict() for row in rows]}, file, indent=1)
    if show:
        _print(rows, facts)
    return rows


def _print(rows: list[Row], facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    view = Table(title="ranvier against NumPy: median time of one call")
    view.add_column("op")
    for title in ("size", "ranvier", "NumPy", "NumPy / ranvier", "of peak", "GB/s"):
        view.add_column(title, justify="right")
    previous = ""
    for row in rows:
        colour = "green" if row.ratio >= 1 else "red"
        view.add_row(
            "" if row.name == previous else row.name,
            f"{row.size:,}",
            f"{row.native_us:,.2f} us",
            f"{row.numpy_us:,.2f} us",
            f"[{colour}]{row.ratio:.2f}x[/]" if row.fair else f"({row.ratio:.1f}x)",
            "" if row.percent_of_peak is None else f"{row.percent_of_peak:.0f} %",
            "" if row.gigabytes_per_second is None else f"{row.gigabytes_per_second:.1f}",
        )
        previous = row.name
    console = Console()
    console.print(view)
    console.print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items()))
    console.print("In brackets: NumPy has no such function of its own, the twin is a formula.")
