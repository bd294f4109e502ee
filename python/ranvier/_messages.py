"""Where messages go: standard output, or a log."""

from __future__ import annotations

import sys

_interactive = True


def enable_interactive_logging() -> None:
    """Messages and progress go to standard output: the default."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Messages and progress go to the logger "ranvier" of `logging`, at level INFO."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether messages go to standard output."""
    return _interactive


def is_live() -> bool:
    """Whether a line that is drawn anew can be seen."""
    screen = "ipykernel" in sys.modules or bool(getattr(sys.stdout, "isatty", bool)())
    return _interactive and screen


def say(text: str, end: str = "\n") -> None:
    """Prints or logs."""
    if _interactive:
        print(text, end=end, flush=True)
        return
    import logging

    logging.getLogger("ranvier").info("%s", text.strip())
