"""The data sets that lectures use, by Keras' names: downloaded once, checked, kept.

    (x_train, y_train), (x_test, y_test) = ranvier.datasets.mnist.load_data()

Files lie in `datasets` under the environment variable `RANVIER_HOME`, or `~/.ranvier`.
`RANVIER_DATASETS_URL` is a mirror to take them from. docs/datasets.md says more.
"""

from ranvier.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]
