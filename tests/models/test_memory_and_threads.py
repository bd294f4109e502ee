"""Memory in the steady state; several Python threads; forked children."""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

# In a process of its own: this one may already have held more than a leak would add.
STEADY = """
import os, resource
import numpy as np, ranvier
from ranvier import layers as L

rng = np.random.default_rng(0)
x = rng.normal(size=(2560, 64))  # float64: each batch is converted
y = rng.integers(0, 2, 2560)
model = ranvier.Sequential([
    L.Input((64,)), L.Dense(128, activation="gelu"), L.Dropout(0.1), L.Dense(2, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

def held():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * resource.getpagesize()

model.fit(x, y, batch_size=256, epochs=20, verbose=0)
before, faults = held(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
model.fit(x, y, batch_size=256, epochs=1000, verbose=0)
print(held() - before, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_thousand_steps_neither_grow_nor_allocate() -> None:
    # Blocks from 32 KiB on come straight from the system, so that each one that is allocated and
    # given back costs page faults, eight at least.
    told = subprocess.run(
        [sys.executable, "-c", STEADY],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "32768"},
    )
    grown, faults = map(int, told.stdout.split()[-2:])
    assert grown < 1_000_000
    assert faults < 2_000


def network() -> ranvier.Sequential:
    model = ranvier.Sequential(
        [L.Input((64,)), L.Dense(256, activation="relu"), L.Dropout(0.5), L.Dense(8)]
    )
    model.compile("sgd", "mse")
    return model


def test_predictions_from_many_threads_on_one_model(rng: np.random.Generator) -> None:
    x = rng.normal(size=(1000, 64)).astype("float32")
    model = network()
    expected = model.predict(x, verbose=0)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: model.predict(x, verbose=0), range(50)))
    assert all(np.array_equal(r, expected) for r in results)


def run_all(*functions: Any) -> None:
    """Each in a thread of its own; a failure fails the test, a hang ends it."""
    failures: list[BaseException] = []

    def guarded(function: Any) -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True) for f in functions]
    # Not a limit of `join`: a thread that hangs with the GIL stops this one, too.
    faulthandler.dump_traceback_later(120, exit=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faulthandler.cancel_dump_traceback_later()
    assert not failures, failures


def test_training_passes_from_several_threads_do_not_wait_for_each_other_for_ever(
    rng: np.random.Generator,
) -> None:
    x = rng.normal(size=(256, 64)).astype("float32")
    model = network()
    run_all(*[lambda: [model(x, training=True) for _ in range(50)]] * 4)


def test_predicting_while_the_model_is_trained_and_compiled_anew(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(512, 64)).astype("float32"), rng.normal(size=(512, 8))
    model = network()

    def train() -> None:
        for _ in range(20):
            model.compile("adam", "mse")
            model.fit(x, y, epochs=2, verbose=0)

    def predict() -> None:
        for _ in range(200):
            assert np.isfinite(model(x)).all()

    run_all(train, predict, predict)


class MeanPrediction(ranvier.metrics.Metric):
    """In Python, so that predictions are fetched after each batch."""

    def __init__(self, name: str = "mean_prediction") -> None:
        super().__init__(name=name)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.sum += float(np.sum(y_pred))

    def result(self) -> float:
        return self.sum

    def reset_state(self) -> None:
        self.sum = 0.0


def test_evaluating_in_several_threads_with_a_metric_in_python(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(512, 64)).astype("float32"), rng.normal(size=(512, 8))
    model = network()
    model.compile("sgd", "mse", metrics=[MeanPrediction()])

    def evaluate(first: int) -> None:
        for i in range(60):
            model.evaluate(x, y, batch_size=first + 7 * i, verbose=0)

    run_all(*[lambda n=n: evaluate(n) for n in (1, 33, 100)])


def test_models_train_in_several_threads_at_once(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(512, 64)).astype("float32"), rng.normal(size=(512, 8))
    models = [network() for _ in range(3)]
    for model in models[1:]:
        model.set_weights(models[0].get_weights())
    run_all(*[lambda m=m: m.fit(x, y, epochs=5, shuffle=False, verbose=0) for m in models])
    for model in models[1:]:
        for a, b in zip(models[0].get_weights(), model.get_weights(), strict=True):
            assert np.isfinite(a).all() and a.shape == b.shape


def test_a_forked_child_can_train(rng: np.random.Generator) -> None:
    import multiprocessing

    x = rng.normal(size=(512, 512)).astype("float32")
    ranvier.ops.matmul(x, x)  # a parallel region in the parent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of fork with threads
        context = multiprocessing.get_context("fork")
        with context.Pool(1) as pool:
            result = pool.apply_async(_train_in_child, (x,))
            product, loss = result.get(timeout=60)
    np.testing.assert_allclose(product, x @ x, rtol=1e-3, atol=1e-3)
    assert np.isfinite(loss)


def _train_in_child(x: np.ndarray) -> tuple[np.ndarray, float]:
    model = ranvier.Sequential([L.Dense(512, activation="relu"), L.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(x, x[:, 0], batch_size=256, verbose=0)
    return ranvier.ops.matmul(x, x), history.history["loss"][0]
