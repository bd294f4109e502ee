"""Estimators for scikit-learn: its perceptrons, faster and with more inside; any Sequential.

>>> from sklearn.datasets import load_iris
>>> from ranvier.sklearn import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> MLPClassifier(solver="lbfgs", random_state=0).fit(X, y).score(X, y) > 0.95
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.sklearn._installed import MissingExtra  # before those that need scikit-learn
from ranvier.sklearn.mlp_classifier import MLPClassifier
from ranvier.sklearn.mlp_regressor import MLPRegressor
from ranvier.sklearn.sequential import SequentialClassifier, SequentialRegressor

if TYPE_CHECKING:
    from ranvier.sklearn import plot

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "MissingExtra",
    "SequentialClassifier",
    "SequentialRegressor",
    "plot",
]


def __getattr__(name: str) -> Any:
    if name == "plot":
        from importlib import import_module

        return import_module("ranvier.sklearn.plot")
    raise AttributeError(f"module 'ranvier.sklearn' has no attribute '{name}'")
