"""StringLookup and IntegerLookup.

Keras' own need TensorFlow: the expected values are those of its docstrings and tests
(string_lookup.py, integer_lookup.py, index_lookup_test.py), or of a plain reimplementation.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier
from ranvier.layers import Dense, IntegerLookup, StringLookup

LETTERS = ["a", "b", "c", "d"]
NUMBERS = [12, 36, 1138, 42]


# -- Keras' docstrings ------------------------------------------------------------------------


def test_known_vocabulary() -> None:
    assert StringLookup(vocabulary=LETTERS)([["a", "c", "d"], ["d", "z", "b"]]).tolist() == [
        [1, 3, 4],
        [4, 0, 2],
    ]
    ids = IntegerLookup(vocabulary=NUMBERS)(np.array([[12, 1138, 42], [42, 1000, 36]]))
    assert ids.tolist() == [[1, 3, 4], [4, 0, 2]]
    assert ids.dtype == np.int64


def test_adapted_vocabulary() -> None:
    words = [["a", "c", "d"], ["d", "z", "b"]]
    layer = StringLookup()
    layer.adapt(words)
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert layer(words).tolist() == [[5, 3, 1], [1, 2, 4]]
    numbers = np.array([[12, 1138, 42], [42, 1000, 36]])
    whole = IntegerLookup()
    whole.adapt(numbers)
    assert whole.get_vocabulary() == [-1, 42, 1138, 1000, 36, 12]
    assert whole(numbers).tolist() == [[5, 2, 1], [1, 3, 4]]


def test_several_indices_for_unknown_tokens() -> None:
    layer = StringLookup(vocabulary=LETTERS, num_oov_indices=2)
    assert layer([["a", "c", "d"], ["m", "z", "b"]]).tolist() == [[2, 4, 5], [0, 1, 3]]
    whole = IntegerLookup(vocabulary=NUMBERS, num_oov_indices=2)
    assert whole([[12, 1138, 42], [37, 1000, 36]]).tolist() == [[2, 4, 5], [1, 0, 3]]
    values = np.array([100, 300, 700, 1100, 1700, 2000])
    of = {"vocabulary": [10, 20, 30], "num_oov_indices": 4}
    assert IntegerLookup(**of)(values).tolist() == [0] * 6
    assert IntegerLookup(**of, oov_method="farmhash")(values).tolist() == [3, 3, 2, 2, 0, 1]
    # Python's, and TensorFlow's, floormod of negative numbers
    assert IntegerLookup(**of)([-1, -5]).tolist() == [3, 3]


def test_salt_changes_the_buckets() -> None:
    words = ["A", "B", "C", "D", "E"]
    layer = StringLookup(vocabulary=["a"], num_oov_indices=3, salt=[133, 137])
    assert layer(words).tolist() == [1, 2, 1, 0, 2]  # as keras.layers.Hashing's docstring
    assert layer.get_config()["salt"] == [133, 137]
    of = {"vocabulary": [7], "num_oov_indices": 5, "oov_method": "farmhash", "salt": 133}
    assert IntegerLookup(**of).get_config()["salt"] == [133, 133]
    digits = StringLookup(vocabulary=["7"], num_oov_indices=5, salt=133)
    assert IntegerLookup(**of)([1, 22, -3]).tolist() == digits(["1", "22", "-3"]).tolist()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("multi_hot", [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
        ("count", [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
    ],
)
def test_rows_of_counts(mode: str, expected: Any) -> None:
    y = StringLookup(vocabulary=LETTERS, output_mode=mode)(
        [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
    )
    assert y.tolist() == expected
    assert y.dtype == np.float32
    whole = IntegerLookup(vocabulary=NUMBERS, output_mode=mode)
    assert whole([[12, 1138, 42, 42], [42, 7, 36, 7]]).tolist() == expected


def test_one_hot() -> None:
    expected = np.eye(5)[[1, 2, 3, 4, 0]]
    layer = StringLookup(vocabulary=LETTERS, output_mode="one_hot")
    np.testing.assert_array_equal(layer([*LETTERS, "z"]), expected)
    np.testing.assert_array_equal(layer([[w] for w in [*LETTERS, "z"]]), expected)
    assert layer(np.array([LETTERS, LETTERS])).shape == (2, 4, 5)
    assert layer("b").tolist() == [[0, 0, 1, 0, 0]]
    padded = StringLookup(vocabulary=LETTERS, output_mode="one_hot", max_tokens=20,
                          num_oov_indices=4, pad_to_max_tokens=True)  # fmt: skip
    assert padded(np.full((2, 2, 2), "a")).shape == (2, 2, 2, 20)
    assert padded.compute_output_shape((None, 2, 2)) == (None, 2, 2, 20)


def test_tf_idf() -> None:
    data = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
    layer = StringLookup(output_mode="tf_idf")
    layer.set_vocabulary(LETTERS, idf_weights=[0.25, 0.75, 0.6, 0.4])
    expected = np.array([[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]])
    np.testing.assert_allclose(layer(data), expected, rtol=1e-6)
    layer = StringLookup(output_mode="tf_idf")
    layer.set_vocabulary(["[UNK]", *LETTERS], idf_weights=[0.9, 0.25, 0.75, 0.6, 0.4])
    expected[1, 0] = 1.8
    np.testing.assert_allclose(layer(data), expected, rtol=1e-6)


def test_adapted_tf_idf() -> None:
    arguments = {"max_tokens": 7, "mask_token": "", "oov_token": "[OOV]", "output_mode": "tf_idf"}
    layer = StringLookup(**arguments)
    layer.adapt(["one", "one", "one", "two", "two", "three"])
    y = layer(["one", "two", "four"])
    np.testing.assert_allclose(y, [1.1337324, 0.91629076, 1.0986123, 0.0], rtol=1e-6)
    layer = StringLookup(**arguments)
    layer.adapt([["one", "one"], ["one", "two"], ["two", "three"]])
    y = layer([["one", "two"], ["two", "four"]])
    expected = [[0.0, 0.6931472, 0.6931472, 0.0], [0.76752836, 0.0, 0.6931472, 0.0]]
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    batched = StringLookup(**arguments)
    batched.adapt(iter([[["one", "one"], ["one", "two"]], [["two", "three"]]]))
    np.testing.assert_array_equal(batched.idf_weights, layer.idf_weights)


def test_inverse() -> None:
    back = StringLookup(vocabulary=LETTERS, invert=True)
    assert back([[1, 3, 4], [4, 0, 2]]).tolist() == [["a", "c", "d"], ["d", "[UNK]", "b"]]
    assert back([-1, 99]).tolist() == ["[UNK]", "[UNK]"]
    assert "".join(back([1, 2])) == "ab"
    whole = IntegerLookup(vocabulary=NUMBERS, invert=True)([[1, 3, 4], [4, 0, 2]])
    assert whole.tolist() == [[12, 1138, 42], [42, -1, 36]]
    assert whole.dtype == np.int64
    masked = StringLookup(vocabulary=LETTERS, invert=True, mask_token="")
    assert masked([0, 1, 2]).tolist() == ["", "[UNK]", "a"]


def test_mask_and_special_tokens() -> None:
    """index_lookup_test.py: with or without special tokens the vocabulary is the same."""
    arguments: dict[str, Any] = {"max_tokens": 7, "mask_token": "", "oov_token": "[OOV]"}
    for vocabulary in (["one", "two", "three"], ["", "[OOV]", "one", "two", "three"]):
        layer = StringLookup(vocabulary=vocabulary, **arguments)
        assert layer.get_vocabulary() == ["", "[OOV]", "one", "two", "three"]
        assert layer.get_vocabulary(include_special_tokens=False) == ["one", "two", "three"]
        assert layer.vocabulary_size() == 5
        assert layer(["one", "two", "four", ""]).tolist() == [2, 3, 1, 0]
    whole = IntegerLookup(max_tokens=4, mask_token=0)
    whole.adapt([1, 1, 1, 2, 2, 3, 0, 0, 0, 0, -1, -1])
    assert whole.get_vocabulary() == [0, -1, 1, 2]
    assert whole([1, 2, 3, 4, 0]).tolist() == [2, 3, 1, 1, 0]
    for mode, expected in (("count", [1, 2, 0, 0]), ("multi_hot", [1, 1, 0, 0])):
        layer = StringLookup(vocabulary=["one", "two", "three"], output_mode=mode, **arguments)
        assert layer(["one", "one", "", "", "four"]).tolist() == expected
    hot = StringLookup(vocabulary=["one"], output_mode="one_hot", **arguments)
    assert hot(["", "one"]).tolist() == [[0, 0], [0, 1]]


def test_vocabulary_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("a\nb\nc\n")
    layer = StringLookup(vocabulary=str(path), oov_token="[OOV]", mask_token="[MASK]")
    assert layer.get_vocabulary() == ["[MASK]", "[OOV]", "a", "b", "c"]
    path.unlink()
    assert layer.clone().get_vocabulary() == layer.get_vocabulary()
    path.write_text("5\n-7\n")
    assert IntegerLookup(vocabulary=path).get_vocabulary() == [-1, 5, -7]
    path.write_text("5\nseven\n")
    with pytest.raises(ValueError, match=r"IntegerLookup .* integer on each line"):
        IntegerLookup(vocabulary=path)
    with pytest.raises(ValueError, match="does not exist"):
        StringLookup(vocabulary=str(tmp_path / "none"))
    with pytest.raises(ValueError, match="may not name files"):
        StringLookup.from_config({"vocabulary": str(path)})


# -- beside a plain reimplementation ----------------------------------------------------------


def plain_vocabulary(tokens: list[Any], most: int | None, special: list[Any]) -> list[Any]:
    """Keras' order: by how often, then by the token, both downward."""
    counts = Counter(t for t in tokens if t not in special)
    order = sorted(sorted(counts, reverse=True), key=lambda t: -counts[t])
    return order if most is None else order[: max(0, most)]


# NumPy's own strings end at a NUL
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)


@given(st.lists(WORDS, min_size=1, max_size=40), st.integers(2, 12), st.booleans())
def test_adapt_and_look_up_strings(words: list[str], most: int, masked: bool) -> None:
    mask = "" if masked else None
    layer = StringLookup(max_tokens=most, mask_token=mask)
    layer.adapt(words)
    special = [""] if masked else []
    expected = plain_vocabulary(words, most - 1 - masked, [*special, "[UNK]"])
    assert layer.get_vocabulary(include_special_tokens=False) == expected
    table = {w: i + 1 + masked for i, w in enumerate(expected)}
    if masked:
        table[""] = 0
    asked = [*words, "another"]
    ids = [table.get(w, int(masked)) for w in asked]
    for given_as in (asked, tuple(asked), np.array(asked), np.array(asked, object),
                     np.array([w.encode() for w in asked], object)):  # fmt: skip
        assert layer(given_as).tolist() == ids


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), min_size=1, max_size=40),
    st.lists(st.integers(-9, 9), max_size=9),
)
def test_adapt_and_look_up_integers(numbers: list[int], others: list[int]) -> None:
    layer = IntegerLookup()
    layer.adapt(np.array(numbers))
    expected = plain_vocabulary(numbers, None, [-1])
    assert layer.get_vocabulary() == [-1, *expected]
    table = {w: i + 1 for i, w in enumerate(expected)}
    asked = np.array(numbers + others)
    assert layer(asked).tolist() == [table.get(w, 0) for w in asked.tolist()]


@given(st.lists(st.lists(st.sampled_from("abcxy"), min_size=3, max_size=3), min_size=1, max_size=6))
def test_modes_agree_with_the_indices(rows: list[list[str]]) -> None:
    ids = StringLookup(vocabulary=["a", "b", "c"])(rows)
    counts = np.stack([np.bincount(row, minlength=4) for row in ids])
    of = {"vocabulary": ["a", "b", "c"]}
    np.testing.assert_array_equal(StringLookup(**of, output_mode="count")(rows), counts)
    np.testing.assert_array_equal(StringLookup(**of, output_mode="multi_hot")(rows), counts > 0)
    np.testing.assert_array_equal(StringLookup(**of, output_mode="one_hot")(rows), np.eye(4)[ids])
    deep = StringLookup(**of, output_mode="count")([rows, rows])
    np.testing.assert_array_equal(deep, [counts, counts])


def test_batches_count_together() -> None:
    whole, batched, limited = IntegerLookup(), IntegerLookup(), IntegerLookup()
    data = np.random.default_rng(0).integers(0, 20, (30, 4))
    whole.adapt(data)
    batched.adapt(data[i : i + 7] for i in range(0, 30, 7))
    assert batched.get_vocabulary() == whole.get_vocabulary()

    def endless() -> Any:
        while True:
            yield [3, 3, 5]

    limited.adapt(endless(), steps=3)
    assert limited.get_vocabulary() == [-1, 3, 5]
    limited.adapt([8])  # begins anew
    assert limited.get_vocabulary() == [-1, 8]


def test_bytes_and_encodings() -> None:
    layer = StringLookup(vocabulary=["grün", "rot"], encoding="latin-1")
    assert layer(np.array(["grün".encode("latin-1"), b"rot"])).tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"StringLookup .* no text in 'utf-8'"):
        StringLookup(vocabulary=["rot"])([b"\xff"])


def test_frames() -> None:
    import pandas as pd

    frame = pd.DataFrame({"colour": ["red", "blue", "red"], "size": [3, 4, 3]})
    colour, size = StringLookup(), IntegerLookup()
    colour.adapt(frame["colour"])
    size.adapt(frame["size"])
    assert colour(frame["colour"]).tolist() == [1, 2, 1]
    assert size(frame[["size"]]).tolist() == [[1], [2], [1]]
    frame.loc[1, "colour"] = None
    with pytest.raises(TypeError, match="expected strings; got"):
        colour(frame["colour"])


# -- configuration ----------------------------------------------------------------------------

# What Keras' get_config gives (index_lookup.py, string_lookup.py, layer.py).
KEYS = {
    "name", "trainable", "dtype", "invert", "max_tokens", "num_oov_indices", "oov_token",
    "mask_token", "output_mode", "sparse", "pad_to_max_tokens", "idf_weights", "vocabulary",
    "vocabulary_size", "oov_method", "salt",
}  # fmt: skip


def test_config_has_the_keys_of_keras() -> None:
    assert StringLookup(vocabulary=LETTERS).get_config().keys() == KEYS | {"encoding"}
    assert IntegerLookup(vocabulary=NUMBERS).get_config().keys() == KEYS | {"vocabulary_dtype"}
    config = IntegerLookup(vocabulary=np.array(NUMBERS)).get_config()
    assert config["vocabulary"] == NUMBERS
    assert config["vocabulary_size"] == 5
    assert IntegerLookup().get_config()["vocabulary"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        {
            "vocabulary": LETTERS,
            "mask_token": "",
            "oov_token": "?",
            "num_oov_indices": 3,
            "salt": 5,
        },
        {"vocabulary": LETTERS, "output_mode": "tf_idf", "idf_weights": [0.1, 0.2, 0.3, 0.4]},
        {"vocabulary": LETTERS, "output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
        {"vocabulary": LETTERS, "oov_token": None},
    ],
)
def test_config_and_pickle(arguments: dict[str, Any]) -> None:
    data = [["a", "d", "q", ""], ["r", "s", "a", "a"]]
    layer = StringLookup(**arguments, name="given")
    config = json.loads(json.dumps(layer.get_config()))
    again = StringLookup.from_config(config)
    assert again.get_config() == layer.get_config()
    for other in (again, pickle.loads(pickle.dumps(layer)), layer.clone()):
        np.testing.assert_array_equal(other(data), layer(data))
    with pytest.raises(ValueError, match="given as `vocabulary`"):
        again.adapt(data)


@pytest.mark.parametrize(
    "arguments",
    [{"mask_token": ""}, {"output_mode": "tf_idf", "max_tokens": 9, "pad_to_max_tokens": True},
     {"oov_token": None, "num_oov_indices": 2}],
)  # fmt: skip
def test_an_adapted_vocabulary_is_in_the_config(arguments: dict[str, Any]) -> None:
    data = [["a", "d", "q", ""], ["r", "s", "a", "a"]]
    layer = StringLookup(**arguments)
    layer.adapt(data)
    config = json.loads(json.dumps(ranvier.saving.serialize_keras_object(layer)))
    for other in (
        ranvier.saving.deserialize_keras_object(config),
        pickle.loads(pickle.dumps(layer)),
    ):
        assert other.get_vocabulary() == layer.get_vocabulary()
        np.testing.assert_array_equal(other([*data, ["new"] * 4]), layer([*data, ["new"] * 4]))
        other.adapt([["u", "r", "s", "a", "d"]] * 2)  # may learn again
        assert "u" in other.get_vocabulary()


def test_reads_a_config_of_keras_before_adapt() -> None:
    config = {
        "name": "s", "trainable": True, "dtype": {"module": "keras", "class_name": "DTypePolicy",
        "config": {"name": "float32"}, "registered_name": None}, "invert": False,
        "max_tokens": None, "num_oov_indices": 1, "oov_token": "[UNK]", "mask_token": None,
        "output_mode": "count", "sparse": False, "pad_to_max_tokens": False, "idf_weights": None,
        "vocabulary": None, "vocabulary_size": None, "oov_method": "floormod", "salt": None,
        "encoding": "utf-8",
    }  # fmt: skip
    layer = StringLookup.from_config(config)
    layer.adapt(["b", "b"])
    assert layer(["b", "c"]).tolist() == [1, 1]


# -- in a model -------------------------------------------------------------------------------


def test_integers_may_enter_a_model() -> None:
    lookup = IntegerLookup(vocabulary=NUMBERS, output_mode="one_hot")
    model = ranvier.Sequential([ranvier.Input((1,)), lookup, Dense(2)])
    x = np.array([[42], [7], [12]])
    expected = np.eye(5, dtype="float32")[[4, 0, 1]] @ model.layers[1].kernel.value
    np.testing.assert_allclose(model(x), expected, rtol=1e-6)
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, np.ones((3, 2)), epochs=2, verbose=0)
    moved = np.abs(model.get_weights()[0] - before[0]).sum(axis=1)
    assert (moved[[0, 1, 4]] > 0).all()
    assert (moved[[2, 3]] == 0).all()
    again = ranvier.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(x), model(x))


def test_a_model_refuses_integers_that_its_floats_round() -> None:
    model = ranvier.Sequential([ranvier.Input((1,)), IntegerLookup(vocabulary=[2**24])])
    with pytest.raises(ValueError, match=r"IntegerLookup .* 16777216"):
        model(np.array([[2**24 + 1]]))
    assert model(np.array([[2**24 - 1]])).tolist() == [[0]]


def test_text_is_no_input_of_a_model() -> None:
    with pytest.raises(ValueError, match=r"StringLookup 'x' maps text.*`x = layer\(texts\)`"):
        ranvier.Sequential([StringLookup(vocabulary=LETTERS, name="x")])
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        ranvier.Sequential([ranvier.Input((3,)), IntegerLookup(output_mode="count"), Dense(1)])


# -- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"max_tokens": 1}, "`max_tokens` must be an integer > 1"),
        ({"max_tokens": 2.5}, "`max_tokens` must be an integer > 1"),
        ({"num_oov_indices": -1}, "`num_oov_indices` must be an integer >= 0"),
        ({"pad_to_max_tokens": True}, "needs `max_tokens`"),
        ({"output_mode": "binary2"}, "`output_mode` must be one of"),
        ({"output_mode": None}, "`output_mode` must be one of"),
        ({"invert": True, "output_mode": "count"}, "`invert=True` needs `output_mode` 'int'"),
        ({"invert": True, "oov_token": None}, "needs an `oov_token`"),
        ({"sparse": True}, "`sparse=True` is not in ranvier"),
        ({"idf_weights": [1.0]}, "`idf_weights` are for"),
        ({"output_mode": "tf_idf", "vocabulary": ["a"]}, "needs `idf_weights`"),
        (
            {"output_mode": "tf_idf", "vocabulary": ["a"], "idf_weights": [1.0, 2.0]},
            "shape \\(1,\\)",
        ),
        ({"oov_method": "md5"}, "`oov_method` must be"),
        ({"salt": [1, 2, 3]}, "`salt` must be"),
        ({"vocabulary": []}, "`vocabulary` is empty"),
        ({"vocabulary": ["a", "b", "a"]}, "repeated tokens: \\['a'\\]"),
        ({"vocabulary": [["a"], ["b"]]}, "must have one axis"),
        ({"vocabulary": ["a", "", "b"], "mask_token": ""}, "`mask_token` '' at index 1"),
        ({"vocabulary": ["a", "[UNK]"], "invert": True}, "`oov_token` '\\[UNK\\]' at index 1"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "must not exceed `max_tokens` 2; got 3"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=f"StringLookup 'bad': .*{match}"):
        StringLookup(**arguments, name="bad")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: StringLookup(mask_token=0), "`mask_token` must be a string"),
        (lambda: StringLookup(vocabulary=[1, 2]), "expected strings; got 1"),
        (lambda: StringLookup(vocabulary=["a", None, "b"]), "must hold strings; got None"),
        (lambda: IntegerLookup(mask_token="a"), "`mask_token` must be an int64"),
        (lambda: IntegerLookup(oov_token=2**63), "`oov_token` must be an int64"),
        (lambda: IntegerLookup(vocabulary=["a"]), "must hold numbers"),
        (lambda: StringLookup(vocabulary=["a"])([1, 2]), "expected strings; got 1"),
        (lambda: StringLookup(vocabulary=["a"])(["a", None]), "expected strings; got None"),
        (lambda: IntegerLookup(vocabulary=[1])(["1"]), "must hold numbers"),
        (lambda: StringLookup().adapt("text"), "adapt\\(\\) wants an array"),
        (lambda: StringLookup().adapt(5), "adapt\\(\\) wants an array"),
        (lambda: StringLookup(words=3), "unknown argument `words`"),
    ],
)
def test_things_of_the_wrong_kind(make: Any, match: str) -> None:
    with pytest.raises(TypeError, match=f"Lookup '.*': .*{match}"):
        make()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: StringLookup(vocabulary=["a"])([["a"], ["a", "a"]]), "rows of unequal lengths"),
        (lambda: StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "q"]), "got \\['q'\\]"),
        (lambda: IntegerLookup(vocabulary=[1], num_oov_indices=0)([1, 5]), "got \\[5\\]"),
        (lambda: IntegerLookup(vocabulary=[1])([1.5]), "expected integers; got 1.5"),
        (lambda: IntegerLookup(vocabulary=[1])([np.nan]), "expected integers; got nan"),
        (lambda: IntegerLookup(vocabulary=[1])([np.inf]), "expected integers; got inf"),
        (lambda: IntegerLookup(vocabulary=[1])(np.uint64([2**63])), "below 2\\*\\*63"),
        (lambda: IntegerLookup(vocabulary_dtype="int32"), "`vocabulary_dtype` must be 'int64'"),
        (lambda: IntegerLookup(salt=3), "needs `oov_method` 'farmhash'"),
        (lambda: StringLookup().adapt([]), "found no tokens"),
        (lambda: StringLookup().adapt([["a"]], steps=0), "`steps` must be a positive integer"),
        (lambda: StringLookup().set_vocabulary(["a"], [1.0]), "only there; got some in 'int'"),
    ],
)
def test_values_that_do_not_fit(make: Any, match: str) -> None:
    with pytest.raises(ValueError, match=f"Lookup '.*': .*{match}"):
        make()


def test_before_there_is_a_vocabulary() -> None:
    for layer in (StringLookup(), StringLookup(output_mode="count"), StringLookup(invert=True)):
        with pytest.raises(RuntimeError, match="no vocabulary yet"):
            layer([1] if layer.invert else ["a"])


def test_the_size_stays_where_the_output_depends_on_it() -> None:
    layer = StringLookup(output_mode="count")
    layer.adapt(["a", "b"])
    with pytest.raises(RuntimeError, match="must keep its size, 3; got 2"):
        layer.adapt(["a"])
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]
    layer.adapt(["c", "d"])
    assert layer.get_vocabulary() == ["[UNK]", "d", "c"]


def test_nothing_to_look_up() -> None:
    assert StringLookup(vocabulary=["a"])([]).shape == (0,)
    assert IntegerLookup(vocabulary=[1])(np.zeros((0, 3), int)).shape == (0, 3)
    assert (
        StringLookup(vocabulary=["a"], output_mode="count")(np.zeros((3, 0), "U1")).tolist()
        == [[0, 0]] * 3
    )
    assert StringLookup(vocabulary=["a"])("a") == 1
