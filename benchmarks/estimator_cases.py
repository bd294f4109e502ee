"""What is timed of estimators: fits, predictions of one row and a grid search."""

from __future__ import annotations

import functools
import warnings
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """`kind` is "fit", "predict" (one row's probabilities) or "search" (24 fits, two jobs)."""

    name: str
    kind: str
    data: str
    arguments: dict[str, Any]
    dtype: str = "float64"


LAYERS = {"hidden_layer_sizes": (256, 128), "max_iter": 2}
SHORT = {"max_iter": 100}

CASES = {
    case.name: case
    for case in (
        Case("fit make_classification 1000x20", "fit", "small", {}),
        Case("fit make_classification 1000x20 lbfgs", "fit", "small", {"solver": "lbfgs"}),
        Case("fit make_classification 1000x20 float32", "fit", "small", {}, "float32"),
        Case("fit digits 64-100-10, 100 epochs", "fit", "digits", SHORT),
        Case("fit digits 64-100-10, 100 epochs float32", "fit", "digits", SHORT, "float32"),
        Case("fit digits 64-100-10 stopping", "fit", "digits", {"early_stopping": True}),
        Case("fit 20000x100 (256, 128), 2 epochs", "fit", "large", LAYERS),
        Case("fit 20000x100 (256, 128), 2 epochs float32", "fit", "large", LAYERS, "float32"),
        Case("fit sparse 2000x5000, 5 epochs", "fit", "sparse", {"max_iter": 5}),
        Case("predict_proba one row 20-100-1", "predict", "small", {"max_iter": 5}),
        Case("predict_proba one row 64-100-10", "predict", "digits", {"max_iter": 5}),
        Case("search digits, 24 fits, 2 jobs", "search", "digits", {"max_iter": 60}),
        Case("search 1000x20, 24 fits, 2 jobs", "search", "small", {"max_iter": 60}),
    )
}


@functools.cache
def data(name: str, dtype: str) -> tuple[Any, Any]:
    from sklearn.datasets import load_digits, make_classification

    if name == "digits":
        x, y = load_digits(return_X_y=True)
        return (x / 16).astype(dtype), y
    if name == "sparse":
        import scipy.sparse

        x = scipy.sparse.random(2000, 5000, 0.01, format="csr", random_state=0, dtype=dtype)
        return x, np.arange(2000) % 3
    n, features, informative = (1000, 20, 2) if name == "small" else (20000, 100, 20)
    x, y = make_classification(n, features, n_informative=informative, random_state=0)
    return x.astype(dtype), y


def estimator(case: Case, module: Any) -> Any:
    """The case's, of scikit-learn or ranvier."""
    return module.MLPClassifier(random_state=0, **case.arguments)


def probabilities(case: Case, module: Any) -> Any:
    """After one epoch, while rounding has not grown."""
    x, y = data(case.data, case.dtype)
    mlp = estimator(case, module).set_params(max_iter=1)
    return mlp.fit(x, y).predict_proba(x[:100])


def expected(case: Case) -> Any:
    """scikit-learn's."""
    import sklearn.neural_network

    return probabilities(case, sklearn.neural_network)


def make(case: Case, module: Any) -> Any:
    """(answer, run) of a peer."""
    warnings.simplefilter("ignore")
    x, y = data(case.data, case.dtype)

    def repeat(once: Any) -> Any:
        def run(n: int) -> None:
            for _ in range(n):
                once()

        return run

    def answer() -> Any:
        return probabilities(case, module)

    if case.kind == "fit":
        return answer, repeat(lambda: estimator(case, module).fit(x, y))
    if case.kind == "predict":
        mlp, row = estimator(case, module).fit(x, y), x[:1]
        return answer, repeat(lambda: mlp.predict_proba(row))
    from sklearn.model_selection import GridSearchCV

    grid = {"hidden_layer_sizes": [(50,), (100,), (50, 50), (100, 50)], "alpha": [1e-4, 1e-2]}
    search = GridSearchCV(estimator(case, module), grid, cv=3, n_jobs=2, refit=False)
    return answer, repeat(lambda: search.fit(x, y))
