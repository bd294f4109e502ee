"""Networks in float64 NumPy: what every peer's answers are compared with."""

from __future__ import annotations

import numpy as np

# By the names of `networks.GATES`, those of the reference.
RECURRENT = {"rnn": "simple_rnn", "lstm": "lstm", "gru": "gru"}


def recurrent(kind):
    """The reference's function, or its backward pass."""
    from ranvier import reference

    name, *backward = kind.split("_")
    return getattr(reference, "_".join([RECURRENT[name], *backward]))


def probabilities(case, steps):
    """After `steps` steps, each on all rows."""
    from benchmarks import networks
    from ranvier import reference

    x, labels = networks.data(case)
    x = x.astype("float64")
    w = [a.astype("float64") for a in networks.weights(case)]
    m, v = ([np.zeros_like(a) for a in w] for _ in range(2))
    for t in range(1, steps + 1):
        for i, g in enumerate(gradients(case, w, x, labels)):
            if case.optimizer == "sgd":
                w[i] -= 1e-2 * g
                continue
            m[i] += 0.1 * (g - m[i])
            v[i] += 0.001 * (g * g - v[i])
            rate = 1e-3 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w[i] -= rate * m[i] / (np.sqrt(v[i]) + 1e-7)
    return reference.softmax(forward(case, w, x)[0])


def forward(case, w, x):
    """Logits, and what each layer keeps for `gradients`."""
    from ranvier import reference

    kept, w = [], list(w)
    for i, (kind, n) in enumerate(case.layers):
        before = x
        if kind in RECURRENT:
            own, w = w[:3], w[3:]
            x = recurrent(kind)(x, *own, return_sequences=case.sequences(i))[0]
            kept.append((before, x))
        elif kind == "pool":
            x, index = reference.max_pool_indexed(x, n)
            kept.append((before.shape, index))
        elif kind == "flatten":
            x = x.reshape(len(x), -1)
            kept.append((before.shape, None))
        else:
            kernel, bias, *w = w
            conv = kind == "conv"
            x = reference.conv(x, kernel, padding=case.padding) if conv else x @ kernel
            x = np.maximum(x + bias, 0) if w else x + bias
            kept.append((before, x))
    return x, kept


def gradients(case, w, x, labels):
    """Of the mean cross-entropy, in the order of `w`."""
    from ranvier import reference

    z, kept = forward(case, w, x)
    dy = (reference.softmax(z) - np.eye(z.shape[1])[labels]) / len(z)
    made, w = [], list(w)
    for i, (a, b) in reversed(list(enumerate(kept))):
        kind, n = case.layers[i]
        if kind in RECURRENT:
            w, own = w[:-3], w[-3:]
            run = recurrent(f"{kind}_backward")
            dy, *found = run(a, *own[:2], dy, own[2], return_sequences=case.sequences(i))[:4]
            made += found[::-1]
        elif kind == "pool":
            dy = reference.max_pool_backward(dy, b, a, n)
        elif kind == "flatten":
            dy = dy.reshape(a)
        else:
            *w, kernel, _ = w
            dy = dy if b is z else dy * (b > 0)
            made.append(dy.reshape(-1, n).sum(0))
            if kind == "dense":
                made.append(a.T @ dy)
                dy = dy @ kernel.T
            else:
                same = {"padding": case.padding}
                made.append(reference.conv_backward_kernel(a, dy, kernel.shape, **same))
                dy = reference.conv_backward_input(dy, kernel, a.shape, **same) if w else None
    return made[::-1]
