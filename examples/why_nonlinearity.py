"""Why non-linearity: a problem that no line separates, a linear network and one with ReLU."""

from __future__ import annotations

from sklearn.datasets import make_circles

import ranvier
from ranvier.layers import Dense
from ranvier.models import Sequential


def accuracy(activation: str) -> float:
    x, y = make_circles(1000, noise=0.08, factor=0.5, random_state=0)
    ranvier.utils.set_random_seed(1)
    model = Sequential()
    model.add(Dense(16, activation=activation, input_shape=(2,)))
    model.add(Dense(16, activation=activation))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=60, verbose=0)
    return float(model.evaluate(x, y, verbose=0)[1])


def main() -> tuple[float, float]:
    linear, relu = accuracy("linear"), accuracy("relu")
    print(f"three layers without non-linearity {linear:.3f}, with ReLU {relu:.3f}")
    return linear, relu


if __name__ == "__main__":
    main()
