"""The table that `summary()` prints."""

from __future__ import annotations

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
    model: Sequential, line_length: int | None, expand_nested: bool, show_trainable: bool
) -> str:
    """The text of the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=True, width=line_length)
    table.add_column("Layer (type)", overflow="fold")
    table.add_column("Output Shape", overflow="fold")
    table.add_column("Param #", justify="right", overflow="fold")
    if show_trainable:
        table.add_column("Trainable", justify="center")

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

    for layer, shape in _with_shapes(model):
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
