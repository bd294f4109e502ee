"""Scores of ranvier's perceptrons beside scikit-learn's: ten data sets, five seeds, held-out rows.

python -m benchmarks.estimator_quality
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

SEEDS = range(5)


def data_sets() -> dict[str, tuple[str, Any, Any]]:
    from sklearn import datasets as d

    same = {"random_state": 0}
    return {
        "digits": ("MLPClassifier", *d.load_digits(return_X_y=True)),
        "iris": ("MLPClassifier", *d.load_iris(return_X_y=True)),
        "wine": ("MLPClassifier", *d.load_wine(return_X_y=True)),
        "breast cancer": ("MLPClassifier", *d.load_breast_cancer(return_X_y=True)),
        "make_classification": ("MLPClassifier", *d.make_classification(1000, 20, **same)),
        "make_moons": ("MLPClassifier", *d.make_moons(400, noise=0.25, **same)),
        "multilabel": ("MLPClassifier", *d.make_multilabel_classification(400, **same)),
        "diabetes": ("MLPRegressor", *d.load_diabetes(return_X_y=True)),
        "make_regression": ("MLPRegressor", *d.make_regression(500, 10, noise=10, **same)),
        "make_friedman1": ("MLPRegressor", *d.make_friedman1(500, noise=1.0, **same)),
    }


def scores(module: Any, kind: str, x: Any, y: Any) -> list[float]:
    """R^2 or accuracy on a quarter of the rows, for each seed."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    found = []
    for seed in SEEDS:
        a, b, ya, yb = train_test_split(x, y, random_state=seed)
        scaler = StandardScaler().fit(a)
        if kind == "MLPRegressor":
            mean, spread = ya.mean(), ya.std()
            ya, yb = (ya - mean) / spread, (yb - mean) / spread
        mlp = getattr(module, kind)(random_state=seed, max_iter=300)
        found.append(mlp.fit(scaler.transform(a), ya).score(scaler.transform(b), yb))
    return found


def main() -> None:
    import sklearn.neural_network

    import ranvier.sklearn

    warnings.simplefilter("ignore")
    print("data set               scikit-learn        ranvier             largest difference")
    for name, (kind, x, y) in data_sets().items():
        theirs, ours = (scores(m, kind, x, y) for m in (sklearn.neural_network, ranvier.sklearn))
        cells = [f"{np.mean(s):.4f} +- {np.std(s):.4f}" for s in (theirs, ours)]
        print(
            f"{name:22} {cells[0]:19} {cells[1]:19} {np.max(np.abs(np.subtract(theirs, ours))):.4f}"
        )


if __name__ == "__main__":
    main()
