"""One module a framework and suite: `make(case)` returns (answer, run), or None.

`answer()` gives a NumPy array (checked before anything is timed): a network's probabilities, a
kernel's result. `run(n)` does n training steps (n single-row predictions, n calls) in the fastest
way that the framework's own documentation offers, and returns only when they are done.
"""

from __future__ import annotations

import numpy as np

RECURRENT = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def repeat(call):
    """(answer, run) of a function that is called again and again."""

    def run(n):
        for _ in range(n):
            call()

    return lambda: np.array(call()), run


def keras_like(framework, case):
    """The network in Keras' words, which are ranvier's too."""
    layers = framework.layers
    model = framework.Sequential([framework.Input(case.shape)])
    for i, (kind, n) in enumerate(case.layers):
        act = "softmax" if i + 1 == len(case.layers) else "relu"
        if kind in RECURRENT:
            cls = getattr(layers, RECURRENT[kind])
            model.add(cls(n, return_sequences=case.sequences(i)))
        elif kind == "conv":
            model.add(layers.Conv2D(n, 3, padding=case.padding, activation=act))
        elif kind == "pool":
            model.add(layers.MaxPooling2D(n))
        else:
            model.add(layers.Flatten() if kind == "flatten" else layers.Dense(n, activation=act))
    return model
