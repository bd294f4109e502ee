"""Image files and arrays, by Pillow."""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import _dtypes
from ranvier._extras import need
from ranvier.ops.images import resize_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MODES = ("rgb", "rgba", "grayscale")
_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow(owner: str) -> Any:
    need("PIL", "pictures", f"{owner} needs")
    from PIL import Image

    return Image


def check_one_of(owner: str, argument: str, value: Any, known: Sequence[Any]) -> None:
    """Raises a ValueError if `value` is none of `known`."""
    if value not in known:
        raise ValueError(f"{owner}: `{argument}` must be one of {tuple(known)}; got {value!r}")


def check_size(owner: str, argument: str, size: Any) -> tuple[int, int]:
    """`size`, checked to be (height, width)."""
    sides = tuple(size) if isinstance(size, (tuple, list)) else ()
    if len(sides) != 2 or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in sides):
        raise ValueError(
            f"{owner}: `{argument}` must be (height, width), positive integers; got {size!r}"
        )
    return int(sides[0]), int(sides[1])


def channels_first(owner: str, data_format: str | None) -> bool:
    """Whether that is what `data_format` says; None: the default."""
    known = ("channels_last", "channels_first")
    check_one_of(owner, "data_format", data_format, (*known, None))
    return (data_format or _dtypes.image_data_format()) == known[1]


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """An image file as a `PIL.Image.Image`.

    Args:
        path: a path or a binary file.
        color_mode: "rgb", "rgba" or "grayscale" (of 16 and 32 bits if the file's is).
        target_size: (height, width). None: as it is.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos".
        keep_aspect_ratio: resize the greatest part in the middle of the target's ratio.

    Raises:
        MissingExtra: no Pillow.
        OSError: no file, or no image.
        TypeError, ValueError: bad arguments.
    """
    pil = _pillow("load_img")
    check_one_of("load_img", "color_mode", color_mode, MODES)
    check_one_of("load_img", "interpolation", interpolation, _RESAMPLING)
    if isinstance(path, (str, bytes, os.PathLike)):
        with open(path, "rb") as file:
            data: Any = io.BytesIO(file.read())
    elif hasattr(path, "read"):
        data = path
    else:
        raise TypeError(f"load_img: `path` must be a path or a binary file; got {path!r}")
    try:
        image = pil.open(data)
        image.load()
    except (OSError, SyntaxError) as error:  # Pillow's errors do not know the path
        kind = type(error) if isinstance(error, OSError) else OSError
        raise kind(f"load_img: cannot read {path!r} as an image: {error}") from error
    if color_mode == "grayscale":
        if image.mode not in ("L", "I;16", "I"):
            image = image.convert("L")
    elif image.mode != color_mode.upper():
        image = image.convert(color_mode.upper())
    if target_size is None:
        return image
    height, width = check_size("load_img", "target_size", target_size)
    if image.size == (width, height):
        return image
    box = None
    if keep_aspect_ratio:
        w, h = image.size
        cut_w, cut_h = min(w, h * width // height), min(h, w * height // width)
        left, top = (w - cut_w) // 2, (h - cut_h) // 2
        box = (left, top, left + cut_w, top + cut_h)
    return image.resize((width, height), pil.Resampling[interpolation.upper()], box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> NDArray[Any]:
    """A `PIL.Image.Image` or an array as an array (height, width, channels).

    Args:
        img: the image.
        data_format, dtype: None: the defaults of `ranvier.config`.

    >>> img_to_array(np.ones((2, 3))).shape
    (2, 3, 1)
    """
    first = channels_first("img_to_array", data_format)
    x = np.array(img, dtype or _dtypes.floatx())
    if x.ndim == 2:
        return x[None] if first else x[..., None]
    if x.ndim != 3:
        raise ValueError(f"img_to_array: `img` must have 2 or 3 axes; got shape {x.shape}")
    return x.transpose(2, 0, 1) if first else x


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """An array (height, width, 1, 3 or 4 channels) as a `PIL.Image.Image`.

    Args:
        x: the array.
        data_format, dtype: None: the defaults of `ranvier.config`.
        scale: x's least value becomes 0, its greatest 255. False: it holds bytes.
    """
    pil = _pillow("array_to_img")
    first = channels_first("array_to_img", data_format)
    x = np.asarray(x, dtype or _dtypes.floatx())
    if x.ndim != 3 or x.shape[0 if first else 2] not in (1, 3, 4):
        raise ValueError(
            f"array_to_img: `x` must have 3 axes, and 1, 3 or 4 channels; got shape {x.shape}"
        )
    if first:
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        top = np.max(x)
        x = (x / top if top != 0 else x) * 255
    if x.shape[2] > 1:
        return pil.fromarray(x.astype("uint8"))
    return pil.fromarray(x[..., 0].astype("int32" if np.max(x) > 255 else "uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array as an image file.

    Args:
        path: a path or a file.
        x, data_format, scale: as of `array_to_img`.
        file_format: None: by the end of the path. JPEG drops transparency, with a warning.
        **kwargs: of `PIL.Image.Image.save`.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(path)[1][1:] or None
    image = array_to_img(x, data_format, scale)
    if file_format is not None and file_format.lower() in ("jpg", "jpeg"):
        file_format = "jpeg"
        if image.mode == "RGBA":
            warnings.warn("save_img: JPEG has no transparency; it is dropped", stacklevel=2)
            image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    data_format: str | None = "channels_last",
) -> NDArray[Any]:
    """`ops.resize_images` of the greatest part in the middle that has the ratio of `size`.

    >>> smart_resize(np.zeros((4, 9, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    return resize_images(x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)
