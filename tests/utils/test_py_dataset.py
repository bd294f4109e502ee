"""PyDataset in fit, evaluate and predict: order, workers, errors, ends."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
import traceback
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.utils import PyDataset

from ..parity.keras_reference import copy_weights, keras

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = RNG.normal(size=(40, 2)).astype("float32")


class Rows(PyDataset):
    """Eight batches of five rows."""

    def __init__(self, wait: Any = None, weights: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wait, self.weights = wait, weights
        self.events: list[Any] = []

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        if self.wait:
            time.sleep(self.wait[index % len(self.wait)])
        self.events.append(index)
        part = slice(5 * index, 5 * index + 5)
        if self.weights:
            return X[part], Y[part], np.arange(5.0)
        return X[part], Y[part]

    def on_epoch_begin(self) -> None:
        self.events.append("begin")

    def on_epoch_end(self) -> None:
        self.events.append("end")


class Endless(Rows):
    __len__ = None  # type: ignore[assignment]
    num_batches = None  # type: ignore[assignment]

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index % 8)


def model(metrics: Any = ()) -> Any:
    made = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    made.compile(ranvier.optimizers.SGD(0.1), "mse", metrics=list(metrics))
    return made


def workers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("ranvier-batches")]


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("weights", [False, True])
def test_beside_keras(n: int, weights: bool) -> None:
    class Theirs(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> Any:
            return Rows(weights=weights)[index]

    want = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    want.compile(keras.optimizers.SGD(0.1), "mse", weighted_metrics=["mae"])
    got = model()
    copy_weights(got, want)
    got.compile(ranvier.optimizers.SGD(0.1), "mse", weighted_metrics=["mae"])
    kw: Any = {"epochs": 3, "shuffle": False, "verbose": 0}
    theirs = want.fit(Theirs(), validation_data=Theirs(), **kw).history
    ours = got.fit(
        Rows(weights=weights, workers=n), validation_data=Rows(weights=weights, workers=n), **kw
    ).history
    assert set(ours) == set(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-5, err_msg=name)
    np.testing.assert_allclose(
        got.evaluate(Rows(weights=weights, workers=n), verbose=0),
        want.evaluate(Theirs(), verbose=0),
        rtol=2e-5,
    )
    np.testing.assert_allclose(
        got.predict(Rows(workers=n), verbose=0), want.predict(X, verbose=0), rtol=1e-4, atol=1e-6
    )


def test_signature_and_names_are_those_of_keras() -> None:
    import inspect

    def named(f: Any) -> Any:
        return {k: p.default for k, p in inspect.signature(f).parameters.items()}

    assert named(PyDataset.__init__) == named(keras.utils.PyDataset.__init__)
    public = {n for n in dir(keras.utils.PyDataset) if not n.startswith("_")}
    assert public <= set(dir(PyDataset))
    assert ranvier.utils.Sequence is PyDataset


def test_what_keras_has_in_utils_and_in_saving_is_one_thing() -> None:
    shared = [
        n for n in dir(keras.utils) if hasattr(keras.saving, n) and hasattr(ranvier.saving, n)
    ]
    for name in shared:
        if not name.startswith("_"):
            assert getattr(ranvier.utils, name) is getattr(ranvier.saving, name), name


def test_order_holds_though_workers_take_different_times() -> None:
    data = Rows(wait=[0.02, 0.0, 0.01], workers=4)
    np.testing.assert_array_equal(model().predict(data, verbose=0).shape, (40, 2))
    made = model()
    want = made.predict(X, verbose=0)
    np.testing.assert_allclose(made.predict(data, verbose=0), want, rtol=1e-6)
    assert not workers()


def test_workers_prepare_ahead_but_not_more_than_the_queue() -> None:
    lock, most, now = threading.Lock(), 0, 0
    asked: list[int] = []

    class Watched(Rows):
        def __getitem__(self, index: int) -> Any:
            nonlocal most, now
            with lock:
                now += 1
                most = max(most, now)
                asked.append(index)
            time.sleep(0.02)
            with lock:
                now -= 1
            return super().__getitem__(index)

    class Slow(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            time.sleep(0.05)
            assert len(asked) <= batch + 1 + 3

    model().fit(Watched(workers=3, max_queue_size=3), verbose=0, callbacks=[Slow()])
    assert most == 3


def test_events_come_around_each_pass_when_no_worker_runs() -> None:
    class Quiet(Rows):
        def on_epoch_end(self) -> None:
            assert not workers()
            super().on_epoch_end()

    data = Quiet(workers=3)
    made = model()
    made.fit(data, epochs=2, verbose=0, validation_data=Quiet())
    for pass_ in (data.events[:10], data.events[10:]):
        assert (pass_[0], pass_[-1]) == ("begin", "end")
        assert sorted(pass_[1:-1]) == list(range(8))
    data.events = []
    made.evaluate(data, steps=2, verbose=0)
    made.predict(data, steps=2, verbose=0)
    assert [e for e in data.events if isinstance(e, str)] == ["begin", "end"] * 2


def test_fit_shuffles_by_the_global_seed() -> None:
    def order(shuffle: bool) -> list[int]:
        ranvier.utils.set_random_seed(5)
        data = Rows()
        model().fit(data, epochs=2, shuffle=shuffle, verbose=0)
        return [e for e in data.events if isinstance(e, int)]

    assert order(False) == [*range(8)] * 2
    first = order(True)
    assert first == order(True) and first[:8] != first[8:] and sorted(first[:8]) == [*range(8)]


@pytest.mark.parametrize("n", [1, 3])
def test_without_end(n: int) -> None:
    made, data = model(), Endless(workers=n)
    history = made.fit(data, steps_per_epoch=3, epochs=4, verbose=0, shuffle=True)
    assert len(history.history["loss"]) == 4 and made.optimizer.iterations == 12
    # goes on from epoch to epoch; the same as the batches in a row
    other = model()
    other.set_weights(made.get_weights())
    seen = [e for e in data.events if isinstance(e, int)]
    assert seen[:12] == [i % 8 for i in range(12)] or n > 1
    assert not workers()
    for call in (
        lambda: made.fit(data, verbose=0),
        lambda: made.evaluate(data, verbose=0),
        lambda: made.predict(data, verbose=0),
        lambda: made.fit(X, Y, validation_data=data, verbose=0),
    ):
        with pytest.raises(ValueError, match=r"steps.*has no end"):
            call()
    assert made.predict(data, steps=3, verbose=0).shape == (15, 2)
    made.fit(X, Y, validation_data=data, validation_steps=2, verbose=0)


def test_without_end_trains_on_the_same_batches_with_workers_as_without() -> None:
    start = model().get_weights()
    results = []
    for n in (1, 4):
        made = model()
        made.set_weights(start)
        made.fit(Endless(workers=n, wait=[0.003, 0.0]), steps_per_epoch=3, epochs=3, verbose=0)
        results.append(made.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_finite_with_steps_goes_on_in_the_next_epoch() -> None:
    data = Rows(workers=2)
    made = model()
    made.fit(data, steps_per_epoch=4, epochs=4, verbose=0, shuffle=False)
    assert made.optimizer.iterations == 16


class Broken(Rows):
    def __getitem__(self, index: int) -> Any:
        if index == 3:
            raise RuntimeError("batch three is broken")
        return super().__getitem__(index)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_an_error_of_a_worker_reaches_the_caller_with_its_place(method: str) -> None:
    data = Broken(workers=3, wait=[0.005])
    with pytest.raises(RuntimeError, match="three is broken") as caught:
        getattr(model(), method)(data, verbose=0)
    text = "".join(traceback.format_exception(caught.value))
    assert "test_py_dataset.py" in text and "in __getitem__" in text
    assert not workers()


def test_an_error_in_training_ends_the_workers() -> None:
    class Stop(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model().fit(Rows(workers=3, wait=[0.01]), verbose=0, callbacks=[Stop()])
    assert not workers()

    class Early(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    data = Rows(workers=3, wait=[0.01])
    model().fit(data, verbose=0, callbacks=[Early()], epochs=5)
    assert not workers() and data.events.count("end") == 1


def test_a_batch_of_the_wrong_shape_ends_the_workers() -> None:
    class Wrong(Rows):
        def __getitem__(self, index: int) -> Any:
            return X[:, :2], Y

    with pytest.raises(ValueError, match="expected input of shape"):
        model().fit(Wrong(workers=3), verbose=0)
    with pytest.raises(ValueError, match="expected input of shape"):
        model().evaluate(Wrong(workers=3), verbose=0)
    assert not workers()


def test_without_the_constructor_of_the_base() -> None:
    class Plain(PyDataset):
        def __init__(self) -> None:
            pass

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return X[:4], Y[:4]

    model().fit(Plain(), verbose=0)
    with pytest.raises(NotImplementedError, match="__getitem__"):
        PyDataset()[0]
    with pytest.raises(NotImplementedError, match="num_batches"):
        model().fit(PyDataset(), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"workers": -1}, ValueError),
        ({"workers": 1.5}, TypeError),
        ({"workers": True}, TypeError),
        ({"max_queue_size": 0}, ValueError),
        ({"max_queue_size": None}, TypeError),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind, match=rf"Rows: `{next(iter(arguments))}`"):
        Rows(**arguments)


def test_class_weights_of_batches() -> None:
    labels = np.arange(40) % 2

    class Labelled(Rows):
        def __getitem__(self, index: int) -> Any:
            part = slice(5 * index, 5 * index + 5)
            return X[part], labels[part]

    losses = []
    start: Any = None
    for data, more in ((Labelled(workers=2), {"class_weight": {0: 0.5, 1: 2.0}}), (X, {})):
        made = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
        start = start or made.get_weights()
        made.set_weights(start)
        made.compile("sgd", ranvier.losses.SparseCategoricalCrossentropy(from_logits=True))
        if data is X:
            more = {"sample_weight": np.where(labels == 0, 0.5, 2.0), "batch_size": 5}
            history = made.fit(X, labels, shuffle=False, verbose=0, **more)
        else:
            history = made.fit(data, shuffle=False, verbose=0, **more)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


# -- PyTorch's loaders ----------------------------------------------------------------------


def test_loaders_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, IterableDataset, TensorDataset

    class Stream(IterableDataset):
        def __iter__(self) -> Any:
            return zip(torch.from_numpy(X), torch.from_numpy(Y), strict=True)

    whole = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    made = model()
    start = made.get_weights()
    want = made.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]
    for data in (whole, Stream()):
        loader = DataLoader(data, batch_size=8)
        other = model()
        other.set_weights(start)
        got = other.fit(loader, epochs=2, verbose=0, validation_data=loader).history["loss"]
        np.testing.assert_allclose(got, want, rtol=1e-6)
        assert other.predict(loader, verbose=0).shape == (40, 2)


# -- processes ------------------------------------------------------------------------------

SCRIPT = """
import multiprocessing, sys, threading
import numpy as np, ranvier
from ranvier.utils import PyDataset

class Noise(PyDataset):
    def __len__(self):
        return 6
    def __getitem__(self, index):
        if index == self.broken:
            raise RuntimeError("batch is broken")
        x = np.full((400, 64), index, "float32")
        # the engine within a worker, at a size that it divides among threads
        y = ranvier.ops.matmul(x, np.ones((64, 300), "float32")).mean(axis=1, keepdims=True)
        return x, y + np.random.normal() + np.random.default_rng(0).normal()

def run(broken=-1):
    ranvier.utils.set_random_seed(3)
    data = Noise(workers=3, use_multiprocessing=True)
    data.broken = broken
    model = ranvier.Sequential([ranvier.Input((64,)), ranvier.layers.Dense(1)])
    model.compile("adam", "mse")
    big = np.ones((4000, 64), "float32")
    model.predict(big, verbose=0)  # the engine's threads exist before the workers
    history = model.fit(data, epochs=2, verbose=0, validation_data=data)
    return history.history["loss"]

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    ranvier.config.set_num_threads(2)
    first, second = run(), run()
    assert first == second, (first, second)
    data = Noise(workers=3, use_multiprocessing=True)
    data.broken = -1
    from ranvier.utils.py_dataset import Batches
    noise = [float(y[0, 0] - 64 * i) for i, (x, y) in enumerate(Batches(data, range(6)))]
    assert len(set(np.round(noise, 3))) == 6, noise
    try:
        run(broken=4)
    except RuntimeError as error:
        assert "in __getitem__" in str(error.__cause__), error.__cause__
    else:
        raise AssertionError
    assert not multiprocessing.active_children()
    assert [t for t in threading.enumerate()] == [threading.main_thread()]
    print("good")
"""


@pytest.mark.parametrize(
    "method", ["fork", "forkserver", pytest.param("spawn", marks=pytest.mark.slow)]
)
def test_processes(method: str, tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), method], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "good"


def test_ctrl_c_ends_processes(tmp_path: Any) -> None:
    import os
    import signal

    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.split("if __name__")[0].replace(
            "return x, y", "import time; time.sleep(0.2); return x, y"
        )
        + "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + "print('begin', flush=True); run()\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.6)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    for _ in itertools.repeat(None, 50):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("a worker lives on")
