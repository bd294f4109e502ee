"""Keras 3 on JAX, through `fit` (with as many steps a call as an epoch has)."""

from __future__ import annotations

import os

import numpy as np

from benchmarks import networks as cases
from benchmarks.peers import keras_like


def make(case):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    model = keras_like(keras, case)
    model.set_weights(cases.weights(case))
    steps = -(-case.rows // case.batch)
    model.compile(case.optimizer, "sparse_categorical_crossentropy", steps_per_execution=steps)
    x, y = cases.data(case)

    def run(n):
        if case.kind == "predict":
            for _ in range(n):
                # one row: a direct call is faster
                np.asarray(model(x)) if case.rows == 1 else model.predict_on_batch(x)
            return
        model.fit(x, y, batch_size=case.batch, epochs=-(-n // steps), verbose=0)

    return lambda: np.asarray(model(x)), run


def versions():
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return f"keras {keras.__version__} (jax)"
