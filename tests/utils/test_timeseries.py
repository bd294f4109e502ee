"""timeseries_dataset_from_array beside a plain reimplementation and the examples of Keras'."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier
from ranvier.utils import timeseries_dataset_from_array


def test_the_first_example_of_keras() -> None:
    dataset = timeseries_dataset_from_array(
        np.arange(99), None, sequence_length=10, sampling_rate=2, sequence_stride=3
    )
    (windows,) = list(dataset)
    assert windows[0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert windows[1].tolist() == [3, 5, 7, 9, 11, 13, 15, 17, 19, 21]
    assert windows[2].tolist() == [6, 8, 10, 12, 14, 16, 18, 20, 22, 24]
    assert windows[-1].tolist() == [78, 80, 82, 84, 86, 88, 90, 92, 94, 96]


def test_the_second_example_of_keras() -> None:
    data = np.random.default_rng(0).normal(size=50)
    for inputs, targets in timeseries_dataset_from_array(data[:-10], data[10:], 10):
        np.testing.assert_array_equal(inputs[0], data[:10])
        np.testing.assert_array_equal(targets[0], data[10])
        break


def test_the_third_example_of_keras() -> None:
    x = np.arange(100)
    y = x * 2
    windows = [
        timeseries_dataset_from_array(a, None, sequence_length=20, sequence_stride=20)
        for a in (x, y)
    ]
    inputs, targets = next(iter(zip(*windows, strict=True)))
    np.testing.assert_array_equal(inputs[0], x[:20])
    np.testing.assert_array_equal(targets[1], y[20:40])


def plain(
    data: Any, targets: Any, length: int, stride: int, rate: int, start: int, end: int
) -> list[tuple[Any, Any]]:
    """All windows, one after another."""
    found = []
    at = start
    while at + (length - 1) * rate < end:
        if targets is None or at < min(len(targets), end):
            window = np.array([data[at + i * rate] for i in range(length)])
            found.append((window, None if targets is None else targets[at]))
        at += stride
    return found


@st.composite
def cases(draw: Any) -> tuple[Any, ...]:
    n = draw(st.integers(2, 30))
    rate, stride = draw(st.integers(1, n - 1)), draw(st.integers(1, n - 1))
    start = draw(st.integers(0, n - 2))
    end = draw(st.none() | st.integers(start + 1, n - 1))
    length = draw(st.integers(1, 5))
    shape = draw(st.sampled_from([(), (2,)]))
    targets = draw(st.none() | st.integers(1, n + 5))
    batch = draw(st.none() | st.integers(1, 7))
    return n, length, stride, rate, start, end, shape, targets, batch


@given(cases())
def test_windows(case: tuple[Any, ...]) -> None:
    n, length, stride, rate, start, end, shape, targets, batch = case
    rng = np.random.default_rng(n)
    data = rng.normal(size=(n, *shape)).astype("float32")
    y = None if targets is None else rng.integers(0, 9, targets)
    dataset = timeseries_dataset_from_array(
        data, y, length, stride, rate, batch, start_index=start, end_index=end
    )
    expected = plain(data, y, length, stride, rate, start, n if end is None else end)
    items = list(dataset)
    assert len(items) == len(dataset) == -(-len(expected) // (batch or 1))
    if y is None:
        items = [(x, None) for x in items]
    if batch is not None:
        assert all(len(x) == batch for x, _ in items[:-1])
        items = [(x[i], None if y is None else t[i]) for x, t in items for i in range(len(x))]
    for (x, t), (want_x, want_t) in zip(items, expected, strict=True):
        assert x.dtype == data.dtype
        np.testing.assert_array_equal(x, want_x)
        assert t == want_t


def test_shuffled() -> None:
    data = np.arange(500)

    def make(**arguments: Any) -> Any:
        return timeseries_dataset_from_array(
            data, data, 4, batch_size=60, shuffle=True, **arguments
        )

    dataset = make(seed=3)
    first, second = ([y for _, y in dataset] for _ in range(2))
    assert len(first) == len(dataset) == 9
    starts = np.concatenate(first)
    assert sorted(starts) == list(range(497))
    assert starts.tolist() != list(range(497))
    assert np.concatenate(second).tolist() != starts.tolist()
    for x, y in dataset:
        np.testing.assert_array_equal(x, y[:, None] + np.arange(4))
    assert np.concatenate([y for _, y in make(seed=3)]).tolist() == starts.tolist()
    ranvier.utils.set_random_seed(5)
    one = np.concatenate([y for _, y in make()])
    ranvier.utils.set_random_seed(5)
    np.testing.assert_array_equal(np.concatenate([y for _, y in make()]), one)


def test_windows_are_not_all_in_memory(tmp_path: Any) -> None:
    """10 GB of windows over 80 MB on disk."""
    path = tmp_path / "series.npy"
    series = np.lib.format.open_memmap(path, "w+", "float32", (20_000_000,))
    series[-3:] = [1, 2, 3]
    series.flush()
    dataset = timeseries_dataset_from_array(np.load(path, mmap_mode="r"), None, 125, batch_size=2)
    assert len(dataset) == 9_999_938
    assert next(iter(dataset)).shape == (2, 125)


def test_a_model_takes_it() -> None:
    t = np.arange(400, dtype="float32")
    wave = np.sin(t / 5)[:, None]
    train = timeseries_dataset_from_array(wave[:-8], wave[8:], 8, shuffle=True, end_index=300)
    test = timeseries_dataset_from_array(wave[:-8], wave[8:], 8, start_index=300)
    model = ranvier.Sequential(
        [ranvier.Input((8, 1)), ranvier.layers.Flatten(), ranvier.layers.Dense(1)]
    )
    model.compile(ranvier.optimizers.Adam(0.05), "mse")
    history = model.fit(train, epochs=30, validation_data=test, verbose=0)
    assert history.history["val_loss"][-1] < 0.01 < history.history["val_loss"][0]
    assert model.evaluate(test, verbose=0) == pytest.approx(history.history["val_loss"][-1])
    y = model.predict(test, verbose=0)
    expected = model.predict(np.concatenate([x for x, _ in test]), verbose=0)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    alone = timeseries_dataset_from_array(wave[:-8], None, 8, start_index=300)
    np.testing.assert_allclose(model.predict(alone, verbose=0), y, rtol=1e-5, atol=1e-6)


def test_pickle_and_repr() -> None:
    dataset = timeseries_dataset_from_array(np.arange(9), None, 3, shuffle=True, seed=1)
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(next(iter(again)), next(iter(dataset)))
    assert repr(dataset) == "<TimeseriesDataset of 7 windows of 3 steps, batch_size=128>"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"start_index": -1}, "`start_index` must be in \\[0, 9\\].*got -1"),
        ({"start_index": 10}, "`start_index` must be in"),
        ({"start_index": 5, "end_index": 5}, "`end_index` must be in \\[6, 9\\].*got 5"),
        ({"end_index": 10}, "`end_index` must be in \\[1, 9\\]"),
        ({"end_index": -1}, "`end_index` must be in"),
        ({"sampling_rate": 0}, "`sampling_rate` must be in \\[1, 9\\].*got 0"),
        ({"sampling_rate": 10}, "`sampling_rate` must be in"),
        ({"sequence_stride": 0}, "`sequence_stride` must be in"),
        ({"sequence_stride": 10}, "`sequence_stride` must be in"),
        ({"sequence_length": 0}, "`sequence_length` must be >= 1; got 0"),
        ({"batch_size": 0}, "`batch_size` must be >= 1"),
        ({"shuffle": True, "seed": -1}, "`seed` must be >= 0"),
        ({"data": np.float32(3)}, "`data` must have a time axis"),
    ],
)
def test_numbers_out_of_range(arguments: Any, match: str) -> None:
    with pytest.raises(ValueError, match=f"timeseries_dataset_from_array: {match}"):
        timeseries_dataset_from_array(
            **{"data": np.arange(10), "targets": None, "sequence_length": 2, **arguments}
        )


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"data": [1, 2, 3]}, "`data` must be an array; got a list"),
        ({"targets": (1, 2)}, "`targets` must be an array; got a tuple"),
        ({"data": np.array(["a", "b"])}, "`data` must hold numbers"),
        ({"sequence_length": 2.0}, "`sequence_length` must be an integer; got 2.0"),
        ({"batch_size": True}, "`batch_size` must be an integer; got True"),
    ],
)
def test_things_of_the_wrong_kind(arguments: Any, match: str) -> None:
    with pytest.raises(TypeError, match=f"timeseries_dataset_from_array: {match}"):
        timeseries_dataset_from_array(
            **{"data": np.arange(10), "targets": None, "sequence_length": 2, **arguments}
        )
