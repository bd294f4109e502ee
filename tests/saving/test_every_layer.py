"""Every layer goes through files and comes back the same."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

import ranvier

from .cases import CASES, OUTSIDE, build, data, randomize


def test_there_is_a_case_for_every_layer() -> None:
    layers = {
        thing.__name__
        for thing in (getattr(ranvier.layers, name) for name in ranvier.layers.__all__)
        if isinstance(thing, type)
    }
    assert layers - OUTSIDE <= set(CASES), "add a case for it to tests/saving/cases.py"


@pytest.mark.parametrize("name", CASES)
def test_a_model_comes_back_the_same(
    name: str, tmp_path: pathlib.Path, rng: np.random.Generator
) -> None:
    case = CASES[name]
    model = build(case)
    randomize(model, rng)
    model.save(tmp_path / "m.keras")
    again = ranvier.saving.load_model(tmp_path / "m.keras")

    x = data(case, rng)
    np.testing.assert_array_equal(again(x), model(x))
    assert json.loads(again.to_json()) == json.loads(model.to_json())
    assert [w.tolist() for w in again.get_weights()] == [w.tolist() for w in model.get_weights()]
    assert [v.trainable for v in again.weights] == [v.trainable for v in model.weights]


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if build(case).get_weights()])
@pytest.mark.parametrize("ending", ["weights.h5", "safetensors"])
def test_weights_go_into_another_model(
    name: str, ending: str, tmp_path: pathlib.Path, rng: np.random.Generator
) -> None:
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    case = CASES[name]
    model, other = build(case), build(case)
    randomize(model, rng)
    model.save_weights(tmp_path / f"m.{ending}")
    other.load_weights(tmp_path / f"m.{ending}")
    x = data(case, rng)
    np.testing.assert_array_equal(other(x), model(x))


@pytest.mark.parametrize("kind", ["StringLookup", "TextVectorization"])
def test_layers_of_text_are_refused_by_name(kind: str, tmp_path: pathlib.Path) -> None:
    layer = getattr(ranvier.layers, kind)(vocabulary=["a", "b"])
    with pytest.raises(ValueError, match=f"{kind}.*text"):
        ranvier.Sequential([layer])
