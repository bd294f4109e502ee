"""The table that `summary()` prints."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranvier.layers.layer import Layer
    from ranvier.models.sequential import Sequential


def _size(n_bytes: int) -> str:
    value = float(n_bytes)
    for unit in ("B", "KB", "MB"):
        if value < 1024:
            return f"{value:.2f} {unit}"
        value /= 1024
    return f"{value:.2f} GB"


def _shape(shape: Any) -> str:
    return "(" + ", ".join("None" if n is None else str(n) for n in shape) + ")"


def summarize(
    model: Sequential,
    line_length: int | None,
    positions: Any,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Any,
) -> str:
    """The text of the table."""
    from rich.console import Console
    from rich.table import Table

    columns: list[tuple[str, Any]] = [
        ("Layer (type)", "left"), ("Output Shape", "left"), ("Param #", "right"),
    ]  # fmt: skip
    if positions is not None:
        import shutil

        line_length = line_length or min(
            88 + 12 * show_trainable, shutil.get_terminal_size().columns - 4
        )
        widths: list[Any] = _widths(model.label, positions, line_length, show_trainable)
    else:
        widths = [None] * 4
    if show_trainable:
        columns.append(("Trainable", "center"))
    table = Table(show_lines=True, width=line_length)
    for (name, justify), width in zip(columns, widths, strict=False):
        table.add_column(name, justify=justify, width=width, overflow="fold")

    def add(layer: Layer, shape: str, depth: int) -> None:
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        row = [f"{'  ' * depth}{layer.name} ({type(layer).__name__})", shape, count]
        if show_trainable:
            row.append(("Y" if layer.trainable else "N") if layer.weights else "-")
        table.add_row(*row)
        inner: Any = layer
        if expand_nested and hasattr(layer, "_layers"):
            for child, child_shape in _with_shapes(inner):
                add(child, child_shape, depth + 1)

    listed = _with_shapes(model)
    first, last = _bounds(model.label, [layer.name for layer, _ in listed], layer_range)
    for layer, shape in listed[first:last]:
        add(layer, shape, 0)

    trained = sum(v.size for v in model.trainable_weights)
    frozen = sum(v.size for v in model.non_trainable_weights)
    item = 8 if model.dtype == "float64" else 4
    lines = [f'Model: "{model.name}"']
    console = Console(width=line_length, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(table)
    lines.append(capture.get().rstrip("\n"))
    # as in Keras, the optimizer's state counts, its number of steps and learning rate too
    optimizer = model.optimizer
    state = 0
    if optimizer is not None and optimizer.built:
        state = optimizer.state_size(model.trainable_weights)
    total = trained + frozen + state
    lines.append(f" Total params: {total:,} ({_size(total * item)})")
    lines.append(f" Trainable params: {trained:,} ({_size(trained * item)})")
    lines.append(f" Non-trainable params: {frozen:,} ({_size(frozen * item)})")
    if state:
        lines.append(f" Optimizer params: {state:,} ({_size(state * item)})")
    return "\n".join(lines)


def _with_shapes(model: Sequential) -> list[tuple[Layer, str]]:
    shapes = model._shapes[1:] if model._shapes else []
    return [
        (layer, _shape(shapes[i]) if i < len(shapes) else "?")
        for i, layer in enumerate(model.layers)
    ]


def _widths(label: str, positions: Any, line_length: int, show_trainable: bool) -> list[int]:
    """Of columns that end at these shares of the line."""
    ends = [float(p) for p in positions]
    if len(ends) != 3 or sorted(ends) != ends or not 0 < ends[0] <= ends[-1] <= 1:
        raise ValueError(
            f"{label}: `positions` must be three ascending shares of the width; got {positions!r}"
        )
    if show_trainable:  # which gets the last tenth, as in Keras
        ends = [*(0.9 * p for p in ends), 1.0]
    marks = [0, *(int(p * line_length) for p in ends)]
    widths = [b - a for a, b in itertools.pairwise(marks)]
    if min(widths) < 4:
        raise ValueError(f"{label}: {line_length} characters are too few for `positions`")
    return widths


def _bounds(label: str, names: list[str], layer_range: Any) -> tuple[int, int]:
    if layer_range is None:
        return 0, len(names)
    strings = isinstance(layer_range, (list, tuple)) and all(
        isinstance(part, str) for part in layer_range
    )
    if not strings or len(layer_range) != 2:
        raise ValueError(f"{label}: `layer_range` must be two layers' names; got {layer_range!r}")
    found = [[i for i, n in enumerate(names) if re.match(part, n)] for part in layer_range]
    if not all(found):
        raise ValueError(
            f"{label}: `layer_range` {layer_range!r} matches no layer; there are {names}"
        )
    (low, *_), high = found[0], found[1][-1]
    return (low, high + 1) if low <= high else (found[1][0], found[0][-1] + 1)
