"""A multi-layer perceptron for regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from ranvier.sklearn._mlp import BaseMLP, stochastic_only

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that predicts numbers, in scikit-learn's words and with its results.

    `a_0 = x`, `a_i = activation(a_(i-1) W_i + b_i)`, `y = a_L W + b`; it minimises half the squared
    error, summed over outputs, in the mean over the samples of a batch, plus
    `alpha / (2 n) sum W^2`. With the same `random_state`, weights agree with those of
    scikit-learn's class to rounding.

    Args:
        loss: "squared_error", "poisson" (half the Poisson deviance of `exp(a_L W + b)`; y >= 0), or
            a loss of `ranvier.losses` (name or object).
        scoring: what `early_stopping` watches: None (R^2), "loss", or a scorer's name or function.

    The other arguments and the attributes are those of `MLPClassifier`.

    Raises:
        ValueError: an argument out of its range, or data that scikit-learn refuses.

    Source: scikit-learn's sklearn.neural_network.MLPRegressor.

    >>> from sklearn.datasets import make_regression
    >>> from ranvier.sklearn import MLPRegressor
    >>> X, y = make_regression(n_samples=200, n_features=5, random_state=1)
    >>> mlp = MLPRegressor(solver="lbfgs", tol=0.1, random_state=1).fit(X, y)
    >>> mlp.score(X, y) > 0.99
    True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
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
        dropout: Any = 0.0,
        batch_normalization: bool = False,
        optimizer: Any = None,
        scoring: Any = None,
        callbacks: Any = None,
        progress_bar: bool = False,
        dtype: Any = None,
    ) -> None:
        self._take(locals())

    def _validate(self, x: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(
            self,
            x,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and np.min(y) < 0:
            raise ValueError(
                f"{type(self).__name__}: loss='poisson' needs y >= 0; got {np.min(y):g}"
            )
        return x, y.reshape(len(y), -1)

    def _decode(self, y: NDArray[Any]) -> NDArray[Any]:
        return y[:, 0] if y.shape[1] == 1 else y

    def _strata(self, y: NDArray[Any]) -> None:
        return None

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _outputs_of(self, y: NDArray[Any]) -> int:
        return int(y.shape[1])

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains on all samples.

        Args:
            X: array or sparse matrix (n_samples, n_features).
            y: numbers (n_samples,) or (n_samples, n_outputs).
            sample_weight: (n_samples,) or None.

        Returns:
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    @stochastic_only
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch on these samples, from the weights as they are; arguments as of `fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predictions (n_samples,) or (n_samples, n_outputs)."""
        y = self._outputs(X)
        return y[:, 0] if y.shape[1] == 1 else y

    def _score_outputs(self, y: NDArray[Any], outputs: NDArray[Any], weights: Any) -> float:
        """R^2, the mean over outputs; of a constant, 1 if it is met and else 0."""
        mean = np.average(y, axis=0, weights=weights)
        w = 1.0 if weights is None else weights[:, None]
        error = (w * (y - outputs) ** 2).sum(0, dtype=np.float64)
        spread = (w * (y - mean) ** 2).sum(0, dtype=np.float64)
        constant = spread == 0
        r2 = np.where(constant, error == 0, 1 - error / np.where(constant, 1, spread))
        return float(np.mean(r2))
