"""Logistic regression is one neuron: beside scikit-learn's on the same real data."""

from __future__ import annotations

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import ranvier
from ranvier.layers import Dense
from ranvier.models import Sequential


def main() -> tuple[float, float]:
    ranvier.utils.set_random_seed(0)
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)

    # scikit-learn's penalty 1/2 w.w, spread over the mean of the rows, is ours of l2 = 1 / (2 n)
    penalty = ranvier.regularizers.L2(0.5 / len(x_train))
    neuron = Sequential()
    neuron.add(Dense(1, activation="sigmoid", kernel_regularizer=penalty, input_shape=(30,)))
    neuron.compile(
        loss="binary_crossentropy",
        optimizer=ranvier.optimizers.Adam(learning_rate=0.05),
        metrics=["accuracy"],
    )
    neuron.fit(x_train, y_train, batch_size=len(x_train), epochs=500, verbose=0)
    ours = neuron.evaluate(x_test, y_test, verbose=0)[1]

    theirs = LogisticRegression().fit(x_train, y_train).score(x_test, y_test)
    print(f"accuracy of the neuron {ours:.3f}, of scikit-learn {theirs:.3f}")
    return ours, theirs


if __name__ == "__main__":
    main()
