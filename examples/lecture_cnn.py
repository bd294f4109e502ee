"""The lecture's convolutional network, as written for Keras but for the import.

It names bright shapes on dark, noisy ground. Where a shape is, how large and in which colour says
nothing about what it is: a linear classifier of pixels is lost there, convolutions are not.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.linear_model import RidgeClassifier

import ranvier
from ranvier.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from ranvier.models import Sequential
from ranvier.utils import to_categorical

SHAPES = ["disc", "square", "triangle", "cross"]


def image(shape: str, rng: np.random.Generator) -> np.ndarray:
    """One picture of 32 x 32 pixels in three colours, 0 to 255."""
    radius = rng.uniform(5, 9)
    down, right = (np.mgrid[:32, :32] - rng.uniform(10, 22, (2, 1, 1))) / radius
    inside = {
        "disc": down**2 + right**2 < 1,
        "square": np.maximum(abs(down), abs(right)) < 0.9,
        "triangle": (down < 0.8) & (abs(right) < 0.6 * (down + 1)),
        "cross": (np.minimum(abs(down), abs(right)) < 0.3) & (abs(down) + abs(right) < 1.3),
    }[shape]
    ground, colour = rng.uniform(0, 100, 3), rng.uniform(130, 255, 3)
    picture = np.where(inside[..., None], colour, ground) + rng.normal(0, 15, (32, 32, 3))
    return picture.clip(0, 255).astype("uint8")


def data(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = rng.integers(0, len(SHAPES), n)
    return np.array([image(SHAPES[k], rng) for k in y]), y


def network() -> Sequential:
    model = Sequential()
    model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(32, 32, 3)))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(len(SHAPES), activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> tuple[float, float]:
    rng = np.random.default_rng(0)
    x_train, y_train = data(2000, rng)
    x_test, y_test = data(500, rng)
    ranvier.utils.set_random_seed(0)
    begin = time.perf_counter()
    model = network()
    model.summary()
    history = model.fit(
        x_train / 255,
        to_categorical(y_train),
        epochs=10,
        batch_size=32,
        validation_split=0.1,
        verbose=0,
    )
    seconds = time.perf_counter() - begin
    for epoch, accuracy in enumerate(history.history["val_accuracy"], 1):
        print(f"epoch {epoch}: validation accuracy {accuracy:.3f}")
    _, accuracy = model.evaluate(x_test / 255, to_categorical(y_test), verbose=0)
    line = RidgeClassifier(alpha=1000).fit(x_train.reshape(len(x_train), -1), y_train)
    linear = float(line.score(x_test.reshape(len(x_test), -1), y_test))
    print(f"linear classifier of pixels: {linear:.3f} of {len(y_test)} test images")
    print(f"convolutional network: {accuracy:.3f}, trained in {seconds:.1f} s")
    assert accuracy > 0.95
    assert accuracy > linear + 0.3
    return linear, float(accuracy)


if __name__ == "__main__":
    main()
