"""Text as indices of its words."""

from __future__ import annotations

import re
import string
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ranvier._serialize import deserialize_keras_object
from ranvier.layers._counting import batches
from ranvier.layers._lookup_arguments import (
    check_no_path,
    drop_element_dtype,
    is_whole_number,
    standardize_mode,
)
from ranvier.layers._tokens import (
    DROPPED,
    TEXT_IS_NO_INPUT,
    lengths_of,
    one_hot,
    pad_rows,
    read_words,
)
from ranvier.layers.layer import Layer, Shape
from ranvier.layers.string_lookup import StringLookup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

# TensorFlow, which Keras leaves text to, lowers and strips ASCII only, and splits at its spaces.
_LOWER = bytes(range(256)).lower()
_SAME = bytes(range(256))
_PUNCTUATION = string.punctuation.encode()
_STANDARDIZE = {
    "lower_and_strip_punctuation": (_LOWER, _PUNCTUATION),
    "lower": (_LOWER, b""),
    "strip_punctuation": (_SAME, _PUNCTUATION),
}
_WORD = re.compile("[^ \t\n\v\f\r]+")


class TextVectorization(Layer):
    """Standardizes texts, splits them into tokens and gives the tokens' indices.

    In mode "int" index 0 pads, 1 is that of unknown tokens, and the vocabulary follows.

    Called on data, outside any model: text cannot be a model's input. Map it first,
    `model.fit(vectorize(texts), y)`.

    Args:
        max_tokens: the greatest size of the vocabulary, special tokens included; > 1 or None.
        standardize: "lower_and_strip_punctuation" (default), "lower", "strip_punctuation" (both
            of ASCII, as in Keras), None, or a function of an array of strings that gives one of
            the same shape.
        split: "whitespace" (default), "character", None (each string is a token), or a function
            of a 1-D array of strings that gives a sequence of tokens for each.
        ngrams: n makes tokens of 1 to n neighbours, joined by spaces; a tuple names the numbers;
            None (default) leaves them.
        output_mode: "int" (default), "multi_hot", "count", "tf_idf" or "one_hot"; see
            `StringLookup`.
        output_sequence_length: in mode "int", the number of tokens to which each text is cut or
            padded; None: that of the longest in the batch.
        pad_to_max_tokens: True makes rows of `max_tokens` numbers in modes other than "int".
        vocabulary: list, tuple or 1-D array of strings, or the path of a text file with one on
            each line; None to `adapt`.
        idf_weights: in mode "tf_idf" with `vocabulary`, a weight for each of its strings.
        sparse, ragged: must be False.
        encoding: of texts that are given as bytes, and of the file. Default "utf-8".

    Shapes: (N,) or (N, 1) to (N, length) in mode "int", int64; to (N, size) in the others, float32
    or what `dtype` says. With `split=None` (N, T) as it is, each row a text of T tokens.

    Raises:
        ValueError, TypeError: bad arguments, input that is no text or of another shape.
        RuntimeError: no vocabulary yet, or one of another size where the output's depends on it.

    >>> import ranvier
    >>> vectorize = ranvier.layers.TextVectorization(output_sequence_length=4)
    >>> vectorize.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> vectorize.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> vectorize(["Foo, qux: bar!", "qux baz"])
    array([[4, 1, 3, 0],
           [1, 2, 0, 0]])
    """

    outside_models = TEXT_IS_NO_INPUT

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        drop_element_dtype(kwargs)
        state = {
            k: kwargs.pop(k) for k in ("vocabulary_size", "has_input_vocabulary") if k in kwargs
        }
        super().__init__(name=name, **kwargs)
        self.standardize = standardize
        self.split = split
        self.ngrams = ngrams
        self.output_mode = standardize_mode(self, output_mode)
        self.output_sequence_length = output_sequence_length
        self.sparse = sparse
        self.ragged = ragged
        self.encoding = encoding
        self._check_arguments()
        self._widths = range(1, ngrams + 1) if isinstance(ngrams, int) else ngrams
        self._lookup = StringLookup(
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=self.output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            encoding=encoding,
            name=self.name,
            dtype=self.dtype,
            **state,
        )
        self.max_tokens = max_tokens
        self.pad_to_max_tokens = bool(pad_to_max_tokens)

    def _check_arguments(self) -> None:
        label = self.label
        for argument, value, known in (
            ("standardize", self.standardize, tuple(_STANDARDIZE)),
            ("split", self.split, ("whitespace", "character")),
        ):
            if value is not None and not callable(value) and value not in known:
                raise ValueError(
                    f"{label}: `{argument}` must be one of {known}, None or a function; "
                    f"got {value!r}"
                )
        widths = self.ngrams if isinstance(self.ngrams, tuple) else (self.ngrams,)
        fits = widths and all(is_whole_number(n, 1) and n in range(1001) for n in widths)
        if self.ngrams is not None and not fits:
            raise ValueError(
                f"{label}: `ngrams` must be a positive integer, a tuple of them (to 1000) or "
                f"None; got {self.ngrams!r}"
            )
        length = self.output_sequence_length
        if length is not None and self.output_mode != "int":
            raise ValueError(
                f"{label}: `output_sequence_length` is for `output_mode` 'int' only; "
                f"got {length!r} in '{self.output_mode}'"
            )
        if length is not None and not is_whole_number(length, 1):
            raise ValueError(
                f"{label}: `output_sequence_length` must be a positive integer or None; got "
                f"{length!r}"
            )
        for argument in ("sparse", "ragged"):
            if getattr(self, argument):
                raise ValueError(
                    f"{label}: `{argument}=True` is not in ranvier, whose arrays are dense"
                )

    # -- the vocabulary ---------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Makes the vocabulary of the tokens in `data`; see `StringLookup.adapt`.

        Args:
            data: an array or list of texts, or an iterable of such batches.
            batch_size: texts taken at a time from an array. Default 65536.
            steps: at most so many batches of an iterable, or None for all.
        """
        self.reset_state()
        for batch, _ in batches(self.label, data, steps, batch_size):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch of texts."""
        rows, _ = self._rows(data)
        self._lookup.count(list(chain.from_iterable(rows)), lengths_of(rows))

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted; the vocabulary stays."""
        self._lookup.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens by index; without "" and "[UNK]" if not `include_special_tokens`."""
        return self._lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of indices, those of padding and unknown tokens included."""
        return self._lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replaces the vocabulary; see `StringLookup.set_vocabulary`."""
        self._lookup.set_vocabulary(vocabulary, idf_weights)

    # -- use --------------------------------------------------------------------------------

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The indices of the tokens of texts, or what `output_mode` makes of them."""
        rows, lead = self._rows(x)
        lengths = lengths_of(rows)
        ids = self._lookup.ids(list(chain.from_iterable(rows)))
        if self.output_mode == "int":
            padded = pad_rows(ids, lengths, self.output_sequence_length, 0)
            return padded.reshape(*lead, padded.shape[-1])
        if self.output_mode == "one_hot":
            padded = pad_rows(ids, lengths, None, DROPPED)[..., None]
            hot = one_hot(padded, int(self._lookup.depth or 0), self.dtype)
            return hot.reshape(*lead, *hot.shape[1:])
        encoded = self._lookup.encode(ids, lengths)
        return encoded.reshape(*lead, encoded.shape[-1])

    def _rows(self, x: Any) -> tuple[list[list[str]], tuple[int, ...]]:
        """The tokens of each text, and the shape in which the texts lie."""
        texts, shape = read_words(self.label, x, self.encoding)
        texts = self._standardized(texts, shape)
        if self.split is None:
            # texts without a token axis, as they are in mode "int": Keras' one exception
            bare = self.output_mode == "int" and not (self._widths or self.output_sequence_length)
            if len(shape) > 1 or (len(shape) == 1 and bare):
                n = shape[-1]
                many = int(np.prod(shape[:-1]))
                rows = [texts[i * n : (i + 1) * n] for i in range(many)]
                return self._joined(rows), shape[:-1]
            return self._joined([[text] for text in texts]), shape
        if len(shape) > 1:
            if shape[-1] != 1:
                raise ValueError(
                    f"{self.label}: expected texts of shape (N,) or (N, 1) to split; got {shape}"
                )
            shape = shape[:-1]
        return self._joined(self._split(texts)), shape

    def _standardized(self, texts: list[str], shape: tuple[int, ...]) -> list[str]:
        if self.standardize is None:
            return texts
        if not callable(self.standardize):
            table, without = _STANDARDIZE[self.standardize]
            return [
                text.encode("utf-8", "surrogatepass")
                .translate(table, without)
                .decode("utf-8", "surrogatepass")
                for text in texts
            ]
        given = self.standardize(np.array(texts, np.str_).reshape(shape))
        done, new_shape = read_words(f"{self.label}, `standardize`", given, self.encoding)
        if new_shape != shape:
            raise ValueError(
                f"{self.label}: `standardize` must keep the shape {shape}; got {new_shape}"
            )
        return done

    def _split(self, texts: list[str]) -> list[list[str]]:
        if self.split == "whitespace":
            return list(map(_WORD.findall, texts))
        if self.split == "character":
            return list(map(list, texts))
        given: Iterable[Any] = self.split(np.array(texts, np.str_))
        owner = f"{self.label}, `split`"
        rows = [read_words(owner, np.asarray(row, object), self.encoding)[0] for row in given]
        if len(rows) != len(texts):
            raise ValueError(
                f"{self.label}: `split` must give a sequence of tokens for each of {len(texts)} "
                f"texts; got {len(rows)}"
            )
        return rows

    def _joined(self, rows: list[list[str]]) -> list[list[str]]:
        """Neighbouring tokens as one, for each width of `ngrams` in turn."""
        if self._widths is None:
            return rows
        return [
            [
                " ".join(row[i : i + width])
                for width in self._widths
                for i in range(len(row) - width + 1)
            ]
            for row in rows
        ]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return (shape[0], self.output_sequence_length)
        if self.split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif len(shape) <= 1:
            shape = (*shape, 1)
        return self._lookup.compute_output_shape(shape)

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        if name in ("vocabulary", "idf_weights"):
            return self._lookup._config_value(name)
        return super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        inner = self._lookup.get_config()
        kept = {k: inner[k] for k in ("has_input_vocabulary",) if k in inner}
        return {**super().get_config(), **kept, "vocabulary_size": self.vocabulary_size()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        check_no_path(cls, config)
        config = dict(config)
        for argument in {"standardize", "split"} & config.keys():
            config[argument] = deserialize_keras_object(config[argument])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)
