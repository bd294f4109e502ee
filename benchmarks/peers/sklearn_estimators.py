"""scikit-learn's own perceptrons."""

from benchmarks import estimator_cases
from benchmarks.peers.sklearn_peer import versions

__all__ = ["make", "versions"]


def make(case):
    import sklearn.neural_network

    return estimator_cases.make(case, sklearn.neural_network)
