"""`Progbar`, `Config` and where messages go, beside Keras' own."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import re
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.utils import Config, Progbar

from ..parity.keras_reference import keras


class Clock:
    """Time that passes as it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def drawn(
    make: Any, monkeypatch: pytest.MonkeyPatch, screen: Any, calls: Any, **kwargs: Any
) -> str:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    monkeypatch.setattr("sys.stdout", screen)
    bar = make(**kwargs)
    for method, seconds, args in calls:
        clock.now += seconds
        getattr(bar, method)(*args)
    monkeypatch.undo()
    return str(screen.getvalue())


STEPS = [
    ("add", 0.3, (1, [("loss", 2.0), ("acc", 0.25)])),
    ("add", 0.01, (1, [("loss", 1.0), ("acc", 0.5)])),
    ("add", 0.1, (2, [("loss", np.float32(0.0005)), ("acc", 0.75)])),
    ("update", 0.2, (7, [("loss", 0.125), ("acc", np.array([0.5, 1.0])), ("late", -3.0)])),
    ("update", 0.2, (9, None, False)),
    ("update", 0.2, (10, [("loss", 0.5), ("acc", 0.5), ("late", 1e-5)])),
]


@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize(
    "kwargs",
    [
        {"target": 10},
        {"target": 10, "width": 7, "unit_name": "sample", "interval": 0.15},
        {"target": 10, "stateful_metrics": ["acc"]},
        {"target": 10, "stateless_metrics": ["acc"]},
        {"target": None},
        {"target": 100000},
        {"target": 1500},
        {"target": 0},
    ],
)
def test_text_is_keras_own(verbose: int, kwargs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = (
        drawn(make, monkeypatch, Screen(), STEPS, verbose=verbose, **kwargs)
        for make in (Progbar, keras.utils.Progbar)
    )
    assert ours == theirs
    assert bool(ours) == (verbose == 1 or (verbose == 2 and kwargs["target"] == 10))


@pytest.mark.parametrize("scale", [1e-5, 1e-2, 3.0, 4000.0])
def test_times_of_all_sizes(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [(m, s * scale, a) for m, s, a in STEPS]
    kwargs: Any = {"target": 40, "interval": 0}
    ours = drawn(Progbar, monkeypatch, Screen(), calls, **kwargs)
    assert ours == drawn(keras.utils.Progbar, monkeypatch, Screen(), calls, **kwargs)


def test_lines_in_a_file_have_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(Progbar, monkeypatch, io.StringIO(), STEPS, target=10)
    lines = text.splitlines()
    assert "\x1b" not in text and "\r" not in text and len(lines) == 5
    assert re.fullmatch(r" 1/10 ━{20} 2s \d+ms/step - loss: 2.0000 - acc: 0.2500", lines[0])
    assert lines[-1].startswith("10/10 ━━━━━━━━━━━━━━━━━━━━ 1s ")


def test_both_kinds_of_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"stateful_metrics.*stateless_metrics"):
        Progbar(3, stateful_metrics=["a"], stateless_metrics=["b"])


# -- settings ---------------------------------------------------------------------------------


def test_config_beside_keras() -> None:
    ours, theirs = (make(b=1, a=[2]) for make in (Config, keras.utils.Config))
    for config in (ours, theirs):
        config.c = "x"
        config["d"] = 3
        config.update({"e": 5}, f=6)
        del config["f"]
        assert config.pop("e") == 5 and config.pop("z", None) is None
    for question in (
        lambda c: c.to_json(), lambda c: c.as_dict(), lambda c: list(c), len, repr,
        lambda c: sorted(c.items()), lambda c: "a" in c, lambda c: c.get("z", 7), lambda c: c.b,
        lambda c: c["c"], lambda c: c.frozen,
    ):  # fmt: skip
        assert question(ours) == question(theirs)
    for config in (ours, theirs):
        config.freeze()
        assert config.frozen
        for change in (
            lambda c: setattr(c, "b", 2), lambda c: c.pop("b"), lambda c: c.update(b=2),
            lambda c: c.__setitem__("b", 2), lambda c: c.__delitem__("b"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match="frozen"):
                change(config)
        config.unfreeze()
        config.b = 4
        assert config.b == 4
        with pytest.raises(AttributeError, match="learning_rat"):
            config.learning_rat  # noqa: B018
        with pytest.raises(KeyError):
            config["learning_rat"]


def test_config_copies_and_pickles() -> None:
    config = Config(rate=0.1)
    config.freeze()
    for made in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert made == config and made.frozen and made.rate == 0.1
    config.as_dict()["rate"] = 3
    assert json.loads(config.to_json()) == {"rate": 0.1}
    with pytest.raises(AttributeError, match=r"`rat`.*'rate'"):
        config.rat  # noqa: B018


# -- where messages go ------------------------------------------------------------------------


def test_messages_go_to_a_log(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    assert ranvier.utils.is_interactive_logging_enabled()
    ranvier.config.disable_interactive_logging()
    try:
        assert not ranvier.config.is_interactive_logging_enabled()
        with caplog.at_level(logging.INFO, "ranvier"):
            model.fit(x, x[:, 0], epochs=2, callbacks=[ranvier.callbacks.EarlyStopping("loss", 9)])
            model.summary()
            Progbar(2).update(2)
    finally:
        ranvier.utils.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    told = caplog.text
    assert "Epoch 2/2" in told and "Trainable params: 3" in told and "2/2 ━━" in told
    model.evaluate(x, x[:, 0])
    assert "loss" in capsys.readouterr().out
