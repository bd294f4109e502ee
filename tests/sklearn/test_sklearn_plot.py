"""Pictures of estimators, read from matplotlib's own objects."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from sklearn.datasets import load_iris, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from ranvier.sklearn import SequentialClassifier, plot


@pytest.fixture(scope="module")
def moons() -> tuple[Any, Any]:
    x, y = make_moons(80, noise=0.1, random_state=0)
    return x, np.where(y, "out", "in")


def lines(figure: Any) -> dict[str, Any]:
    return {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}


def boundary(figure: Any) -> Any:
    """The points of the line at one half."""
    contour = [c for c in figure.axes[0].collections if np.size(getattr(c, "levels", ())) == 1]
    assert list(contour[0].levels) == [0.5]
    return np.concatenate([p.vertices for p in contour[0].get_paths()])


def test_boundary_of_two_classes_is_where_they_are_even(moons: Any) -> None:
    x, y = moons
    for clf in (LogisticRegression(), SequentialClassifier(epochs=20, random_state=0)):
        figure = plot.decision_boundary(clf.fit(x, y), x, y)
        assert np.abs(clf.predict_proba(boundary(figure))[:, 1] - 0.5).max() < 0.02
        axes = figure.axes[0]
        assert [t.get_text() for t in axes.get_legend().texts] == ["in", "out"]
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert left < x[:, 0].min() and right > x[:, 0].max()
        assert low < x[:, 1].min() and high > x[:, 1].max()
        points = [c.get_offsets() for c in axes.collections if len(c.get_offsets()) > 1]
        assert [len(p) for p in points] == [40, 40]


@pytest.mark.parametrize("kind", ["network", "without probabilities"])
def test_boundary_of_several_classes(kind: str, tmp_path: Any) -> None:
    x, y = load_iris(return_X_y=True)
    x = x[:, 2:]
    clf = SequentialClassifier(epochs=3) if kind == "network" else LinearSVC()
    figure = plot.decision_boundary(clf.fit(x, y), x, y, resolution=30, path=tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert [t.get_text() for t in figure.axes[0].get_legend().texts] == ["0", "1", "2"]


def test_plane_of_a_regressor(moons: Any) -> None:
    x = moons[0]
    model = LinearRegression().fit(x, x.sum(1))
    own = Figure()
    axes = own.subplots()
    assert plot.decision_boundary(model, x, x.sum(1), ax=axes) is own
    assert len(own.axes) == 2 and own.axes[1].get_ylabel() == "y"
    without = plot.decision_boundary(model, x)
    assert len(without.axes) == 1


def test_bad_planes(moons: Any) -> None:
    x, y = moons
    clf = LogisticRegression().fit(x, y)
    for given, message in [
        ((np.zeros((5, 3)), None), "2 columns"),
        ((x, y[:7]), r"`y` must have shape \(80,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            plot.decision_boundary(clf, *given)
    for resolution in (1, 0, 2.5):
        with pytest.raises(ValueError, match="`resolution`"):
            plot.decision_boundary(clf, x, y, resolution=resolution)
    with pytest.raises(NotFittedError):
        plot.decision_boundary(SequentialClassifier(), x, y)


def test_loss_curves(moons: Any) -> None:
    x, y = moons
    ours = SequentialClassifier(epochs=7, validation_split=0.2, random_state=0).fit(x, y)
    theirs = make_pipeline(StandardScaler(), MLPClassifier(max_iter=4, random_state=0))
    with pytest.warns(match="Maximum iterations"):
        theirs.fit(x, y)
    drawn = lines(plot.loss_curve({"ours": ours, "theirs": theirs}, log=True))
    np.testing.assert_array_equal(drawn["ours"], ours.history_["loss"])
    np.testing.assert_array_equal(drawn["ours, validation"], ours.history_["val_loss"])
    np.testing.assert_array_equal(drawn["theirs"], theirs[-1].loss_curve_)
    assert list(lines(plot.loss_curve(ours))) == ["training", "validation"]
    for wrong in (SequentialClassifier(), LogisticRegression().fit(x, y), {}):
        with pytest.raises(ValueError, match=r"sklearn\.plot\.loss_curve: "):
            plot.loss_curve(wrong)


def test_learning_rates(moons: Any) -> None:
    x, y = moons
    clf = SequentialClassifier(optimizer="sgd", epochs=5, random_state=0)
    figure = plot.learning_rates(clf, x, y, [1e-5, 0.1])
    drawn = lines(figure)
    assert list(drawn) == ["1e-05", "0.1"]
    by_hand = SequentialClassifier(
        optimizer="sgd", epochs=5, random_state=0, optimizer__learning_rate=0.1
    ).fit(x, y)
    np.testing.assert_array_equal(drawn["0.1"], by_hand.loss_curve_)
    assert drawn["0.1"][-1] < drawn["1e-05"][-1]
    assert figure.axes[0].get_legend().get_title().get_text() == "learning rate"
    assert clf.get_params()["optimizer__learning_rate"] == 0.01 and not hasattr(clf, "model_")


def test_learning_rates_of_others(moons: Any) -> None:
    x, y = moons
    pipe = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, random_state=0))
    with pytest.warns(match="Maximum iterations"):
        drawn = lines(plot.learning_rates(pipe, x, y, [0.001, 0.1]))
    assert len(drawn["0.1"]) == 3 and drawn["0.1"][-1] < drawn["0.001"][-1]
    with pytest.raises(ValueError, match="LinearRegression has no parameter for its learning rate"):
        plot.learning_rates(LinearRegression(), x, y)
    with pytest.raises(ValueError, match="MLPClassifier has no parameter 'rate'"):
        plot.learning_rates(MLPClassifier(), x, y, parameter="rate")
    for rates in ([], [0.0], [-1.0], [np.nan]):
        with pytest.raises(ValueError, match="`learning_rates` must be"):
            plot.learning_rates(MLPClassifier(), x, y, rates)


def test_matplotlib_is_loaded_when_something_is_drawn() -> None:
    code = "import ranvier.sklearn.plot, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
