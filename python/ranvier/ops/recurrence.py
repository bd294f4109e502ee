"""Recurrence over whole sequences, forward and backward through time.

For one step at a time give one step, `x[:, None]`, and the last states as `initial_state`. Nothing
is kept from call to call: the backward ops compute the forward pass again. The batch is divided
among threads, no sum is: the same bits for any number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.ops._recurrence import Walk, backward, forward

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ranvier.ops.activations import Native

    Array = NDArray[Any]
    Act = str | Native


def simple_rnn(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    initial_state: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    activation: Act = "tanh",
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Array, Array]:
    """`h_t = activation(x_t W + h_(t-1) R + b)`, from the first step to the last.

    Args:
        x: (N, T, F), T >= 1.
        kernel: W, (F, U).
        recurrent_kernel: R, (U, U).
        bias: b, (U,), or None.
        initial_state: h before the first step, (N, U); None: zeros.
        mask: (N, T), also with `time_major`; where it is 0 or False the step is skipped: the state
            stays, and is the step's output. None: no step is.
        activation: as in `ranvier.ops.activation`. Default "tanh".
        return_sequences: whether y has every step's output or the last one's. Default True.
        go_backwards: from the last step of x and mask to the first; y is in the order walked.
        zero_output_for_mask: the output of a skipped step is 0.
        time_major: x is (T, N, F), and y (T, N, U).

    Returns:
        (y, h): y is (N, T, U) or (N, U), h the last state, (N, U); float64 if an array is
        (the mask apart), else float32.

    Raises:
        ValueError: shapes that do not fit, no steps, an unknown activation.
        TypeError: an input is not numeric.

    Reference: Elman 1990, Finding structure in time.

    >>> import numpy as np
    >>> x = np.array([[[1.0], [2.0], [4.0]]])
    >>> y, h = simple_rnn(x, np.array([[1.0]]), np.array([[0.5]]), activation="linear")
    >>> y.ravel(), h
    (array([1.  , 2.5 , 5.25]), array([[5.25]]))
    """
    flags = (return_sequences, go_backwards, zero_output_for_mask, time_major)
    walk = Walk("simple", activation, "linear", *flags)
    y, h, _ = forward("simple_rnn", walk, x, kernel, recurrent_kernel, bias, initial_state, mask)
    return y, h


def simple_rnn_backward(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    dy: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    dh: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    activation: Act = "tanh",
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Array, Array, Array, Array | None, Array]:
    """The gradients of `simple_rnn`, back through time.

    Args:
        dy: gradient with respect to y; y's shape.
        dh: gradient with respect to the last state beside that of y, (N, U); None: zeros.
        x, kernel, recurrent_kernel, bias, initial_state, mask, activation, return_sequences,
            go_backwards, zero_output_for_mask, time_major: of the forward op.

    Returns:
        (dx, dkernel, drecurrent_kernel, dbias, dh0): dh0 with respect to the state before the
        first step; dbias is None where bias is.

    Raises:
        ValueError: shapes that do not fit, no steps, an unknown activation.
        TypeError: an input is not numeric.

    Reference: Werbos 1990, Backpropagation through time.

    >>> import numpy as np
    >>> x = np.array([[[1.0], [2.0], [4.0]]])
    >>> w, r, dy = np.array([[1.0]]), np.array([[0.5]]), np.array([[1.0]])
    >>> dx, dw, dr, db, dh0 = simple_rnn_backward(
    ...     x, w, r, dy, activation="linear", return_sequences=False
    ... )
    >>> dx.ravel(), dw, dh0
    (array([0.25, 0.5 , 1.  ]), array([[5.25]]), array([[0.125]]))
    """
    flags = (return_sequences, go_backwards, zero_output_for_mask, time_major)
    walk = Walk("simple", activation, "linear", *flags)
    arrays = (x, kernel, recurrent_kernel, bias, initial_state, mask, dy, dh, None)
    dx, dkernel, drecurrent, dbias, dh0, _ = backward("simple_rnn_backward", walk, *arrays)
    return dx, dkernel, drecurrent, dbias, dh0


def lstm(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    initial_state: tuple[ArrayLike, ArrayLike] | None = None,
    mask: ArrayLike | None = None,
    activation: Act = "tanh",
    recurrent_activation: Act = "sigmoid",
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Array, Array, Array]:
    """`c_t = f c_(t-1) + i g`, `h_t = o activation(c_t)`, from the first step to the last.

    i, f and o are `recurrent_activation(x_t W + h_(t-1) R + b)` and g is `activation(...)` of the
    same; the columns are in the order i, f, g, o.

    Args:
        x: (N, T, F), T >= 1.
        kernel: W, (F, 4 U).
        recurrent_kernel: R, (U, 4 U).
        bias: b, (4 U,), or None.
        initial_state: (h, c) before the first step, each (N, U); None: zeros.
        recurrent_activation: of the gates; as `activation`. Default "sigmoid".
        mask, activation, return_sequences, go_backwards, zero_output_for_mask, time_major: as in
            `simple_rnn`.

    Returns:
        (y, h, c): y as `simple_rnn` has it, h and c the last states, (N, U).

    Raises:
        ValueError: shapes that do not fit, no steps, an unknown activation.
        TypeError: an input is not numeric.

    Reference: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (the forget gate f).

    >>> import numpy as np
    >>> one, w, r = np.ones((1, 1, 1)), np.full((1, 4), 100.0), np.zeros((1, 4))
    >>> y, h, c = lstm(one, w, r)  # gates wide open: c = 1
    >>> y, h, c = lstm(one, w, r, initial_state=(h, c))  # one step more: c = 1 + 1
    >>> c, bool(h[0, 0] == np.tanh(2.0))
    (array([[2.]]), True)
    """
    flags = (return_sequences, go_backwards, zero_output_for_mask, time_major)
    walk = Walk("lstm", activation, recurrent_activation, *flags)
    y, h, c = forward("lstm", walk, x, kernel, recurrent_kernel, bias, initial_state, mask)
    return y, h, c


def lstm_backward(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    dy: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    dh: ArrayLike | None = None,
    dc: ArrayLike | None = None,
    initial_state: tuple[ArrayLike, ArrayLike] | None = None,
    mask: ArrayLike | None = None,
    activation: Act = "tanh",
    recurrent_activation: Act = "sigmoid",
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Array, Array, Array, Array | None, Array, Array]:
    """The gradients of `lstm`, back through time.

    Args:
        dy: gradient with respect to y; y's shape.
        dh, dc: gradients with respect to the last states beside that of y, (N, U); None: zeros.
        x, kernel, recurrent_kernel, bias, initial_state, mask, activation, recurrent_activation,
            return_sequences, go_backwards, zero_output_for_mask, time_major: of the forward op.

    Returns:
        (dx, dkernel, drecurrent_kernel, dbias, dh0, dc0): dh0 and dc0 with respect to the states
        before the first step; dbias is None where bias is.

    >>> import numpy as np
    >>> one, w, r = np.ones((1, 1, 1)), np.full((1, 4), 100.0), np.zeros((1, 4))
    >>> lstm_backward(one, w, r, np.zeros((1, 1, 1)), dc=[[3.0]])[5]  # the forget gate is open
    array([[3.]])
    """
    flags = (return_sequences, go_backwards, zero_output_for_mask, time_major)
    walk = Walk("lstm", activation, recurrent_activation, *flags)
    arrays = (x, kernel, recurrent_kernel, bias, initial_state, mask, dy, dh, dc)
    dx, dkernel, drecurrent, dbias, dh0, dc0 = backward("lstm_backward", walk, *arrays)
    return dx, dkernel, drecurrent, dbias, dh0, dc0


def gru(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    initial_state: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    activation: Act = "tanh",
    recurrent_activation: Act = "sigmoid",
    reset_after: bool = True,
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Array, Array]:
    """`h_t = z h_(t-1) + (1 - z) g`, from the first step to the last.

    z and r are `recurrent_activation(x_t W + b + h_(t-1) R + b')`; with `reset_after` g is
    `activation(x_t W + b + r (h_(t-1) R + b'))`, else `activation(x_t W + b + (r h_(t-1)) R)`. The
    columns are in the order z, r, g.

    Args:
        x: (N, T, F), T >= 1.
        kernel: W, (F, 3 U).
        recurrent_kernel: R, (U, 3 U).
        bias: (2, 3 U), b and b'; without `reset_after` (3 U,), b alone; or None.
        initial_state: h before the first step, (N, U); None: zeros.
        recurrent_activation: of the gates; as `activation`. Default "sigmoid".
        reset_after: whether r multiplies after the product with R (as cuDNN has it) or before it.
            Default True.
        mask, activation, return_sequences, go_backwards, zero_output_for_mask, time_major: as in
            `simple_rnn`.

    Returns:
        (y, h), as `simple_rnn` has them.

    Raises:
        ValueError: shapes that do not fit, no steps, an unknown activation.
        TypeError: an input is not numeric.

    Reference: Cho et al. 2014, arXiv 1406.1078, v1 (after) and v3 (before).

    >>> import numpy as np
    >>> x, w = np.array([[[0.0], [0.0]]]), np.zeros((1, 3))
    >>> gru(x, w, w, initial_state=np.array([[1.0]]))[0].ravel()  # z = 1/2, g = 0
    array([0.5 , 0.25])
    """
    flags = (return_sequences, go_backwards, zero_output_for_mask, time_major)
    cell = "gru_reset_after" if reset_after else "gru"
    walk = Walk(cell, activation, recurrent_activation, *flags)
    y, h, _ = forward("gru", walk, x, kernel, recurrent_kernel, bias, initial_state, mask)
    return y, h


def gru_backward(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    dy: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    dh: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    activation: Act = "tanh",
    recurrent_activation: Act = "sigmoid",
    reset_after: bool = True,
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    time_major: bool = False,
) -> tuple[Array, Array, Array, Array | None, Array]:
    """The gradients of `gru`, back through time.

    Args:
        dy: gradient with respect to y; y's shape.
        dh: gradient with respect to the last state beside that of y, (N, U); None: zeros.
        x, kernel, recurrent_kernel, bias, initial_state, mask, activation, recurrent_activation,
            reset_after, return_sequences, go_backwards, zero_output_for_mask, time_major: of the
            forward op.

    Returns:
        (dx, dkernel, drecurrent_kernel, dbias, dh0), as `simple_rnn_backward` has them.

    >>> import numpy as np
    >>> x, w = np.array([[[0.0], [0.0]]]), np.zeros((1, 3))
    >>> gru_backward(x, w, w, np.array([[1.0]]), return_sequences=False)[4]  # z = 1/2, twice
    array([[0.25]])
    """
    flags = (return_sequences, go_backwards, zero_output_for_mask, time_major)
    cell = "gru_reset_after" if reset_after else "gru"
    walk = Walk(cell, activation, recurrent_activation, *flags)
    arrays = (x, kernel, recurrent_kernel, bias, initial_state, mask, dy, dh, None)
    dx, dkernel, drecurrent, dbias, dh0, _ = backward("gru_backward", walk, *arrays)
    return dx, dkernel, drecurrent, dbias, dh0
