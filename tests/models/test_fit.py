"""What fit, evaluate and predict do with data of all kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def classifier(dtype: str | None = None, **compile_arguments: Any) -> ranvier.Sequential:
    model = ranvier.Sequential(
        [
            L.Dense(16, activation="relu", input_shape=(8,), dtype=dtype),
            L.Dense(3, activation="softmax", dtype=dtype),
        ]
    )
    model.compile(
        **{
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            **compile_arguments,
        }
    )
    return model


def blobs(rng: np.random.Generator, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    y = rng.integers(0, 3, n)
    return rng.normal(size=(n, 8)).astype("float32") + 2 * np.eye(3, 8)[y].astype("float32"), y


def same_weights(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.get_weights(), b.get_weights(), strict=True))


def trained(fit_arguments: dict[str, Any], *data: Any) -> ranvier.Sequential:
    ranvier.utils.set_random_seed(3)
    model = classifier()
    model.fit(*data, verbose=0, **fit_arguments)
    return model


def test_learns(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    model = classifier()
    history = model.fit(x, y, epochs=60, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert model.evaluate(x, y, verbose=0)[1] > 0.85
    assert history.epoch == list(range(60))


def test_same_seed_same_run(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    assert same_weights(trained({"epochs": 3}, x, y), trained({"epochs": 3}, x, y))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_weights_are_bit_identical_for_any_number_of_threads(
    n: int, threads: Any, rng: np.random.Generator
) -> None:
    """Wide enough that every kind of product is divided among threads."""
    x = rng.normal(size=(512, 300)).astype("float32")
    y = rng.integers(0, 10, 512)

    def run() -> ranvier.Sequential:
        ranvier.utils.set_random_seed(3)
        model = ranvier.Sequential(
            [
                L.Dense(700, activation="relu", input_shape=(300,)),
                L.Dropout(0.3),
                L.Dense(333, activation="tanh"),
                L.Dense(10, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=256, epochs=2, verbose=0)
        return model

    threads(1)
    one = run()
    p_one = one.predict(x, verbose=0)
    threads(n)
    many = run()
    assert same_weights(one, many)
    assert np.array_equal(p_one, one.predict(x, verbose=0))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.astype("float64"),
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: np.ascontiguousarray(a[::-1])[::-1],
        lambda a: np.ascontiguousarray(a[:, ::-1])[:, ::-1],
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: a.tolist(),
        lambda a: _read_only(a),
        lambda a: a[None][0],
    ],
    ids=[
        "float64",
        "fortran",
        "sliced",
        "reversed",
        "columns",
        "swapped",
        "list",
        "locked",
        "view",
    ],
)
def test_layout_and_dtype_do_not_matter(change: Any, rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    assert same_weights(trained({}, x, y), trained({}, change(x), y))
    model = trained({}, x, y)
    expected = model.predict(x, verbose=0)
    assert np.array_equal(model.predict(change(x), verbose=0), expected)
    assert np.array_equal(model(change(x)[:5]), model(x[:5]))


def _read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int64", "bool", "float16"])
def test_every_numeric_dtype(dtype: str, rng: np.random.Generator) -> None:
    x = rng.integers(0, 2 if dtype == "bool" else 100, size=(64, 8)).astype(dtype)
    y = rng.integers(0, 3, 64)
    assert same_weights(trained({}, x, y), trained({}, x.astype("float32"), y))
    for kind in ("uint8", "int32", "float32", "float64"):
        assert same_weights(trained({}, x, y), trained({}, x, y.astype(kind)))


def test_memmap_is_not_read_whole(tmp_path: Any, rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert same_weights(trained({}, x, y), trained({}, mapped, y))


def test_data_frames(rng: np.random.Generator) -> None:
    pd = pytest.importorskip("pandas")
    x, y = blobs(rng)
    frame = pd.DataFrame(x)
    assert same_weights(trained({}, x, y), trained({}, frame, pd.Series(y)))


def test_generators_and_sequences(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    expected = trained({"shuffle": False, "epochs": 2}, x, y)
    cuts = [slice(i, i + 32) for i in range(0, 300, 32)]

    class Batches:
        def __len__(self) -> int:
            return len(cuts)

        def __getitem__(self, i: int) -> Any:
            if i >= len(cuts):
                raise IndexError(i)
            return x[cuts[i]], y[cuts[i]]

    assert same_weights(expected, trained({"shuffle": False, "epochs": 2}, Batches()))
    assert same_weights(expected, trained({"epochs": 2}, _Again([(x[c], y[c]) for c in cuts])))

    def endless() -> Any:
        while True:
            yield from ((x[c], y[c]) for c in cuts)

    assert same_weights(expected, trained({"epochs": 2, "steps_per_epoch": len(cuts)}, endless()))
    model = trained({}, x, y)
    assert model.evaluate(Batches(), verbose=0)[1] == pytest.approx(
        model.evaluate(x, y, verbose=0)[1]
    )
    p = model.predict(((x[c],) for c in cuts), verbose=0)
    np.testing.assert_allclose(p, model.predict(x, verbose=0), rtol=1e-5, atol=1e-7)


class _Again:
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __iter__(self) -> Any:
        return iter(self.items)


def test_a_generator_that_runs_dry_says_so(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    model = classifier()
    with pytest.warns(RuntimeWarning, match="ran out after 1 of 5"):
        model.fit(iter([(x, y)]), steps_per_epoch=5, epochs=2, verbose=0)


def test_validation_split_takes_the_last_rows(rng: np.random.Generator) -> None:
    x, y = blobs(rng, 100)
    model = classifier()
    history = model.fit(x, y, validation_split=0.2, verbose=0)
    scores = model.evaluate(x[80:], y[80:], verbose=0)
    assert history.history["val_loss"][0] == pytest.approx(scores[0], rel=1e-5)
    assert history.history["val_accuracy"][0] == pytest.approx(scores[1])
    ranvier.utils.set_random_seed(3)
    assert same_weights(trained({"validation_split": 0.2}, x, y), trained({}, x[:80], y[:80]))


def test_validation_freq(rng: np.random.Generator) -> None:
    x, y = blobs(rng, 60)
    model = classifier()
    history = model.fit(
        x, y, epochs=6, validation_data=(x, y), validation_freq=3, verbose=0
    ).history
    assert len(history["val_loss"]) == 2
    history = model.fit(
        x, y, epochs=4, validation_data=(x, y), validation_freq=[1, 4], verbose=0
    ).history
    assert len(history["val_loss"]) == 2


def test_class_weight_is_a_sample_weight(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    weights = {0: 0.5, 1: 2.0, 2: 1.25}
    per_row = np.array([weights[c] for c in y])
    assert same_weights(
        trained({"class_weight": weights}, x, y), trained({"sample_weight": per_row}, x, y)
    )


def test_steps_per_epoch_goes_on_where_it_stopped(rng: np.random.Generator) -> None:
    x, y = blobs(rng, 320)
    a = trained({"shuffle": False, "epochs": 2, "steps_per_epoch": 5, "batch_size": 32}, x, y)
    b = trained({"shuffle": False, "epochs": 1, "batch_size": 32}, x, y)
    assert same_weights(a, b)


def test_initial_epoch(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    model = classifier()
    assert model.fit(x, y, initial_epoch=3, epochs=5, verbose=0).epoch == [3, 4]


def test_train_on_batch_is_a_step_of_fit(rng: np.random.Generator) -> None:
    x, y = blobs(rng, 32)
    ranvier.utils.set_random_seed(3)
    a = classifier()
    loss, accuracy = a.train_on_batch(x, y)
    b = trained({"shuffle": False}, x, y)
    assert same_weights(a, b)
    assert b.history.history["loss"][0] == pytest.approx(loss)
    assert 0 <= accuracy <= 1
    assert set(a.test_on_batch(x, y, return_dict=True)) == {"loss", "accuracy"}


def test_predict_on_one_row_is_the_call(rng: np.random.Generator) -> None:
    x, _ = blobs(rng)
    model = classifier()
    assert np.array_equal(model.predict(x[:1], verbose=0), model(x[:1]))
    assert np.array_equal(model.predict_on_batch(x[:1]), model(x[:1]))
    np.testing.assert_allclose(model.predict(x, verbose=0)[:1], model(x[:1]), rtol=1e-5)
    assert model.predict(x[:0], verbose=0).shape == (0, 3)


def test_float64(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    model = classifier(dtype="float64")
    model.fit(x, y, verbose=0)
    assert model(x).dtype == np.float64
    assert model.get_weights()[0].dtype == np.float64


def test_nan_loss_is_reported(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    x[3, 2] = np.nan
    model = classifier()
    with pytest.warns(RuntimeWarning, match="loss is NaN in epoch 1"):
        history = model.fit(x, y, verbose=0)
    assert np.isnan(history.history["loss"][0])


def test_ctrl_c_leaves_a_usable_model(rng: np.random.Generator) -> None:
    x, y = blobs(rng)
    model = classifier()

    class Interrupt(ranvier.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10, verbose=0, callbacks=[Interrupt()])
    assert len(model.history.history["loss"]) >= 2
    model.fit(x, y, verbose=0)
    assert np.isfinite(model.evaluate(x, y, verbose=0)).all()


def test_a_real_sigint_stops_a_long_epoch() -> None:
    import signal
    import threading
    import time

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200_000, 64)).astype("float32")
    y = rng.integers(0, 2, 200_000)
    model = ranvier.Sequential([L.Dense(256, input_shape=(64,)), L.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    # a shell starts what runs in the background with SIGINT ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    begin = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, y, epochs=1000, verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 30
    assert np.isfinite(model(x[:10])).all()


def test_random_numbers_go_on_in_and_outside_of_fit() -> None:
    """Each pass of training draws anew, whoever makes it: as that many calls of a twin."""
    model, twin = (
        ranvier.Sequential([L.Input((64,)), L.Dropout(0.5, seed=3), L.Dense(1)]) for _ in range(2)
    )
    twin.set_weights(model.get_weights())
    model.compile(ranvier.optimizers.SGD(0.0), "mse")  # weights stay as they are
    x, y = np.ones((4, 64), "float32"), np.zeros((4, 1), "float32")
    expected = [twin(x, training=True).tolist() for _ in range(12)]
    assert len({str(e) for e in expected}) == 12
    passes = 0
    for _ in range(2):
        for _ in range(2):
            assert model(x, training=True).tolist() == expected[passes]
            passes += 1
        model.fit(x, y, epochs=2, verbose=0)
        model.train_on_batch(x, y)
        passes += 3
    assert model(x, training=True).tolist() == expected[passes]
