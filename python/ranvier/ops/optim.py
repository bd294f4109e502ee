"""One optimizer step over contiguous buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Spec = tuple[NDArray[Any], int, int, bool, float, float]


def optimizer_slots(params: dict[str, Any]) -> int:
    """How many slot arrays `optimizer_step` needs with these parameters.

    >>> optimizer_slots({"kind": "adam", "amsgrad": True})
    3
    """
    return _core.optimizer_slots(params)


def optimizer_step(
    params: dict[str, Any],
    iteration: int,
    variables: Sequence[Spec],
    gradient: NDArray[Any],
    slots: Sequence[NDArray[Any]],
) -> float:
    """One update of all variables, in place, with Keras 3's formulas.

    Args:
        params: `kind` ("sgd", "adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion",
            "ftrl") and any of learning_rate, momentum, nesterov, beta_1, beta_2, rho, epsilon,
            amsgrad, centered, learning_rate_power, l1, l2, l2_shrinkage, beta (these five: ftrl),
            weight_decay, clipnorm, clipvalue, global_clipnorm; those that are not given have the
            defaults of the first kind to have them, 0 for off.
        iteration: how many updates have been made before, from 0.
        variables: tuples (w, offset, size, decay, l1, l2): the array, which is updated; where its
            gradient and slots begin in their buffers; its number of elements; whether weight decay
            applies; factors of the penalty `l1 sum |w| + l2 sum w^2`, whose gradient is added.
        gradient: 1-D buffer of all gradients; overwritten.
        slots: as many 1-D buffers like gradient as `optimizer_slots` says, zeros at the start
            (accumulators of adagrad and ftrl: `initial_accumulator_value`); updated. Their order:
            sgd: momentum; adam: m, v, the greatest v; rmsprop: v, momentum, mean; adagrad:
            accumulator; adadelta: squares of gradients, of changes; adamax: m, u; nadam: m, v;
            lion: m; ftrl: accumulator, linear.

    Returns:
        The penalty before the update. The same bits for any number of threads.

    Raises:
        ValueError: an unknown parameter, a variable that does not fit, too few slots, or an array
            that is read-only or not contiguous.
        TypeError: arrays of different dtypes.

    >>> import numpy as np
    >>> w = np.ones(2)
    >>> optimizer_step({"kind": "sgd", "learning_rate": 0.5}, 0,
    ...                [(w, 0, 2, True, 0.0, 0.0)], np.array([1.0, 2.0]), [])
    0.0
    >>> w
    array([0.5, 0. ])
    """
    return _core.optimizer_step(params, iteration, list(variables), gradient, list(slots))
