"""TextVectorization.

Keras' own needs TensorFlow: the expected values are those of its docstring and tests
(text_vectorization_test.py), of TensorFlow's documentation, or of a plain reimplementation.
"""

from __future__ import annotations

import json
import pickle
import re
import string
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier
from ranvier.layers import StringLookup, TextVectorization

BAZ = ["baz", "bar", "foo"]


@ranvier.saving.register_serializable("test_text")
def dashes_to_spaces(texts: Any) -> Any:
    return np.char.replace(texts, "-", " ")


@ranvier.saving.register_serializable("test_text")
def split_at_bars(texts: Any) -> Any:
    return [text.split("|") for text in texts]


def test_adapt_and_call() -> None:
    layer = TextVectorization(max_tokens=5000, output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    y = layer([["foo qux bar"], ["qux baz"]])
    assert y.tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    assert y.dtype == np.int64
    given = TextVectorization(max_tokens=5000, output_sequence_length=4, vocabulary=BAZ)
    assert given(np.array(["foo qux bar", "qux baz"])).tolist() == y.tolist()
    assert given([b"foo qux bar", b"qux baz"]).tolist() == y.tolist()
    later = TextVectorization()
    later.set_vocabulary(BAZ)
    assert later(["foo qux bar", "qux baz"]).tolist() == [[4, 1, 3], [1, 2, 0]]


def test_the_vocabulary_of_the_docstring() -> None:
    layer = TextVectorization(vocabulary=["earth", "wind", "and", "fire"], max_tokens=5000)
    assert layer.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    assert layer.get_vocabulary(include_special_tokens=False) == ["earth", "wind", "and", "fire"]
    assert layer.vocabulary_size() == 6


def test_modes_of_rows() -> None:
    words = ["foo", "bar", "baz"]
    texts = ["foo bar", "baz foo foo"]
    hot = TextVectorization(output_mode="multi_hot", vocabulary=words)
    assert hot([[t] for t in texts]).tolist() == [[0, 1, 1, 0], [0, 1, 0, 1]]
    count = TextVectorization(output_mode="count", vocabulary=words)
    assert count(texts).tolist() == [[0, 1, 1, 0], [0, 2, 0, 1]]
    assert count(texts).dtype == np.float32
    weighted = TextVectorization(
        output_mode="tf_idf", vocabulary=words, idf_weights=[0.3, 0.5, 0.2]
    )
    np.testing.assert_allclose(
        weighted(texts), [[0.0, 0.3, 0.5, 0.0], [0.0, 0.6, 0.0, 0.2]], rtol=1e-6
    )
    padded = TextVectorization(
        output_mode="multi_hot", vocabulary=["foo", "bar"], max_tokens=8, pad_to_max_tokens=True
    )
    assert padded(["foo bar"]).tolist() == [[0, 1, 1, 0, 0, 0, 0, 0]]
    one = TextVectorization(output_mode="one_hot", vocabulary=["foo"])(["foo qux", "foo"])
    assert one.tolist() == [[[0, 1], [1, 0]], [[0, 1], [0, 0]]]


def test_adapted_tf_idf_counts_texts() -> None:
    texts = ["foo bar", "bar baz bar", "baz bada boom"]
    layer = TextVectorization(output_mode="tf_idf")
    layer.adapt(texts)
    assert layer.get_vocabulary() == ["[UNK]", "bar", "baz", "foo", "boom", "bada"]
    idf = np.log(1 + 3 / (1 + np.array([2, 2, 1, 1, 1])))
    expected = [idf.mean() * 1, idf[0] * 2, 0, idf[2], 0, 0]
    np.testing.assert_allclose(layer(["bar foo bar new"])[0], expected, rtol=1e-6)
    batched = TextVectorization(output_mode="tf_idf")
    batched.adapt(iter([texts[:1], texts[1:]]))
    np.testing.assert_array_equal(batched(texts), layer(texts))
    pieces = TextVectorization(output_mode="tf_idf")
    pieces.adapt(texts, batch_size=2)
    np.testing.assert_array_equal(pieces(texts), layer(texts))


@pytest.mark.parametrize(
    ("standardize", "vocabulary", "text", "expected"),
    [
        (
            "lower_and_strip_punctuation",
            ["hello", "world", "this", "is", "nice", "test"],
            "Hello, World!. This is just a nice test!",
            [2, 3, 4, 5, 1, 1, 6, 7],
        ),
        (
            "lower",
            ["hello,", "hello", "world", "this", "is", "nice", "test"],
            "Hello, World!. This is just a nice test!",
            [2, 1, 5, 6, 1, 1, 7, 1],
        ),
        ("strip_punctuation", ["Hello", "World", "Test"], "Hello, World! Test.", [2, 3, 4]),
        (None, ["Hello", "world"], "Hello hello", [2, 1]),
        (dashes_to_spaces, ["foo", "bar"], "foo-bar", [2, 3]),
    ],
)
def test_standardize(standardize: Any, vocabulary: list[str], text: str, expected: Any) -> None:
    layer = TextVectorization(standardize=standardize, vocabulary=vocabulary)
    assert layer([text]).tolist() == [expected]
    assert layer([[text]]).tolist() == [expected]


def test_splits() -> None:
    assert TextVectorization(split="character", vocabulary=list("abcde"))(["abcf"]).tolist() == [
        [2, 3, 4, 1]
    ]
    # with the default, "|" would be gone before the split
    bars = TextVectorization(split=split_at_bars, standardize=None, vocabulary=["foo", "bar"])
    assert bars(["foo|bar", "bar"]).tolist() == [[2, 3], [3, 0]]
    bare = TextVectorization(split=None, vocabulary=["foo", "bar", "baz"])
    assert bare([["foo"], ["bar"], ["unknown"]]).tolist() == [[2], [3], [1]]
    assert bare(["foo", "bar"]).tolist() == [2, 3]
    assert bare([["foo", "bar"], ["baz", "?"]]).tolist() == [[2, 3], [4, 0]]
    cut = TextVectorization(split=None, vocabulary=["foo", "bar"], output_sequence_length=3)
    assert cut(["foo", "bar"]).tolist() == [[2, 0, 0], [3, 0, 0]]
    counts = TextVectorization(split=None, vocabulary=["foo", "bar"], output_mode="count")
    assert counts(["foo", "bar"]).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert counts([["foo", "foo", "x"]]).tolist() == [[1, 2, 0]]


def test_only_ascii_is_lowered_and_splits() -> None:
    """As TensorFlow's strings.lower (without encoding) and strings.split have it."""
    layer = TextVectorization()
    layer.adapt(["ÄPFEL und\u00a0Birnen\vsind\tgut\x1c"])
    assert set(layer.get_vocabulary()[2:]) == {"Äpfel", "und\u00a0birnen", "sind", "gut\x1c"}


def test_ngrams() -> None:
    upto = TextVectorization(ngrams=2, vocabulary=["foo", "bar", "foo bar", "bar foo"])
    assert upto(["foo bar foo", "bar", ""]).tolist() == [
        [2, 3, 2, 4, 5],
        [3, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    odd = TextVectorization(ngrams=(1, 3))
    odd.adapt(["foo bar baz"])
    assert set(odd.get_vocabulary()[2:]) == {"foo", "bar", "baz", "foo bar baz"}
    rows = TextVectorization(ngrams=2, split=None, vocabulary=["a b"])
    assert rows([["a", "b"], ["b", "a"]]).tolist() == [[1, 1, 2], [1, 1, 1]]


def test_lengths_and_shapes() -> None:
    layer = TextVectorization(vocabulary=["a", "b"], output_sequence_length=2)
    assert layer(["a b a b", "b"]).tolist() == [[2, 3], [3, 0]]
    assert layer("a b a").tolist() == [2, 3]  # one text alone
    assert layer([]).shape == (0, 2)
    free = TextVectorization(vocabulary=["a", "b"])
    assert free(["", " \t"]).shape == (2, 0)
    assert free([[["a b"], ["a"]]]).tolist() == [[[2, 3], [2, 0]]]
    assert layer.compute_output_shape((None, 1)) == (None, 2)
    assert layer.compute_output_shape((None,)) == (None, 2)
    counts = TextVectorization(vocabulary=["a", "b"], output_mode="count")
    assert counts.compute_output_shape((None, 1)) == (None, 3)
    assert counts.compute_output_shape((None,)) == (None, 3)


TEXTS = st.lists(st.text(st.sampled_from("aBc dé!\n"), max_size=12), min_size=1, max_size=8)


@given(TEXTS, st.integers(1, 6), st.sampled_from([None, 1, 2, (2,), (3, 1)]))
def test_beside_a_plain_reimplementation(texts: list[str], length: int, ngrams: Any) -> None:
    widths = (1,) if ngrams is None else range(1, ngrams + 1) if ngrams in (1, 2) else ngrams
    rows = []
    for text in texts:
        kept = "".join(c.lower() if c in string.ascii_uppercase else c for c in text if c != "!")
        words = [w for w in re.split("[ \n]", kept) if w]
        rows.append([" ".join(words[i : i + n]) for n in widths for i in range(len(words) - n + 1)])
    vocabulary = ["a", "b", "abc", "a b", "é"]
    numbers = {w: i + 2 for i, w in enumerate(vocabulary)}
    expected = [([numbers.get(w, 1) for w in row] + [0] * length)[:length] for row in rows]
    layer = TextVectorization(vocabulary=vocabulary, ngrams=ngrams, output_sequence_length=length)
    assert layer(texts).tolist() == expected
    counts = TextVectorization(vocabulary=vocabulary, ngrams=ngrams, output_mode="count")
    assert counts(texts).tolist() == [
        [sum(w not in numbers for w in row), *(row.count(w) for w in vocabulary)] for row in rows
    ]


def test_adapt_on_iterables() -> None:
    def batches() -> Any:
        while True:
            yield ["hello world", "foo bar"]
            yield ["baz qux", "hello foo"]

    layer = TextVectorization(max_tokens=4)
    layer.adapt(batches(), steps=2)
    assert layer.get_vocabulary() == ["", "[UNK]", "hello", "foo"]


# What Keras' get_config gives.
KEYS = {
    "name", "trainable", "dtype", "max_tokens", "standardize", "split", "ngrams", "output_mode",
    "output_sequence_length", "pad_to_max_tokens", "sparse", "ragged", "vocabulary",
    "idf_weights", "encoding", "vocabulary_size",
}  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        {"vocabulary": BAZ, "output_sequence_length": 5, "ngrams": (1, 2), "encoding": "latin-1"},
        {"vocabulary": BAZ, "output_mode": "tf_idf", "idf_weights": [1.0, 2.0, 3.0], "ngrams": 2},
        {"vocabulary": BAZ, "standardize": dashes_to_spaces, "split": split_at_bars},
        {"vocabulary": BAZ, "standardize": None, "split": None, "dtype": "float64"},
        {"vocabulary": BAZ, "output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
    ],
)
def test_config_and_pickle(arguments: dict[str, Any]) -> None:
    texts = [["foo-bar baz|qux"], ["bar"]]
    layer = TextVectorization(**arguments, name="given")
    assert layer.get_config().keys() == KEYS
    config = json.loads(json.dumps(ranvier.saving.serialize_keras_object(layer)))
    again = ranvier.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    for other in (again, pickle.loads(pickle.dumps(layer)), layer.clone()):
        np.testing.assert_array_equal(other(texts), layer(texts))
        assert other(texts).dtype == layer(texts).dtype


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_an_adapted_vocabulary_is_in_the_config(mode: str) -> None:
    layer = TextVectorization(output_mode=mode)
    unadapted = TextVectorization.from_config(layer.get_config())
    layer.adapt(["foo bar", "bar"])
    unadapted.adapt(["foo bar", "bar"])
    again = TextVectorization.from_config(json.loads(json.dumps(layer.get_config())))
    for other in (again, unadapted, pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(["bar new foo"]), layer(["bar new foo"]))
        other.adapt(["other words", "words"])
        assert "words" in other.get_vocabulary()


def test_given_words_stay() -> None:
    layer = TextVectorization(vocabulary=BAZ)
    with pytest.raises(ValueError, match="given as `vocabulary`"):
        layer.adapt(["foo"])
    layer.set_vocabulary(["new"])
    assert layer.get_config()["vocabulary"] == ["", "[UNK]", "new"]


def test_text_is_no_input_of_a_model() -> None:
    layer = TextVectorization(vocabulary=BAZ, name="words")
    with pytest.raises(
        ValueError, match=r"TextVectorization 'words' maps text.*call it on the data"
    ):
        ranvier.Sequential([layer])
    model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(1)])
    with pytest.raises(TypeError, match="encode text"):
        model.predict(np.array(["foo"]), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"standardize": "upper"}, "`standardize` must be one of"),
        ({"split": "words"}, "`split` must be one of"),
        ({"ngrams": 0}, "`ngrams` must be a positive integer"),
        ({"ngrams": [1, 2]}, "`ngrams` must be a positive integer"),
        ({"ngrams": ()}, "`ngrams` must be a positive integer"),
        ({"output_mode": "ints"}, "`output_mode` must be one of"),
        ({"output_sequence_length": 0}, "`output_sequence_length` must be a positive"),
        ({"output_sequence_length": 2.0}, "`output_sequence_length` must be a positive"),
        ({"output_sequence_length": 2, "output_mode": "count"}, "is for `output_mode` 'int' only"),
        ({"ragged": True}, "`ragged=True` is not in ranvier"),
        ({"sparse": True, "output_mode": "count"}, "`sparse=True` is not in ranvier"),
        ({"vocabulary": ["a", "a"]}, "repeated"),
        ({"output_mode": "tf_idf", "vocabulary": ["a"]}, "needs `idf_weights`"),
        ({"max_tokens": 1}, "`max_tokens` must be"),
        ({"pad_to_max_tokens": True, "output_mode": "count"}, "needs `max_tokens`"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=f"'bad': .*{match}"):
        TextVectorization(**arguments, name="bad")


@pytest.mark.parametrize(
    ("arguments", "data", "error", "match"),
    [
        ({}, [["a", "b"]], ValueError, "of shape \\(N,\\) or \\(N, 1\\)"),
        ({}, [["a"], ["a", "b"]], ValueError, "unequal lengths"),
        ({}, [1, 2], TypeError, "expected strings; got 1"),
        ({}, ["a", None], TypeError, "expected strings; got None"),
        ({"standardize": lambda x: x[:1]}, ["a", "b"], ValueError, "must keep the shape \\(2,\\)"),
        ({"standardize": lambda x: np.zeros(2)}, ["a", "b"], TypeError, "`standardize`: expected"),
        ({"split": lambda x: [["a"]]}, ["a", "b"], ValueError, "each of 2 texts; got 1"),
        ({"split": lambda x: [[1], [2]]}, ["a", "b"], TypeError, "`split`: expected strings"),
    ],
)
def test_bad_input(arguments: Any, data: Any, error: Any, match: str) -> None:
    layer = TextVectorization(vocabulary=["a"], **arguments)
    with pytest.raises(error, match=f"TextVectorization '.*{match}"):
        layer(data)


def test_before_there_is_a_vocabulary() -> None:
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        TextVectorization()(["a"])
    with pytest.raises(TypeError, match="adapt\\(\\) wants"):
        TextVectorization().adapt("one text")
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        TextVectorization().adapt(["a"], batch_size=-1)


def test_words_beyond_ascii_survive() -> None:
    words = ["größe", "naïve", "日本", "\U0001f600"]
    layer = TextVectorization(vocabulary=words)
    assert layer([" ".join(words)]).tolist() == [[2, 3, 4, 5]]
    assert layer([" ".join(words).encode()]).tolist() == [[2, 3, 4, 5]]
    back = StringLookup(vocabulary=layer.get_vocabulary(), mask_token="", invert=True)
    assert back(layer([" ".join(words)]))[0].tolist() == words
