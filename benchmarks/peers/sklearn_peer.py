"""scikit-learn's MLPClassifier: `partial_fit` over all data is one epoch of its own loop."""

from __future__ import annotations

import warnings

from benchmarks import networks as cases

SAME_STEPS = 0  # two classes have one output here, and SGD another rate


def make(case):
    from sklearn.neural_network import MLPClassifier

    if any(kind != "dense" for kind, _ in case.layers):
        return None
    warnings.simplefilter("ignore")
    x, y = cases.data(case)
    classes = case.layers[-1][1]
    model = MLPClassifier(
        [n for _, n in case.layers[:-1]], solver=case.optimizer, batch_size=case.batch, alpha=0.0,
        learning_rate_init=1e-3, momentum=0.0, max_iter=1, random_state=0,
    )  # fmt: skip
    import numpy as np

    rng = np.random.default_rng(3)
    many = 512 if case.kind == "predict" else case.rows
    labels = np.arange(many) % classes
    model.fit(rng.normal(size=(many, *case.shape)).astype("float32"), labels)
    w = cases.weights(case)
    if classes == 2:  # scikit-learn has one sigmoid output: the difference of the two
        w[-2], w[-1] = w[-2][:, 1:] - w[-2][:, :1], w[-1][1:] - w[-1][:1]
    model.coefs_, model.intercepts_ = ([a.copy() for a in w[i::2]] for i in (0, 1))

    def run(n):
        if case.kind == "predict":
            for _ in range(n):
                model.predict_proba(x)
            return
        epochs = -(-n // -(-case.rows // case.batch))
        model.set_params(max_iter=epochs, warm_start=True, tol=0.0, n_iter_no_change=10**9)
        model.fit(x, y)

    return lambda: model.predict_proba(x), run


def versions():
    import sklearn

    return f"scikit-learn {sklearn.__version__}"
