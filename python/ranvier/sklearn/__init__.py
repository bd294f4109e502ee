"""Estimators for scikit-learn: its own perceptrons, faster and with more inside.

>>> from sklearn.datasets import load_iris
>>> from ranvier.sklearn import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> MLPClassifier(solver="lbfgs", random_state=0).fit(X, y).score(X, y) > 0.95
True
"""

try:
    from ranvier.sklearn.mlp_classifier import MLPClassifier
    from ranvier.sklearn.mlp_regressor import MLPRegressor
except ModuleNotFoundError:
    from ranvier._extras import need

    need("sklearn", "sklearn", "ranvier.sklearn needs")
    raise

__all__ = ["MLPClassifier", "MLPRegressor"]
