"""What `SequentialClassifier` and `SequentialRegressor` share."""

from __future__ import annotations

import contextlib
import copy
import math
from abc import ABC, abstractmethod
from numbers import Number
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ranvier import _random
from ranvier._checks import number
from ranvier._suggest import suggestion
from ranvier.models import Sequential, data
from ranvier.sklearn import _template
from ranvier.sklearn._routing import Routed
from ranvier.sklearn._workers import fair_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Arguments of Sequential.fit that may be given to `fit`; those of the estimator's own replace them.
_OWN = ("batch_size", "epochs", "callbacks", "validation_split", "shuffle", "verbose")
_MORE = (
    "validation_data",
    "initial_epoch",
    "steps_per_epoch",
    "validation_steps",
    "validation_batch_size",
    "validation_freq",
)
# Numbers in a batch of predictions that is looked at by itself, and how large they may be together.
_FEW = 4096
_LARGE = 1e37


class BaseSequential(Routed, ABC):
    """Building, training and prediction; see SequentialClassifier for the arguments."""

    model_: Sequential
    history_: dict[str, list[float]]
    n_iter_: int
    target_type_: str
    n_classes_: int
    n_outputs_: int
    _meaning: Any
    # shape and dtype of rows that the model takes as they are; None if there are no such
    _plain: tuple[Any, Any] | None = None
    _optimizer_config: dict[str, Any]

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
        shuffle: bool = True,
        add_output: Any = "auto",
        warm_start: bool = False,
        verbose: Any = 0,
        random_state: Any = None,
        **routed: Any,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.epochs = epochs
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.add_output = add_output
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self._take_routed(routed)

    # -- what the two kinds of target differ in -----------------------------------------------

    @abstractmethod
    def _set_target(self, y: NDArray[Any], reset: bool, classes: Any = None) -> None:
        """Notes kind and classes of the target, or checks that it is as it was."""

    @abstractmethod
    def _meta(self) -> dict[str, Any]:
        """What a function that makes a model may know of the target."""

    @abstractmethod
    def _finish(self, model: Sequential) -> tuple[Any, Any]:
        """Completes a model by its output layer; loss and metrics to compile it with."""

    @abstractmethod
    def _labels(self, y: NDArray[Any]) -> NDArray[Any]:
        """The target as the loss takes it."""

    def _class_weights(self, y: NDArray[Any]) -> NDArray[Any] | None:
        return None

    def _strata(self, y: NDArray[Any]) -> Any:
        return None

    # -- data -------------------------------------------------------------------------------

    @property
    def _owner(self) -> str:
        return type(self).__name__

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Errors of layers and models name the estimator too."""
        try:
            yield
        except (TypeError, ValueError) as error:
            if type(error) not in (TypeError, ValueError) or str(error).startswith(self._owner):
                raise
            raise type(error)(f"{self._owner}: {error}") from error

    def _validate(self, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        x, y = validate_data(
            self, x, y, reset=reset, dtype="numeric", allow_nd=True, multi_output=True,
            y_numeric=not hasattr(self, "predict_proba"),
        )  # fmt: skip
        if reset:
            self.X_shape_ = x.shape
        self._check_shape(x)
        return x, y

    def _check_shape(self, x: NDArray[Any]) -> None:
        if x.shape[1:] != self.X_shape_[1:]:
            shape = ", ".join(map(str, self.X_shape_[1:]))
            raise ValueError(
                f"{self._owner}: X must have shape (n_samples, {shape}), as in fit; got {x.shape}"
            )

    def _shaped(self, x: NDArray[Any], model: Sequential) -> NDArray[Any]:
        """`x` in the shape of the model's input, if that has other axes but as many numbers."""
        want, got = model._sample_shape, x.shape[1:]
        if want is None:
            return x
        if len(got) == len(want) and all(w in (None, g) for w, g in zip(want, got, strict=True)):
            return x
        size, known = math.prod(got), math.prod(n for n in want if n is not None)
        unknown = want.count(None)
        if unknown > 1 or not known or size % known or (not unknown and size != known):
            raise ValueError(
                f"{self._owner}: X of shape {x.shape} does not fit the model's input "
                f"{(None, *want)}"
            )
        return x.reshape(len(x), *(size // known if n is None else n for n in want))

    def _weights(self, y: NDArray[Any], sample_weight: Any) -> NDArray[Any] | None:
        """One weight a row, or None: of its class times its own, 1 in the mean."""
        weights = self._class_weights(y)
        if sample_weight is not None:
            own = self._sample_weights(sample_weight, len(y))
            weights = own if weights is None else weights * own
        if weights is None:
            return None
        if weights.min() < 0 or weights.max() == 0:
            raise ValueError(
                f"{self._owner}: weights of samples and classes must be >= 0, and not all of them "
                "may be zero"
            )
        return weights / weights[weights > 0].mean()

    def _sample_weights(self, given: Any, rows: int) -> NDArray[Any]:
        if isinstance(given, Number):
            return np.full(rows, number(self._owner, "sample_weight", given, 0.0))
        weights = check_array(given, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
        if weights.ndim != 1:
            raise ValueError("Sample weights must be 1D array or scalar")
        if len(weights) != rows:
            raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
        return weights

    # -- fitting ----------------------------------------------------------------------------

    def _settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments of Sequential.fit: the estimator's own, and those given to `fit`."""
        for name in given:
            if name not in (*_OWN, *_MORE):
                raise TypeError(
                    f"{self._owner}: fit() has no argument `{name}`."
                    + suggestion(name, (*_OWN, *_MORE))
                )
        settings = {name: getattr(self, name) for name in _OWN} | given
        for name in ("batch_size", "epochs"):
            data.whole(self._owner, name, settings[name])
        share = number(self._owner, "validation_split", settings["validation_split"], 0.0, 1.0)
        if share == 1:
            raise ValueError(f"{self._owner}: `validation_split` must be < 1; got 1")
        if not isinstance(self.add_output, bool) and self.add_output != "auto":
            raise ValueError(
                f"{self._owner}: `add_output` must be True, False or 'auto'; "
                f"got {self.add_output!r}"
            )
        settings["callbacks"] = copy.deepcopy(settings["callbacks"])
        return settings

    def _train(
        self, x: Any, y: Any, sample_weight: Any, reset: bool, given: Any, classes: Any = None
    ) -> Self:
        settings = self._settings(given)
        x, y = self._validate(x, y, reset)
        self._set_target(y, reset, classes)
        weights = self._weights(y, sample_weight)
        if weights is not None and not weights.all():  # as if these rows were not there
            x, y, weights = x[weights > 0], y[weights > 0], weights[weights > 0]
        state = check_random_state(self.random_state)
        seed = int(state.randint(2**31 - 1)) + (0 if reset else self.n_iter_)
        self._plain = None
        try:
            with _random.seeded(seed), self._named(), fair_threads():
                if reset:
                    self.model_ = self._build(x)
                    self.history_, self.n_iter_ = {}, 0
                self._compile(reset)
                x = self._shaped(x, self.model_)
                self.callbacks_ = settings["callbacks"]
                self._run(x, y, weights, settings, seed)
        except Exception:
            # Ctrl-C leaves a model that can be used, an error does not
            if reset and hasattr(self, "model_"):
                del self.model_
            raise
        # predictions for rows like these need no more checks than that they are finite
        if not hasattr(self, "feature_names_in_") and x.shape[1:] == self.X_shape_[1:]:
            self._plain = (x.shape[1:], np.dtype(self.model_.dtype))
        return self

    def _build(self, x: NDArray[Any]) -> Sequential:
        """A new model for such data, with new weights."""
        owner, layers = self._owner, self._changes("layers")
        if _template.is_function(self.model):
            if layers:
                raise ValueError(
                    f"{owner}: `model` is a function, whose parameters are `model__...`; got "
                    f"{sorted(layers)}"
                )
            meta = {
                "n_features_in_": self.n_features_in_, "X_shape_": self.X_shape_, **self._meta()
            }  # fmt: skip
            template = _template.call(owner, self.model, meta, self._changes("model"))
            if isinstance(template, Sequential):
                model = template
            else:
                model = _template.fresh(owner, template, {}, x)
        else:
            template = self.model
            model = _template.fresh(owner, template, layers, x)
        if not model.layers:
            raise ValueError(f"{owner}: `model` has no layers")
        x = self._shaped(x, model)
        model.build((None, *x.shape[1:]))
        _template.adapt(model, x)
        self._compiled = template if getattr(template, "compiled", False) else None
        self._loss, self._metrics = self._finish(model)
        if model is not template:
            _template.keep_frozen(template, model)
        return model

    def _given(self, name: str, default: Any) -> Any:
        """An argument; where it is the default, what the template was compiled with."""
        value = getattr(self, name)
        if self._compiled is None or value != default:
            return value
        return self._compiled._compile_arguments[name]

    def _compile(self, reset: bool) -> None:
        """Compiles a new model, or one whose optimizer is to be another one now."""
        compiled = self._compiled
        if compiled is not None and isinstance(self.optimizer, str) and self.optimizer == "auto":
            template = compiled.optimizer
        else:
            template = self._optimizer_template()
        config = {**template.get_config(), **self._changes("optimizer")}
        if not reset and config == self._optimizer_config:
            return
        self._optimizer_config = config
        optimizer = type(template).from_config(dict(config))
        self.model_.compile(optimizer, self._loss, metrics=copy.deepcopy(self._metrics))

    def _run(self, x: Any, y: Any, weights: Any, settings: dict[str, Any], seed: int) -> None:
        given = dict(settings)
        share, held_out = given.pop("validation_split"), given.get("validation_data")
        if held_out is not None:
            given["validation_data"] = self._held_out(held_out)
        elif share > 0:
            rows = np.arange(len(x))
            shuffled = bool(given["shuffle"])
            train, test = train_test_split(
                rows, test_size=share, shuffle=shuffled, random_state=seed if shuffled else None,
                stratify=self._strata(y) if shuffled else None,
            )  # fmt: skip
            parts = (x, self._labels(y)) if weights is None else (x, self._labels(y), weights)
            given["validation_data"] = tuple(part[test] for part in parts)
            x, y, weights = x[train], y[train], None if weights is None else weights[train]
        done = self.model_.fit(x, self._labels(y), sample_weight=weights, **given)
        for name, values in done.history.items():
            self.history_.setdefault(name, []).extend(values)
        self.n_iter_ += len(done.epoch)
        self.loss_curve_ = self.history_.get("loss", [])
        self.model_.history = None

    def _held_out(self, given: Any) -> tuple[Any, ...]:
        if not isinstance(given, (list, tuple)) or len(given) not in (2, 3):
            raise ValueError("`validation_data` must be (X, y) or (X, y, sample_weight)")
        x, y = self._validate(given[0], given[1], reset=False)
        self._set_target(y, reset=False)
        return (self._shaped(x, self.model_), self._labels(y), *given[2:])

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:
        """Builds a new model and trains it (with `warm_start`: goes on with the one there is).

        Args:
            X: array (n_samples, n_features) or (n_samples, ...) of any numeric dtype.
            y: the target.
            sample_weight: (n_samples,), weights >= 0; or None.
            fit_params: arguments of `ranvier.Sequential.fit`, for this call: `epochs`, `callbacks`,
                `validation_data` (in the form of X and y), ...

        Returns:
            The estimator itself.

        Raises:
            TypeError, ValueError: data or arguments that do not fit each other.
        """
        reset = not (self.warm_start and hasattr(self, "model_"))
        return self._train(X, y, sample_weight, reset, fit_params)

    def _partial(self, x: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        one = {"epochs": 1, "validation_split": 0.0}
        return self._train(x, y, sample_weight, not hasattr(self, "model_"), one, classes)

    # -- predicting -------------------------------------------------------------------------

    def _outputs(self, X: Any) -> NDArray[Any]:
        """The model's outputs for data from outside."""
        plain = self._plain
        if plain is not None and type(X) is np.ndarray and X.shape[1:] == plain[0]:
            # what validation would let through as it is; NaN and infinities fail the comparison
            if X.dtype.char in "fd" and 0 < X.size <= _FEW and np.vdot(X, X) < _LARGE:
                return self.model_(X if X.dtype == plain[1] else X.astype(plain[1]))
        check_is_fitted(self, "model_")
        x = validate_data(self, X, reset=False, dtype="numeric", allow_nd=True)
        self._check_shape(x)
        with fair_threads():
            return self.model_.predict(
                self._shaped(x, self.model_), batch_size=self.batch_size, verbose=0
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
