"""Integers as indices of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.layers._index_lookup import IndexLookup
from ranvier.layers._tokens import Numbers, read_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.layers.layer import Shape


class IntegerLookup(IndexLookup):
    """`y = index of x in the vocabulary`, which is given or learned by `adapt`.

    In mode "int" index 0 is the mask token's, if there is one; then come `num_oov_indices` for
    integers that are not in the vocabulary, then the vocabulary. May be the first layer of a
    model, whose input are then the integers (as floats, which float32 holds below 2**24).

    Args:
        max_tokens: the greatest size of the vocabulary, special tokens included; > 1 or None.
        num_oov_indices: how many indices unknown integers share; 0 makes them an error. Default 1.
        mask_token: an integer that stands for nothing: index 0 in mode "int", left out in others.
            Default None.
        oov_token: what `invert` gives for unknown indices. Default -1.
        vocabulary: list, tuple or 1-D array of integers, or the path of a text file with one on
            each line; None to `adapt`.
        vocabulary_dtype: must be "int64".
        idf_weights: in mode "tf_idf" with `vocabulary`, a weight for each of its integers.
        invert: True maps indices to integers.
        output_mode: "int" (default); "one_hot": a row for each integer; "multi_hot", "count",
            "tf_idf": a row for each row of integers, which says which are in it, how often, or how
            often times `idf_weights`.
        sparse: must be False.
        pad_to_max_tokens: True makes rows of `max_tokens` numbers, however many there are.
        oov_method: which index an unknown integer x has: "floormod" (default), x modulo
            `num_oov_indices`, or "farmhash", the hash of its digits.
        salt: one or two integers, which make that hash SipHash64; or None.

    Shapes: any to the same (mode "int"); (..., 1) or (...) to (..., size) ("one_hot"); (..., n) to
    (..., size) (the others). int64 in mode "int", else float32 or what `dtype` says.

    Raises:
        ValueError, TypeError: bad arguments, repeated tokens, input that is not whole, unknown
            integers if `num_oov_indices` is 0.
        RuntimeError: no vocabulary yet, or one of another size where the output's depends on it.

    >>> import ranvier
    >>> lookup = ranvier.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> lookup([[12, 1138, 42], [42, 1000, 36]])
    array([[1, 3, 4],
           [4, 0, 2]])
    """

    _kind = "integers"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocabulary_dtype = vocabulary_dtype
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
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"{self.label}: `vocabulary_dtype` must be 'int64'; got {vocabulary_dtype!r}"
            )

    def _token(self, argument: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            if -(2**63) <= value < 2**63:
                return int(value)
        raise TypeError(f"{self.label}: `{argument}` must be an int64 or None; got {value!r}")

    def _from_lines(self, lines: list[str]) -> list[Any]:
        try:
            return [int(line) for line in lines]
        except ValueError as error:
            raise ValueError(
                f"{self.label}: the vocabulary file must have an integer on each line: {error}"
            ) from None

    def _make_table(self, numbers: dict[Any, int]) -> Numbers:
        return Numbers(numbers)

    def _read(self, x: Any) -> tuple[Any, tuple[int, ...]]:
        numbers = read_numbers(self.label, x)
        return numbers.reshape(-1), numbers.shape

    # -- within a model ---------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Refuses a model whose weights would depend on a vocabulary that there is not yet."""
        if self.output_mode != "int" and self.depth is None:
            raise RuntimeError(self._no_vocabulary)

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        return self(x), x.shape

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        """Indices do not change with small changes of the input: its gradient is zero."""
        return np.zeros(cache, self.dtype), []
