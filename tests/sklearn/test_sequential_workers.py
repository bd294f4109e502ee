"""Estimators are pickled, copied, and run in joblib's workers."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

pytest.importorskip("sklearn")

import joblib
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import cross_val_score

from ranvier.sklearn import SequentialClassifier, SequentialRegressor
from ranvier.sklearn._workers import fair_threads


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    x, y = load_digits(return_X_y=True)
    return x[:300] / 16, y[:300]


def cnn() -> ranvier.Sequential:
    return ranvier.Sequential(
        [
            ranvier.Input((8, 8, 1)),
            L.Conv2D(8, 3, name="conv"),
            L.BatchNormalization(),
            L.Activation("relu"),
            L.Flatten(),
            L.Dropout(0.2),
        ]
    )


def through_joblib(thing: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(thing, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "passed", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, through_joblib]
)
def test_copies_before_and_after_fit(digits: Any, passed: Any) -> None:
    x, y = digits
    make = SequentialClassifier(cnn(), conv__filters=4, epochs=3, random_state=0, warm_start=True)
    first = clone(make).fit(x, y)
    second = passed(make).fit(x, y)
    third = passed(first)
    for other in (second, third):
        np.testing.assert_array_equal(other.predict_proba(x), first.predict_proba(x))
        np.testing.assert_array_equal(other.predict_proba(x[:1]), first.predict_proba(x[:1]))
    # and they go on alike, each by itself
    third.fit(x, y)
    assert third.n_iter_ == 6 and first.n_iter_ == 3
    np.testing.assert_array_equal(first.fit(x, y).predict_proba(x), third.predict_proba(x))
    assert np.abs(first.predict_proba(x) - second.predict_proba(x)).max() > 1e-3


def test_series_regressor_is_pickled(rng: Any) -> None:
    x = rng.normal(size=(50, 6, 2))
    reg = SequentialRegressor([L.Bidirectional(L.GRU(3))], epochs=2).fit(x, x[:, 0, 0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reg)).predict(x), reg.predict(x))


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_the_same_scores_in_workers(digits: Any, backend: str) -> None:
    clf = SequentialClassifier(cnn(), epochs=2, random_state=0)
    here = cross_val_score(clf, *digits, cv=3)
    with joblib.parallel_config(backend=backend):
        there = cross_val_score(clf, *digits, cv=3, n_jobs=2)
    np.testing.assert_array_equal(here, there)


def test_worker_processes_follow_joblibs_limit() -> None:
    # in a process of its own: what the tests have set must not count
    code = (
        "import joblib, ranvier\n"
        "for limit in (1, 3):\n"
        "    with joblib.parallel_config('loky', n_jobs=2, inner_max_num_threads=limit):\n"
        "        jobs = [joblib.delayed(ranvier.config.get_num_threads)() for _ in range(2)]\n"
        "        assert joblib.Parallel()(jobs) == [limit, limit], limit\n"
        "    joblib.externals.loky.get_reusable_executor().shutdown()\n"
    )
    given = {
        k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "RANVIER_NUM_THREADS")
    }
    subprocess.run([sys.executable, "-c", code], check=True, env=given)


def limits() -> tuple[int, int]:
    with fair_threads():
        return ranvier.config.get_num_threads(), threading.get_ident()


def test_threads_of_joblib_have_one_each() -> None:
    code = (
        "import joblib, threading, ranvier\n"
        "from tests.sklearn.test_sequential_workers import limits\n"
        "from threadpoolctl import threadpool_limits\n"
        "threadpool_limits(4, user_api='openmp')\n"
        "got = joblib.Parallel(2, 'threading')(joblib.delayed(limits)() for _ in range(4))\n"
        "assert {n for n, _ in got} == {1}, got\n"
        "assert limits()[0] == 4\n"  # the main thread keeps its own
        "other = []\n"  # a thread that joblib has not made, too
        "t = threading.Thread(target=lambda: other.append(limits()[0]))\n"
        "t.start(); t.join()\n"
        "assert other == [3], other\n"
    )
    given = {k: v for k, v in os.environ.items() if k != "RANVIER_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**given, "OMP_NUM_THREADS": "3"})


def test_seeds_of_threads_do_not_mix(digits: Any) -> None:
    clf = SequentialClassifier(cnn(), epochs=1, random_state=0)
    wanted = clone(clf).fit(*digits).predict_proba(digits[0])
    jobs = [joblib.delayed(clone(clf).fit)(*digits) for _ in range(6)]
    for fitted in joblib.Parallel(3, "threading")(jobs):
        np.testing.assert_array_equal(fitted.predict_proba(digits[0]), wanted)


def test_fitting_leaves_the_global_generators_alone(digits: Any) -> None:
    def drawn(fit: bool) -> Any:
        ranvier.utils.set_random_seed(5)
        if fit:
            SequentialClassifier(epochs=1, random_state=0).fit(*digits)
        return ranvier.initializers.RandomNormal()((3,)), np.random.rand(3)

    np.testing.assert_array_equal(drawn(True), drawn(False))
    # without `random_state` it is set_random_seed that makes runs repeat
    results = []
    for _ in range(2):
        ranvier.utils.set_random_seed(5)
        results.append(SequentialClassifier(epochs=1).fit(*digits).predict_proba(digits[0]))
    np.testing.assert_array_equal(*results)


def test_voting(digits: Any) -> None:
    votes = [(str(i), SequentialClassifier(epochs=5, random_state=i)) for i in range(2)]
    assert VotingClassifier(votes, voting="soft").fit(*digits).score(*digits) > 0.8


def test_without_scikit_learn() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda n, p=None: None if n == 'sklearn' else find(n, p)\n"
        "import ranvier\n"
        "try: ranvier.sklearn\n"
        "except ImportError as e: print(e)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "ranvier.sklearn needs the package sklearn" in out.stdout
    assert "ranvier[sklearn]" in out.stdout
