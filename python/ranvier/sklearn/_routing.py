"""Parameters by path: of layers, of the function that makes the model, of the optimizer."""

from __future__ import annotations

import contextlib
import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator

from ranvier import optimizers
from ranvier._suggest import suggestion
from ranvier.models import Sequential
from ranvier.sklearn import _template

if TYPE_CHECKING:
    from collections.abc import Mapping


class Routed(BaseEstimator):
    """An estimator with parameters `layer__argument`, `model__argument`, `optimizer__argument`.

    Such a parameter is kept beside the template and applied to the copy that `fit` makes: no object
    that others may hold is ever changed.
    """

    model: Any
    optimizer: Any
    __signature__: inspect.Signature
    # the parameters by path that were given; replaced, never changed: copies may share it
    _paths: Mapping[str, Any] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # scikit-learn takes the name of **routed for that of an argument
        own = list(inspect.signature(cls.__init__).parameters.values())[1:]
        cls.__signature__ = inspect.Signature([p for p in own if p.kind is not p.VAR_KEYWORD])

    def _take_routed(self, given: dict[str, Any]) -> None:
        for name in given:
            if "__" not in name:
                known = inspect.signature(type(self)).parameters
                raise TypeError(
                    f"{type(self).__name__}: unknown argument `{name}`." + suggestion(name, known)
                )
        if given:
            self._paths = given

    def _changes(self, section: str) -> dict[str, Any]:
        """Those of the "optimizer", the function "model", or the template's "layers"."""
        function = _template.is_function(self.model)
        found = {}
        for path, value in self._paths.items():
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
        own = {**super().get_params(deep=False), **self._paths}
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
                self._paths = {**self._paths, name: value}
        return self

    def _forget(self, name: str) -> None:
        if name == "model" and _template.is_function(self.model):
            return
        self._paths = {
            path: value
            for path, value in self._paths.items()
            if path.startswith("optimizer__") != (name == "optimizer")
        }

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
            paths = [path for path in self.get_params() if "__" in path]
            near = [path for path in paths if path.startswith(f"{head}__")]
            heads = sorted({path.partition("__")[0] for path in paths})
            raise ValueError(
                f"Invalid parameter {name!r} for estimator {owner}."
                + (suggestion(name, near or paths) or f" There are those of {heads}.")
            )
