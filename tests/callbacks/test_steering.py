"""Callbacks that change the learning rate or write what they see; Keras is asked what they do."""

from __future__ import annotations

import csv
import http.server
import json
import threading
import urllib.parse
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import callbacks as C

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = RNG.normal(size=(10, 2)).astype("float32")


def model_of(kit: Any) -> Any:
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(2)])
    model.compile(kit.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def play(kit: Any, values: list[float], *callbacks: Any) -> Any:
    """A run whose val_loss takes these values."""

    class Play(kit.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["val_loss"] = values[epoch]

    model = model_of(kit)
    return model.fit(X, Y, epochs=len(values), verbose=0, callbacks=[Play(), *callbacks])


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 2},
        {"patience": 1, "factor": 0.5, "cooldown": 2},
        {"patience": 2, "min_lr": 0.04, "factor": 0.5},
        {"patience": 2, "min_delta": 0.2},
        {"patience": 2, "mode": "max"},
    ],
    ids=str,
)
def test_reduce_on_plateau_as_keras(arguments: dict[str, Any]) -> None:
    keras = pytest.importorskip("keras")
    values = [1.0, 0.9, 0.95, 0.96, float("nan"), 0.8, 0.9, 0.9, 0.9, 0.9, 0.79995, 0.9, 0.9]
    ours, theirs = (
        play(kit, values, kit.callbacks.ReduceLROnPlateau(**arguments)).history["learning_rate"]
        for kit in (ranvier, keras)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert len(set(ours)) > 1


@pytest.mark.parametrize("schedule", [lambda e, rate: rate * 0.9, lambda e: 0.1 / (e + 1)])
def test_learning_rate_scheduler_as_keras(schedule: Any) -> None:
    keras = pytest.importorskip("keras")
    ours, theirs = (
        play(kit, [0.0] * 4, kit.callbacks.LearningRateScheduler(schedule)).history["learning_rate"]
        for kit in (ranvier, keras)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_rates_have_an_effect(capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of(ranvier)
    still = C.LearningRateScheduler(lambda e: 0.0, verbose=1)
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0, callbacks=[still])
    assert np.array_equal(before, model.get_weights()[0])
    assert "learning rate to 0.0" in capsys.readouterr().out


@pytest.mark.parametrize("append", [False, True])
def test_csv_logger_as_keras(append: bool, tmp_path: Any) -> None:
    keras = pytest.importorskip("keras")

    def lines(kit: Any, name: str) -> list[list[str]]:
        path = tmp_path / name
        for _ in range(2):
            play(kit, [0.5, 0.25], kit.callbacks.CSVLogger(str(path), ";", append))
        return list(csv.reader(path.read_text().splitlines(), delimiter=";"))

    ours, theirs = lines(ranvier, "a.csv"), lines(keras, "b.csv")
    assert ours[0] == theirs[0] == ["epoch", "loss", "mae", "val_loss"]
    assert [row[::3] for row in ours] == [row[::3] for row in theirs]
    assert len(ours) == (5 if append else 3) and 0 < float(ours[1][1]) < 100


def test_csv_logger_keeps_what_is_written_when_training_fails(tmp_path: Any) -> None:
    def fail(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise RuntimeError

    logger = C.CSVLogger(tmp_path / "log.csv")
    with pytest.raises(RuntimeError):
        model_of(ranvier).fit(
            X, Y, epochs=3, verbose=0, callbacks=[logger, C.LambdaCallback(on_epoch_begin=fail)]
        )
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert rows[0] == "epoch,loss,mae,val_loss,val_mae" and rows[1].endswith("NA,NA")
    logger._close()


@pytest.mark.parametrize("as_json", [True, False])
def test_remote_monitor_posts(as_json: bool) -> None:
    got: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            text = body if as_json else urllib.parse.parse_qs(body)["data"][0]
            got.append((self.path, self.headers["X-Key"], json.loads(text)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        root = f"http://127.0.0.1:{server.server_port}"
        remote = C.RemoteMonitor(root, headers={"X-Key": "k"}, send_as_json=as_json)
        history = model_of(ranvier).fit(X, Y, epochs=2, verbose=0, callbacks=[remote])
        server.shutdown()
        thread.join()
    assert [g[0] for g in got] == ["/publish/epoch/end/"] * 2 and got[0][1] == "k"
    assert [g[2]["loss"] for g in got] == history.history["loss"]
    assert [g[2]["epoch"] for g in got] == [0, 1]
    with pytest.warns(RuntimeWarning, match="could not be reached"):
        model_of(ranvier).fit(X, Y, verbose=0, callbacks=[C.RemoteMonitor(root)])


def test_tensorboard_reads_the_events(tmp_path: Any) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    layers = ranvier.layers
    model = ranvier.Sequential(
        [ranvier.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    pictures = RNG.normal(size=(10, 6, 6, 1))
    board = C.TensorBoard(
        tmp_path, histogram_freq=2, write_images=True, update_freq=2, write_steps_per_second=True
    )
    history = model.fit(
        pictures, Y, 2, epochs=3, verbose=0, validation_split=0.2, callbacks=[board]
    ).history
    train, validation = (
        reader.EventAccumulator(str(tmp_path / name), {"histograms": 0, "scalars": 0}).Reload()
        for name in ("train", "validation")
    )
    for events, name in ((train, "loss"), (validation, "val_loss")):
        scalars = events.Scalars("epoch_loss")
        np.testing.assert_allclose([s.value for s in scalars], history[name], rtol=1e-6)
        assert [s.step for s in scalars] == [0, 1, 2]
    assert train.Scalars("epoch_learning_rate")[0].value == pytest.approx(0.01)
    assert train.Scalars("epoch_steps_per_second")[0].value > 0
    assert [s.step for s in train.Scalars("batch_loss")] == [2, 4, 6, 8, 10, 12]
    paths = [v.path for v in model.weights]
    assert set(train.Tags()["histograms"]) == {f"{p}/histogram" for p in paths}
    assert {f"{p}/image" for p in paths} >= set(train.Tags()["images"]) and train.Tags()["images"]
    counts = train.Histograms(f"{paths[0]}/histogram")
    assert [h.step for h in counts] == [0, 2] and counts[0].histogram_value.num == 18
    text = train.Tensors("keras")[0].tensor_proto.string_val[0]
    assert json.loads(text) == json.loads(model.to_json())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: C.ReduceLROnPlateau(factor=1.0), "factor"),
        (lambda: C.ReduceLROnPlateau(factor=-0.1), "factor"),
        (lambda: C.ReduceLROnPlateau(mode="up"), "mode"),
        (lambda: C.ReduceLROnPlateau(patience=-1), "patience"),
        (lambda: C.RemoteMonitor("file:///etc"), "http"),
        (lambda: C.TensorBoard(profile_batch=2), "profile_batch"),
        (lambda: C.TensorBoard(update_freq="often"), "save_freq|update_freq"),
        (lambda: C.TensorBoard(histogram_freq=0.5), "histogram_freq"),
        (lambda: C.ModelCheckpoint("a.txt"), "keras"),
        (lambda: C.ModelCheckpoint("a.keras", save_weights_only=True), "weights.h5"),
        (lambda: C.ModelCheckpoint("a.keras", save_freq=0), "save_freq"),
    ],
)
def test_bad_arguments(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_schedule_of_the_optimizer_is_left_alone() -> None:
    class Half(ranvier.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: int) -> float:
            return 0.5

    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2)])
    model.compile(ranvier.optimizers.SGD(Half()), "mse")
    for callback in (C.LearningRateScheduler(lambda e: 0.1), C.ReduceLROnPlateau("loss")):
        with pytest.raises(ValueError, match="schedule"):
            model.fit(X, Y, verbose=0, callbacks=[callback])
    with pytest.raises(TypeError, match="function"):
        C.LearningRateScheduler(0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="schedule"):
        model_of(ranvier).fit(
            X, Y, verbose=0, callbacks=[C.LearningRateScheduler(lambda e: "fast")]
        )
