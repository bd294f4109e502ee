"""Pictures of models, by pydot and Graphviz."""

from __future__ import annotations

import importlib.util
import os
import shutil
from html import escape
from typing import Any

from ranvier._extras import need


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """A built model as a `pydot.Dot`, or with `subgraph` a `pydot.Cluster`.

    Args:
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what is
            written in a layer's node.
        rankdir: "TB": downwards; "LR": to the right.
        expand_nested: models in the model are clusters.
        dpi, splines: Graphviz' own.

    Raises:
        MissingExtra: no pydot.
        ValueError: no built Sequential; other arguments.
    """
    from ranvier.models import Sequential

    need("pydot", "plot-model", "model_to_dot needs")
    import pydot

    if kwargs or not getattr(model, "_shapes", None):
        raise ValueError(f"model_to_dot: wants a built Sequential; got {model!r}, {kwargs}")
    dot: Any
    if subgraph:
        dot = pydot.Cluster(model.name, style="dashed", label=model.name, labeljust="l")
    else:
        dot = pydot.Dot(rankdir=rankdir, concentrate=True, dpi=dpi, splines=splines)
        dot.set_node_defaults(shape="record")
    wide = f' colspan="{max(1, show_dtype + show_trainable + 2 * show_shapes)}"'

    def cell(text: str, more: str = "", colour: str = "white", size: int = 14) -> str:
        font = f'point-size="{size}"' + ' color="white"' * (colour != "white")
        return f'<td{more} bgcolor="{colour}"><font {font}>{text}</font></td>'

    def end(layer: Any, which: int) -> str:
        while expand_nested and isinstance(layer, Sequential):
            layer = layer.layers[which]
        return str(id(layer))

    for i, layer in enumerate(model.layers):
        if i:
            dot.add_edge(pydot.Edge(end(model.layers[i - 1], -1), end(layer, 0), penwidth="2"))
        if expand_nested and isinstance(layer, Sequential):
            dot.add_subgraph(model_to_dot(
                layer, show_shapes, show_dtype, show_layer_names, rankdir, True, dpi, True,
                show_layer_activations, show_trainable,
            ))  # fmt: skip
            continue
        kind, act = type(layer).__name__, getattr(layer, "activation", None)
        title = f"<b>{escape(layer.name)}</b> ({kind})" if show_layer_names else f"<b>{kind}</b>"
        label, cells = f"<tr>{cell(title, wide, 'black', 16)}</tr>", ""
        if show_layer_activations and act is not None:
            name = getattr(act, "__name__", None) or getattr(act, "name", act)
            label += f"<tr>{cell(f'Activation: <b>{name}</b>', wide)}</tr>"
        if show_shapes:
            cells += cell(f"Input shape: <b>{model._shapes[i]}</b>")
            cells += cell(f"Output shape: <b>{model._shapes[i + 1]}</b>")
        if show_dtype:
            cells += cell(f"Output dtype: <b>{layer.dtype}</b>")
        if show_trainable and layer.weights:
            told, colour = "Trainable", "forestgreen"
            if not layer.trainable:
                told, colour = "Non-trainable", "firebrick"
            cells += cell(f"<b>{told}</b>", "", colour)
        label += f"<tr>{cells}</tr>" * bool(cells)
        label = (
            f'<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{label}</table>>'
        )
        dot.add_node(pydot.Node(str(id(layer)), label=label, fontname="Helvetica", margin="0"))
    return dot


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draws what `model_to_dot` makes into a file, whose suffix says the format.

    Returns:
        IPython's image, if it is installed, but for ".pdf".

    Raises:
        ImportError: no pydot, or no program `dot` of Graphviz.
    """
    dot = model_to_dot(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, False,
        show_layer_activations, show_trainable, splines, **kwargs,
    )  # fmt: skip
    if shutil.which("dot") is None:
        raise ImportError("plot_model needs the program `dot` of Graphviz, https://graphviz.org")
    path = str(to_file)
    kind = os.path.splitext(path)[1][1:] or "png"
    dot.write(path, format=kind)
    if kind != "pdf" and importlib.util.find_spec("IPython"):
        from IPython.display import Image

        return Image(filename=path)
    return None
