"""Estimators for scikit-learn: any Sequential as a classifier or regressor.

>>> from sklearn.datasets import load_iris
>>> from ranvier.sklearn import SequentialClassifier
>>> X, y = load_iris(return_X_y=True)
>>> SequentialClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.sklearn._installed import MissingExtra  # before those that need scikit-learn
from ranvier.sklearn.sequential import SequentialClassifier, SequentialRegressor

if TYPE_CHECKING:
    from ranvier.sklearn import plot

__all__ = ["MissingExtra", "SequentialClassifier", "SequentialRegressor", "plot"]


def __getattr__(name: str) -> Any:
    if name == "plot":
        from importlib import import_module

        return import_module("ranvier.sklearn.plot")
    raise AttributeError(f"module 'ranvier.sklearn' has no attribute '{name}'")
