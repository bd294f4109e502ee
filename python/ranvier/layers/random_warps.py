"""Layers that shear images and change their perspective in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._checks import number
from ranvier.layers._image import FILL_MODES, INTERPOLATIONS, factor_range, one_of
from ranvier.layers._pixels import UNIT, RandomPixelLayer, amount, unit_range
from ranvier.ops.images import affine_transform

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


class RandomShear(RandomPixelLayer):
    """Shears each image in training; `y = x` otherwise.

    `y_ij = x` at `(i + s v j, j + s u i)`, s = 1 or -1, u and v uniform between the ends of their
    factor.

    Args:
        x_factor: of u: (lower, upper), or a number f in [-1, 1] for (-|f|, |f|). Default 0.
        y_factor: of v, likewise.
        interpolation, fill_mode, fill_value, data_format, seed: as in `RandomRotation`.

    >>> import numpy as np, ranvier
    >>> x = np.arange(6.0).reshape(2, 3, 1)
    >>> ranvier.layers.RandomShear((1, 1), fill_mode="nearest", seed=1)(x)[:, :, 0]
    array([[0., 1., 2.],
           [3., 3., 4.]], dtype=float32)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.x_factor = x_factor
        self.y_factor = y_factor
        self._across = factor_range(self, "x_factor", x_factor, -1, 1)
        self._down = factor_range(self, "y_factor", y_factor, -1, 1)
        self.interpolation = one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = one_of(self, "fill_mode", fill_mode, FILL_MODES)
        self.fill_value = number(self.label, "fill_value", fill_value)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        sign, down, across = self.draws(x, rng, UNIT, self._down, self._across)
        sign = np.where(sign > 0.5, -1, 1)
        t = np.zeros((len(x), 8))
        t[:, [0, 4]] = 1
        t[:, 1], t[:, 3] = np.ravel(sign * across), np.ravel(sign * down)
        return affine_transform(x, t, self.interpolation, self.fill_mode, self.fill_value)


class RandomPerspective(RandomPixelLayer):
    """Moves the corners of some images in training, as another viewpoint does; `y = x` otherwise.

    Each coordinate of a corner is multiplied by `1 + u`, u uniform in `[-scale / 2, scale / 2]`:
    the first corner, at (0, 0), stays.

    Args:
        factor: the probability, itself drawn for each image: (lower, upper) within [0, 1], or a
            number f for (0, f). Default 1.
        scale: in [0, 1]. Default 1.
        interpolation: "bilinear" (default) or "nearest".
        fill_value: what lies outside of the image. Default 0.
        seed, data_format: as in `RandomRotation`.

    >>> import numpy as np, ranvier
    >>> ranvier.layers.RandomPerspective((1, 1), 0.0)(np.array([[[2.0], [4.0]]]))[0, :, 0]
    array([2., 4.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = unit_range(self, "factor", factor)
        self.scale = amount(self, "scale", scale)
        self.interpolation = one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = number(self.label, "fill_value", fill_value)

    def change(self, x: NDArray[Any], rng: Generator) -> NDArray[Any]:
        half = self.scale / 2
        likely, u, *moves = self.draws(x, rng, self.factor, UNIT, *[(-half, half)] * 8)
        n, h, w, _ = x.shape
        start = np.array([[0, 0], [w - 1, 0], [0, h - 1], [w - 1, h - 1]], np.float64)
        end = start * (1 + np.reshape(np.concatenate(moves, 1), (n, 4, 2)))
        a0, a1, a2, b0, b1, b2, c0, c1 = _homography(start, end)
        i, j = np.mgrid[:h, :w]
        with np.errstate(divide="ignore", invalid="ignore"):
            k = c0 * j + c1 * i + 1
            row, column = (b0 * j + b1 * i + b2) / k, (a0 * j + a1 * i + a2) / k
        y = _sampled(x, row, column, self.interpolation == "nearest", self.fill_value)
        return np.where(u < likely, y, x)


def _homography(start: NDArray[Any], end: NDArray[Any]) -> NDArray[Any]:
    """Eight numbers [8, N, 1, 1] of the map from `end`, corners [N, 4, 2], back to `start`."""
    system = np.zeros((len(end), 8, 8))
    for axis in (0, 1):
        rows = system[:, 4 * axis : 4 * axis + 4]
        rows[..., 3 * axis : 3 * axis + 2] = end
        rows[..., 3 * axis + 2] = 1
        rows[..., 6:] = -start[:, axis, None] * end
    target = np.broadcast_to(start.T.reshape(8, 1), (len(end), 8, 1))
    # images of one row or column have no four corners; least squares leave them where they are
    solved = np.linalg.pinv(system) @ target
    return np.moveaxis(solved, 1, 0)[..., None]


def _sampled(
    x: NDArray[Any], row: NDArray[Any], column: NDArray[Any], nearest: bool, fill: float
) -> NDArray[Any]:
    """Images at places [N, H, W] between their pixels."""
    n, h, w, _ = x.shape
    if nearest:  # halves away from zero
        row, column = (np.copysign(np.floor(np.abs(p) + 0.5), p) for p in (row, column))
    # far outside is as good as just outside, and fits an integer
    row = np.clip(np.nan_to_num(row, nan=-2), -2, h + 1)
    column = np.clip(np.nan_to_num(column, nan=-2), -2, w + 1)
    top, left = np.floor(row).astype(np.intp), np.floor(column).astype(np.intp)
    images = np.arange(n)[:, None, None] * h
    flat = x.reshape(n * h * w, -1)
    y = np.zeros(x.shape, x.dtype)
    for a in (0, 1):
        for b in (0, 1):
            i, j = top + a, left + b
            weight = (1 - np.abs(row - i)) * (1 - np.abs(column - j))
            inside = (i >= 0) & (i < h) & (j >= 0) & (j < w)
            at = (images + np.clip(i, 0, h - 1)) * w + np.clip(j, 0, w - 1)
            pixels = flat.take(at, axis=0)
            pixels[~inside] = fill
            y += pixels * weight.astype(x.dtype)[..., None]
    return y
