"""A convolutional autoencoder: digits of 64 pixels through eight numbers and back.

Principal components are the best that a linear code of as many numbers can do; a network that bends
must do better on digits that neither has seen.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import ranvier
from ranvier.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    MaxPooling2D,
    Reshape,
    UpSampling2D,
)
from ranvier.models import Sequential, up_to
from ranvier.optimizers import Adam
from ranvier.optimizers.schedules import CosineDecay

CODE = 8
EPOCHS = 30


def autoencoder(steps: int) -> Sequential:
    model = Sequential()
    model.add(Conv2D(32, 3, padding="same", activation="relu", input_shape=(8, 8, 1)))
    model.add(MaxPooling2D())
    model.add(Conv2D(64, 3, padding="same", activation="relu"))
    model.add(Flatten())
    model.add(Dense(CODE, name="code"))
    model.add(Dense(2 * 2 * 64, activation="relu"))
    model.add(Reshape((2, 2, 64)))
    model.add(UpSampling2D())
    model.add(Conv2D(64, 3, padding="same", activation="relu"))
    model.add(Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"))
    model.add(Conv2D(1, 3, padding="same", activation="sigmoid"))
    model.compile(optimizer=Adam(CosineDecay(0.003, steps)), loss="mse")
    return model


def main() -> dict[str, float]:
    x = load_digits().images.astype("float32")[..., None] / 16
    x = x[np.random.default_rng(0).permutation(len(x))]
    train, test = x[:1400], x[1400:]
    ranvier.utils.set_random_seed(0)
    begin = time.perf_counter()
    model = autoencoder(EPOCHS * -(-len(train) // 32))
    model.fit(train, train, epochs=EPOCHS, batch_size=32, verbose=0)
    seconds = time.perf_counter() - begin

    pca = PCA(CODE).fit(train.reshape(len(train), -1))
    linear = pca.inverse_transform(pca.transform(test.reshape(len(test), -1)))
    errors = {
        "the mean digit": float(np.mean((test - train.mean(axis=0)) ** 2)),
        f"{CODE} principal components": float(np.mean((test.reshape(len(test), -1) - linear) ** 2)),
        f"the autoencoder, {CODE} numbers": model.evaluate(test, test, verbose=0),
    }
    codes = up_to(model, "code").predict(test, verbose=0)
    print(f"{len(test)} digits of {test[0].size} pixels as codes {codes.shape}; {seconds:.1f} s")
    for name, error in errors.items():
        print(f"mean squared error of {name}: {error:.4f}")
    mean, pca_error, ours = errors.values()
    assert ours < 0.3 * mean
    assert ours < 0.8 * pca_error
    return errors


if __name__ == "__main__":
    main()
