"""Remember the first of 60 symbols: what an LSTM's cell state is for.

Each sequence begins with one of ten symbols and goes on with others at random; the answer is the
first. The networks learn on sequences of 1 to 60 steps: on the short ones the error has a short way
back, and what is learned there carries over to the long ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import ranvier
from ranvier.layers import LSTM, Dense, SimpleRNN
from ranvier.models import Sequential
from ranvier.optimizers import Adam

SYMBOLS, STEPS = 10, 60


def sequences(rng: np.random.Generator, rows: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """One-hot symbols (rows, steps, SYMBOLS), and the first of each row."""
    symbols = rng.integers(0, SYMBOLS, (rows, steps))
    return np.eye(SYMBOLS, dtype="float32")[symbols], symbols[:, 0]


def batches(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    while True:
        yield sequences(rng, 32, rng.integers(1, STEPS + 1))


def network(kind: type) -> Sequential:
    # an LSTM's forget gates begin with a bias of 1 (`unit_forget_bias`): more open than shut
    model = Sequential([
        kind(32, input_shape=(None, SYMBOLS)),
        Dense(SYMBOLS, activation="softmax"),
    ])  # fmt: skip
    adam = Adam(0.01, clipnorm=1.0)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(seeds: int = 3) -> dict[str, list[float]]:
    """The accuracy on new sequences of 60 steps, for each kind and seed."""
    results: dict[str, list[float]] = {"LSTM": [], "SimpleRNN": []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        x, y = sequences(rng, 1000, STEPS)
        for kind in (LSTM, SimpleRNN):
            ranvier.utils.set_random_seed(seed)
            model = network(kind)
            model.fit(batches(rng), steps_per_epoch=2000, epochs=1, verbose=0)
            accuracy = float(model.evaluate(x, y, verbose=0)[1])
            results[kind.__name__].append(accuracy)
            sizes = ranvier.inspect.gradient_through_time(model, x, y)
            print(
                f"{kind.__name__:9} seed {seed}: {accuracy:6.1%} right; gradient at the first step "
                f"{sizes[0] / sizes[-1]:.1e} of that at the last"
            )
    return results


if __name__ == "__main__":
    main()
