"""Normalization over the last axis, forward and backward.

gamma and beta have one number for each entry of the last axis; None is 1 and 0. What a forward op
returns beside y is what its backward op takes. Variances are biased. Sums have one fixed order: the
same bits for any number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core
from ranvier.ops._arrays import REFUSED, fit_all

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]


def batch_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """`y = (x - mean) / sqrt(variance + epsilon) gamma + beta`, one mean a channel (last axis).

    Args:
        x: array of shape (..., C) with at least one row.
        gamma, beta: shape (C,), or None.
        epsilon: >= 0.
        out: where to write y; may be x itself. None: a new array.

    Returns:
        (y, mean, variance); y of x's shape, the statistics (C,).

    Raises:
        ValueError: shapes that do not fit, no rows, a negative epsilon.
        TypeError: x is not numeric.

    Reference: Ioffe & Szegedy 2015, algorithm 1.

    >>> import numpy as np
    >>> y, mean, variance = batch_norm(np.array([[1.0], [3.0]]), epsilon=0.0)
    >>> y.ravel(), mean, variance
    (array([-1.,  1.]), array([2.]), array([1.]))
    """
    try:
        return _core.batch_norm(x, gamma, beta, epsilon, out)
    except REFUSED:
        pass
    x, gamma, beta = fit_all("batch_norm", x=x, gamma=gamma, beta=beta)
    return _core.batch_norm(x, gamma, beta, epsilon, out)


def batch_norm_inference(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> Array:
    """`y = (x - mean) / sqrt(variance + epsilon) gamma + beta` with given statistics.

    Args:
        mean, variance: shape (C,).
        x, gamma, beta, epsilon, out: as in `batch_norm`; x may have no rows.

    Returns:
        y, of x's shape.

    >>> import numpy as np
    >>> batch_norm_inference(np.array([[5.0]]), np.array([1.0]), np.array([4.0]), epsilon=0.0)
    array([[2.]])
    """
    try:
        return _core.batch_norm_inference(x, mean, variance, gamma, beta, epsilon, out)
    except REFUSED:
        pass
    x, mean, variance, gamma, beta = fit_all(
        "batch_norm_inference", x=x, mean=mean, variance=variance, gamma=gamma, beta=beta
    )
    return _core.batch_norm_inference(x, mean, variance, gamma, beta, epsilon, out)


def batch_norm_backward(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    dy: ArrayLike,
    gamma: ArrayLike | None = None,
    epsilon: float = 1e-3,
    of_batch: bool = True,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """The gradients of `batch_norm` (or, unless `of_batch`, of `batch_norm_inference`).

    Args:
        x, mean, variance, gamma, epsilon: of the forward op.
        dy: gradient with respect to y; x's shape.
        of_batch: whether mean and variance came from x. Default True.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        (dx, dgamma, dbeta).

    >>> import numpy as np
    >>> x = np.array([[1.0], [3.0]])
    >>> batch_norm_backward(x, np.array([2.0]), np.array([1.0]), np.ones((2, 1)))[2]
    array([2.])
    """
    try:
        return _core.batch_norm_backward(x, mean, variance, gamma, dy, epsilon, of_batch, out)
    except REFUSED:
        pass
    x, mean, variance, gamma, dy = fit_all(
        "batch_norm_backward", x=x, mean=mean, variance=variance, gamma=gamma, dy=dy
    )
    return _core.batch_norm_backward(x, mean, variance, gamma, dy, epsilon, of_batch, out)


def group_norm(
    x: ArrayLike,
    groups: int,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """`y = (x - mean) inverse gamma + beta`, one mean for each sample and group of channels.

    Args:
        x: array of shape (N, ..., C).
        groups: a divisor of C; each group is C / groups neighbouring channels.
        gamma, beta, epsilon, out: as in `batch_norm`.

    Returns:
        (y, mean, inverse) with `inverse = 1 / sqrt(variance + epsilon)`, both (N, groups).

    Reference: Wu & He, arXiv 1803.08494, equations 1 to 7.

    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 5.0, 5.0]]), 2, epsilon=1e-9)[0].round(6)
    array([[-1.,  1.,  0.,  0.]])
    """
    try:
        return _core.group_norm(x, groups, gamma, beta, epsilon, out)
    except REFUSED:
        pass
    x, gamma, beta = fit_all("group_norm", x=x, gamma=gamma, beta=beta)
    return _core.group_norm(x, groups, gamma, beta, epsilon, out)


def group_norm_backward(
    x: ArrayLike,
    mean: ArrayLike,
    inverse: ArrayLike,
    dy: ArrayLike,
    groups: int,
    gamma: ArrayLike | None = None,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """The gradients of `group_norm`.

    Args:
        x, mean, inverse, groups, gamma: of the forward op.
        dy: gradient with respect to y; x's shape.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        (dx, dgamma, dbeta).

    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0]])
    >>> y, mean, inverse = group_norm(x, 1)
    >>> group_norm_backward(x, mean, inverse, np.array([[1.0, 2.0]]), 1)[2]
    array([1., 2.])
    """
    try:
        return _core.group_norm_backward(x, mean, inverse, gamma, dy, groups, out)
    except REFUSED:
        pass
    x, mean, inverse, gamma, dy = fit_all(
        "group_norm_backward", x=x, mean=mean, inverse=inverse, gamma=gamma, dy=dy
    )
    return _core.group_norm_backward(x, mean, inverse, gamma, dy, groups, out)


def _rows(
    kind: str, op: str, x: Any, gamma: Any, beta: Any, epsilon: float, out: Any
) -> tuple[Array, Array, Array]:
    try:
        return _core.row_norm(kind, op, x, gamma, beta, epsilon, out)
    except REFUSED:
        pass
    x, gamma, beta = fit_all(op, x=x, gamma=gamma, beta=beta)
    return _core.row_norm(kind, op, x, gamma, beta, epsilon, out)


def _rows_backward(
    kind: str, op: str, x: Any, mean: Any, inverse: Any, gamma: Any, dy: Any, epsilon: float,
    out: Any,
) -> tuple[Array, Array, Array]:  # fmt: skip
    try:
        return _core.row_norm_backward(kind, op, x, mean, inverse, gamma, dy, epsilon, out)
    except REFUSED:
        pass
    x, mean, inverse, gamma, dy = fit_all(op, x=x, mean=mean, inverse=inverse, gamma=gamma, dy=dy)
    return _core.row_norm_backward(kind, op, x, mean, inverse, gamma, dy, epsilon, out)


def layer_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    epsilon: float = 1e-3,
    rms_scaling: bool = False,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """`y = (x - mean) inverse gamma + beta`, one mean for each row of the last axis.

    Args:
        x: array of shape (..., C), C >= 1.
        gamma, beta, epsilon, out: as in `batch_norm`.
        rms_scaling: `y = x inverse gamma + beta`, as Keras' argument of that name has it.

    Returns:
        (y, mean, inverse) with `inverse = 1 / sqrt(variance + epsilon)`, both x's shape without
        the last axis.

    Reference: Ba et al., arXiv 1607.06450, equation 3.

    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 3.0]]), epsilon=0.0)[0]
    array([[-1.,  1.]])
    """
    kind = "layer_rms" if rms_scaling else "layer"
    return _rows(kind, "layer_norm", x, gamma, beta, epsilon, out)


def layer_norm_backward(
    x: ArrayLike,
    mean: ArrayLike,
    inverse: ArrayLike,
    dy: ArrayLike,
    gamma: ArrayLike | None = None,
    rms_scaling: bool = False,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """The gradients of `layer_norm`.

    Args:
        x, mean, inverse, gamma, rms_scaling: of the forward op.
        dy: gradient with respect to y; x's shape.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        (dx, dgamma, dbeta).

    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0]])
    >>> y, mean, inverse = layer_norm(x)
    >>> layer_norm_backward(x, mean, inverse, np.array([[1.0, 2.0]]))[2]
    array([1., 2.])
    """
    kind = "layer_rms" if rms_scaling else "layer"
    return _rows_backward(kind, "layer_norm_backward", x, mean, inverse, gamma, dy, 0.0, out)


def rms_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    epsilon: float = 1e-6,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """`y = x inverse gamma` with `inverse = 1 / sqrt(mean(x^2) + epsilon)` over the last axis.

    Args:
        x, gamma, epsilon, out: as in `layer_norm`.

    Returns:
        (y, inverse).

    Reference: Zhang & Sennrich, arXiv 1910.07467, equation 4.

    >>> import numpy as np
    >>> rms_norm(np.array([[1.0, 7.0]]), epsilon=0.0)[0]
    array([[0.2, 1.4]])
    """
    y, _, inverse = _rows("rms", "rms_norm", x, gamma, None, epsilon, out)
    return y, inverse


def rms_norm_backward(
    x: ArrayLike,
    inverse: ArrayLike,
    dy: ArrayLike,
    gamma: ArrayLike | None = None,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """The gradients of `rms_norm`.

    Args:
        x, inverse, gamma: of the forward op.
        dy: gradient with respect to y; x's shape.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        (dx, dgamma).

    >>> import numpy as np
    >>> x = np.array([[1.0, 7.0]])
    >>> rms_norm_backward(x, np.array([0.2]), np.ones((1, 2)))[1]
    array([0.2, 1.4])
    """
    dx, dgamma, _ = _rows_backward(
        "rms", "rms_norm_backward", x, inverse, inverse, gamma, dy, 0.0, out
    )
    return dx, dgamma


def unit_norm(
    x: ArrayLike, epsilon: float = 1e-12, out: Array | None = None
) -> tuple[Array, Array]:
    """`y = x inverse` with `inverse = 1 / max(sqrt(sum(x^2)), epsilon)` over the last axis.

    Args:
        x, out: as in `layer_norm`.
        epsilon: >= 0, default 1e-12.

    Returns:
        (y, inverse).

    >>> import numpy as np
    >>> unit_norm(np.array([[3.0, 4.0]]))[0]
    array([[0.6, 0.8]])
    """
    y, _, inverse = _rows("unit", "unit_norm", x, None, None, epsilon, out)
    return y, inverse


def unit_norm_backward(
    x: ArrayLike,
    inverse: ArrayLike,
    dy: ArrayLike,
    epsilon: float = 1e-12,
    out: Array | None = None,
) -> Array:
    """The gradient of `unit_norm`; where epsilon was taken for the norm, `dx = dy inverse`.

    Args:
        x, inverse, epsilon: of the forward op.
        dy: gradient with respect to y; x's shape.
        out: where to write dx; may be dy itself. None: a new array.

    Returns:
        dx, of x's shape.

    >>> import numpy as np
    >>> x = np.array([[3.0, 4.0]])
    >>> unit_norm_backward(x, np.array([0.2]), x).round(6) + 0.0
    array([[0., 0.]])
    """
    return _rows_backward(
        "unit", "unit_norm_backward", x, inverse, inverse, None, dy, epsilon, out
    )[0]
