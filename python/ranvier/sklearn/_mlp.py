"""What both multi-layer perceptrons share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ranvier._checks import number
from ranvier.sklearn._losses import of_outputs
from ranvier.sklearn._perceptron import Design, Perceptron, is_sparse, made_dense
from ranvier.sklearn._solvers import fit_lbfgs, fit_stochastic, random_state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_STOCHASTIC = ("sgd", "adam")
# What is made from the weights, and so not pickled.
_LIVE = ("_perceptron", "coefs_", "intercepts_")


_Method = TypeVar("_Method", bound="Callable[..., Any]")


def stochastic_only(method: _Method) -> _Method:
    """A method that estimators with another solver do not have."""
    there: _Method = available_if(lambda mlp: mlp._check_solver())(method)
    return there


class BaseMLP(BaseEstimator, ABC):
    """Training and prediction; see MLPClassifier for the arguments."""

    # the arguments, for those who read this class
    hidden_layer_sizes: Any
    activation: Any
    solver: str
    alpha: float
    batch_size: Any
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: Any
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    loss: Any
    dropout: Any
    batch_normalization: bool
    optimizer: Any
    scoring: Any
    callbacks: Any
    progress_bar: bool
    dtype: Any

    _perceptron: Perceptron
    _optimizer: Any
    _loss: Any
    _random_state: Any
    coefs_: list[NDArray[Any]]
    intercepts_: list[NDArray[Any]]
    n_features_in_: int
    best_loss_: Any
    best_validation_score_: Any
    validation_scores_: Any

    def _take(self, arguments: dict[str, Any]) -> None:
        """Keeps the arguments of a constructor as they are."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    # -- arguments --------------------------------------------------------------------------

    def _check_arguments(self) -> None:
        owner = type(self).__name__

        def one_of(argument: str, *allowed: Any) -> None:
            value = getattr(self, argument)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{owner}: `{argument}` must be one of {allowed}; got {value!r}")

        def whole(argument: str) -> None:
            value = getattr(self, argument)
            if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
                raise ValueError(f"{owner}: `{argument}` must be an integer >= 1; got {value!r}")

        one_of("solver", "lbfgs", *_STOCHASTIC)
        one_of("learning_rate", "constant", "invscaling", "adaptive")
        for argument in ("alpha", "power_t", "tol"):
            number(owner, argument, getattr(self, argument), 0.0)
        for argument in ("learning_rate_init", "epsilon"):
            if number(owner, argument, getattr(self, argument), 0.0) == 0:
                raise ValueError(f"{owner}: `{argument}` must be > 0; got 0")
        for argument in ("momentum", "validation_fraction", "beta_1", "beta_2"):
            value = number(owner, argument, getattr(self, argument), 0.0, 1.0)
            if value == 1 and argument != "momentum":
                raise ValueError(f"{owner}: `{argument}` must be < 1; got {value!r}")
        for argument in ("max_iter", "max_fun"):
            whole(argument)
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            whole("batch_size")
        if self.n_iter_no_change != np.inf:
            whole("n_iter_no_change")
        if self.dtype is not None and str(np.dtype(self.dtype)) not in ("float32", "float64"):
            raise ValueError(
                f"{owner}: `dtype` must be 'float32', 'float64' or None; got {self.dtype!r}"
            )
        if self.solver == "lbfgs":
            self._check_lbfgs(owner)

    def _check_lbfgs(self, owner: str) -> None:
        """Full batches, one objective: nothing random, and nothing that steps."""
        for argument in ("dropout", "batch_normalization", "optimizer", "callbacks"):
            if np.any(getattr(self, argument)):
                raise ValueError(f"{owner}: `{argument}` needs solver='sgd' or 'adam'; got 'lbfgs'")
        if self.loss not in ("log_loss", "squared_error", "poisson"):
            raise ValueError(f"{owner}: `loss` {self.loss!r} needs solver='sgd' or 'adam'")

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if any(isinstance(n, bool) or not isinstance(n, Integral) for n in sizes):
            raise ValueError(
                f"{type(self).__name__}: `hidden_layer_sizes` must be integers; got {sizes}"
            )
        if any(n <= 0 for n in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(n) for n in sizes]

    def _each(self, argument: str, hidden: int) -> list[Any]:
        """One value for each hidden layer, of an argument that may be one for all."""
        value = getattr(self, argument)
        if not isinstance(value, (list, tuple, np.ndarray)):
            return [value] * hidden
        if len(value) != hidden:
            raise ValueError(
                f"{type(self).__name__}: `{argument}` must have one value for each of the {hidden} "
                f"hidden layers; got {len(value)}"
            )
        return list(value)

    @property
    def _follows_schedule(self) -> bool:
        return self.solver == "sgd" and self.optimizer is None

    # -- fitting ----------------------------------------------------------------------------

    @abstractmethod
    def _validate(self, x: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        """Checked X, and y as the loss takes it."""

    @abstractmethod
    def _out_activation(self) -> str: ...

    @abstractmethod
    def _outputs_of(self, y: Any) -> int:
        """How many outputs labels need."""

    def _make_loss(self) -> Any:
        from ranvier import losses

        if self.loss in ("log_loss", "squared_error", "poisson"):
            return of_outputs(self.out_activation_, self.n_outputs_)
        return losses.get(self.loss)

    def _fit(self, x: Any, y: Any, sample_weight: Any, incremental: bool) -> Self:
        hidden = self._hidden()
        self._check_arguments()
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        given = y
        x, y = self._validate(x, y, incremental, first)
        weights = self._weights(x, given, sample_weight)
        x = made_dense(x)
        if first:
            self.n_outputs_ = self._outputs_of(y)
        self._random_state = random_state_of(self)
        if first:
            self._initialize(hidden, x)
        elif not hasattr(self, "_perceptron"):  # weights that were set by hand
            self._rebuild(x)
        self._sync()
        if not self._perceptron.sparse and is_sparse(x):  # fitted on an array before
            x = x.toarray()
        self._loss = self._make_loss()
        if hasattr(self._loss, "check_labels"):
            self._loss.check_labels(type(self).__name__, y, (None, self.n_outputs_))
        if self.solver == "lbfgs":
            fit_lbfgs(self, x, y, weights)
        else:
            fit_stochastic(self, x, y, weights, incremental)
        if not all(np.isfinite(w).all() for w in [*self.coefs_, *self.intercepts_]):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _weights(self, x: Any, y: Any, sample_weight: Any) -> Any:
        if sample_weight is None:
            return None
        n = x.shape[0]
        if isinstance(sample_weight, Real):
            return np.full(n, number(type(self).__name__, "sample_weight", sample_weight), x.dtype)
        weights = check_array(
            sample_weight, ensure_2d=False, dtype=x.dtype, input_name="sample_weight"
        )
        if weights.ndim != 1:
            raise ValueError("Sample weights must be 1D array or scalar")
        if weights.shape != (n,):
            raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n,)}!")
        if not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return weights

    def _initialize(self, hidden: list[int], x: Any) -> None:
        """Weights drawn as scikit-learn draws them, and counters at zero."""
        self.n_iter_ = 0
        self.t_ = 0
        units = [x.shape[1], *hidden, self.n_outputs_]
        self.n_layers_ = len(units)
        self.out_activation_ = self._out_activation()
        activations = self._each("activation", len(hidden))
        self._build(units, activations, x)
        last = self.activation if isinstance(self.activation, str) else "relu"
        for i, function in enumerate([*activations, activations[-1] if activations else last]):
            factor = 2.0 if isinstance(function, str) and function == "logistic" else 6.0
            bound = np.sqrt(factor / (units[i] + units[i + 1]))
            for array in (self.coefs_[i], self.intercepts_[i]):
                array[...] = self._random_state.uniform(-bound, bound, array.shape)
        if self.solver in _STOCHASTIC:
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            stops = self.early_stopping
            self.validation_scores_ = [] if stops else None
            self.best_validation_score_ = -np.inf if stops else None
            self.best_loss_ = None if stops else np.inf

    def _build(self, units: list[int], activations: list[Any], x: Any) -> None:
        owner, hidden = type(self).__name__, len(units) - 2
        dropout = [number(owner, "dropout", p, 0.0, 1.0) for p in self._each("dropout", hidden)]
        if 1 in dropout:
            raise ValueError(f"{owner}: `dropout` must be < 1; got 1")
        seeds = [int(self._random_state.randint(2**31)) if p > 0 else 0 for p in dropout]
        given = x.dtype if self.dtype is None else np.dtype(self.dtype)
        design = Design(
            units,
            activations,
            self.out_activation_,
            str(given),
            self.alpha,
            is_sparse(x),
            bool(self.batch_normalization),
            dropout,
            seeds,
        )
        self.model_ = design.build()
        self._bind()
        self.__dict__.pop("_optimizer", None)

    def _rebuild(self, x: Any) -> None:
        """The network of `coefs_` and `intercepts_`, which were set from outside."""
        coefs, intercepts = self.coefs_, self.intercepts_
        units = [len(coefs[0]), *(np.shape(c)[1] for c in coefs)]
        self._build(units, self._each("activation", len(units) - 2), x)
        self._perceptron.assign(coefs, intercepts)

    def _bind(self) -> None:
        """Makes `coefs_` and `intercepts_` the live weights of `model_`."""
        self._perceptron = Perceptron(self.model_, type(self).__name__)
        self.coefs_ = self._perceptron.coefs
        self.intercepts_ = self._perceptron.intercepts

    def _sync(self) -> None:
        """Follows weights that were put in the place of the live ones."""
        net = self._perceptron
        if net.assign(self.coefs_, self.intercepts_):
            self.coefs_, self.intercepts_ = net.coefs, net.intercepts

    # -- predicting -------------------------------------------------------------------------

    def _outputs(self, x: Any) -> NDArray[Any]:
        """Outputs (N, n_outputs_) for data from outside."""
        if "_perceptron" not in vars(self):
            check_is_fitted(self)
        net = self._perceptron
        # what validate_data would let through as it is
        plain = (
            type(x) is np.ndarray
            and x.ndim == 2
            and x.dtype == net.dtype
            and 0 < len(x) <= 64
            and x.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and np.isfinite(x).all()
        )
        if not plain:
            kinds = (np.float64, np.float32)
            x = validate_data(self, x, accept_sparse=["csr", "csc"], dtype=kinds, reset=False)
        self._sync()
        return net.outputs(x)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "_perceptron" in state:
            self._sync()
            for name in _LIVE:
                del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self._bind()

    def _check_solver(self) -> bool:
        if self.solver not in _STOCHASTIC:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
