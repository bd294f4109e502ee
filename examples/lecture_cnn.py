"""The lecture's convolutional network, as written for Keras but for the import, on drawn pictures.

Ten classes: a disc, a ring, a square, a triangle or a cross, each warm or cold in colour.
"""

from __future__ import annotations

import numpy as np

from ranvier.layers import Conv2D, Dense, Flatten, MaxPooling2D
from ranvier.models import Sequential

SHAPES = ("disc", "ring", "square", "triangle", "cross")


def inside(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which pixels a shape covers; it reaches from -1 to 1."""
    if shape == "disc":
        return x**2 + y**2 < 1
    if shape == "ring":
        return (x**2 + y**2 < 1) & (x**2 + y**2 > 0.3)
    if shape == "square":
        return np.maximum(abs(x), abs(y)) < 0.85
    if shape == "triangle":
        return (y < 0.8) & (y > 2 * abs(x) - 1)
    return (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 1)


def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n noisy pictures of 64 x 64 pixels, and their classes."""
    labels = rng.integers(0, 2 * len(SHAPES), n)
    pictures = rng.uniform(0.0, 0.4, (n, 1, 1, 1)) + rng.normal(0, 0.1, (n, 64, 64, 3))
    rows, columns = np.mgrid[:64, :64]
    for picture, label in zip(pictures, labels, strict=True):
        radius = rng.uniform(20, 26)
        cx, cy = rng.uniform(28, 36, 2)
        shape = inside(SHAPES[label // 2], (columns - cx) / radius, (rows - cy) / radius)
        strong, weak = rng.uniform(0.7, 1.0), rng.uniform(0.0, 0.3)
        colour = (strong, rng.uniform(), weak) if label % 2 == 0 else (weak, rng.uniform(), strong)
        picture[shape] += colour
    return pictures.astype("float32"), labels


def main() -> float:
    rng = np.random.default_rng(0)
    x, y = draw(640, rng)
    x_test, y_test = draw(300, rng)

    model = Sequential([
        Conv2D(32, (3, 3), activation="relu", input_shape=(64, 64, 3)),
        MaxPooling2D((2, 2)),
        Conv2D(64, (3, 3), activation="relu"),
        MaxPooling2D((2, 2)),
        Flatten(),
        Dense(128, activation="relu"),
        Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"{accuracy:.1%} of 300 new pictures are named rightly")
    return float(accuracy)


if __name__ == "__main__":
    main()
