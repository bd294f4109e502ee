"""What a convolution has learned, and what it makes of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._dtypes import as_numeric
from ranvier.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Layer,
    SeparableConv1D,
    SeparableConv2D,
)
from ranvier.models import Sequential, up_to
from ranvier.models.parts import find
from ranvier.plot._figure import Mosaic, as_colours, columns_for, count, finish, new_figure

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_PLAIN = (Conv1D, Conv2D)
_TRANSPOSED = (Conv1DTranspose, Conv2DTranspose)
_DEPTHWISE = (DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D)
_DRAWN = (*_PLAIN, *_TRANSPOSED, *_DEPTHWISE)
# Edge of a tile in inches.
_TILE = 0.55


def filters(layer: Layer, *, most: int = 64, path: str | os.PathLike[str] | None = None) -> Figure:
    """The kernels that a convolution has learned, each as a small picture.

    Of three input channels, in colour: 0 is the middle grey, the end of the scale is the largest
    weight of all in absolute value. Of one channel (and of depthwise convolutions), in grey on a
    scale that is symmetric about 0 and the same for all. Of other numbers, a table in grey: filters
    downwards, input channels to the right.

    Args:
        layer: a convolution over sequences or images, transposed, depthwise and separable (its
            depthwise part) ones included; or a Sequential, for the first such layer in it.
        most: how many filters, and input channels, are drawn at most, >= 1. Default 64.
        path: a file to save to, its kind by its ending; None for none.

    Shapes: a kernel over a sequence is drawn as (C, kernel_size) in grey.

    Raises:
        TypeError: a layer of another kind.
        ValueError: a layer without weights yet, or a model without convolution.
        MissingExtra: matplotlib is not installed.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.Conv2D(8, 3, name="edges")
    >>> layer.build((None, 28, 28, 1))
    >>> figure = ranvier.plot.filters(layer)
    >>> figure.axes[0].get_title()
    "8 filters of Conv2D 'edges'"
    """
    drawn = filter_mosaic(layer, most)
    height, width = drawn.tiles.shape[1:3]
    edge = _TILE * min(max(height / width, 0.2), 5.0)
    figure = new_figure(drawn.columns * _TILE + 1.2, drawn.rows * edge + 0.8)
    drawn.draw(figure.subplots())
    return finish(figure, path)


def feature_maps(
    model: Sequential,
    image: Any,
    layer: Layer | str | int | None = None,
    *,
    most: int = 64,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """What a layer inside a model gives for one image: each channel of its output as a picture.

    The image stands on the left. All channels share one scale, from the least to the greatest
    output. The model runs as in `predict`: without dropout and augmentation.

    Args:
        model: a Sequential whose weights exist, on images.
        image: one image as the model takes it, with or without the batch axis of 1.
        layer: itself, its name or its place; None for the model's first convolution. Its output
            must be (height, width, channels); if the layer has data_format="channels_first",
            (channels, height, width).
        most: how many channels are drawn at most, >= 1. Default 64.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        TypeError: `model` is no Sequential, or the image does not hold numbers.
        ValueError: more than one image, one of another shape than the model's input, no such layer,
            or a layer whose output has no height and width.
        MissingExtra: matplotlib is not installed.

    >>> import numpy as np, ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential(
    ...     [ranvier.Input((9, 9, 1)), layers.Conv2D(4, 3, name="edges"), layers.MaxPooling2D()])
    >>> figure = ranvier.plot.feature_maps(model, np.eye(9), "edges")
    >>> [axes.get_title() for axes in figure.axes][:2]
    ['input (9, 9, 1)', "4 channels (7 x 7) of Conv2D 'edges'"]
    """
    drawn = map_mosaic(model, image, layer, most)
    edge = 1.5 * _TILE
    wide = max(2.6, drawn.columns * edge)
    figure = new_figure(2.6 + wide + 1.2, max(2.6, drawn.rows * edge + 0.8))
    left, right = figure.subplots(1, 2, width_ratios=[2.6, wide])
    _draw_image(left, _one_image(model, image)[0])
    drawn.draw(right)
    return finish(figure, path)


def filter_mosaic(layer: Layer, most: int = 64) -> Mosaic:
    """The kernels of a layer as tiles."""
    most = count("filters", "most", most)
    layer = _convolution("filters", layer)
    if not layer.built:
        raise ValueError(f"{layer.label}: there are no weights to draw yet; build the layer first")
    kernels = _kernels(layer)
    total, height, width, channels = kernels.shape
    kernels = kernels[:most, ..., : channels if channels == 3 else most]
    limit = float(np.max(np.abs(kernels), initial=0.0)) or 1.0
    title = _title(len(kernels), total, "filters", layer)
    if channels == 3:
        colours = 0.5 + kernels / (2 * limit)
        return Mosaic(colours, columns_for(len(kernels)), title, "", {})
    options = {"cmap": "gray", "vmin": -limit, "vmax": limit}
    if channels == 1:
        return Mosaic(kernels[..., 0], columns_for(len(kernels)), title, "weight", options)
    columns = kernels.shape[-1]
    below = "input channel" + ("" if columns == channels else f", {columns} of {channels}")
    tiles = np.moveaxis(kernels, -1, 1).reshape(-1, height, width)
    return Mosaic(tiles, columns, title, "weight", options, below, "filter")


def map_mosaic(
    model: Sequential, image: Any, layer: Layer | str | int | None = None, most: int = 64
) -> Mosaic:
    """The channels of a layer's output for one image as tiles."""
    most = count("feature_maps", "most", most)
    if not isinstance(model, Sequential):
        raise TypeError(f"plot.feature_maps: `model` must be a Sequential; got {model!r}")
    part = up_to(model, _convolution("feature_maps", model) if layer is None else layer)
    end: Any = part.layers[-1]
    while isinstance(end, Sequential):
        end = end.layers[-1]
    output = part(_one_image(model, image))
    if output.ndim != 4:
        raise ValueError(
            f"{end.label}: feature maps have height, width and channels; its output for one image "
            f"has shape {output.shape[1:]}"
        )
    first = getattr(end, "data_format", None) == "channels_first"
    maps = output[0] if first else np.moveaxis(output[0], -1, 0)
    total, height, width = maps.shape
    maps = maps[:most]
    title = _title(len(maps), total, f"channels ({height} x {width})", end)
    return Mosaic(maps, columns_for(len(maps)), title, "output", {"cmap": "viridis"})


def _convolution(function: str, layer: Layer) -> Layer:
    """The layer, or a model's first convolution."""
    if isinstance(layer, Sequential):
        found = find(layer, _DRAWN)
        if found is None:
            raise ValueError(f"{layer.label}: plot.{function} found no convolution in the model")
        return found
    if not isinstance(layer, _DRAWN):
        raise TypeError(
            f"plot.{function}: `layer` must be a convolution over sequences or images, or a "
            f"Sequential with one; got {layer!r}"
        )
    return layer


def _kernels(layer: Any) -> NDArray[Any]:
    """(filters, height, width, input channels), whatever the layer; 1 channel if depthwise."""
    if isinstance(layer, (SeparableConv1D, SeparableConv2D)):
        kernel = layer.depthwise_kernel.numpy()
    else:
        kernel = layer.kernel.numpy()
    if isinstance(layer, _TRANSPOSED):
        kernel = np.swapaxes(kernel, -1, -2)
    elif isinstance(layer, _DEPTHWISE):
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    if kernel.ndim == 3:  # over a sequence: channels downwards, time to the right
        return np.transpose(kernel, (2, 1, 0))[..., None]
    return np.transpose(kernel, (3, 0, 1, 2))


def _one_image(model: Sequential, image: Any) -> NDArray[Any]:
    """The image as a batch of one, channels axis included."""
    batch = as_numeric("plot.feature_maps", image, "image")
    want = model.input_shape or ()
    # a grey image may lack its axis of 1
    if batch.ndim == len(want) - 2 and 1 in (want[-1], want[1]):
        batch = batch[..., None] if want[-1] == 1 else batch[None]
    if batch.ndim == len(want) - 1:
        batch = batch[None]
    if batch.ndim != len(want) or len(batch) != 1:
        raise ValueError(
            f"plot.feature_maps: `image` must be one image as {model.label} takes it, of shape "
            f"{tuple(want[1:])}; got shape {np.shape(image)}"
        )
    return batch


def _draw_image(axes: Any, image: NDArray[Any]) -> None:
    axes.set_title(f"input {image.shape}", fontsize=10)
    axes.set_axis_off()
    if image.ndim != 3:
        return
    # channels are the last axis, unless only the first can be
    if image.shape[-1] not in (1, 3) and image.shape[0] in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.shape[-1] == 3:
        axes.imshow(as_colours(image))
    else:  # of other numbers of channels, their mean
        axes.imshow(image.mean(axis=-1), cmap="gray")


def _title(shown: int, total: int, what: str, layer: Layer) -> str:
    number = f"{total}" if shown == total else f"the first {shown} of {total}"
    return f"{number} {what} of {layer.label}"
