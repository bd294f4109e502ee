"""A perceptron with several outputs: one layer, three species of iris."""

from __future__ import annotations

from sklearn.datasets import load_iris

import ranvier
from ranvier.layers import Dense
from ranvier.models import Sequential


def main() -> float:
    ranvier.utils.set_random_seed(0)
    x, y = load_iris(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile(
        optimizer=ranvier.optimizers.Adam(0.02),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, ranvier.utils.to_categorical(y), epochs=300, verbose=0)
    model.summary()
    accuracy = model.evaluate(x, ranvier.utils.to_categorical(y), verbose=0)[1]
    print(f"accuracy {accuracy:.3f}")
    return float(accuracy)


if __name__ == "__main__":
    main()
