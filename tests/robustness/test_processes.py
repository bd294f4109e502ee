"""Forks, signals, the interpreter's end, other libraries with threads in the same process."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

import pytest

from .scripts import run

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.mark.parametrize("what", ["fit", "predict", "train", "ops"])
def test_a_daemon_thread_at_the_end_of_the_interpreter(what: str) -> None:
    # CPython before 3.14 unwinds a thread that asks for the GIL then: std::terminate, exit code 134
    run(
        """
def work():
    while True:
        match sys.argv[1]:
            case "fit": model.fit(x, y, epochs=100, verbose=0)
            case "predict": model.predict(x, verbose=0)
            case "train": model(x, training=True)
            case "ops": ranvier.ops.matmul(big, big)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""",
        what,
    )


@FORKS
@pytest.mark.parametrize("parent", ["fit", "predict", "train"])
def test_a_fork_while_other_threads_use_the_model(parent: str) -> None:
    # whoever holds the model's lock in the parent is not in the child, and never opens it
    told = run(
        """
going = True
def work():
    n = 0
    while going:
        n += 1
        match sys.argv[1]:
            case "fit": model.fit(x, y, epochs=1, verbose=0)
            case "predict": model.predict(x[: 1000 + n % 1000], verbose=0)
            case "train": model(x, training=True)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
time.sleep(0.2)
ended = []
for k in range(8):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        match k % 4:
            case 0: model.fit(x[:64], y[:64], verbose=0)
            case 1: model.predict(x[:300], verbose=0)
            case 2: model(x[:64], training=True)
            case 3: made().evaluate(x, y, verbose=0)
        os._exit(0)
    ended.append(os.waitpid(child, 0)[1])
going = False
for thread in threads:
    thread.join()
print(sorted(set(ended)))
""",
        parent,
    )
    assert told.split() == ["[0]"]


@FORKS
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_after_a_parallel_region(method: str, tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text("""
import multiprocessing, sys, numpy as np, ranvier
def work(seed):
    ranvier.utils.set_random_seed(seed)
    model = ranvier.Sequential([ranvier.Input((32,)), ranvier.layers.Dense(4)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(seed).normal(size=(64, 32))
    model.fit(x, x[:, :4], verbose=0)
    return [w.tobytes() for w in model.get_weights()]
if __name__ == "__main__":
    big = np.ones((600, 600), "f4")
    ranvier.ops.matmul(big, big)
    here = [work(0), work(1)]
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        assert pool.map_async(work, [0, 1]).get(60) == here
    print("same")
""")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), method],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["same"], done.stderr[-2000:]


@pytest.mark.skipif(importlib.util.find_spec("joblib") is None, reason="no joblib")
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(backend: str) -> None:
    run(
        """
import joblib
ranvier.ops.matmul(big, big)
want = model.predict(x, verbose=0)
with joblib.parallel_backend(sys.argv[1], n_jobs=2):
    for got in joblib.Parallel()(joblib.delayed(model.predict)(x, None, 0) for _ in range(4)):
        assert np.array_equal(got, want)
""",
        backend,
        timeout=120,
    )


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="no PyTorch")
@pytest.mark.parametrize("first", ["ranvier", "torch"])
def test_pytorch_in_the_same_process(first: str) -> None:
    # two OpenMP runtimes, each with a team of its own, at once and in turn
    run(
        """
if sys.argv[1] == "ranvier":
    ranvier.ops.matmul(big, big)
import torch
torch.set_num_threads(2)
t = torch.ones(600, 600)
want, theirs = ranvier.ops.matmul(big, big), t @ t
def ours():
    for _ in range(4):
        assert np.array_equal(ranvier.ops.matmul(big, big), want)
        model.fit(x, y, verbose=0)
def other():
    for _ in range(8):
        assert torch.equal(t @ t, theirs)
failed = []
threading.excepthook = failed.append
threads = [threading.Thread(target=f) for f in (ours, other, other)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
""",
        first,
        timeout=120,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX'")
@pytest.mark.parametrize("what", ["fit", "one epoch", "evaluate", "predict", "predict in pieces"])
def test_ctrl_c_is_heard_and_leaves_a_usable_model(what: str) -> None:
    # each would run for minutes
    told = run(
        """
many = np.broadcast_to(x[:1], (30_000_000, 64))
labels = np.broadcast_to(y[:1], (30_000_000, 8))
def interrupt():
    time.sleep(0.5)
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    match sys.argv[1]:
        case "fit": model.fit(x, y, epochs=10**6, verbose=0)
        case "one epoch": model.fit(many, labels, shuffle=False, verbose=0)
        case "evaluate": model.evaluate(many, labels, verbose=0)
        case "predict": model.predict(many, verbose=0)
        case "predict in pieces": model.predict(many, batch_size=1_000_000, verbose=2)
    print("was not heard")
except KeyboardInterrupt:
    took = time.perf_counter() - sent
    model.fit(x, y, verbose=0)
    assert np.isfinite(model.predict(x, verbose=0)).all()
    print("heard" if took < 10 else f"heard after {took:.0f} s")
""",
        what,
        timeout=120,
    )
    assert told.split() == ["heard"]
