"""Estimators for scikit-learn: any Sequential as a classifier or regressor.

>>> from sklearn.datasets import load_iris
>>> from ranvier.sklearn import SequentialClassifier
>>> X, y = load_iris(return_X_y=True)
>>> SequentialClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
True
"""

from ranvier.sklearn._installed import MissingExtra
from ranvier.sklearn.sequential import SequentialClassifier, SequentialRegressor

__all__ = ["MissingExtra", "SequentialClassifier", "SequentialRegressor"]
