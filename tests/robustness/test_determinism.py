"""The same bits: every layer, 1 to 4 threads, twice; instruction sets agree within a tolerance."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import _core

from ..saving.cases import CASES, Case, build, data

ROWS = 12
# Two training steps in float32 from the same weights: sums in another order.
TOLERANCE = 2e-4


def trained(case: Case) -> list[np.ndarray]:
    """Weights and predictions after two steps on rows that are the same each time."""
    rng = np.random.default_rng(11)
    ranvier.utils.set_random_seed(11)
    model: Any = build(case)
    x = np.concatenate([data(case, rng) for _ in range(ROWS // 6)])
    if case.batch is not None:
        x = x[: case.batch]
    y = rng.normal(size=model(x).shape)
    model.compile(ranvier.optimizers.SGD(0.05, momentum=0.9), "mse")
    if any(type(layer).__name__ != "InputLayer" for layer in model.layers):
        model.fit(x, y, batch_size=6, epochs=1, verbose=0)
    return [*model.get_weights(), model(x)]


@pytest.mark.parametrize("name", CASES)
def test_threads_and_runs_give_the_same_bits(name: str, threads: Any) -> None:
    threads(1)
    first = trained(CASES[name])
    for n in (1, 2, 3, 4):
        threads(n)
        for one, other in zip(first, trained(CASES[name]), strict=True):
            np.testing.assert_array_equal(one, other)


# Networks above the grain, where threads do share the work.
LARGE = {
    "dense": ((256,), lambda L: [L.Dense(512, "gelu"), L.LayerNormalization(), L.Dense(64)]),
    "conv": ((24, 24, 8), lambda L: [L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(),
                                     L.BatchNormalization(), L.SeparableConv2D(32, 3), L.Flatten()]),
    "lstm": ((20, 32), lambda L: [L.Bidirectional(L.LSTM(48, return_sequences=True)), L.GRU(64)]),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_threads_that_share_the_work_give_the_same_bits(name: str, threads: Any) -> None:
    shape, make = LARGE[name]

    def run() -> list[np.ndarray]:
        rng = np.random.default_rng(1)
        ranvier.utils.set_random_seed(1)
        model = ranvier.Sequential([ranvier.Input(shape), *make(ranvier.layers)])
        x = rng.normal(size=(96, *shape)).astype("float32")
        model.compile("adam", "mse")
        model.fit(x, rng.normal(size=(96, *model.output_shape[1:])), batch_size=48, verbose=0)
        return [*model.get_weights(), model.predict(x, verbose=0)]

    threads(1)
    first = run()
    for n in (1, 2, 3, 4):
        threads(n)
        for one, other in zip(first, run(), strict=True):
            np.testing.assert_array_equal(one, other)


EVERY = """
import sys, numpy as np
from tests.robustness.test_determinism import CASES, trained
np.savez(sys.argv[1], **{f"{n}:{i}": a for n in CASES for i, a in enumerate(trained(CASES[n]))})
"""


@pytest.mark.parametrize("isa", [i for i in _core.isas_available() if i != _core.isa()])
def test_instruction_sets_agree(isa: str, tmp_path: Any) -> None:
    path = tmp_path / "other.npz"
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    subprocess.run(
        [sys.executable, "-c", EVERY, str(path)],
        env={**os.environ, "RANVIER_ISA": isa},
        cwd=root,
        check=True,
    )
    other = np.load(path)
    for name, case in CASES.items():
        for i, array in enumerate(trained(case)):
            np.testing.assert_allclose(
                other[f"{name}:{i}"], array, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name
            )
