"""MLPClassifier and MLPRegressor beside scikit-learn's: the same weights, and what is more."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import (
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import ranvier
import ranvier.sklearn as ours

# Runs are cut short on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:divide by zero encountered in log"),
]

RNG = np.random.RandomState(0)
BINARY = make_classification(200, 20, random_state=0)
IRIS = load_iris(return_X_y=True)
LABELS = make_multilabel_classification(120, random_state=0)
ONE = make_regression(150, 10, noise=1.0, random_state=0)
ONE = (ONE[0], ONE[1] / 100)
MANY = make_regression(150, 10, n_targets=3, random_state=0)
MANY = (MANY[0], MANY[1] / 100)
COUNTS = (ONE[0], np.round(np.exp(ONE[1])))
THIN = scipy.sparse.random(150, 700, 0.01, format="csr", random_state=0)
WEIGHTS = RNG.rand(200)

# name, class, data, weights of samples, arguments
CASES: list[tuple[str, str, Any, bool, dict[str, Any]]] = [
    ("adam", "MLPClassifier", BINARY, False, {}),
    ("sgd", "MLPClassifier", BINARY, False, {"solver": "sgd", "learning_rate_init": 0.1}),
    ("nesterov off", "MLPClassifier", BINARY, True, {"solver": "sgd", "nesterovs_momentum": False}),
    ("no momentum", "MLPClassifier", BINARY, False, {"solver": "sgd", "momentum": 0, "shuffle": False, "batch_size": 32}),
    ("invscaling", "MLPClassifier", BINARY, False, {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3}),
    ("adaptive", "MLPClassifier", BINARY, False, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "max_iter": 150}),
    ("two layers", "MLPClassifier", IRIS, True, {"hidden_layer_sizes": (20, 10), "alpha": 1.0, "activation": "tanh"}),
    ("no layers", "MLPClassifier", IRIS, False, {"hidden_layer_sizes": (), "batch_size": 7}),
    ("logistic", "MLPClassifier", IRIS, False, {"activation": "logistic", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("identity", "MLPClassifier", IRIS, False, {"activation": "identity", "hidden_layer_sizes": 5}),
    ("stopping", "MLPClassifier", BINARY, False, {"early_stopping": True, "learning_rate_init": 0.01, "validation_fraction": 0.2, "max_iter": 60}),
    ("stopping, weights", "MLPClassifier", IRIS, True, {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 3}),
    ("labels", "MLPClassifier", LABELS, False, {}),
    ("labels, stopping", "MLPClassifier", LABELS, False, {"early_stopping": True}),
    ("lbfgs", "MLPClassifier", BINARY, False, {"solver": "lbfgs"}),
    ("lbfgs, weights", "MLPClassifier", IRIS, True, {"solver": "lbfgs", "alpha": 0.1}),
    ("lbfgs, labels", "MLPClassifier", LABELS, False, {"solver": "lbfgs", "max_fun": 10}),
    ("regression", "MLPRegressor", ONE, False, {}),
    ("outputs", "MLPRegressor", MANY, True, {"alpha": 0.1}),
    ("outputs, stopping", "MLPRegressor", MANY, True, {"early_stopping": True, "max_iter": 40}),
    ("outputs, lbfgs", "MLPRegressor", MANY, False, {"solver": "lbfgs", "alpha": 0.1}),
    ("poisson", "MLPRegressor", COUNTS, False, {"loss": "poisson", "alpha": 0.1}),
    ("poisson, lbfgs", "MLPRegressor", COUNTS, True, {"loss": "poisson", "solver": "lbfgs"}),
    ("sparse", "MLPClassifier", (THIN, IRIS[1]), True, {}),
    ("sparse, sgd", "MLPRegressor", (THIN.tocsc(), ONE[1]), False, {"solver": "sgd", "alpha": 0.1}),
    ("sparse, stopping", "MLPClassifier", (THIN, IRIS[1]), False, {"early_stopping": True}),
    ("sparse, lbfgs", "MLPClassifier", (THIN, IRIS[1] > 0), False, {"solver": "lbfgs"}),
    ("sparse, poisson", "MLPRegressor", (THIN, COUNTS[1]), False, {"loss": "poisson"}),
    ("made dense", "MLPClassifier", (scipy.sparse.csr_matrix(IRIS[0]), IRIS[1]), False, {}),
]  # fmt: skip


def both(name: str, **arguments: Any) -> tuple[Any, Any]:
    return getattr(theirs, name)(**arguments), getattr(ours, name)(**arguments)


def agree(a: Any, b: Any, X: Any, tolerance: float) -> None:
    for mine, other in zip(b.coefs_ + b.intercepts_, a.coefs_ + a.intercepts_, strict=True):
        assert mine.dtype == other.dtype and mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=0, atol=tolerance)
    assert (b.n_iter_, b.n_layers_, b.n_outputs_) == (a.n_iter_, a.n_layers_, a.n_outputs_)
    assert b.out_activation_ == a.out_activation_ and b.loss_ == pytest.approx(a.loss_, rel=1e-9)
    for name in ("predict", "predict_proba"):
        if hasattr(a, name):
            got, want = getattr(b, name)(X), getattr(a, name)(X)
            assert got.dtype == want.dtype and got.shape == want.shape
            np.testing.assert_allclose(got, want, atol=100 * tolerance, rtol=100 * tolerance)


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_weights_are_scikit_learns(case: Any) -> None:
    _, name, (X, y), weighted, more = case
    a, b = both(name, **{"random_state": 3, "max_iter": 15, **more})
    weights = WEIGHTS[: X.shape[0]] if weighted else None
    a.fit(X, y, sample_weight=weights)
    b.fit(X, y, sample_weight=weights)
    # a line search turns rounding into steps
    agree(a, b, X, 1e-7 if more.get("solver") == "lbfgs" else 1e-11)
    if more.get("solver") != "lbfgs":
        np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=1e-9)
        assert b.t_ == a.t_ and b._no_improvement_count == a._no_improvement_count
        assert (b.validation_scores_ is None) == (a.validation_scores_ is None)
        if a.validation_scores_ is None:
            assert b.best_loss_ == pytest.approx(a.best_loss_, rel=1e-9)
        else:
            np.testing.assert_allclose(b.validation_scores_, a.validation_scores_, rtol=1e-9)
            assert b.best_validation_score_ == pytest.approx(a.best_validation_score_)
    assert b.score(X, y, weights) == pytest.approx(a.score(X, y, weights), abs=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("X", [IRIS[0], THIN], ids=["dense", "sparse"])
def test_partial_fit_and_warm_start_are_scikit_learns(solver: str, X: Any) -> None:
    y = IRIS[1]
    a, b = both("MLPClassifier", solver=solver, random_state=0, warm_start=True, max_iter=4)
    for mlp in (a, b):
        for _ in range(3):
            mlp.partial_fit(X, y, classes=[0, 1, 2])
        mlp.fit(X, y).fit(X, y, sample_weight=WEIGHTS[:150])
        mlp.partial_fit(X[::3], y[::3])
    agree(a, b, X, 1e-11)


@pytest.mark.parametrize("data", [IRIS, (THIN, IRIS[1])], ids=["dense", "sparse"])
def test_a_copy_goes_on_as_the_original_would(data: Any) -> None:
    X, y = data
    one = ours.MLPClassifier(random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    others = [pickle.loads(pickle.dumps(one)), copy.deepcopy(one)]
    for other in others:
        assert np.array_equal(other.predict_proba(X), one.predict_proba(X))
    for mlp in (one, *others):
        mlp.partial_fit(X, y).partial_fit(X, y)
    for other in others:
        assert all(np.array_equal(p, q) for p, q in zip(one.coefs_, other.coefs_, strict=True))
        assert other.coefs_[0] is not one.coefs_[0]
    assert not hasattr(clone(one), "coefs_")


def test_weights_set_from_outside_are_used() -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier(random_state=0, max_iter=5).fit(X, y)
    before = mlp.predict_proba(X)
    mlp.coefs_[1][:] = 0  # in place
    mlp.intercepts_[1] = np.array([0.0, 5.0, 0.0])  # in its place
    assert (mlp.predict(X) == 1).all()
    assert np.ptp(mlp.predict_proba(X), axis=0).max() == 0 and np.ptp(before, axis=0).max() > 0
    again = pickle.loads(pickle.dumps(mlp))
    assert np.array_equal(again.intercepts_[1], [0.0, 5.0, 0.0])


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_check_estimator_skips_only_what_scikit_learns_own_class_skips(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a, b = both(name, max_iter=100)
        outcomes = [
            {
                (r["check_name"], r["status"])
                for r in check_estimator(mlp, on_fail=None, on_skip=None)
            }
            for mlp in (a, b)
        ]
    assert {o for o in outcomes[1] if o[1] != "passed"} <= outcomes[0]
    assert all(status != "failed" for _, status in outcomes[1]) and len(outcomes[1]) > 40


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "softplus"])
@pytest.mark.parametrize(
    ("name", "loss", "data"),
    [
        ("MLPClassifier", "log_loss", BINARY),
        ("MLPClassifier", "log_loss", IRIS),
        ("MLPClassifier", "log_loss", LABELS),
        ("MLPRegressor", "squared_error", ONE),
        ("MLPRegressor", "poisson", COUNTS),
    ],
)
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
def test_the_full_batch_gradient_by_central_differences(
    name: str, loss: str, data: Any, activation: str, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ranvier.sklearn import _perceptron
    from ranvier.sklearn._solvers import _Objective

    monkeypatch.setattr(_perceptron, "_DENSE_BYTES", 0)  # sparse stays sparse
    X, y = form(data[0]), data[1]
    mlp = getattr(ours, name)(
        loss=loss, hidden_layer_sizes=4, activation=activation, solver="lbfgs", alpha=0.3,
        max_iter=1, random_state=0,
    )  # fmt: skip
    weights = WEIGHTS[: X.shape[0]]
    mlp.fit(X, y, weights)
    encoded = mlp._encode(y) if name == "MLPClassifier" else y.reshape(-1, 1)
    objective = _Objective(mlp, X, encoded, weights)
    at = objective.start()
    _, gradient = objective(at)
    places = np.flatnonzero(gradient)
    assert len(places) == sum(w.size for w in mlp.coefs_ + mlp.intercepts_)
    for i in places[::5]:
        step = np.zeros_like(at)
        step[i] = 1e-5
        want = (objective(at + step)[0] - objective(at - step)[0]) / 2e-5
        assert gradient[i] == pytest.approx(want, rel=1e-5, abs=1e-7)


# -- what scikit-learn does not have --------------------------------------------------------


def test_an_activation_for_each_layer() -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier((8, 6), ["elu", ranvier.activations.silu], random_state=0, max_iter=5)
    mlp.fit(X, y)
    h = ranvier.activations.elu(X @ mlp.coefs_[0] + mlp.intercepts_[0])
    h = ranvier.activations.silu(h @ mlp.coefs_[1] + mlp.intercepts_[1])
    want = ranvier.activations.softmax(h @ mlp.coefs_[2] + mlp.intercepts_[2])
    np.testing.assert_allclose(mlp.predict_proba(X), want, rtol=1e-10)


def test_dropout_acts_in_training_alone() -> None:
    X, y = BINARY
    without = ours.MLPClassifier((50, 50), random_state=0, max_iter=30).fit(X, y)
    mlp = ours.MLPClassifier((50, 50), dropout=[0.5, 0.2], random_state=0, max_iter=30).fit(X, y)
    again = ours.MLPClassifier((50, 50), dropout=[0.5, 0.2], random_state=0, max_iter=30).fit(X, y)
    assert mlp.loss_ > without.loss_
    assert np.array_equal(mlp.predict_proba(X), mlp.predict_proba(X))
    assert np.array_equal(mlp.coefs_[0], again.coefs_[0]) and mlp.score(X, y) > 0.8


def test_batch_normalization_normalizes() -> None:
    X, y = BINARY[0] * 1000 + 500, BINARY[1]
    given = {"random_state": 0, "max_iter": 60, "batch_size": 50}
    mlp = ours.MLPClassifier(batch_normalization=True, **given).fit(X, y)
    assert mlp.score(X, y) > 0.9
    kinds = [type(layer).__name__ for layer in mlp.model_.layers]
    assert kinds[:3] == ["Dense", "BatchNormalization", "Activation"]
    # in the middle of training, outputs do not depend on the scale of X
    scaled = ours.MLPClassifier(batch_normalization=True, alpha=0, **given).fit(X / 8, y)
    other = ours.MLPClassifier(batch_normalization=True, alpha=0, **given).fit(X / 16, y)
    assert scaled.loss_curve_[0] == pytest.approx(other.loss_curve_[0], rel=1e-3)
    loaded = pickle.loads(pickle.dumps(mlp))
    assert np.array_equal(loaded.predict_proba(X), mlp.predict_proba(X))


@pytest.mark.parametrize("optimizer", ["rmsprop", ranvier.optimizers.Adagrad(0.05)])
def test_any_optimizer(optimizer: Any) -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier(optimizer=optimizer, learning_rate_init=0.01, random_state=0)
    assert mlp.fit(X, y).score(X, y) > 0.9
    given = 0.01 if isinstance(optimizer, str) else 0.05
    assert mlp._optimizer.learning_rate == given and mlp._optimizer is not optimizer
    mlp.fit(X, y)  # a new state each time


def test_any_loss() -> None:
    X, y = ONE
    mlp = ours.MLPRegressor("mean_absolute_error", random_state=0, max_iter=400, tol=0)
    mlp.fit(X, y)
    assert mlp.loss_ == pytest.approx(np.mean(np.abs(mlp.predict(X) - y)), abs=0.05)
    mlp = ours.MLPClassifier(loss="categorical_crossentropy", random_state=0, max_iter=20)
    other = ours.MLPClassifier(random_state=0, max_iter=20).fit(*IRIS)
    np.testing.assert_allclose(mlp.fit(*IRIS).coefs_[0], other.coefs_[0], atol=1e-9)


def test_class_weights_are_weights_of_samples() -> None:
    X, y = IRIS
    weights = np.choose(y, [1.0, 2.0, 3.0])
    names = np.array(["a", "b", "c"])[y]
    mlp = ours.MLPClassifier(class_weight={"a": 1, "b": 2, "c": 3}, random_state=0, max_iter=5)
    other = theirs.MLPClassifier(random_state=0, max_iter=5).fit(X, names, sample_weight=weights)
    np.testing.assert_allclose(mlp.fit(X, names).coefs_[0], other.coefs_[0], atol=1e-12)
    balanced = ours.MLPClassifier(class_weight="balanced", random_state=0, max_iter=5).fit(X, y)
    assert np.isfinite(balanced.loss_)


@pytest.mark.parametrize("scoring", ["loss", "roc_auc", "neg_log_loss"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_early_stopping_on_a_metric(scoring: str, weights: Any) -> None:
    X, y = BINARY
    mlp = ours.MLPClassifier(early_stopping=True, scoring=scoring, random_state=0, max_iter=12)
    mlp.fit(X, y, weights)
    assert len(mlp.validation_scores_) == mlp.n_iter_
    assert mlp.best_validation_score_ == max(mlp.validation_scores_)
    if scoring == "loss" and weights is None:  # that of scikit-learn's scorer, on the same rows
        other = clone(mlp).set_params(scoring="neg_log_loss").fit(X, y)
        np.testing.assert_allclose(mlp.validation_scores_, other.validation_scores_, rtol=1e-9)


def test_callbacks_see_and_steer() -> None:
    X, y = BINARY
    seen: list[dict[str, float]] = []

    class Stop(ranvier.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(dict(logs))
            self.model.stop_training = epoch == 4

    batches: list[int] = []
    more = ranvier.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: batches.append(b))
    mlp = ours.MLPClassifier(callbacks=[Stop(), more], early_stopping=True, batch_size=60)
    mlp.fit(X, y)
    assert mlp.n_iter_ == 5 and [set(logs) for logs in seen] == [{"loss", "val_score"}] * 5
    assert batches == [0, 1, 2] * 5
    assert [logs["loss"] for logs in seen] == mlp.loss_curve_


def test_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    ours.MLPClassifier(progress_bar=True, max_iter=3).fit(*IRIS)
    assert "loss" in capsys.readouterr().out


def test_dtype_of_computing() -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier(dtype="float32", random_state=0, max_iter=5).fit(X, y)
    other = theirs.MLPClassifier(random_state=0, max_iter=5).fit(X.astype("float32"), y)
    assert mlp.coefs_[0].dtype == np.float32 and mlp.predict_proba(X).dtype == np.float32
    np.testing.assert_allclose(mlp.coefs_[0], other.coefs_[0], atol=1e-5)


def test_the_model_inside() -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier((6, 5), max_iter=5, random_state=0).fit(X, y)
    assert isinstance(mlp.model_, ranvier.Sequential)
    np.testing.assert_array_equal(mlp.model_.predict(X, verbose=0), mlp.predict_proba(X))
    assert mlp.coefs_[0] is mlp.model_.layers[0].kernel.value


# -- around ---------------------------------------------------------------------------------


def test_logarithms_of_probabilities() -> None:
    mlp = ours.MLPClassifier(max_iter=5).fit(*IRIS)
    np.testing.assert_array_equal(
        mlp.predict_log_proba(IRIS[0]), np.log(mlp.predict_proba(IRIS[0]))
    )


def test_in_scikit_learns_tools() -> None:
    X, y = IRIS
    pipeline = make_pipeline(StandardScaler(), ours.MLPClassifier(learning_rate_init=0.01))
    search = GridSearchCV(pipeline, {"mlpclassifier__hidden_layer_sizes": [5, (10, 5)]}, cv=2)
    assert search.fit(X, y).best_score_ > 0.7
    calibrated = CalibratedClassifierCV(ours.MLPClassifier(max_iter=60), cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (150, 3)


def test_inputs_of_all_forms() -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    want = mlp.predict_proba(X)
    forms = {
        "sliced": np.repeat(X, 2, axis=1)[:, ::2],
        "Fortran": np.asfortranarray(X),
        "swapped": X.astype(X.dtype.newbyteorder()),
        "list": X.tolist(),
        "sparse": scipy.sparse.csc_matrix(X),
    }
    for form, x in forms.items():
        np.testing.assert_allclose(mlp.predict_proba(x), want, rtol=1e-12, err_msg=form)
        other = ours.MLPClassifier(max_iter=5, random_state=0).fit(x, y)
        np.testing.assert_allclose(other.coefs_[0], mlp.coefs_[0], rtol=1e-9, err_msg=form)
    read_only = X.copy()
    read_only.flags.writeable = False
    assert np.array_equal(mlp.predict_proba(read_only), want)
    np.testing.assert_allclose(mlp.predict_proba(X[::-1]), want[::-1], rtol=1e-12)
    np.testing.assert_allclose(mlp.predict_proba(X.astype("float16")), want, rtol=0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"solver": "newton"}, "solver"),
        ({"alpha": -1}, "alpha"),
        ({"alpha": "x"}, "alpha"),
        ({"learning_rate_init": 0}, "learning_rate_init"),
        ({"beta_1": 1.0}, "beta_1"),
        ({"momentum": 1.5}, "momentum"),
        ({"max_iter": 0}, "max_iter"),
        ({"max_iter": 2.5}, "max_iter"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes"),
        ({"activation": "rellu"}, "rellu"),
        ({"activation": ["relu", "tanh"]}, "activation"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": [0.1, 0.2]}, "dropout"),
        ({"dtype": "float16"}, "dtype"),
        ({"optimizer": "adamm"}, "adamm"),
        ({"loss": "log_los"}, "log_los"),
        ({"solver": "lbfgs", "dropout": 0.5}, "dropout"),
        ({"solver": "lbfgs", "optimizer": "adam"}, "optimizer"),
        ({"solver": "lbfgs", "batch_normalization": True}, "batch_normalization"),
        ({"random_state": "x"}, "x"),
        ({"scoring": "accurate", "early_stopping": True}, "accurate"),
        ({"class_weight": "even"}, "even"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ours.MLPClassifier(**arguments).fit(*IRIS)


def test_bad_data_are_refused() -> None:
    X, y = IRIS
    mlp = ours.MLPClassifier(max_iter=2)
    with pytest.raises(NotFittedError):
        mlp.predict(X)
    mlp.fit(X, y)
    hole = X[:2].copy()
    hole[0, 1] = np.nan
    for bad in (hole, X[:0], X[0], X[:, :2], np.array([["a"] * 4]), X * np.inf):
        with pytest.raises(ValueError):
            mlp.predict(bad)
        with pytest.raises(ValueError):
            clone(mlp).fit(bad, y[: len(bad)]).predict(X)
    for weights in (np.ones(3), np.zeros(150), np.ones((150, 1)), "x", np.full(150, np.nan)):
        with pytest.raises(ValueError):
            mlp.fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="y >= 0"):
        ours.MLPRegressor("poisson").fit(X, -y.astype(float))
    with pytest.raises(ValueError, match="non-finite"):
        ours.MLPRegressor(solver="sgd", learning_rate_init=1e200, max_iter=20).fit(X, y)


def test_an_interrupt_leaves_a_usable_estimator() -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    stop = ranvier.callbacks.LambdaCallback(on_epoch_end=interrupt)
    mlp = ours.MLPClassifier(callbacks=[stop])
    with pytest.warns(UserWarning, match="interrupted"):
        mlp.fit(*IRIS)
    assert mlp.n_iter_ == 3 and mlp.predict(IRIS[0]).shape == (150,)


def test_convergence_is_told() -> None:
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        ours.MLPClassifier(max_iter=2).fit(*IRIS)
    with pytest.warns(ConvergenceWarning, match="lbfgs"):
        ours.MLPClassifier(max_iter=2, solver="lbfgs").fit(*IRIS)
