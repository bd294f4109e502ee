"""The lecture's four multi-layer networks, as written for Keras but for the import."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_diabetes, load_digits, make_classification, make_regression

import ranvier
from ranvier.layers import Dense, Dropout, LeakyReLU
from ranvier.models import Sequential
from ranvier.utils import to_categorical


def binary_classification() -> float:
    x, y = make_classification(1000, 20, n_informative=8, class_sep=1.5, random_state=0)
    model = Sequential()
    model.add(Dense(100, input_dim=20, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x, y, epochs=30, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x, y, verbose=0)
    return float(accuracy)


def several_classes() -> float:
    x, y = load_digits(return_X_y=True)
    model = Sequential()
    model.add(Dense(100, input_shape=(64,)))
    model.add(LeakyReLU(alpha=0.1))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(
        x / 16, to_categorical(y), epochs=40, batch_size=32, validation_split=0.2, verbose=0
    )
    return float(history.history["val_accuracy"][-1])


def regression() -> float:
    x, y = make_regression(1000, 10, noise=5.0, random_state=0)
    y = (y - y.mean()) / y.std()
    model = Sequential()
    model.add(Dense(64, activation="relu", input_shape=(10,)))
    model.add(Dense(64, activation="relu"))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="adam")
    model.fit(x, y, epochs=50, verbose=0)
    predicted = model.predict(x, verbose=0)[:, 0]
    return float(1 - np.mean((predicted - y) ** 2) / np.var(y))


def deeper_with_dropout() -> float:
    x, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    x = x / x.std(axis=0)
    model = Sequential()
    model.add(Dense(64, input_shape=(10,)))
    model.add(LeakyReLU(0.1))
    model.add(Dropout(0.2))
    model.add(Dense(32, activation="tanh"))
    model.add(Dropout(0.2))
    model.add(Dense(1, activation="linear"))
    model.compile(loss="mse", optimizer="rmsprop", metrics=["mae"])
    model.fit(x, y, epochs=60, verbose=0)
    model.summary()
    mse, _ = model.evaluate(x, y, verbose=0)
    return float(1 - mse)


def main() -> dict[str, float]:
    ranvier.utils.set_random_seed(0)
    results = {
        "binary classification, accuracy": binary_classification(),
        "ten digits, validation accuracy": several_classes(),
        "regression, R2": regression(),
        "deeper, with dropout, R2": deeper_with_dropout(),
    }
    for name, value in results.items():
        print(f"{name}: {value:.3f}")
    return results


if __name__ == "__main__":
    main()
