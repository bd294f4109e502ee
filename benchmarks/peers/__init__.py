"""One module a framework and suite: `make(case)` returns (answer, run), or None.

`answer()` gives a NumPy array (checked before anything is timed): a network's probabilities, a
kernel's result. `run(n)` does n training steps (n single-row predictions, n calls) in the fastest
way that the framework's own documentation offers, and returns only when they are done.
"""

from __future__ import annotations

import numpy as np


def repeat(call):
    """(answer, run) of a function that is called again and again."""

    def run(n):
        for _ in range(n):
            call()

    return lambda: np.array(call()), run
