"""Parameters of layers, functions and optimizers by path; searches over them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ranvier.sklearn import SequentialClassifier, SequentialRegressor


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), y


@pytest.fixture
def template() -> ranvier.Sequential:
    return ranvier.Sequential(
        [
            ranvier.Input((4,)),
            L.Dense(6, "relu", kernel_regularizer="l2", name="hidden"),
            L.Dropout(0.2, name="drop"),
            L.Dense(3, "softmax", name="top"),
        ]
    )


def test_layers_and_optimizer_are_listed(template: Any) -> None:
    params = SequentialClassifier(template, optimizer="sgd").get_params()
    shown = {
        k: params[k] for k in ("hidden__units", "hidden__activation", "drop__rate", "top__units")
    }
    assert shown == {
        "hidden__units": 6,
        "hidden__activation": "relu",
        "drop__rate": 0.2,
        "top__units": 3,
    }
    assert params["hidden__kernel_regularizer"] is template.layers[0].kernel_regularizer
    assert params["optimizer__learning_rate"] == 0.01 and params["optimizer__momentum"] == 0.0
    shallow = SequentialClassifier(template).get_params(deep=False)
    assert not [name for name in shallow if "__" in name]
    assert SequentialRegressor().get_params()["hidden__units"] == 100


def test_setting_never_changes_what_others_hold(template: Any, iris: Any) -> None:
    adam = ranvier.optimizers.Adam(0.5)
    first = SequentialClassifier(template, optimizer=adam, epochs=1)
    second = copy.copy(first)
    second.set_params(hidden__units=9, drop__rate=0.0, hidden__activation="tanh")
    second.set_params(optimizer__learning_rate=0.125, hidden__kernel_regularizer=None)
    third = clone(second).set_params(hidden__units=4)
    assert [e.get_params()["hidden__units"] for e in (first, second, third)] == [6, 9, 4]
    for estimator in (first, second, third):
        estimator.fit(*iris)
    assert [e.model_.layers[0].units for e in (first, second, third)] == [6, 9, 4]
    layer = second.model_.layers[0]
    assert layer.activation.__name__ == "tanh" and layer.kernel_regularizer is None
    assert second.model_.layers[1].rate == 0.0 and template.layers[1].rate == 0.2
    assert [float(e.model_.optimizer.learning_rate) for e in (first, second)] == [0.5, 0.125]
    assert template.layers[0].units == 6 and float(adam.learning_rate) == 0.5
    assert third.get_params()["optimizer__learning_rate"] == 0.125


def test_paths_in_the_constructor(iris: Any) -> None:
    clf = SequentialClassifier(hidden__units=7, optimizer__learning_rate=0.1, epochs=1)
    assert clf.fit(*iris).model_.layers[0].units == 7
    assert "hidden__units=7" in repr(clf) and "optimizer__learning_rate=0.1" in repr(clf)
    again = clone(clf)
    assert again.get_params(deep=False) == clf.get_params(deep=False)
    assert again.fit(*iris).model_.layers[0].units == 7
    assert SequentialClassifier(**clf.get_params(deep=False)).get_params()["hidden__units"] == 7


def test_new_objects_come_without_old_values(template: Any) -> None:
    clf = SequentialClassifier(template, hidden__units=9, optimizer__learning_rate=0.5)
    assert clf.set_params(optimizer="sgd").get_params()["optimizer__learning_rate"] == 0.5
    clf.set_params(optimizer=ranvier.optimizers.SGD(0.25))
    assert clf.get_params()["optimizer__learning_rate"] == 0.25
    assert clf.get_params()["hidden__units"] == 9
    clf.set_params(model=[L.Dense(5, "relu", name="hidden")])
    assert clf.get_params()["hidden__units"] == 5
    # in one call, the object comes first
    clf.set_params(hidden__units=2, model=template)
    assert clf.get_params()["hidden__units"] == 2


def test_layers_inside_others(iris: Any) -> None:
    x = np.repeat(iris[0][:, None, :], 3, axis=1)
    inner = ranvier.Sequential(
        [L.Dense(5, "relu", name="a"), L.Dense(4, "relu", name="b")], name="inner"
    )
    model = [
        L.TimeDistributed(L.Dense(3, name="step"), name="each"),
        L.Bidirectional(L.LSTM(4), name="both"),
        inner,
    ]
    clf = SequentialClassifier(model, epochs=1)
    params = clf.get_params()
    assert params["each__layer__units"] == 3 and params["both__layer__units"] == 4
    assert params["inner__a__units"] == 5 and params["both__merge_mode"] == "concat"
    clf.set_params(each__layer__units=2, both__layer__units=6, inner__a__units=8)
    made = clf.fit(x, iris[1]).model_
    assert made.layers[0].layer.units == 2
    assert made.layers[1].forward_layer.units == made.layers[1].backward_layer.units == 6
    assert made.layers[2].layers[0].units == 8 and inner.layers[0].units == 5


def build(meta: dict[str, Any], n_classes_: int, units: int = 4, depth: int = 1) -> Any:
    assert meta["n_features_in_"] == 4 and meta["X_shape_"][1:] == (4,)
    assert meta["target_type_"] == "multiclass" and meta["n_outputs_"] == n_classes_ == 3
    return [L.Dense(units, "relu") for _ in range(depth)] + [L.Dense(n_classes_, "softmax")]


def anything(**given: Any) -> Any:
    return [L.Dense(given["width"], "relu")]


def test_functions_that_make_models(iris: Any) -> None:
    clf = SequentialClassifier(build, model__units=5, epochs=1)
    assert {k: v for k, v in clf.get_params().items() if k.startswith("model__")} == {
        "model__units": 5, "model__depth": 1,
    }  # fmt: skip
    assert [k.units for k in clf.fit(*iris).model_.layers] == [5, 3]
    deeper = clone(clf).set_params(model__depth=3)
    assert [k.units for k in deeper.fit(*iris).model_.layers] == [5, 5, 5, 3]
    assert SequentialClassifier(anything, model__width=3, epochs=1).fit(*iris).n_outputs_ == 3
    with pytest.raises(ValueError, match=r"Invalid parameter 'model__unit'.*'model__units'"):
        clf.set_params(model__unit=3)
    with pytest.raises(ValueError, match=r"`model` is a function.*hidden__units"):
        SequentialClassifier(build, hidden__units=3).fit(*iris)


def test_names_that_are_wrong(template: Any) -> None:
    clf = SequentialClassifier(template)
    for name, message in [
        ("hiden__units", "Did you mean 'hidden__units'"),
        ("hidden__unit", "Did you mean 'hidden__units'"),
        ("optimizer__learning_rates", "Did you mean 'optimizer__learning_rate'"),
        ("qqq__www", "There are those of .*'hidden'"),
    ]:
        with pytest.raises(ValueError, match=f"Invalid parameter '{name}' .*{message}"):
            clf.set_params(**{name: 1})
    with pytest.raises(ValueError, match="Invalid parameter 'epoch'"):
        clf.set_params(epoch=1)
    with pytest.raises(TypeError, match=r"SequentialRegressor: unknown argument `epoch`.*'epochs'"):
        SequentialRegressor(epoch=3)


def test_searches(template: Any, iris: Any) -> None:
    pipe = make_pipeline(
        StandardScaler(), SequentialClassifier(template, epochs=15, random_state=0)
    )
    grid = {
        "sequentialclassifier__hidden__units": [1, 12],
        "sequentialclassifier__optimizer__learning_rate": [1e-6, 0.02],
    }
    search = GridSearchCV(pipe, grid, cv=3).fit(*iris)
    assert search.best_params_ == {k: v[1] for k, v in grid.items()}
    assert search.best_score_ > 0.9 and search.score(*iris) > 0.9
    assert search.best_estimator_[-1].model_.layers[0].units == 12
    assert template.layers[0].units == 6
    drawn = RandomizedSearchCV(pipe, grid, n_iter=2, cv=3, random_state=0).fit(*iris)
    assert len(drawn.cv_results_["mean_test_score"]) == 2
    # as Optuna does: one call with all of a trial's values
    trial = {"hidden__units": 8, "drop__rate": 0.1, "optimizer": "rmsprop", "epochs": 20,
             "optimizer__learning_rate": 0.01}  # fmt: skip
    study = SequentialClassifier(template, random_state=0).set_params(**trial)
    assert cross_val_score(study, *iris, cv=3).mean() > 0.85
