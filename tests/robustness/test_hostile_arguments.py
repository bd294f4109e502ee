"""No argument crashes or hangs: ValueError or TypeError, or it works. See tests/fuzz/arguments.py."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import numpy as np
import pytest

import ranvier
from ranvier import ops

L = ranvier.layers


@pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are POSIX'")
@pytest.mark.parametrize("what", ["constructors", "ops"])
def test_hostile_arguments(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.arguments", what, "--quick"],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


# Found by it.
@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ranvier.config.set_num_threads(100_000), ValueError, "in 1..4096; got 100000"),
        (lambda: ranvier.config.set_num_threads(10**30), ValueError, "in 1..4096"),
        (lambda: ranvier.metrics.AUC(num_thresholds=10**9), ValueError, "`num_thresholds` must be in"),
        (lambda: ranvier.metrics.MeanIoU(10**9), ValueError, "`num_classes` must be in"),
        (lambda: ranvier.metrics.FBetaScore(beta=1e300), ValueError, "`beta` must be a number > 0"),
        (lambda: ranvier.optimizers.Muon(ns_steps=2**31), ValueError, "Muon: `ns_steps`"),
        (lambda: ranvier.losses.SparseCategoricalCrossentropy(ignore_class=2**70), ValueError, "32 bits"),
        (lambda: ranvier.losses.BinaryCrossentropy(axis=2**40), ValueError, "`axis`.*32 bits"),
        (lambda: ranvier.losses.SparseCategoricalCrossentropy(axis=2)([0], [[1.0]]), ValueError, "no axis 2"),
        (lambda: ranvier.callbacks.RemoteMonitor(root=3), ValueError, "`root` must begin with"),
        (lambda: ranvier.callbacks.TensorBoard(histogram_freq=float("inf")), ValueError, "histogram_freq"),
        (lambda: ops.scale_shift(np.ones((2, 2)), None, [1.0, 1.0]), TypeError, "`scale` must hold"),
        (lambda: ops.affine_transform(np.ones((2, 2, 1)), None), TypeError, "`transforms` must hold"),
        (
            lambda: ops.optimizer_step({"kind": "sgd", "l1": 1j}, 0, [], np.zeros(0, "f4"), []),
            TypeError,
            "`l1` cannot be of type complex",
        ),
    ],
)  # fmt: skip
def test_what_used_to_fail_otherwise(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()  # type: ignore[operator]
