"""The perceptron of the lecture: one neuron, its sum and its non-linearity."""

from __future__ import annotations

import numpy as np

import ranvier
from ranvier.layers import Dense


def main() -> float:
    w0, w, x = 1.0, [5.0, -3.0], [-3.0, 2.0]

    # by hand: y = g(w0 + x W)
    z = w0 + np.dot(x, w)
    by_hand = ranvier.activations.sigmoid(np.array([z]))[0]

    # as a network
    model = ranvier.Sequential([Dense(1, activation="sigmoid", input_shape=(2,), dtype="float64")])
    model.set_weights([np.array(w)[:, None], np.array([w0])])
    y = model.predict(np.array([x]), verbose=0)[0, 0]

    print(f"z = {z:.0f}, sigmoid(z) = {by_hand:.3g}, the network says {y:.3g}")
    return float(y)


if __name__ == "__main__":
    main()
