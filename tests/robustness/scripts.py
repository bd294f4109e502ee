"""Processes of their own for what may end one: each must end by itself, and as expected."""

from __future__ import annotations

import os
import subprocess
import sys

COMMON = """
import faulthandler, os, signal, sys, threading, time
faulthandler.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)  # the background of a shell ignores it
import numpy as np, ranvier
from ranvier import layers as L
rng = np.random.default_rng(0)
x, y = rng.normal(size=(2048, 64)).astype("float32"), rng.normal(size=(2048, 8)).astype("float32")
def made():
    ranvier.utils.set_random_seed(1)
    model = ranvier.Sequential([L.Input((64,)), L.Dense(256, "relu"), L.Dense(8)])
    model.compile("adam", "mse")
    return model
model = made()
big = np.ones((600, 600), "f4")
ranvier.config.set_num_threads(2)
"""


def run(code: str, *arguments: str, timeout: float = 60, returncode: int = 0) -> str:
    """What it printed."""
    return run_alone(COMMON + code, *arguments, timeout=timeout, returncode=returncode)


def run_alone(code: str, *arguments: str, timeout: float = 60, returncode: int = 0) -> str:
    """The same, with nothing before it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == returncode, (done.returncode, done.stdout, done.stderr[-3000:])
    return done.stdout
