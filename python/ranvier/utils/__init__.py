"""Small helpers around data, sequences and seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes, _random
from ranvier._custom_objects import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_serializable,
)
from ranvier._dtypes import standardize as standardize_dtype
from ranvier._lazy import lazy
from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.backend import clear_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.utils.directories import (
        FilesDataset,
        image_dataset_from_directory,
        text_dataset_from_directory,
    )
    from ranvier.utils.files import get_file
    from ranvier.utils.images import array_to_img, img_to_array, load_img, save_img
    from ranvier.utils.py_dataset import PyDataset, Sequence
    from ranvier.utils.sequences import (
        TimeseriesDataset,
        pad_sequences,
        timeseries_dataset_from_array,
    )
    from ranvier.utils.splitting import split_dataset

# Keras has these of `saving` here too.
CustomObjectScope = custom_object_scope
register_keras_serializable = register_serializable

__all__ = [
    "CustomObjectScope",
    "FilesDataset",
    "PyDataset",
    "Sequence",
    "TimeseriesDataset",
    "array_to_img",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "directories": "FilesDataset image_dataset_from_directory text_dataset_from_directory",
        "files": "get_file",
        "images": "array_to_img img_to_array load_img save_img",
        "py_dataset": "PyDataset Sequence",
        "sequences": "TimeseriesDataset pad_sequences timeseries_dataset_from_array",
        "splitting": "split_dataset",
    },
)

# Keras has these of `saving` here too.


def set_random_seed(seed: int) -> None:
    """Seeds ranvier's global generator, Python's `random` and NumPy's: runs repeat from here.

    Args:
        seed: an integer >= 0.

    Raises:
        ValueError: anything else.

    >>> import ranvier
    >>> ranvier.utils.set_random_seed(7)
    >>> a = ranvier.initializers.RandomNormal()((2,))
    >>> ranvier.utils.set_random_seed(7)
    >>> bool((a == ranvier.initializers.RandomNormal()((2,))).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"set_random_seed: `seed` must be an integer >= 0; got {seed!r}")
    import random

    random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)
    _random.set_seed(int(seed))


def to_categorical(x: Any, num_classes: int | None = None) -> NDArray[Any]:
    """Class numbers as one-hot rows.

    Args:
        x: integers in [0, num_classes), any shape; a trailing axis of 1 is dropped.
        num_classes: None: the greatest number + 1.

    Returns:
        Array of x's shape and an axis of `num_classes` more, float64 as Keras has it.

    Raises:
        ValueError: a number out of range, or no whole number.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = _dtypes.as_numeric("to_categorical", x)
    if given.dtype.kind == "f" and not np.array_equal(given, np.trunc(given)):
        raise ValueError("to_categorical: class numbers must be integers; got fractions or NaN")
    labels = given if given.dtype.kind == "u" else given.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = num_classes
    if classes is None:
        classes = int(labels.max()) + 1 if labels.size else 0
    elif isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or classes < 1:
        raise ValueError(
            f"to_categorical: `num_classes` must be a positive integer or None; got {classes!r}"
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(
            f"to_categorical: class numbers must lie in [0, {max(classes, 1)}); got "
            f"{labels.min()} to {labels.max()}"
        )
    flat = labels.reshape(-1)
    rows = np.zeros((flat.size, classes))
    rows[np.arange(flat.size), flat] = 1
    return rows.reshape(*labels.shape, classes)


def normalize(x: Any, axis: int = -1, order: int = 2) -> NDArray[Any]:
    """`x` divided by its norms along an axis; where the norm is 0, x stays.

    Args:
        x: array.
        axis: default -1.
        order: of the norm, default 2.

    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    array = _dtypes.as_numeric("normalize", x)
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    norms[norms == 0] = 1
    return array / norms


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """A batch as (x, y, sample_weight), None for what it has not.

    Raises:
        ValueError: more than three items.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"a batch must be x, (x,), (x, y) or (x, y, sample_weight); got {len(data)} items"
        )
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The batch that `unpack_x_y_sample_weight` takes apart.

    >>> pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (list, tuple)) else x
