"""Parameters by path: of layers, of the function that makes the model, of the optimizer."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Self

from sklearn.base import BaseEstimator

from ranvier import optimizers
from ranvier._suggest import suggestion
from ranvier.models import Sequential
from ranvier.sklearn import _template


class Routed(BaseEstimator):
    """An estimator with parameters `layer__argument`, `model__argument`, `optimizer__argument`.

    Such a parameter is kept beside the template and applied to the copy that `fit` makes: no object
    that others may hold is ever changed.
    """

    model: Any
    optimizer: Any
    __signature__: inspect.Signature

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # scikit-learn takes the name of **routed for that of an argument
        own = list(inspect.signature(cls.__init__).parameters.values())[1:]
        cls.__signature__ = inspect.Signature([p for p in own if p.kind is not p.VAR_KEYWORD])

    def _take_routed(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            if "__" not in name:
                known = inspect.signature(type(self)).parameters
                raise TypeError(
                    f"{type(self).__name__}: unknown argument `{name}`." + suggestion(name, known)
                )
            setattr(self, name, value)

    def _routed(self) -> dict[str, Any]:
        """The parameters by path that were given."""
        return {k: v for k, v in vars(self).items() if "__" in k and not k.startswith("_")}

    def _changes(self, section: str) -> dict[str, Any]:
        """Those of the "optimizer", the function "model", or the template's "layers"."""
        function = _template.is_function(self.model)
        found = {}
        for path, value in self._routed().items():
            head, _, rest = path.partition("__")
            if head == "optimizer":
                where, key = "optimizer", rest
            elif function and head == "model":
                where, key = "model", rest
            else:
                where, key = "layers", path
            if where == section:
                found[key] = value
        return found

    def _optimizer_template(self) -> Any:
        """The optimizer that `optimizer` means."""
        if isinstance(self.optimizer, str) and self.optimizer == "auto":
            compiled = isinstance(self.model, Sequential) and self.model.optimizer
            return compiled or optimizers.Adam()
        return optimizers.get(self.optimizer)

    # -- scikit-learn's interface -----------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name.

        Args:
            deep: whether the arguments of the optimizer and of the model's layers (or of the
                function that makes the model) are among them.
        """
        own = {**super().get_params(deep=False), **self._routed()}
        return {**self._deep(), **own} if deep else own

    def _deep(self) -> dict[str, Any]:
        found = {}
        with contextlib.suppress(TypeError, ValueError):  # fit checks parameters, not this
            found = _template.arguments(type(self).__name__, self.model)
        if _template.is_function(self.model):
            found = {f"model__{name}": value for name, value in found.items()}
        try:
            config = self._optimizer_template().get_config()
        except (AttributeError, TypeError, ValueError):
            config = {}
        found.update({f"optimizer__{k}": v for k, v in config.items() if k != "name"})
        return found

    def set_params(self, **params: Any) -> Self:
        """Sets arguments by name, as `get_params` lists them.

        A new template or optimizer object comes without what was set for the old one; a name
        ("sgd") or a function keeps it.

        Raises:
            ValueError: there is no such parameter.
        """
        plain = {k: v for k, v in params.items() if "__" not in k}
        super().set_params(**plain)
        for name in ("model", "optimizer"):
            if name in plain and not isinstance(plain[name], (str, type)):
                self._forget(name)
        for name, value in params.items():
            if name not in plain:
                self._check_routed(name)
                setattr(self, name, value)
        return self

    def _forget(self, name: str) -> None:
        if name == "model" and _template.is_function(self.model):
            return
        for path in self._routed():
            if path.startswith("optimizer__") == (name == "optimizer"):
                delattr(self, path)

    def _check_routed(self, name: str) -> None:
        owner = type(self).__name__
        head, _, rest = name.partition("__")
        try:
            if head == "optimizer":
                known = rest in self._optimizer_template().constructor_arguments()
            elif _template.is_function(self.model):
                known = head == "model" and _template.takes(owner, self.model, rest)
            else:
                known = _template.takes(owner, self.model, name)
        except (AttributeError, TypeError, ValueError):
            known = True  # a model or optimizer that cannot be used: fit will say so
        if not known:
            candidates = self.get_params()
            raise ValueError(
                f"Invalid parameter {name!r} for estimator {owner}."
                + (suggestion(name, candidates) or f" Valid parameters are: {sorted(candidates)}.")
            )
