"""pad_sequences beside Keras'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier

from .keras_reference import keras

ENDS = st.sampled_from(["pre", "post"])


@given(
    st.lists(st.lists(st.integers(-9, 9), max_size=7), min_size=1, max_size=6),
    st.none() | st.integers(1, 9),
    st.sampled_from(["int32", "int64", "float32", np.float64, "uint8", object]),
    ENDS,
    ENDS,
    st.sampled_from([0.0, 3, 7.5]),
)
def test_ragged_lists(
    rows: Any, maxlen: int | None, dtype: Any, padding: str, truncating: str, value: Any
) -> None:
    if dtype == "uint8":
        rows = [[abs(n) for n in row] for row in rows]
    arguments = (maxlen, dtype, padding, truncating, value)
    expected = keras.utils.pad_sequences(rows, *arguments)
    arrays = [np.array(row, "float64") for row in rows]
    for given_as in (rows, tuple(rows), arrays):
        ours = ranvier.utils.pad_sequences(given_as, *arguments)
        assert ours.dtype == expected.dtype
        assert ours.shape == expected.shape
        np.testing.assert_array_equal(ours, expected)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.none() | st.integers(1, 4), ENDS)
def test_sequences_of_vectors(lengths: list[int], maxlen: int | None, where: str) -> None:
    rng = np.random.default_rng(sum(lengths))
    rows = [rng.normal(size=(n, 2, 3)) for n in lengths]
    arguments = {"maxlen": maxlen, "dtype": "float32", "padding": where, "truncating": where}
    np.testing.assert_array_equal(
        ranvier.utils.pad_sequences(rows, **arguments),
        keras.utils.pad_sequences(rows, **arguments),
    )


@pytest.mark.parametrize("dtype", [object, "U5", "S5", str])
def test_strings(dtype: Any) -> None:
    rows = [["a", "longer"], [], ["b"]]
    arguments = {"dtype": dtype, "value": "pad", "padding": "post"}
    ours = ranvier.utils.pad_sequences(rows, **arguments)
    expected = keras.utils.pad_sequences(rows, **arguments)
    assert ours.dtype == expected.dtype
    assert ours.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"sequences": [1, 2]}, "must hold sequences; got 1"),
        ({"sequences": iter([[1]])}, "must be a list"),
        ({"sequences": []}, "leave the length open"),
        ({"sequences": [[1, 2], [[1], [2]]]}, "sequence 1 has elements of shape \\(1,\\)"),
        ({"sequences": [[1]], "padding": "both"}, "`padding` must be 'pre' or 'post'; got 'both'"),
        ({"sequences": [[1]], "truncating": "x"}, "`truncating` must be 'pre' or 'post'; got 'x'"),
        ({"sequences": [[1]], "value": "pad"}, "`value` 'pad' does not fit dtype int32"),
        ({"sequences": [["a"]], "value": "pad", "dtype": "float32"}, "does not fit dtype float32"),
    ],
)
def test_both_refuse(arguments: Any, match: str) -> None:
    with pytest.raises(ValueError):
        keras.utils.pad_sequences(**arguments)
    with pytest.raises(ValueError, match=f"pad_sequences: .*{match}"):
        ranvier.utils.pad_sequences(**arguments)


def test_no_sequences_of_a_given_length() -> None:
    assert ranvier.utils.pad_sequences([], maxlen=3).shape == (0, 3)
    assert keras.utils.pad_sequences([], maxlen=3).shape == (0, 3)
