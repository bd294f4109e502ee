"""Keras' names in `utils` and `preprocessing`."""

from __future__ import annotations

import importlib
import inspect

import pytest

import ranvier

from ..parity.keras_reference import keras

MODULES = ["utils", "preprocessing", "preprocessing.image", "preprocessing.sequence"]


@pytest.mark.parametrize("module", MODULES)
def test_functions_have_keras_arguments(module: str) -> None:
    theirs, ours = (importlib.import_module(f"{k}.{module}") for k in ("keras", "ranvier"))
    assert theirs.__name__.startswith(keras.__name__)
    same = 0
    for name in dir(theirs):
        wanted, got = getattr(theirs, name), getattr(ours, name, None)
        if name[0] != "_" and inspect.isfunction(wanted) and inspect.isfunction(got):
            a, b = (inspect.signature(f).parameters for f in (wanted, got))
            named = {k: p.default for k, p in a.items() if p.kind is not p.VAR_KEYWORD}
            mine = {k: p.default for k, p in b.items() if p.kind is not p.VAR_KEYWORD}
            if name == "deserialize_keras_object":  # has two more, for the package itself
                continue
            assert list(mine.items()) == list(named.items()) or (
                name == "smart_resize" and list(mine) == list(named)
            ), name
            same += 1
    assert same >= (1 if module == "preprocessing.sequence" else 3)


def test_the_places_of_lecture_code() -> None:
    from ranvier.preprocessing import timeseries_dataset_from_array
    from ranvier.preprocessing.image import load_img
    from ranvier.preprocessing.sequence import pad_sequences

    utils = ranvier.utils
    assert ranvier.preprocessing.image.load_img is load_img is utils.load_img
    assert pad_sequences is utils.pad_sequences
    assert timeseries_dataset_from_array is utils.timeseries_dataset_from_array
    assert utils.clear_session is ranvier.backend.clear_session
    assert utils.standardize_dtype("float64") == "float64"
    for name in ("custom_object_scope", "CustomObjectScope", "get_custom_objects", "get_registered_name",
                 "get_registered_object", "register_keras_serializable", "serialize_keras_object",
                 "deserialize_keras_object"):  # fmt: skip
        assert getattr(utils, name) is getattr(ranvier.saving, name)
