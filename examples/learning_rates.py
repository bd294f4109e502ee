"""The learning rate: too small, right, too large, on the same network and data."""

from __future__ import annotations

from sklearn.datasets import load_digits

import ranvier
from ranvier.layers import Dense
from ranvier.models import Sequential
from ranvier.optimizers import SGD


def final_loss(learning_rate: float) -> float:
    x, y = load_digits(return_X_y=True)
    ranvier.utils.set_random_seed(0)
    model = Sequential()
    model.add(Dense(50, activation="relu", input_shape=(64,)))
    model.add(Dense(10, activation="softmax"))
    model.compile(SGD(learning_rate=learning_rate), "sparse_categorical_crossentropy")
    return float(model.fit(x / 16, y, epochs=20, verbose=0).history["loss"][-1])


def main() -> dict[float, float]:
    losses = {rate: final_loss(rate) for rate in (0.0001, 0.01, 0.3, 30.0)}
    for rate, loss in losses.items():
        print(f"learning rate {rate:<7g} loss after 20 epochs {loss:.4g}")
    return losses


if __name__ == "__main__":
    main()
