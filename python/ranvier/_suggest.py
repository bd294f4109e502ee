"""What was probably meant: nearest names for error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggestion(name: object, candidates: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or an empty string if nothing is near.

    >>> suggestion("unit", ["units", "activation"])
    " Did you mean 'units'?"
    >>> suggestion("lr", ["learning_rate", "momentum"])
    " Did you mean 'learning_rate'?"
    """
    import difflib

    by_key: dict[str, str] = {}
    # of `MeanSquaredError` and `mean_squared_error`, the one in the style that was written
    for candidate in sorted(candidates, key=lambda c: c.islower() != str(name).islower()):
        by_key.setdefault(_key(candidate), candidate)
    near = difflib.get_close_matches(_key(str(name)), by_key, n=3, cutoff=0.6)
    # Keras 2's `lr` for `learning_rate`
    near += [k for k, c in by_key.items() if "".join(w[:1] for w in c.split("_")) == name]
    if not near:
        return ""
    return " Did you mean " + " or ".join(repr(by_key[k]) for k in near) + "?"


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def unknown(family: str, name: object, candidates: Iterable[str]) -> ValueError:
    """The error for a name that a family does not have."""
    candidates = list(candidates)
    hint = suggestion(name, candidates)
    if not hint:
        hint = " Known: " + ", ".join(sorted(c for c in candidates if c.islower())) + "."
    return ValueError(f"ranvier has no {family} {name!r}.{hint}")
