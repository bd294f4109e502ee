"""The arguments of the layers that look tokens up, checked."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ranvier.layers._index_lookup import IndexLookup
    from ranvier.layers.layer import Layer

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_KERAS_2_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def standardize_mode(layer: Layer, output_mode: Any) -> str:
    """`output_mode`, by Keras 3's name."""
    mode = _KERAS_2_MODES.get(output_mode, output_mode) if isinstance(output_mode, str) else None
    if mode not in MODES:
        raise ValueError(
            f"{layer.label}: `output_mode` must be one of {MODES}; got {output_mode!r}"
        )
    return str(mode)


def check_no_path(cls: type, config: dict[str, Any]) -> None:
    """A config from somebody else must not make the layer read a file."""
    if isinstance(config.get("vocabulary"), (str, os.PathLike)):
        raise ValueError(
            f"{cls.__name__}.from_config: `vocabulary` must be a list; got the path "
            f"{config['vocabulary']!r}, and a config may not name files to read"
        )


def drop_element_dtype(kwargs: dict[str, Any]) -> None:
    """Keras 2 code gives the dtype of the tokens; ranvier's `dtype` is that of the floats."""
    if kwargs.get("dtype") in ("string", "int32", "int64"):
        del kwargs["dtype"]


def is_whole_number(value: Any, low: int) -> bool:
    """Whether `value` is an integer >= low."""
    real = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return real and value >= low


def check_arguments(layer: IndexLookup, has_vocabulary: bool, idf_weights: Any) -> None:
    """Those of the constructor, but the tokens themselves."""
    label, mode = layer.label, layer.output_mode
    if layer.max_tokens is not None and not is_whole_number(layer.max_tokens, 2):
        raise ValueError(
            f"{label}: `max_tokens` must be an integer > 1 or None; got {layer.max_tokens!r}"
        )
    if not is_whole_number(layer.num_oov_indices, 0):
        raise ValueError(
            f"{label}: `num_oov_indices` must be an integer >= 0; got {layer.num_oov_indices!r}"
        )
    if layer.pad_to_max_tokens and layer.max_tokens is None:
        raise ValueError(f"{label}: `pad_to_max_tokens=True` needs `max_tokens`; got None")
    if layer.oov_method not in ("floormod", "farmhash"):
        raise ValueError(
            f"{label}: `oov_method` must be 'floormod' or 'farmhash'; got {layer.oov_method!r}"
        )
    if layer.invert and mode != "int":
        raise ValueError(f"{label}: `invert=True` needs `output_mode` 'int'; got '{mode}'")
    if layer.invert and layer.oov_token is None:
        raise ValueError(f"{label}: `invert=True` needs an `oov_token`; got None")
    if layer.sparse:
        raise ValueError(f"{label}: `sparse=True` is not in ranvier, whose arrays are dense")
    if idf_weights is not None and mode != "tf_idf":
        raise ValueError(
            f"{label}: `idf_weights` are for `output_mode` 'tf_idf' only; got '{mode}'"
        )
    if mode == "tf_idf" and has_vocabulary and idf_weights is None:
        raise ValueError(f"{label}: a `vocabulary` in mode 'tf_idf' needs `idf_weights`; got None")
    _check_salt(layer)


def _check_salt(layer: IndexLookup) -> None:
    if layer.salt is None:
        return
    if layer._kind == "integers" and layer.oov_method != "farmhash":
        raise ValueError(
            f"{layer.label}: `salt` needs `oov_method` 'farmhash'; got '{layer.oov_method}'"
        )
    layer.salt = checked_salt(layer, layer.salt)


def checked_salt(layer: Layer, salt: Any) -> list[int] | None:
    """One or two integers >= 0 as two, or None."""
    if salt is None:
        return None
    pair = [salt] * 2 if is_whole_number(salt, 0) else salt
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        pair = [None]
    if not all(is_whole_number(n, 0) for n in pair):
        raise ValueError(
            f"{layer.label}: `salt` must be an integer >= 0 or two of them; got {salt!r}"
        )
    return [int(n) for n in pair]


def check_tokens(layer: IndexLookup, tokens: list[Any]) -> None:
    """A vocabulary without its special tokens."""
    if len(set(tokens)) < len(tokens):
        repeated = [token for token, n in Counter(tokens).items() if n > 1]
        raise ValueError(f"{layer.label}: `vocabulary` has repeated tokens: {repeated}")
    reserved = {"mask_token": layer.mask_token}
    if layer.invert:
        reserved["oov_token"] = layer.oov_token
    for argument, token in reserved.items():
        if token is not None and token in tokens:
            raise ValueError(
                f"{layer.label}: `vocabulary` has the `{argument}` {token!r} at index "
                f"{tokens.index(token)}; leave all special tokens out, or give all of them in "
                f"front: {layer._special}"
            )
    if None in tokens:
        raise TypeError(f"{layer.label}: `vocabulary` must hold {layer._kind}; got None")
    size = layer._token_start + len(tokens)
    if layer.max_tokens is not None and size > layer.max_tokens:
        raise ValueError(
            f"{layer.label}: `vocabulary` must not exceed `max_tokens` {layer.max_tokens}; got "
            f"{size} tokens, special ones included"
        )
