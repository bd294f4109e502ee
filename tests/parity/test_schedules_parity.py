"""Schedules against Keras over their whole range, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

import ranvier

from .keras_reference import keras

CASES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30.5, "decay_rate": 1.2}),
    ("InverseTimeDecay", {"initial_learning_rate": 1.0, "decay_steps": 30, "decay_rate": 0.0}),
    ("PiecewiseConstantDecay", {"boundaries": [0, 13], "values": [1.0, 0.5, 2.0]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "power": 0.5, "cycle": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "end_learning_rate": 0.5, "power": 0.0}),
    ("CosineDecay", {"initial_learning_rate": 0.2, "decay_steps": 30, "alpha": 0.3, "warmup_target": 0.1, "warmup_steps": 40}),
    ("CosineDecay", {"initial_learning_rate": 0.2, "decay_steps": 30, "warmup_target": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.2, "decay_steps": 30, "warmup_steps": 50}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7.3, "t_mul": 1.7, "m_mul": 0.8, "alpha": 0.2}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 70.2, "t_mul": 0.6, "m_mul": 1.1}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1]}")
def test_whole_range(case: Any) -> None:
    name, arguments = case
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    ours = getattr(ranvier.optimizers.schedules, name)(**arguments)
    for step in (0, 13, 14, 30, 31, 40, 41, 71, 150):
        assert ours(step) == pytest.approx(float(theirs(step)), rel=1e-4, abs=1e-7), step
    config = ranvier.optimizers.schedules.serialize(ours)
    assert keras.optimizers.schedules.deserialize(config).get_config() == theirs.get_config()
    again = ranvier.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(theirs))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


@pytest.mark.parametrize("t_mul", [1.5, 2.0, 3.0, 5.0])
def test_a_period_begins_with_its_first_rate(t_mul: float) -> None:
    ours = ranvier.optimizers.schedules.CosineDecayRestarts(1.0, 32, t_mul, 0.5)
    begin, length = 0.0, 32.0
    for period in range(6):
        if begin == int(begin):
            assert ours(int(begin)) == pytest.approx(0.5**period), period
        begin, length = begin + length, length * t_mul


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ExponentialDecay", (0.1, 5, -1.0), "decay_rate"),
        ("InverseTimeDecay", (0.1, 5, "fast"), "decay_rate"),
        ("PolynomialDecay", (0.1, 5, 0.1, -1.0), "power"),
        ("PolynomialDecay", (0.1, 5, -0.1), "end_learning_rate"),
        ("PiecewiseConstantDecay", ([1], [0.1, float("nan")]), "values"),
        ("CosineDecay", (-0.1, 5), "initial_learning_rate"),
        ("CosineDecay", (0.1, 5, None), "alpha"),
        ("CosineDecay", (0.1, 5, 0.0, "a", 0.1, -3), "warmup_steps"),
        ("CosineDecayRestarts", (0.1, 5, 0.0), "t_mul"),
        ("CosineDecayRestarts", (0.1, 5, 2.0, float("inf")), "m_mul"),
    ],
)
def test_bad_input(name: str, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: `{message}`"):
        getattr(ranvier.optimizers.schedules, name)(*arguments)


def test_a_step_after_all_periods() -> None:
    with pytest.raises(ValueError, match="after all periods"):
        ranvier.optimizers.schedules.CosineDecayRestarts(0.1, 5, 0.5)(10)
