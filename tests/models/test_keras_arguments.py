"""Arguments of compile, fit, the methods on one batch, and summary, beside Keras'."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import ranvier

from ..parity.keras_reference import copy_weights, keras

RNG = np.random.default_rng(3)
X = RNG.normal(size=(24, 5)).astype("float32")
Y = RNG.integers(0, 3, 24)
W = RNG.uniform(0.5, 2, 24)


def pair() -> tuple[Any, Any]:
    made = []
    for lib in (ranvier, keras):
        inner = lib.Sequential([lib.Input((6,)), lib.layers.Dense(4, name="deep")], name="inside")
        model = lib.Sequential(
            [
                lib.Input((5,)),
                lib.layers.Dense(6, "tanh", name="first"),
                inner,
                lib.layers.Dense(4, "tanh", name="second"),
                lib.layers.Dense(3, "softmax", name="third"),
            ]
        )
        model.compile(
            lib.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        made.append(model)
    ours, theirs = made
    copy_weights(ours, theirs)
    return ours, theirs


METHODS = [
    "compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch",
    "summary", "compute_metrics", "get_metrics_result", "reset_metrics", "compute_loss",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_arguments_and_defaults_are_those_of_keras(method: str) -> None:
    def given(cls: Any) -> Any:
        return [
            (p.name, p.default)
            for p in inspect.signature(getattr(cls, method)).parameters.values()
            if p.kind is not p.VAR_KEYWORD
        ]

    assert given(ranvier.Sequential) == given(keras.Sequential)


def test_methods_on_one_batch() -> None:
    ours, theirs = pair()
    for weights in (None, W):
        kw: Any = {"sample_weight": weights}
        for _ in range(3):  # each with metrics of its own
            for method in ("train_on_batch", "test_on_batch"):
                got = getattr(ours, method)(X, Y, return_dict=True, **kw)
                want = getattr(theirs, method)(X, Y, return_dict=True, **kw)
                assert set(got) == set(want)
                for name in want:
                    assert got[name] == pytest.approx(float(want[name]), rel=1e-4), method
                    assert ours.get_metrics_result()[name] == got[name]
        np.testing.assert_allclose(
            ours.train_on_batch(X, Y, **kw), [float(v) for v in theirs.train_on_batch(X, Y, **kw)],
            rtol=1e-4,
        )  # fmt: skip
    got = ours.train_on_batch(X, Y, class_weight={0: 2.0, 1: 0.5, 2: 1.0})
    want = theirs.train_on_batch(X, Y, class_weight={0: 2.0, 1: 0.5, 2: 1.0})
    np.testing.assert_allclose(got, [float(v) for v in want], rtol=1e-4)
    np.testing.assert_allclose(ours.predict_on_batch(X), theirs.predict_on_batch(X), rtol=1e-4)


@pytest.mark.parametrize("freq", [1, 2, 3, [1, 4], (2, 5)])
def test_validation_freq(freq: Any) -> None:
    ours, theirs = pair()
    kw: Any = {"epochs": 5, "verbose": 0, "shuffle": False, "validation_data": (X, Y)}
    got = ours.fit(X, Y, validation_freq=freq, **kw).history
    if isinstance(freq, tuple):  # Keras wants a list
        freq = list(freq)
    want = theirs.fit(X, Y, validation_freq=freq, **kw).history
    assert set(got) == set(want)
    for name in want:
        np.testing.assert_allclose(got[name], want[name], rtol=2e-4)


def test_compile_takes_and_checks_keras_switches() -> None:
    model, _ = pair()
    for jit, eager in ((True, False), (False, True), ("auto", False), ("auto", True)):
        model.compile(
            "sgd", "mse", jit_compile=jit, run_eagerly=eager, steps_per_execution=4,
            auto_scale_loss=False,
        )  # fmt: skip
        assert (model.run_eagerly, model.steps_per_execution) == (eager, 4)
        assert model.jit_compile is ((not eager) if jit == "auto" else jit)
    with pytest.warns(RuntimeWarning, match="exclude each other"):
        model.compile("sgd", "mse", jit_compile=True, run_eagerly=True)
    assert model.jit_compile is False


@pytest.mark.parametrize(
    ("argument", "value", "kind"),
    [
        ("jit_compile", "yes", ValueError),
        ("run_eagerly", "no", ValueError),
        ("auto_scale_loss", 3, ValueError),
        ("steps_per_execution", 0, ValueError),
        ("steps_per_execution", 1.5, TypeError),
    ],
)
def test_bad_switches(argument: str, value: Any, kind: type[Exception]) -> None:
    model, _ = pair()
    with pytest.raises(kind, match=rf"Sequential.*`{argument}`"):
        model.compile("sgd", "mse", **{argument: value})


# -- summary --------------------------------------------------------------------------------


def listed(model: Any, **arguments: Any) -> list[tuple[str, ...]]:
    """Name, shape, count (and trainable) of each line of a table."""
    texts: list[str] = []
    model.summary(print_fn=lambda text, **kw: texts.append(text), line_length=78, **arguments)
    rows = []
    for line in "\n".join(texts).splitlines():
        cells = [c.strip() for c in line.split("│")[1:-1]]
        if cells:
            rows.append((re.sub(r"^└ ", "", cells[0]), *cells[1:]))
    return rows


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"expand_nested": True},
        {"show_trainable": True},
        {"expand_nested": True, "show_trainable": True},
        {"layer_range": ["first", "second"]},
        {"layer_range": ("third", "second")},
        {"layer_range": ("f", "s.*d")},
        {"positions": [0.5, 0.7, 1.0]},
        {"positions": [0.3, 0.6, 0.9], "show_trainable": True},
    ],
)
def test_summary(arguments: dict[str, Any]) -> None:
    ours, theirs = pair()
    ours.layers[2].trainable = theirs.layers[2].trainable = False
    assert listed(ours, **arguments) == listed(theirs, **arguments)


def test_positions_are_widths() -> None:
    ours, theirs = pair()

    def edges(model: Any) -> list[int]:
        texts: list[str] = []
        model.summary(
            print_fn=lambda text, **kw: texts.append(text),
            line_length=80,
            positions=[0.5, 0.7, 1.0],
        )
        line = next(t for t in "\n".join(texts).splitlines() if t.startswith("┏"))
        return [i for i, c in enumerate(line) if c in "┏┳┓"]

    assert edges(ours) == edges(theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer_range": ["first"]}, "two layers' names"),
        ({"layer_range": "ab"}, "two layers' names"),
        ({"layer_range": ["first", 2]}, "two layers' names"),
        ({"layer_range": ["first", "fifth"]}, "matches no layer"),
        ({"positions": [0.5, 1.0]}, "positions"),
        ({"positions": [0.9, 0.5, 1.0]}, "positions"),
        ({"positions": [0.5, 0.7, 2.0]}, "positions"),
        ({"positions": [0.01, 0.5, 1.0]}, "too few"),
    ],
)
def test_bad_summaries(arguments: dict[str, Any], message: str) -> None:
    model, _ = pair()
    with pytest.raises(ValueError, match=message):
        model.summary(print_fn=lambda text: None, **arguments)
