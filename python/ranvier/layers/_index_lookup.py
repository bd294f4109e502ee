"""What StringLookup and IntegerLookup share: a vocabulary, and what is made of its indices."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ranvier import _dtypes
from ranvier._loading import claim
from ranvier.layers._counting import TokenCounts, batches
from ranvier.layers._hashing import buckets
from ranvier.layers._lookup_arguments import (
    check_arguments,
    check_no_path,
    check_tokens,
    drop_element_dtype,
    standardize_mode,
)
from ranvier.layers._tokens import (
    ABSENT,
    DROPPED,
    Numbers,
    Words,
    one_hot,
    read_numbers,
    tally,
)
from ranvier.layers.layer import Layer, Shape
from ranvier.variables import layout

if TYPE_CHECKING:
    from numpy.typing import NDArray


class IndexLookup(Layer):
    """Base of the lookup layers.

    Subclasses say how tokens are read (`_read`) and which table finds them (`_make_table`).
    """

    _kind: ClassVar[str]

    def __init__(
        self,
        *,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        oov_method: str = "floormod",
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        drop_element_dtype(kwargs)
        size = kwargs.pop("vocabulary_size", None)
        self._fixed = bool(kwargs.pop("has_input_vocabulary", vocabulary is not None))
        super().__init__(**kwargs)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = self._token("mask_token", mask_token)
        self.oov_token = self._token("oov_token", oov_token)
        self.invert = bool(invert)
        self.output_mode = standardize_mode(self, output_mode)
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        self.sparse = sparse
        self.oov_method = oov_method
        self.salt = salt
        check_arguments(self, vocabulary is not None, idf_weights)
        self._given: Any = None
        self._tokens: list[Any] | None = None
        self._table: Any = None
        self._idf: NDArray[Any] | None = None
        # Keras writes it before there is a vocabulary too; then nothing depends on it
        self._frozen_size = size if size is not None and size > self._token_start else None
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            if not isinstance(vocabulary, (str, os.PathLike)):
                listed = None if idf_weights is None else np.asarray(idf_weights).tolist()
                self._given = (self._read_vocabulary(vocabulary), listed)

    def _token(self, argument: str, value: Any) -> Any:
        """`value` as a special token, or a TypeError."""
        raise NotImplementedError

    # -- the vocabulary ---------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    @property
    def idf_weights(self) -> NDArray[Any] | None:
        """The weight of each index in mode "tf_idf", zeros up to `max_tokens` if padded."""
        return self._idf

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens by index; without mask and unknown tokens if not `include_special_tokens`."""
        tokens = list(self._tokens or ())
        return self._special + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """The number of indices, those of mask and unknown tokens included."""
        return self._token_start + len(self._tokens or ())

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replaces the vocabulary.

        Args:
            vocabulary: a list, tuple or 1-D array of tokens, with all special tokens in front or
                with none; or the path of a text file with a token on each line, none special.
            idf_weights: in mode "tf_idf", one number for each of them; else None.

        Raises:
            ValueError, TypeError: repeated, reserved or too many tokens, weights that do not fit.
            RuntimeError: another size than before, in modes whose output has that size.
        """
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise ValueError(
                f"{self.label}: `idf_weights` must be given in `output_mode` 'tf_idf' and only "
                f"there; got {'none' if idf_weights is None else 'some'} in '{self.output_mode}'"
            )
        path = isinstance(vocabulary, (str, os.PathLike))
        tokens = self._from_file(vocabulary) if path else self._read_vocabulary(vocabulary)
        if not tokens:
            raise ValueError(f"{self.label}: `vocabulary` is empty")
        start = self._token_start
        special = not path and tokens[:start] == self._special
        own = tokens[start:] if special else tokens
        check_tokens(self, own)
        weights = None
        if idf_weights is not None:
            weights = _dtypes.as_numeric(self.label, idf_weights, "idf_weights")
            if weights.shape != (len(tokens),):
                raise ValueError(
                    f"{self.label}: `idf_weights` must have shape ({len(tokens)},), one for each "
                    f"token of `vocabulary`; got {weights.shape}"
                )
            if not special:
                weights = np.concatenate([np.full(start, np.mean(weights)), weights])
        self._install(own, weights)

    def _read_vocabulary(self, vocabulary: Any) -> list[Any]:
        """The tokens in a list or array; an `oov_token` of None stands for itself."""
        known = vocabulary
        if isinstance(vocabulary, (list, tuple)):
            known = [token for token in vocabulary if token is not None]
        flat, shape = self._read(known)
        if len(shape) != 1:
            raise ValueError(
                f"{self.label}: `vocabulary` must have one axis; got shape {tuple(shape)}"
            )
        tokens = flat if isinstance(flat, list) else flat.tolist()
        if len(tokens) == len(vocabulary):
            return tokens
        rest = iter(tokens)
        return [None if token is None else next(rest) for token in vocabulary]

    def _from_file(self, path: Any) -> list[Any]:
        if self.output_mode == "tf_idf":
            raise ValueError(f"{self.label}: a vocabulary file has no weights for mode 'tf_idf'")
        if not os.path.exists(path):
            raise ValueError(f"{self.label}: the vocabulary file {str(path)!r} does not exist")
        with open(path, encoding=getattr(self, "encoding", "utf-8")) as file:
            lines = file.read().split("\n")
        return self._from_lines(lines if lines[-1] else lines[:-1])

    def _from_lines(self, lines: list[str]) -> list[Any]:
        return lines

    def _install(self, tokens: list[Any], weights: NDArray[Any] | None) -> None:
        size = self._token_start + len(tokens)
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._frozen_size not in (None, size):
            raise RuntimeError(
                f"{self.label}: in mode '{self.output_mode}' without `pad_to_max_tokens` the "
                f"vocabulary must keep its size, {self._frozen_size}; got {size}"
            )
        if weights is not None:
            depth = self.max_tokens or 0 if self.pad_to_max_tokens else 0
            claim(self.label, (depth,))
            weights = np.pad(weights, (0, max(0, depth - len(weights)))).astype(self.dtype)
        self._given = None
        self._frozen_size, self._tokens, self._idf = size, tokens, weights
        numbers = {token: self._token_start + i for i, token in enumerate(tokens)}
        if self.mask_token is not None:
            numbers[self.mask_token] = 0 if self.output_mode == "int" else DROPPED
        self._table = self._make_table(numbers)
        if self.invert:  # the last one is for all indices that there are not
            kind = object if self._kind == "strings" else np.int64
            self._by_index = np.array([*self.get_vocabulary(), self.oov_token], kind)
        layout.epoch += 1

    # -- adapting ---------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Makes the vocabulary of the tokens in `data`, the most frequent first.

        Among equally frequent ones the greater token is first, as in Keras. `max_tokens` cuts off
        the rarest. In mode "tf_idf" each row is a document, and a token in d of N documents has
        the weight log(1 + N / (1 + d)); unknown tokens have the mean weight.

        Args:
            data: an array or list of tokens (of rank 1: each is a document), or an iterable of
                such batches (of rank 1: each is one document).
            steps: at most so many batches of an iterable, or None for all.

        Raises:
            ValueError: the vocabulary was given to the constructor, or there are no tokens.
            TypeError: data that are no tokens.
        """
        self.reset_state()
        for batch, single in batches(self.label, data, steps):
            self._update(batch, single)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch; one of rank 1 is a single document."""
        self._update(data, False)

    def _update(self, data: Any, single: bool) -> None:
        tokens, shape = self._read(data)
        rows = shape[0] if single or len(shape) > 1 else 1
        width = len(tokens) // max(1, rows)
        self.count(tokens if isinstance(tokens, list) else tokens.tolist(), np.full(rows, width))

    def count(self, tokens: list[Any], lengths: NDArray[np.int64]) -> None:
        """Counts documents of `lengths`, their tokens given one after another."""
        if self._fixed:
            raise ValueError(
                f"{self.label}: adapt() cannot replace what was given as `vocabulary`; make the "
                "layer without it, or call set_vocabulary()"
            )
        self._counts.update(tokens, lengths)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if not len(self._counts):
            if self._fixed:
                return
            raise ValueError(f"{self.label}: adapt() found no tokens")
        start = self._token_start
        most = None if self.max_tokens is None else max(0, self.max_tokens - start)
        tokens = self._counts.most_frequent(most, (self.mask_token, self.oov_token))
        weights = None
        if self.output_mode == "tf_idf":
            weights = self._counts.inverse_frequencies(tokens, start)
        self._install(tokens, weights)
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets what was counted; the vocabulary stays."""
        self._counts = TokenCounts(self.output_mode == "tf_idf")

    # -- use --------------------------------------------------------------------------------

    def _read(self, x: Any) -> tuple[Any, tuple[int, ...]]:
        raise NotImplementedError

    def _make_table(self, numbers: dict[Any, int]) -> Words | Numbers:
        raise NotImplementedError

    @property
    def _no_vocabulary(self) -> str:
        return f"{self.label}: there is no vocabulary yet; call adapt(data), or give `vocabulary`"

    def ids(self, tokens: Any) -> NDArray[np.int64]:
        """The indices of tokens in a flat list or array; DROPPED for masks outside mode "int"."""
        if self._tokens is None:
            raise RuntimeError(self._no_vocabulary)
        ids: NDArray[np.int64] = self._table.find(tokens)
        absent = np.flatnonzero(ids == ABSENT)
        if not len(absent):
            return ids
        if self.num_oov_indices == 0:
            unknown = np.unique([tokens[i] for i in absent[:5]]).tolist()
            raise ValueError(
                f"{self.label}: with `num_oov_indices` 0 all tokens must be in the vocabulary; "
                f"got {unknown}"
            )
        ids[absent] = self._oov_start
        if self.num_oov_indices > 1:
            ids[absent] += self._buckets(tokens, absent)
        return ids

    def _buckets(self, tokens: Any, absent: NDArray[Any]) -> NDArray[np.int64]:
        """Which of the unknown tokens' indices each has."""
        if not isinstance(tokens, list):
            if self.oov_method == "floormod":
                return np.mod(tokens[absent], self.num_oov_indices)
            words = list(map(str, tokens[absent].tolist()))
        else:
            words = [tokens[i] for i in absent]
        return buckets(words, self.num_oov_indices, self.salt)

    @property
    def depth(self) -> int | None:
        """How long the rows of all modes but "int" are; None before there is a vocabulary."""
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_size

    def encode(self, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[Any]:
        """Rows of `depth` numbers of indices given row by row, with the rows' lengths."""
        mode = self.output_mode
        rows = tally(ids, lengths, int(self.depth or 0), self.dtype, mode == "multi_hot")
        if mode == "tf_idf":
            rows *= self._idf
        return rows

    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> NDArray[Any]:
        """The indices of tokens, or what `output_mode` makes of them."""
        if self.invert:
            return self._tokens_of(x)
        tokens, shape = self._read(x)
        ids = self.ids(tokens)
        if self.output_mode == "int":
            return ids.reshape(shape)
        if self.output_mode == "one_hot":
            return one_hot(ids.reshape(shape or (1,)), int(self.depth or 0), self.dtype)
        lead, width = shape[:-1], shape[-1] if shape else 1
        rows = self.encode(ids, np.full(int(np.prod(lead)), width))
        return rows.reshape(*lead, rows.shape[-1])

    def _tokens_of(self, x: Any) -> NDArray[Any]:
        ids = read_numbers(self.label, x)
        if self._tokens is None:
            raise RuntimeError(self._no_vocabulary)
        tokens = self._by_index
        known = (ids >= 0) & (ids < len(tokens))
        return np.asarray(tokens[np.where(known, ids, -1)], tokens.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return shape
        if self.output_mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
            return (*shape, self.depth)
        return (*shape[:-1], self.depth)

    # -- files ------------------------------------------------------------------------------

    def save_own_variables(self, store: Any) -> None:
        if self._idf is not None:
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Any) -> None:
        if self._idf is not None:
            self._idf = np.array(store["idf_weights"], self.dtype)
            layout.epoch += 1

    def load_assets(self, files: Any) -> None:
        """Of Keras, which has what `adapt` learned in a file beside the config."""
        if self._tokens is not None or "vocabulary.txt" not in files:
            return
        lines = files["vocabulary.txt"].decode(getattr(self, "encoding", "utf-8")).splitlines()
        while lines and lines[-1] == "":
            lines.pop()
        tokens = self._from_lines(lines)
        zeros = np.zeros(len(tokens)) if self.output_mode == "tf_idf" else None
        self.set_vocabulary(tokens, zeros)

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        if name not in ("vocabulary", "idf_weights"):
            return super()._config_value(name)
        if self._given is not None:
            return self._given[name == "idf_weights"]
        if self._tokens is None:
            return None
        if name == "vocabulary":
            return self.get_vocabulary()
        return None if self._idf is None else self._idf[: self.vocabulary_size()].tolist()

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self._given is None and self._tokens is not None:
            # Keras leaves these tokens to a file beside the config; so that nothing is lost
            # without one, they are in ours, which Keras reads too
            config["has_input_vocabulary"] = self._fixed
        return {**config, "vocabulary_size": self._frozen_size}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        check_no_path(cls, config)
        return cls(**config)
