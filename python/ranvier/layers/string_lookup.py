"""Strings as indices of a vocabulary."""

from __future__ import annotations

from typing import Any

from ranvier.layers._index_lookup import IndexLookup
from ranvier.layers._tokens import TEXT_IS_NO_INPUT, Words, read_words


class StringLookup(IndexLookup):
    """`y = index of x in the vocabulary`, which is given or learned by `adapt`.

    In mode "int" index 0 is the mask token's, if there is one; then come `num_oov_indices` for
    strings that are not in the vocabulary, then the vocabulary.

    Called on data, outside any model: strings cannot be a model's input. Map them first,
    `model.fit(lookup(strings), y)`.

    Args:
        max_tokens: the greatest size of the vocabulary, special tokens included; > 1 or None.
        num_oov_indices: how many indices unknown strings share, by their hash (Keras' own:
            FarmHash64); 0 makes them an error. Default 1.
        mask_token: a string that stands for nothing: index 0 in mode "int", left out in others.
            Default None.
        oov_token: what `invert` gives for unknown indices. Default "[UNK]".
        vocabulary: list, tuple or 1-D array of strings, or the path of a text file with one on
            each line; None to `adapt`.
        idf_weights: in mode "tf_idf" with `vocabulary`, a weight for each of its strings.
        invert: True maps indices to strings.
        output_mode: "int" (default); "one_hot": a row for each string; "multi_hot", "count",
            "tf_idf": a row for each row of strings, which says which are in it, how often, or how
            often times `idf_weights`.
        pad_to_max_tokens: True makes rows of `max_tokens` numbers, however many there are.
        sparse: must be False.
        encoding: of strings that are given as bytes, and of the file. Default "utf-8".
        salt: one or two integers, which make the hash of unknown strings SipHash64; or None.

    Shapes: any to the same (mode "int"); (..., 1) or (...) to (..., size) ("one_hot"); (..., n) to
    (..., size) (the others). int64 in mode "int", else float32 or what `dtype` says; Python
    strings in an object array if `invert`.

    Raises:
        ValueError, TypeError: bad arguments, repeated tokens, input that is no text, unknown
            strings if `num_oov_indices` is 0.
        RuntimeError: no vocabulary yet, or one of another size where the output's depends on it.

    >>> import ranvier
    >>> lookup = ranvier.layers.StringLookup()
    >>> lookup.adapt([["a", "c", "d"], ["d", "z", "b"]])
    >>> lookup.get_vocabulary()
    ['[UNK]', 'd', 'z', 'c', 'b', 'a']
    >>> lookup([["a", "d"], ["q", "b"]])
    array([[5, 1],
           [0, 4]])
    """

    _kind = "strings"
    outside_models = TEXT_IS_NO_INPUT

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            sparse=sparse,
            name=name,
            salt=salt,
            **kwargs,
        )

    def _token(self, argument: str, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        raise TypeError(f"{self.label}: `{argument}` must be a string or None; got {value!r}")

    def _make_table(self, numbers: dict[Any, int]) -> Words:
        return Words(numbers)

    def _read(self, x: Any) -> tuple[Any, tuple[int, ...]]:
        return read_words(self.label, x, self.encoding)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}
