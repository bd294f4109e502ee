"""Named values, as Keras' utils have them."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from ranvier._suggest import suggestion


class Config(MutableMapping[str, Any]):
    """Named values as attributes and as items, which `freeze()` keeps from being changed.

    >>> config = Config(rate=0.1)
    >>> config.seed = 3
    >>> config.freeze()
    >>> config.to_json()
    '{"rate": 0.1, "seed": 3}'
    """

    _config: dict[str, Any]
    frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        vars(self).update(_config=kwargs, frozen=False)

    def freeze(self) -> None:
        """Changes are refused from now on."""
        vars(self)["frozen"] = True

    def unfreeze(self) -> None:
        """Changes are possible again."""
        vars(self)["frozen"] = False

    def as_dict(self) -> dict[str, Any]:
        """A copy."""
        return dict(self._config)

    def to_json(self) -> str:
        """A text."""
        return json.dumps(self._config)

    def _open(self) -> dict[str, Any]:
        if self.frozen:
            raise ValueError("Config: it is frozen and cannot be changed")
        return self._config

    def __setitem__(self, key: str, value: Any) -> None:
        self._open()[key] = value

    __setattr__ = __setitem__

    def __delitem__(self, key: str) -> None:
        del self._open()[key]

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __getattr__(self, name: str) -> Any:
        values = vars(self).get("_config", {})
        if name not in values:
            raise AttributeError(f"Config: there is no `{name}`.{suggestion(name, values)}")
        return values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
