"""`model_to_dot` and `plot_model` beside Keras'."""

from __future__ import annotations

import importlib.util
import pathlib
import re
from typing import Any

import pytest

import ranvier
from ranvier._extras import MissingExtra
from ranvier.utils import model_to_dot, plot_model

from ..parity.keras_reference import keras

pydot = pytest.importorskip("pydot")


def network(kit: Any) -> Any:
    L, S = kit.layers, kit.Sequential
    inner = S([kit.Input((4,)), L.Dense(3, name="a"), S([L.Dense(2, name="deep")], name="core"),
               L.Dense(5, "relu", name="b")], name="block")  # fmt: skip
    frozen = L.Dense(2, "softmax", name="head")
    frozen.trainable = False
    return S(
        [
            kit.Input((4,)),
            L.Activation("tanh", name="act"),
            inner,
            L.Dropout(0.1, name="drop"),
            frozen,
            L.Reshape((2, 1), name="steps"),
            L.LSTM(2, name="lstm"),
        ],
        name="net",
    )


def parts(dot: Any) -> tuple[Any, ...]:
    """(attributes, label of each node by cluster, edges between labels)."""
    titles: dict[str, str] = {}

    def nodes(graph: Any) -> list[Any]:
        found = []
        for node in graph.get_nodes():
            if node.get_name() != "node":
                titles[node.get_name()] = re.sub("<[^<>]*>", " ", node.get("label"))
                label = re.sub(r'(bgcolor="\w+") (colspan="\d")', r"\2 \1", node.get("label"))
                found.append((label, node.get("fontname")))
        inner = [(g.get("label"), g.get("style"), nodes(g)) for g in graph.get_subgraphs()]
        return [*found, *inner]

    found = nodes(dot)

    def edges(graph: Any) -> set[Any]:
        own = {(titles[e.get_source()], titles[e.get_destination()], e.get("penwidth"))
               for e in graph.get_edges()}  # fmt: skip
        return own.union(*map(edges, graph.get_subgraphs()))

    return {k: str(v) for k, v in dot.get_attributes().items()}, found, edges(dot)


SHOWN: list[dict[str, Any]] = [
    {},
    {"show_shapes": True, "rankdir": "LR", "dpi": 72, "splines": "curved"},
    {"show_dtype": True, "show_layer_names": False},
    {"show_layer_activations": True, "show_trainable": True},
    {
        "show_shapes": True,
        "show_dtype": True,
        "show_trainable": True,
        "show_layer_activations": True,
    },
]


@pytest.mark.parametrize("shown", SHOWN)
def test_graphs_are_those_of_keras(shown: dict[str, Any]) -> None:
    ours, theirs = (parts(model_to(network(kit), **shown)) for kit, model_to in (
        (ranvier, model_to_dot), (keras, keras.utils.model_to_dot)))  # fmt: skip
    assert ours == theirs


@pytest.mark.parametrize("subgraph", [False, True])
def test_models_in_models(subgraph: bool) -> None:
    shown: dict[str, Any] = {"expand_nested": True, "subgraph": subgraph, "show_shapes": True}
    ours = parts(model_to_dot(network(ranvier), **shown))
    theirs = parts(keras.utils.model_to_dot(network(keras), **shown))
    assert ours[:2] == theirs[:2]
    assert [(a.split()[1], b.split()[1]) for a, b, _ in sorted(ours[2])] == [
        ("a", "deep"), ("act", "a"), ("b", "drop"), ("deep", "b"), ("drop", "head"),
        ("head", "steps"), ("steps", "lstm"),
    ]  # fmt: skip


def test_what_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (ranvier.Sequential([ranvier.layers.Dense(2)]), ranvier.layers.Dense(2), None):
        with pytest.raises(ValueError, match="built Sequential"):
            model_to_dot(model)
    with pytest.raises(ValueError, match="layer_range"):
        model_to_dot(network(ranvier), layer_range=["a", "b"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"ranvier\[plot-model\]"):
        plot_model(network(ranvier))


def test_plot_model(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Graphviz at hand: a program that notes what it is asked for, and echoes."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="Graphviz"):
        plot_model(network(ranvier), tmp_path / "m.svg")
    program = tmp_path / "dot"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n/bin/cat "$2"\n')
    program.chmod(0o755)
    for name, kind in (("m.svg", "svg"), ("n", "png"), ("m.pdf", "pdf")):
        plot_model(network(ranvier), tmp_path / name, show_layer_names=True)
        assert f"-T{kind}" in (tmp_path / "asked").read_text()
        assert "softmax" not in (tmp_path / name).read_text()
        assert "<b>head</b>" in (tmp_path / name).read_text()


def test_names_are_text_not_markup() -> None:
    model = ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Dense(1, name="a<b>&c")])
    label = model_to_dot(model).get_nodes()[-1].get("label")
    assert "<b>a&lt;b&gt;&amp;c</b> (Dense)" in label
