"""A multi-layer perceptron for classification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from ranvier.sklearn._mlp import BaseMLP, stochastic_only

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that classifies, in scikit-learn's words and with its results.

    `a_0 = x`, `a_i = activation(a_(i-1) W_i + b_i)`, `p = softmax(a_L W + b)`, or the sigmoid for
    two classes and for several labels; it minimises the mean of `-log p_y` over the samples of a
    batch plus `alpha / (2 n) sum W^2`. With the same `random_state`, weights agree with those of
    scikit-learn's class to rounding.

    Args:
        hidden_layer_sizes: neurons of each hidden layer: integers >= 1, or one integer. () makes a
            logistic regression.
        activation: of the hidden layers: "identity", "logistic", "tanh", "relu", or any other name
            or function of `ranvier.activations`; or a list, one for each hidden layer.
        solver: "adam", "sgd" or "lbfgs" (SciPy's, on all samples at once).
        alpha: strength of the L2 penalty, >= 0.
        batch_size: samples a step, or "auto": min(200, n_samples).
        learning_rate: for "sgd": "constant", "invscaling" (`learning_rate_init / t^power_t`) or
            "adaptive" (a fifth each time that training stalls).
        learning_rate_init, power_t: > 0 and >= 0.
        max_iter: most epochs; iterations of "lbfgs".
        shuffle: whether samples are drawn in a new order each epoch.
        random_state: seed, `RandomState` or None: of weights, split, order and dropout.
        tol, n_iter_no_change: training ends after so many epochs without an improvement by tol.
        verbose: prints the loss of each epoch.
        warm_start: `fit` goes on from the weights it finds.
        momentum, nesterovs_momentum: of "sgd".
        early_stopping, validation_fraction: holds out a share of the samples in [0, 1), stops when
            their score stalls, and keeps the best weights.
        beta_1, beta_2, epsilon: of "adam".
        max_fun: most evaluations of "lbfgs".
        loss: "log_loss", or a loss of `ranvier.losses` (name or object).
        class_weight: weights of the classes: a dictionary, "balanced" or None.
        dropout: share of a hidden layer's outputs set to 0 in training, in [0, 1); or one for each.
        batch_normalization: whether hidden layers are normalized before their activation.
        optimizer: a name or `ranvier.optimizers.Optimizer` instead of "sgd" or "adam"; a name takes
            `learning_rate_init`.
        scoring: what `early_stopping` watches: None (accuracy), "loss", or a scorer's name or
            function.
        callbacks: a list of `ranvier.callbacks.Callback`; their logs have "loss" and "val_score".
        progress_bar: whether a bar shows each epoch.
        dtype: "float32" or "float64" to compute in; None: that of X.

    Attributes:
        classes_, coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_scores_,
        best_validation_score_, n_iter_, t_, n_layers_, n_outputs_, out_activation_,
        n_features_in_, feature_names_in_: as scikit-learn has them. `model_` is the
        `ranvier.Sequential` inside.

    Raises:
        ValueError: an argument out of its range, or data that scikit-learn refuses.

    Source: scikit-learn's sklearn.neural_network.MLPClassifier; Glorot and Bengio 2010 for the
    first weights; Kingma and Ba 2014, arXiv:1412.6980 for "adam".

    >>> from sklearn.datasets import make_classification
    >>> from ranvier.sklearn import MLPClassifier
    >>> X, y = make_classification(n_samples=100, random_state=1)
    >>> clf = MLPClassifier(solver="lbfgs", random_state=1).fit(X, y)
    >>> clf.predict_proba(X[:1]).shape, clf.score(X, y)
    ((1, 2), 1.0)
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: Any = 0.0,
        batch_normalization: bool = False,
        optimizer: Any = None,
        scoring: Any = None,
        callbacks: Any = None,
        progress_bar: bool = False,
        dtype: Any = None,
    ) -> None:
        self._take(locals())

    # -- labels -----------------------------------------------------------------------------

    def _validate(self, x: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(
            self,
            x,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        return x, self._encode(y)

    def _check_classes(self, classes: Any) -> None:
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    @property
    def _kind(self) -> str:
        return str(self._label_binarizer.y_type_)

    def _encode(self, y: Any) -> NDArray[Any]:
        """Class numbers for softmax (rows of 0 and 1 if the loss wants them), else 0 and 1."""
        if self._kind != "multiclass":
            return np.asarray(self._label_binarizer.transform(y)).astype(bool)
        numbers = np.searchsorted(self.classes_, y)
        if self.loss == "log_loss" or getattr(self._make_loss(), "sparse", False):
            return numbers
        return np.eye(len(self.classes_), dtype=bool)[numbers]

    def _decode(self, y: NDArray[Any]) -> Any:
        if self._kind == "multiclass":
            return self.classes_[y if y.ndim == 1 else y.argmax(1)]
        return self._label_binarizer.inverse_transform(y)

    def _strata(self, y: NDArray[Any]) -> Any:
        # the names that scikit-learn's message on too small classes has
        return np.where(y[:, 0], "True", "False") if self.n_outputs_ == 1 else None

    def _out_activation(self) -> str:
        return "softmax" if self._kind == "multiclass" else "logistic"

    def _outputs_of(self, y: NDArray[Any]) -> int:
        return len(self.classes_) if self._kind == "multiclass" else y.shape[1]

    def _weights(self, x: Any, y: Any, sample_weight: Any) -> Any:
        weights = super()._weights(x, y, sample_weight)
        if self.class_weight is None:
            return weights
        of_class = compute_sample_weight(self.class_weight, y).astype(x.dtype)
        return of_class if weights is None else weights * of_class

    # -- fitting ----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains on all samples.

        Args:
            X: array or sparse matrix (n_samples, n_features).
            y: classes (n_samples,), or a matrix of 0 and 1 (n_samples, n_labels).
            sample_weight: (n_samples,) or None.

        Returns:
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @stochastic_only
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One epoch on these samples, from the weights as they are.

        Args:
            X, y, sample_weight: see `fit`.
            classes: all classes that will come; needed at the first call only.
        """
        given = None if classes is None else unique_labels(classes)
        if given is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if given is not None and hasattr(self, "classes_"):
            if not np.array_equal(self.classes_, given):
                raise ValueError(
                    f"`classes={classes}` is not the same as on last call to partial_fit, was: "
                    f"{self.classes_}"
                )
        elif given is not None:
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
            self.classes_ = given
        return self._fit(X, y, sample_weight, incremental=True)

    # -- predicting -------------------------------------------------------------------------

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each sample; of several labels, those above one half."""
        y = self._outputs(X)
        if self._kind == "multiclass":
            return np.asarray(self.classes_[y.argmax(1)])
        if self._kind == "binary" and len(self.classes_) == 2:
            return np.asarray(self.classes_[(y[:, 0] > 0.5).astype(np.intp)])
        return np.asarray(self._label_binarizer.inverse_transform(y))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Probabilities (n_samples, n_classes), in the order of `classes_`."""
        y = self._outputs(X)
        if self.n_outputs_ > 1:
            return y
        both = np.empty((len(y), 2), y.dtype)
        both[:, 1] = y[:, 0]
        np.subtract(1, y[:, 0], out=both[:, 0])
        return both

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """The logarithms of `predict_proba`."""
        y = self.predict_proba(X)
        return np.log(y, out=y)

    def _score_outputs(self, y: NDArray[Any], outputs: NDArray[Any], weights: Any) -> float:
        """Accuracy of outputs for encoded labels."""
        if self._kind == "multiclass":
            right = outputs.argmax(1) == (y if y.ndim == 1 else y.argmax(1))
        else:
            right = ((outputs > 0.5) == y).all(1)
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
