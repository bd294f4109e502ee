"""The pictures of `ranvier demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.plot._figure import finish, new_figure
from ranvier.plot.confusion import count_pairs, draw_counts
from ranvier.plot.convolution import filter_mosaic, map_mosaic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models import Sequential


def mistakes(x: NDArray[Any], y: NDArray[Any], predicted: NDArray[Any], output: str) -> None:
    """The confusion matrix on the left, misread digits on the right."""
    figure = new_figure(11, 5.5)
    halves: Any = figure.subfigures(1, 2)
    left, right = halves
    axes = left.subplots()
    draw_counts(axes, *count_pairs(y, predicted, range(10)))
    right_share = 100 * float((predicted == y).mean())
    axes.set(xlabel="predicted digit", ylabel="true digit",
             title=f"{len(y)} test digits, {right_share:.1f} % right")  # fmt: skip
    wrong = np.flatnonzero(predicted != y)
    right.suptitle(f"misread: {len(wrong)}, true > predicted")
    for cell, i in zip(right.subplots(4, 5).flat, wrong[:20], strict=False):
        cell.imshow(x[i].reshape(28, 28), cmap="gray_r")
        cell.set_title(f"{y[i]} > {predicted[i]}", fontsize=9)
    for cell in right.axes:
        cell.set_axis_off()
    finish(figure, output)


def inside(model: Sequential, image: NDArray[Any], output: str) -> None:
    """The first convolution's filters, and what the convolutions make of one digit."""
    convolutions = [layer for layer in model.layers if hasattr(layer, "kernel_size")]
    drawn = [filter_mosaic(convolutions[0])]
    drawn += [map_mosaic(model, image, layer) for layer in convolutions]
    drawn = [mosaic._replace(columns=16) for mosaic in drawn]
    rows = [mosaic.rows for mosaic in drawn]
    figure = new_figure(11, 0.6 * sum(rows) + 0.5 * len(rows) + 0.3)
    cells = figure.subplots(len(drawn), 1, height_ratios=rows)
    for axes, mosaic in zip(cells, drawn, strict=True):
        mosaic.draw(axes)
    figure.suptitle("what the network has learned, and what it makes of one test digit")
    finish(figure, output)
