"""JAX: the whole step (gather, forward, backward, Adam) in one jitted function, state donated."""

from __future__ import annotations

import functools

import numpy as np

from benchmarks import networks as cases


def make(case):
    import jax
    import jax.numpy as jnp
    from jax import lax

    x_np, y_np = cases.data(case)
    x, y = jnp.asarray(x_np), jnp.asarray(y_np)
    params = [jnp.array(w) for w in cases.weights(case)]  # donated: copies

    def conv(x, kernel):
        padding, order = case.padding.upper(), ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=order)

    def pool(x, n):
        if case.kind == "predict":
            return lax.reduce_window(x, -jnp.inf, lax.max, (1, n, n, 1), (1, n, n, 1), "VALID")
        b, h, w, c = x.shape[0], x.shape[1] // n, x.shape[2] // n, x.shape[3]
        # its gradient is much faster than that of a window
        return x[:, : h * n, : w * n].reshape(b, h, n, w, n, c).max((2, 4))

    def step_of(kind, recurrent, bias):
        def rnn(h, z):
            h = jnp.tanh(z + h @ recurrent)
            return h, h

        def lstm(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ recurrent, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        def gru(h, x):
            x, inner = jnp.split(x, 3, -1), jnp.split(h @ recurrent + bias[1], 3, -1)
            z, r = (jax.nn.sigmoid(a + b) for a, b in zip(x[:2], inner[:2], strict=True))
            h = z * h + (1 - z) * jnp.tanh(x[2] + r * inner[2])
            return h, h

        return {"rnn": rnn, "lstm": lstm, "gru": gru}[kind]

    def walk(kind, x, kernel, recurrent, bias, sequences):
        zeros = jnp.zeros((len(x), recurrent.shape[0]))
        z = x.swapaxes(0, 1) @ kernel + (bias[0] if kind == "gru" else bias)
        first = (zeros, zeros) if kind == "lstm" else zeros
        _, y = lax.scan(step_of(kind, recurrent, bias), first, z)
        return y.swapaxes(0, 1) if sequences else y[-1]

    def logits(p, rows):
        p = list(p)
        for i, (kind, n) in enumerate(case.layers):
            if kind in cases.GATES:
                kernel, recurrent, bias, *p = p
                rows = walk(kind, rows, kernel, recurrent, bias, case.sequences(i))
            elif kind == "pool":
                rows = pool(rows, n)
            elif kind == "flatten":
                rows = rows.reshape(len(rows), -1)
            else:
                kernel, bias, *p = p
                rows = (conv(rows, kernel) if kind == "conv" else rows @ kernel) + bias
                rows = jax.nn.relu(rows) if p else rows
        return rows

    def loss_of(p, xb, yb):
        z = jax.nn.log_softmax(logits(p, xb))
        return -jnp.mean(jnp.take_along_axis(z, yb[:, None], 1))

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2, 3))
    def step(p, m, v, t, rows):
        g = jax.grad(loss_of)(p, x[rows], y[rows])
        if case.optimizer == "sgd":
            return [a - 1e-2 * b for a, b in zip(p, g, strict=True)], m, v, t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        rate = 1e-3 * jnp.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1))
        p = [a - rate * b / (jnp.sqrt(c) + 1e-7) for a, b, c in zip(p, m, v, strict=True)]
        return p, m, v, t + 1

    infer = jax.jit(lambda p, rows: jax.nn.softmax(logits(p, rows)))
    state = [params, [w * 0 for w in params], [w * 0 for w in params], jnp.zeros(())]
    rng = np.random.default_rng(0)

    def predict(rows):
        return np.asarray(infer(state[0], rows))

    def run(n):
        if case.kind == "predict":
            for _ in range(n):
                np.asarray(infer(state[0], x_np))
            return
        done = 0
        while done < n:
            order = rng.permutation(case.rows).astype(np.int32)
            for i in range(0, case.rows, case.batch):
                state[:] = step(*state, order[i : i + case.batch])
                done += 1
        jax.block_until_ready(state)

    return lambda: predict(cases.data(case)[0]), run


def versions():
    import jax

    return f"jax {jax.__version__} jitted"
