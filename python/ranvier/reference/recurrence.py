"""NumPy twins of recurrence: one loop over the steps, and one back.

Inside, all is time-major and in the order walked. A cell's `forward` takes z = x W + b of a step
and the states before it; its `backward` the gradients of the states behind it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.reference.activations import activation as apply
from ranvier.reference.activations import activation_derivative as slope
from ranvier.reference.maths import Array, floating


class _Simple:
    """h = act(z + h' R)."""

    def __init__(self, r: Array, inner_bias: Array | None, act: Any, gate: Any) -> None:
        self.r, self.inner_bias, self.act, self.gate = r, inner_bias, act, gate
        self.units = len(r)
        self.dr = np.zeros_like(r)

    def forward(self, z: Array, states: list[Array]) -> tuple[list[Array], Any]:
        z = z + states[0] @ self.r
        return [apply(self.act, z)], z

    def backward(self, kept: Any, before: list[Array], d: list[Array]) -> tuple[Any, Any, Any]:
        """The gradients of z, of h' R + b', of the states before; adds to dr."""
        dz = d[0] * slope(self.act, kept)
        return dz, dz, [self._back(dz, before[0])]

    def _back(self, dz: Array, h: Array, first: int = 0, last: int | None = None) -> Array:
        """Through h R[:, first:last]."""
        self.dr[:, first:last] += h.T @ dz
        return np.asarray(dz @ self.r[:, first:last].T)


class _LSTM(_Simple):
    """c = f c' + i g, h = o act(c)."""

    def forward(self, z: Array, states: list[Array]) -> tuple[list[Array], Any]:
        h, before = states
        zi, zf, zg, zo = np.split(z + h @ self.r, 4, axis=1)
        i, f, o = (apply(self.gate, a) for a in (zi, zf, zo))
        g = apply(self.act, zg)
        c = f * before + i * g
        return [o * apply(self.act, c), c], (zi, zf, zg, zo, i, f, g, o, c)

    def backward(self, kept: Any, before: list[Array], d: list[Array]) -> tuple[Any, Any, Any]:
        zi, zf, zg, zo, i, f, g, o, c = kept
        dh, dc = d
        dc = dc + dh * o * slope(self.act, c)
        parts = (
            dc * g * slope(self.gate, zi),
            dc * before[1] * slope(self.gate, zf),
            dc * i * slope(self.act, zg),
            dh * apply(self.act, c) * slope(self.gate, zo),
        )
        dz = np.concatenate(parts, axis=1)
        return dz, dz, [self._back(dz, before[0]), dc * f]


class _GRU(_Simple):
    """h = z h' + (1 - z) g, g = act(x W + b + (r h') R)."""

    def forward(self, z: Array, states: list[Array]) -> tuple[list[Array], Any]:
        (h,), n = states, self.units
        zz, zr = np.split(z[:, : 2 * n] + h @ self.r[:, : 2 * n], 2, axis=1)
        update, reset = apply(self.gate, zz), apply(self.gate, zr)
        zg = z[:, 2 * n :] + (reset * h) @ self.r[:, 2 * n :]
        g = apply(self.act, zg)
        return [update * h + (1 - update) * g], (zz, zr, zg, update, reset, g)

    def backward(self, kept: Any, before: list[Array], d: list[Array]) -> tuple[Any, Any, Any]:
        zz, zr, zg, update, reset, g = kept
        (h,), (dh,), n = before, d, self.units
        dg = dh * (1 - update) * slope(self.act, zg)
        dinner = self._back(dg, reset * h, 2 * n)  # of r h'
        dzz = dh * (h - g) * slope(self.gate, zz)
        dgates = np.concatenate((dzz, dinner * h * slope(self.gate, zr)), axis=1)
        dz = np.concatenate((dgates, dg), axis=1)
        return dz, dz, [dh * update + dinner * reset + self._back(dgates, h, 0, 2 * n)]


class _GRUAfter(_Simple):
    """h = z h' + (1 - z) g, g = act(x W + b + r (h' R + b'))."""

    def forward(self, z: Array, states: list[Array]) -> tuple[list[Array], Any]:
        (h,), n = states, self.units
        inner = h @ self.r
        if self.inner_bias is not None:
            inner = inner + self.inner_bias
        zz, zr = np.split(z[:, : 2 * n] + inner[:, : 2 * n], 2, axis=1)
        update, reset = apply(self.gate, zz), apply(self.gate, zr)
        zg = z[:, 2 * n :] + reset * inner[:, 2 * n :]
        g = apply(self.act, zg)
        return [update * h + (1 - update) * g], (zz, zr, zg, update, reset, g, inner[:, 2 * n :])

    def backward(self, kept: Any, before: list[Array], d: list[Array]) -> tuple[Any, Any, Any]:
        zz, zr, zg, update, reset, g, inner = kept
        (h,), (dh,) = before, d
        dg = dh * (1 - update) * slope(self.act, zg)
        dzz = dh * (h - g) * slope(self.gate, zz)
        dzr = dg * inner * slope(self.gate, zr)
        dz = np.concatenate((dzz, dzr, dg), axis=1)
        dinner = np.concatenate((dzz, dzr, dg * reset), axis=1)
        return dz, dinner, [dh * update + self._back(dinner, h)]


_CELLS = {"simple": _Simple, "lstm": _LSTM, "gru": _GRU, "gru_reset_after": _GRUAfter}


class _Walk:
    """All steps of one call; `run` goes through them, `run_back` back."""

    def __init__(
        self,
        cell: str,
        x: Any,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any,
        states: Any,
        act: Any,
        gate: Any = "linear",
        *,
        mask: Any = None,
        return_sequences: bool = True,
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
        time_major: bool = False,
    ) -> None:
        self.sequences, self.zero_masked = return_sequences, zero_output_for_mask
        self.major, self.direction = time_major, -1 if go_backwards else 1
        self.x, self.kernel = self._turned(floating(x))[:: self.direction], floating(kernel)
        biases: Any = (None, None)
        if bias is not None:
            given = floating(bias)
            biases = given if cell == "gru_reset_after" else (given, None)
        self.bias = biases[0]
        self.cell = _CELLS[cell](floating(recurrent_kernel), biases[1], act, gate)
        steps, batch = self.x.shape[:2]
        used = np.ones((batch, steps)) if mask is None else np.asarray(mask)
        self.used = (used.T[:: self.direction] != 0)[:, :, None]
        zeros = np.zeros((batch, self.cell.units), self.x.dtype)
        self.first = [zeros if a is None else floating(a) for a in states]
        self.tape: list[tuple[Any, list[Array]]] = []

    def _turned(self, a: Array) -> Array:
        """Between the caller's order of axes and time-major."""
        return a if self.major else np.swapaxes(a, 0, 1)

    def run(self) -> tuple[Array, list[Array]]:
        """y and the last states."""
        z = self.x @ self.kernel
        if self.bias is not None:
            z = z + self.bias
        states, outputs = self.first, []
        for t, used in enumerate(self.used):
            new, kept = self.cell.forward(z[t], states)
            self.tape.append((kept, states))
            states = [np.where(used, a, b) for a, b in zip(new, states, strict=True)]
            outputs.append(np.where(used, states[0], 0) if self.zero_masked else states[0])
        return self._turned(np.stack(outputs)) if self.sequences else outputs[-1], states

    def run_back(self, dy: Any, dlast: list[Any]) -> tuple[Any, ...]:
        """(dx, dkernel, drecurrent_kernel, dbias, those of the first states)."""
        dy = floating(dy)
        given = zip(self.first, dlast, strict=True)
        d = [np.zeros_like(a) if b is None else floating(b) for a, b in given]
        dys = self._turned(dy) if self.sequences else None
        dz, dinner = [], []
        for t in reversed(range(len(self.used))):
            used = self.used[t]
            if dys is not None or t == len(self.used) - 1:
                out = dy if dys is None else dys[t]
                d = [d[0] + (np.where(used, out, 0) if self.zero_masked else out), *d[1:]]
            kept, before = self.tape[t]
            taken = [np.where(used, a, 0) for a in d]
            step, inner, earlier = self.cell.backward(kept, before, taken)
            d = [a + np.where(used, 0, b) for a, b in zip(earlier, d, strict=True)]
            dz.append(step)
            dinner.append(inner)
        return *self._weights(np.stack(dz[::-1]), np.stack(dinner)), *d

    def _weights(self, dz: Array, dinner: Array) -> tuple[Any, ...]:
        columns = dz.shape[-1]
        dx = (dz @ self.kernel.T)[:: self.direction]
        dkernel = self.x.reshape(-1, self.x.shape[-1]).T @ dz.reshape(-1, columns)
        dbias = None if self.bias is None else dz.sum((0, 1))
        if dbias is not None and self.cell.inner_bias is not None:
            dbias = np.stack([dbias, dinner.sum((0, 1))])
        return self._turned(dx), dkernel, self.cell.dr, dbias


# `how`: mask, return_sequences, go_backwards, zero_output_for_mask and time_major of `ranvier.ops`.


def simple_rnn(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    *,
    initial_state: Any = None,
    activation: Any = "tanh",
    **how: Any,
) -> tuple[Array, Array]:
    """`h_t = activation(x_t W + h_(t-1) R + b)`; (y, h)."""
    weights = (kernel, recurrent_kernel, bias)
    y, (h,) = _Walk("simple", x, *weights, [initial_state], activation, **how).run()
    return y, h


def simple_rnn_backward(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    dy: Any,
    bias: Any = None,
    *,
    dh: Any = None,
    initial_state: Any = None,
    activation: Any = "tanh",
    **how: Any,
) -> tuple[Any, ...]:
    """(dx, dkernel, drecurrent_kernel, dbias, dh0)."""
    weights = (kernel, recurrent_kernel, bias)
    walk = _Walk("simple", x, *weights, [initial_state], activation, **how)
    walk.run()
    return walk.run_back(dy, [dh])


def lstm(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    *,
    initial_state: Any = None,
    activation: Any = "tanh",
    recurrent_activation: Any = "sigmoid",
    **how: Any,
) -> tuple[Array, Array, Array]:
    """`c_t = f c_(t-1) + i g`, `h_t = o activation(c_t)`; (y, h, c)."""
    weights = (kernel, recurrent_kernel, bias)
    states = initial_state or (None, None)
    walk = _Walk("lstm", x, *weights, states, activation, recurrent_activation, **how)
    y, (h, c) = walk.run()
    return y, h, c


def lstm_backward(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    dy: Any,
    bias: Any = None,
    *,
    dh: Any = None,
    dc: Any = None,
    initial_state: Any = None,
    activation: Any = "tanh",
    recurrent_activation: Any = "sigmoid",
    **how: Any,
) -> tuple[Any, ...]:
    """(dx, dkernel, drecurrent_kernel, dbias, dh0, dc0)."""
    weights = (kernel, recurrent_kernel, bias)
    states = initial_state or (None, None)
    walk = _Walk("lstm", x, *weights, states, activation, recurrent_activation, **how)
    walk.run()
    return walk.run_back(dy, [dh, dc])


def gru(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any = None,
    *,
    initial_state: Any = None,
    activation: Any = "tanh",
    recurrent_activation: Any = "sigmoid",
    reset_after: bool = True,
    **how: Any,
) -> tuple[Array, Array]:
    """`h_t = z h_(t-1) + (1 - z) g`; (y, h)."""
    cell, weights = _gru_cell(reset_after), (kernel, recurrent_kernel, bias)
    walk = _Walk(cell, x, *weights, [initial_state], activation, recurrent_activation, **how)
    y, (h,) = walk.run()
    return y, h


def gru_backward(
    x: Any,
    kernel: Any,
    recurrent_kernel: Any,
    dy: Any,
    bias: Any = None,
    *,
    dh: Any = None,
    initial_state: Any = None,
    activation: Any = "tanh",
    recurrent_activation: Any = "sigmoid",
    reset_after: bool = True,
    **how: Any,
) -> tuple[Any, ...]:
    """(dx, dkernel, drecurrent_kernel, dbias, dh0)."""
    cell, weights = _gru_cell(reset_after), (kernel, recurrent_kernel, bias)
    walk = _Walk(cell, x, *weights, [initial_state], activation, recurrent_activation, **how)
    walk.run()
    return walk.run_back(dy, [dh])


def _gru_cell(reset_after: bool) -> str:
    return "gru_reset_after" if reset_after else "gru"
