"""Which element types there are, and users' data as arrays of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = ("float32", "float64")
_LATER = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "int8", "float8", "half")

_floatx = "float32"


def floatx() -> str:
    """The default dtype: "float32" unless `set_floatx` said otherwise.

    >>> import ranvier
    >>> ranvier.config.floatx()
    'float32'
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Sets the default dtype of what is made from now on: "float32" or "float64".

    >>> import ranvier
    >>> ranvier.config.set_floatx("float32")
    """
    global _floatx
    _floatx = standardize(value)


_DATA_FORMATS = ("channels_last", "channels_first")
_data_format = _DATA_FORMATS[0]


def image_data_format() -> str:
    """Where images and sequences have their channels, for layers made without `data_format`.

    >>> import ranvier
    >>> ranvier.config.image_data_format()
    'channels_last'
    """
    return _data_format


def set_image_data_format(data_format: str) -> None:
    """Sets the default of `data_format` of layers made from now on.

    Args:
        data_format: "channels_last" (what a process begins with) or "channels_first".

    Raises:
        ValueError: any other.

    >>> import ranvier
    >>> ranvier.config.set_image_data_format("channels_last")
    """
    global _data_format
    if data_format not in _DATA_FORMATS:
        raise ValueError(
            f"set_image_data_format: `data_format` must be one of {_DATA_FORMATS}; "
            f"got {data_format!r}"
        )
    _data_format = data_format


def standardize(dtype: Any) -> str:
    """`dtype` (name, NumPy dtype, Keras policy or its config) as "float32" or "float64".

    Raises:
        ValueError: any other dtype; those that other frameworks have are refused by name.
    """
    if dtype is None:
        return _floatx
    if isinstance(dtype, dict):
        dtype = dtype.get("config", dtype).get("name")
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if name is None:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = repr(dtype)
    name = str(name)
    if name in _FLOATS:
        return name
    if name in ("float", "double"):
        return "float64" if name == "double" else _floatx
    if name in _LATER:
        raise ValueError(f"dtype '{name}' is not in ranvier (yet): use 'float32' or 'float64'")
    raise ValueError(f"dtype must be 'float32' or 'float64'; got {dtype!r}")


def policy_config(dtype: str) -> dict[str, Any]:
    """A dtype as Keras writes it into the config of a layer."""
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": dtype},
        "registered_name": None,
    }


def as_numeric(owner: str, x: Any, argument: str = "x") -> NDArray[Any]:
    """`x` as an array of real numbers of its own dtype, not copied if it is one already.

    Raises:
        TypeError: text, objects, complex numbers, sparse matrices, ragged lists, masked elements.
    """
    if type(x) is not np.ndarray:
        x = _plain_array(owner, x, argument)
    if x.dtype.kind in "fiub" and x.dtype.itemsize <= 8:
        return x
    if x.dtype.kind == "f":
        return x.astype(np.float64)
    hint = ""
    if x.dtype.kind in "OUS":
        hint = " (encode text and categories first)"
        # float() would read numbers out of text, and NaN out of None
        strange = [v for v in x.flat if not hasattr(v, "__float__")] if x.dtype.kind == "O" else [x]
        try:
            if not strange:
                return x.astype(np.float64)
        except (TypeError, ValueError):
            pass
        if strange and x.dtype.kind == "O":
            hint = f", with {strange[0]!r} among its elements{hint}"
    raise TypeError(f"{owner}: `{argument}` must hold numbers; got dtype {x.dtype}{hint}")


def _plain_array(owner: str, x: Any, argument: str) -> NDArray[Any]:
    """What is not an ndarray (or one of a subclass) as an ndarray."""
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise TypeError(
            f"{owner}: `{argument}` has masked elements, which ranvier would not leave out; "
            f"fill them (`{argument}.filled(...)`) or drop their rows"
        )
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise TypeError(
            f"{owner}: `{argument}` is a sparse matrix; ranvier takes dense arrays "
            f"(`{argument}.toarray()`)"
        )
    if x is None or isinstance(x, (str, bytes, dict, set, frozenset)):
        raise TypeError(f"{owner}: `{argument}` must be an array of numbers; got {_short(x)}")
    to_numpy = getattr(x, "to_numpy", None)
    try:
        return np.asarray(x if to_numpy is None else to_numpy())
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{owner}: `{argument}` is not an array of numbers: {error}") from None


def _short(x: Any) -> str:
    """`x` as an error shows it: its type, and itself if that is not long."""
    text = repr(x)
    return text if len(text) <= 40 else f"a {type(x).__name__}"


def of_predictions(y_pred: Any, dtype: str) -> str:
    """The dtype in which losses and metrics compute: an array of float64 stays in float64.

    Gradient checks need that; Keras would compute in `dtype`.
    """
    return "float64" if getattr(y_pred, "dtype", None) == np.float64 else dtype


def as_input(owner: str, x: Any, dtype: str) -> NDArray[Any]:
    """`x` as a contiguous array of `dtype` with a batch axis."""
    array = as_numeric(owner, x)
    if array.ndim == 0:
        raise ValueError(f"{owner}: input must have a batch axis; got a number")
    return np.ascontiguousarray(array, dtype)
