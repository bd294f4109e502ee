"""The lecture's recurrent networks, as written for Keras but for the import.

They learn the mean of sequences of any length. Within a batch all are equally long; from batch to
batch the length changes, and nothing is padded.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import ranvier
from ranvier.layers import LSTM, Dense, SimpleRNN
from ranvier.models import Sequential


def batches(seed: int, rows: int = 32) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sequences (rows, 5 to 30 steps, 1) of noise about a level of their own, and their means."""
    rng = np.random.default_rng(seed)
    while True:
        steps = rng.integers(5, 31)
        x = rng.uniform(-1, 1, (rows, 1, 1)) + rng.normal(0, 0.5, (rows, steps, 1))
        yield x, x.mean(axis=1)


def simple_rnn() -> Sequential:
    model = Sequential([
        SimpleRNN(50, activation="tanh", input_shape=(None, 1)),
        Dense(1),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="mse")
    return model


def lstm() -> Sequential:
    model = Sequential([
        LSTM(50, input_shape=(None, 1)),
        Dense(1),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="mse")
    return model


def main() -> dict[str, tuple[float, float]]:
    """Each network's share of the variance explained, and its mean squared error at 60 steps."""
    rng = np.random.default_rng(1)
    longer = rng.uniform(-1, 1, (200, 1, 1)) + rng.normal(0, 0.5, (200, 60, 1))
    results = {}
    for name, make in {"SimpleRNN": simple_rnn, "LSTM": lstm}.items():
        ranvier.utils.set_random_seed(0)
        model = make()
        model.fit(batches(seed=0), steps_per_epoch=100, epochs=8, verbose=0)
        test = batches(seed=2)
        pairs = [(model.predict(x, verbose=0), y) for x, y in (next(test) for _ in range(30))]
        y = np.concatenate([y for _, y in pairs])
        errors = np.concatenate([p for p, _ in pairs]) - y
        explained = 1 - np.mean(errors**2) / y.var()
        beyond = np.mean((model.predict(longer, verbose=0) - longer.mean(axis=1)) ** 2)
        results[name] = (float(explained), float(beyond))
        print(
            f"{name}: {model.count_params()} weights, R2 {explained:.3f} on 5 to 30 steps; mean "
            f"squared error {beyond:.4f} on 60 steps, twice as long as any that it has seen"
        )
    return results


if __name__ == "__main__":
    main()
