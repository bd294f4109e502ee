"""Pictures of estimators, ranvier's and scikit-learn's, drawn by matplotlib (the extra `plot`).

Each function returns a `matplotlib.figure.Figure`; it draws on `ax` if that is given, and saves the
figure to `path` if that is.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from ranvier._checks import number
from ranvier.plot._figure import count, finish, new_figure

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of classes: told apart also by those who see red and green alike (Okabe and Ito).
_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666",
)  # fmt: skip
# Parameters that are the learning rate, in the order in which they are looked for.
_RATES = ("optimizer__learning_rate", "learning_rate_init", "eta0", "learning_rate")


def decision_boundary(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    resolution: int = 200,
    ax: Axes | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """What an estimator says over a plane of two features, and the samples on it.

    Of two classes: the probability of the second, and the line where it is one half; of more: a
    colour for each, paler where it is less sure; of a regressor: the prediction.

    Args:
        estimator: fitted on two features; a classifier or regressor of any library.
        X: (N, 2); the plane is as wide as they are, and a little more.
        y: (N,), drawn as the points' colours; or None.
        resolution: points along each side, >= 2.
        ax: where to draw; None: on a figure of its own.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        ValueError: X has not two columns, or y not as many rows.
        NotFittedError: the estimator has not been fitted.
        MissingExtra: matplotlib is not installed.

    >>> from sklearn.datasets import make_moons
    >>> from ranvier.sklearn import SequentialClassifier, plot
    >>> X, y = make_moons(60, noise=0.1, random_state=0)
    >>> clf = SequentialClassifier(epochs=20, random_state=0).fit(X, y)
    >>> [t.get_text() for t in plot.decision_boundary(clf, X, y).axes[0].get_legend().texts]
    ['0', '1']
    """
    name = "sklearn.plot.decision_boundary"
    if np.ndim(X) != 2 or np.shape(X)[1] != 2:
        raise ValueError(f"{name}: `X` must have 2 columns; got shape {np.shape(X)}")
    if y is not None and np.shape(y) != (len(X),):
        raise ValueError(f"{name}: `y` must have shape ({len(X)},); got {np.shape(y)}")
    if count("decision_boundary", "resolution", resolution) < 2:
        raise ValueError(f"{name}: `resolution` must be >= 2; got {resolution}")
    check_is_fitted(estimator)
    if ax is None:
        ax = new_figure(5.2, 4.4).subplots()
    points = np.asarray(X, float)
    eps = 0.1 * float(np.ptp(points, axis=0).min()) or 0.5
    classes = list(estimator.classes_) if is_classifier(estimator) else []
    display = _surface(estimator, X, classes, ax, grid_resolution=resolution, eps=eps)
    if len(classes) == 2 and len(np.unique(display.response)) > 2:
        ax.contour(display.xx0, display.xx1, display.response, levels=[0.5], colors="black")
    if y is not None:
        _draw_points(ax, points, np.asarray(y), classes, display)
    return finish(_figure_of(ax), path)


def _surface(estimator: Any, X: Any, classes: list[Any], ax: Axes, **given: Any) -> Any:
    """The filled contours, by scikit-learn's DecisionBoundaryDisplay."""
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap
    from sklearn.inspection import DecisionBoundaryDisplay

    draw = DecisionBoundaryDisplay.from_estimator
    method = "predict_proba" if classes and hasattr(estimator, "predict_proba") else "predict"
    given = {"ax": ax, "response_method": method, "alpha": 0.6, **given}
    if len(classes) > 2:
        colours = _colours(len(classes))
        if "multiclass_colors" in inspect.signature(draw).parameters:
            return draw(estimator, X, multiclass_colors=colours, **given)
        # scikit-learn 1.6
        given |= {"response_method": "predict", "plot_method": "pcolormesh"}
        return draw(estimator, X, cmap=ListedColormap(colours), **given)
    if not classes:
        return draw(estimator, X, levels=20, **given)
    ramp = LinearSegmentedColormap.from_list("two", [_COLOURS[0], "white", _COLOURS[1]])
    levels = np.linspace(0, 1, 21)
    return draw(estimator, X, cmap=ramp, levels=levels, **given)


def _draw_points(ax: Axes, points: Any, y: Any, classes: list[Any], display: Any) -> None:
    style: dict[str, Any] = {"edgecolors": "black", "linewidths": 0.6, "s": 22}
    if not classes:
        low, high = float(display.response.min()), float(display.response.max())
        dots = ax.scatter(points[:, 0], points[:, 1], c=y, vmin=low, vmax=high, **style)
        _figure_of(ax).colorbar(dots, ax=ax, label="y")
        return
    for label, colour in zip(classes, _colours(len(classes)), strict=True):
        of_class = points[y == label]
        ax.scatter(of_class[:, 0], of_class[:, 1], color=colour, label=str(label), **style)
    ax.legend()


def _colours(n: int) -> list[Any]:
    if n <= len(_COLOURS):
        return list(_COLOURS[:n])
    from matplotlib import colormaps

    return list(colormaps["gist_rainbow"](np.linspace(0, 1, n)))


def _figure_of(ax: Axes) -> Any:
    return ax.figure


def loss_curve(
    estimators: Any,
    *,
    log: bool = False,
    ax: Axes | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The loss by epoch of one or several estimators; validation, where there is one, dashed.

    Args:
        estimators: one that has `loss_curve_` (ranvier's, scikit-learn's perceptrons, a pipeline
            that ends with one), or a dictionary of names to such.
        log: whether the loss's axis is logarithmic.
        ax: where to draw; None: on a figure of its own.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        ValueError: an estimator has no `loss_curve_`: it is not fitted, or has no epochs.
        MissingExtra: matplotlib is not installed.

    >>> from sklearn.datasets import load_iris
    >>> from ranvier.sklearn import SequentialClassifier, plot
    >>> clf = SequentialClassifier(epochs=5).fit(*load_iris(return_X_y=True))
    >>> len(plot.loss_curve({"ours": clf}).axes[0].lines[0].get_ydata())
    5
    """
    named = estimators if isinstance(estimators, dict) else {"": estimators}
    curves = {str(name): _curves(name, estimator) for name, estimator in named.items()}
    if not curves:
        raise ValueError("sklearn.plot.loss_curve: `estimators` is empty")
    if ax is None:
        ax = new_figure(5.6, 4.0).subplots()
    for i, (name, (train, validation)) in enumerate(curves.items()):
        colour = f"C{i % 10}"
        epochs = np.arange(1, len(train) + 1)
        ax.plot(epochs, train, color=colour, label=name or "training")
        if validation:
            label = f"{name}, validation" if name else "validation"
            ax.plot(epochs[-len(validation) :], validation, "--", color=colour, label=label)
    ax.set(xlabel="epoch", ylabel="loss", yscale="log" if log else "linear")
    ax.grid(alpha=0.3)
    if len(ax.lines) > 1:
        ax.legend()
    return finish(_figure_of(ax), path)


def _curves(name: Any, estimator: Any) -> tuple[list[float], list[float]]:
    """Losses by epoch of training and, where they were recorded at each epoch, of validation."""
    last = estimator[-1] if hasattr(estimator, "named_steps") else estimator
    losses = getattr(last, "loss_curve_", None)
    if losses is None or not len(losses):
        which = f" {name!r}" if name else ""
        raise ValueError(
            f"sklearn.plot.loss_curve: the estimator{which}, {type(last).__name__}, has no "
            "`loss_curve_`: it is not fitted, or does not train in epochs"
        )
    validation = getattr(last, "history_", {}).get("val_loss", [])
    return list(losses), list(validation)


def learning_rates(
    estimator: Any,
    X: Any,
    y: Any,
    learning_rates: Iterable[float] = (0.0001, 0.001, 0.01, 0.1),
    *,
    parameter: str | None = None,
    log: bool = True,
    ax: Axes | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The loss curves of an estimator with several learning rates: too small, right, too large.

    Args:
        estimator: one with a learning rate; clones of it are fitted, itself stays as it is.
        X, y: what they are fitted on.
        learning_rates: numbers > 0.
        parameter: the name of the learning rate among the estimator's parameters; None: it is
            looked for (`optimizer__learning_rate` or `learning_rate_init`).
        log: whether the loss's axis is logarithmic.
        ax: where to draw; None: on a figure of its own.
        path: a file to save to, its kind by its ending; None for none.

    Raises:
        ValueError: no such parameter, or a rate that is not > 0.
        MissingExtra: matplotlib is not installed.

    >>> from sklearn.datasets import load_iris
    >>> from ranvier.sklearn import SequentialClassifier, plot
    >>> clf = SequentialClassifier(epochs=5, random_state=0)
    >>> figure = plot.learning_rates(clf, *load_iris(return_X_y=True), [0.001, 0.1])
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['0.001', '0.1']
    """
    name = "sklearn.plot.learning_rates"
    rates = [number(name, "learning_rates", rate, 0.0) for rate in learning_rates]
    if not rates or 0 in rates:
        raise ValueError(f"{name}: `learning_rates` must be numbers > 0; got {rates}")
    known = estimator.get_params()
    if parameter is None:
        parameter = _rate_of(known)
    if parameter is None or parameter not in known:
        raise ValueError(
            f"{name}: {type(estimator).__name__} has no parameter "
            + ("for its learning rate" if parameter is None else repr(parameter))
        )
    fitted = {f"{rate:g}": clone(estimator).set_params(**{parameter: rate}) for rate in rates}
    for one in fitted.values():
        one.fit(X, y)
    figure = loss_curve(fitted, log=log, ax=ax)
    drawn: Any = figure.axes[-1] if ax is None else ax
    if drawn.get_legend() is not None:
        drawn.get_legend().set_title("learning rate")
    return finish(figure, path)


def _rate_of(known: dict[str, Any]) -> str | None:
    """The parameter that is the learning rate, also of the last step of a pipeline."""
    for ending in _RATES:
        for name, value in known.items():
            if (name == ending or name.endswith(f"__{ending}")) and not isinstance(value, str):
                return name
    return None
