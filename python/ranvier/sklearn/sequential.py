"""Any Sequential as an estimator of scikit-learn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ranvier.sklearn import _outputs
from ranvier.sklearn._base import BaseSequential

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models import Sequential


class SequentialClassifier(ClassifierMixin, BaseSequential):
    """A classifier made of any ranvier model: a perceptron, a CNN on images, an LSTM on series.

    Args:
        model: what `fit` makes a model with new weights from; never trained or changed itself:
            a `ranvier.Sequential` or a list of layers; a function that returns one of these; or
            None, for one hidden layer of 100 ReLU in the precision of X. Layers with
            `trainable=False` keep the template's weights, and a first Normalization without
            statistics takes those of X.
            A function is called with what it names of `meta` (the dictionary of all that follows),
            `n_features_in_`, `X_shape_`, `n_classes_`, `n_outputs_`, `target_type_`, and with
            parameters of its own, given as `model__...`; a model that it returns is trained as it
            is.
        optimizer: a name, an optimizer, or "auto": what `model` was compiled with, else Adam.
        loss: a name, a loss, or "auto": what `model` was compiled with, else cross-entropy.
        metrics: a list of names or metrics, for `history_`; or None.
        batch_size: samples a step, >= 1.
        epochs: passes over the data, >= 1.
        callbacks: a list of `ranvier.callbacks.Callback`; `fit` uses copies, `callbacks_`.
        validation_split: share of the samples, in [0, 1), kept apart to be evaluated after each
            epoch: drawn class by class, or the last ones if `shuffle` is False.
        class_weight: weights by class, "balanced", or None.
        shuffle: whether samples are drawn in a new order each epoch.
        add_output: whether an output layer is put on top: "auto": if the model does not end with
            a softmax, a sigmoid or a linear layer; True or False.
        warm_start: whether `fit` goes on with the model there is.
        verbose: 0 silent, 1 a progress bar, 2 a line an epoch.
        random_state: a seed, a `RandomState`, or None: of weights, dropout, split and order.
        routed: `layer__argument` (by the layer's name), `model__argument` of a function,
            `optimizer__argument`: values that replace those of the template.

    X of two axes is reshaped if the model's Input has more and the sizes agree.

    Attributes:
        model_: the trained `ranvier.Sequential`.
        classes_, n_classes_, n_outputs_, target_type_: of y.
        n_features_in_, feature_names_in_, X_shape_: of X.
        history_: loss and metrics by epoch; `loss_curve_` is its "loss", `n_iter_` its length.

    Raises:
        TypeError, ValueError: by `fit`: arguments, model and data that do not fit each other.

    >>> import numpy as np
    >>> from ranvier import layers
    >>> from ranvier.sklearn import SequentialClassifier
    >>> X, y = np.eye(4).repeat(20, axis=0), np.repeat(["a", "b", "c", "d"], 20)
    >>> model = [layers.Dense(16, activation="relu", name="hidden"), layers.Dropout(0.1)]
    >>> clf = SequentialClassifier(model, random_state=0, optimizer__learning_rate=0.01)
    >>> clf.set_params(hidden__units=8).fit(X, y).predict(X[::20])
    array(['a', 'b', 'c', 'd'], dtype='<U1')
    """

    classes_: NDArray[Any]

    def __init__(
        self,
        model: Any = None,
        *,
        optimizer: Any = "auto",
        loss: Any = "auto",
        metrics: Any = None,
        batch_size: int = 32,
        epochs: int = 100,
        callbacks: Any = None,
        validation_split: float = 0.0,
        class_weight: Any = None,
        shuffle: bool = True,
        add_output: Any = "auto",
        warm_start: bool = False,
        verbose: Any = 0,
        random_state: Any = None,
        **routed: Any,
    ) -> None:
        super().__init__(
            model,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            epochs=epochs,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            add_output=add_output,
            warm_start=warm_start,
            verbose=verbose,
            random_state=random_state,
            **routed,
        )
        self.class_weight = class_weight

    # -- the target -------------------------------------------------------------------------

    def _validate(self, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        x, y = super()._validate(x, y, reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return x, y

    def _set_target(self, y: NDArray[Any], reset: bool, classes: Any = None) -> None:
        kind = type_of_target(y)
        if kind.endswith("multioutput"):
            raise ValueError(
                f"{self._owner}: `y` has several columns of classes; one column, or columns of 0 "
                "and 1, are supported (sklearn.multioutput.MultiOutputClassifier takes the others)"
            )
        check_classification_targets(y)
        found = unique_labels(y)
        if not reset:
            multilabel = self.target_type_ == "multilabel-indicator"
            if multilabel != (kind == "multilabel-indicator") or (
                multilabel and y.shape[1] != self.n_classes_
            ):
                raise ValueError(
                    f"{self._owner}: `y` must be {self.target_type_} as in the first call; "
                    f"got {kind}"
                )
            unknown = np.setdiff1d(found, self.classes_)
            if len(unknown):
                raise ValueError(
                    f"{self._owner}: `y` has classes {list(unknown)} that are not in `classes_`, "
                    f"{list(self.classes_)}"
                )
            return
        self.classes_ = found if classes is None else unique_labels(classes)
        if kind != "multilabel-indicator":
            kind = "binary" if len(self.classes_) == 2 else "multiclass"
        if len(self.classes_) < 2 and kind == "multiclass":
            raise ValueError(
                f"{self._owner}: `y` has only 1 class, {self.classes_[0]!r}; a classifier needs two"
            )
        self.target_type_ = kind
        self.n_classes_ = len(self.classes_)

    def _meta(self) -> dict[str, Any]:
        outputs = 1 if self.target_type_ == "binary" else self.n_classes_
        return {
            "n_classes_": self.n_classes_,
            "n_outputs_": outputs,
            "target_type_": self.target_type_,
        }

    def _finish(self, model: Sequential) -> tuple[Any, Any]:
        wanted = _outputs.wanted_for(self.target_type_, self.n_classes_)
        _outputs.complete(self._owner, model, wanted, self.add_output)
        self._meaning = _outputs.Meaning(
            self._owner, model, self._given("loss", "auto"), self.target_type_, self.n_classes_
        )
        self.n_outputs_ = self._meaning.units
        return self._meaning.loss, self._meaning.metrics(self._given("metrics", None))

    def _labels(self, y: NDArray[Any]) -> NDArray[Any]:
        if self.target_type_ != "multilabel-indicator":
            y = np.searchsorted(self.classes_, y)
        return np.asarray(self._meaning.labels(y))

    def _class_weights(self, y: NDArray[Any]) -> NDArray[Any] | None:
        if self.class_weight is None:
            return None
        if not isinstance(self.class_weight, dict) and self.class_weight != "balanced":
            raise ValueError(
                f"{self._owner}: `class_weight` must be a dictionary, 'balanced' or None; "
                f"got {self.class_weight!r}"
            )
        return np.asarray(compute_sample_weight(self.class_weight, y))

    def _strata(self, y: NDArray[Any]) -> Any:
        return y if y.ndim == 1 else None

    # -- fitting and predicting -------------------------------------------------------------

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch on these samples, with the model as it is.

        Args:
            X, y, sample_weight: see `fit`.
            classes: all classes that will come; at the first call, unless all are in y.
        """
        if classes is not None and hasattr(self, "model_"):
            if not np.array_equal(self.classes_, unique_labels(classes)):
                raise ValueError(
                    f"{self._owner}: `classes` {list(classes)} are not those of the first call, "
                    f"{list(self.classes_)}"
                )
        return self._partial(X, y, sample_weight, classes)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each sample; of several labels, those above one half."""
        p = self.predict_proba(X)
        if self.target_type_ == "multilabel-indicator":
            return (p > 0.5).astype(np.int64)
        return np.asarray(self.classes_[p.argmax(axis=1)])

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Probabilities (n_samples, n_classes), in the order of `classes_`."""
        y = self._outputs(X)
        return np.asarray(self._meaning.probabilities(y))

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class SequentialRegressor(MultiOutputMixin, RegressorMixin, BaseSequential):
    """A regressor made of any ranvier model; the arguments are those of SequentialClassifier.

    Args:
        loss: "auto" is what `model` was compiled with, else the mean squared error.
        add_output: "auto" puts a linear layer on top if the model does not end with as many outputs
            as y has columns.

    There is no `class_weight`, and `validation_split` draws from all samples. Networks learn best
    from targets of the order of 1: `sklearn.compose.TransformedTargetRegressor` scales them.

    >>> import numpy as np
    >>> from ranvier.sklearn import SequentialRegressor
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> y = X[:, 0] ** 2
    >>> reg = SequentialRegressor(random_state=0, optimizer__learning_rate=0.01)
    >>> reg.fit(X, y).score(X, y) > 0.99
    True
    """

    def _validate(self, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        x, y = super()._validate(x, y, reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return x, y

    def _set_target(self, y: NDArray[Any], reset: bool, classes: Any = None) -> None:
        outputs = math.prod(y.shape[1:])
        if reset:
            self.n_outputs_ = outputs
            self.target_type_ = type_of_target(y)
            self._one = y.ndim == 1
        elif outputs != self.n_outputs_:
            raise ValueError(
                f"{self._owner}: `y` must have {self.n_outputs_} columns as in the first call; "
                f"got {outputs}"
            )

    def _meta(self) -> dict[str, Any]:
        return {
            "n_classes_": None, "n_outputs_": self.n_outputs_, "target_type_": self.target_type_
        }  # fmt: skip

    def _finish(self, model: Sequential) -> tuple[Any, Any]:
        _outputs.complete(self._owner, model, {self.n_outputs_: ()}, self.add_output)
        loss = self._given("loss", "auto")
        return "mse" if isinstance(loss, str) and loss == "auto" else loss, self._given(
            "metrics", None
        )

    def _labels(self, y: NDArray[Any]) -> NDArray[Any]:
        return y.reshape(len(y), *self.model_.output_shape[1:])

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch on these samples, with the model as it is; see `fit` for the arguments."""
        return self._partial(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predictions (n_samples,), or (n_samples, n_outputs) if y had columns."""
        y = self._outputs(X)
        return y.reshape(len(y)) if self._one else y.reshape(len(y), self.n_outputs_)
