"""ModelCheckpoint and BackupAndRestore: whole files at every moment, runs that go on exactly."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import callbacks as C

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = RNG.integers(0, 2, 50)


def model_of(dtype: str = "float32") -> Any:
    layers = ranvier.layers
    ranvier.utils.set_random_seed(3)
    model = ranvier.Sequential(
        [
            ranvier.Input((4,), dtype=dtype),
            layers.Dense(8, activation="relu", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dropout(0.3, dtype=dtype),
            layers.Dense(2, activation="softmax", dtype=dtype),
        ]
    )
    model.compile(
        ranvier.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


class Break(C.Callback):
    """Ends the run after so many steps, as a killed process would."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left < 0:
            raise InterruptedError


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.get_weights(), b.get_weights(), strict=True))


# -- ModelCheckpoint ------------------------------------------------------------------------


def test_each_epoch_has_its_file(tmp_path: Any) -> None:
    model = model_of()
    path = tmp_path / "new" / "{epoch:02d}-{loss:.3f}.keras"
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[C.ModelCheckpoint(path)]).history
    files = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert files == [f"{i + 1:02d}-{loss:.3f}.keras" for i, loss in enumerate(history["loss"])]
    assert same(ranvier.saving.load_model(tmp_path / "new" / files[-1]), model)


@pytest.mark.parametrize("mode", ["auto", "max"])
def test_only_the_best_is_kept(mode: str, tmp_path: Any) -> None:
    values, kept = [0.5, 0.3, float("nan"), 0.4, 0.2, 0.9], []

    def play(epoch: int, logs: Any) -> None:
        logs["val_loss"] = values[epoch]
        kept.append(model.get_weights()[0])

    model = model_of()
    saver = C.ModelCheckpoint(
        tmp_path / "best.weights.h5", save_best_only=True, save_weights_only=True, mode=mode
    )
    model.fit(X, Y, epochs=6, verbose=0, callbacks=[C.LambdaCallback(on_epoch_end=play), saver])
    best = model_of()
    best.load_weights(tmp_path / "best.weights.h5")
    assert np.array_equal(best.get_weights()[0], kept[4 if mode == "auto" else 5])
    assert saver.best == (0.2 if mode == "auto" else 0.9)


def test_every_so_many_batches(tmp_path: Any) -> None:
    path = tmp_path / "{epoch}-{batch}.weights.h5"
    saver = C.ModelCheckpoint(path, save_weights_only=True, save_freq=4)
    model_of().fit(X, Y, 10, epochs=2, verbose=0, callbacks=[saver])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1-4.weights.h5", "2-3.weights.h5"]


def test_a_threshold_and_names_that_are_missing(tmp_path: Any) -> None:
    low = C.ModelCheckpoint(
        tmp_path / "a.keras", "loss", save_best_only=True, initial_value_threshold=1e-9
    )
    model_of().fit(X, Y, verbose=0, callbacks=[low])
    assert not list(tmp_path.iterdir())
    saver = C.ModelCheckpoint(tmp_path / "{val_loss}.keras")
    with pytest.raises(KeyError, match="val_loss"):
        model_of().fit(X, Y, verbose=0, callbacks=[saver])


# -- BackupAndRestore -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
@pytest.mark.parametrize("steps", [None, 4], ids=["epochs", "steps_per_epoch"])
def test_a_run_goes_on_to_the_same_bits(
    steps: Any, save_freq: Any, dtype: str, tmp_path: Any
) -> None:
    def run(model: Any, *callbacks: Any) -> Any:
        slower = C.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
        fit = {"batch_size": 7, "epochs": 4, "steps_per_epoch": steps, "verbose": 0}
        return model.fit(X, Y, callbacks=[slower, *callbacks], **fit)

    whole = model_of(dtype)
    run(whole)
    for at in (0, 1, 6, 9, 17, 23):
        broken = model_of(dtype)
        backup = tmp_path / f"{at}"
        if at < 4 * (steps or 8):
            with pytest.raises(InterruptedError):
                run(broken, C.BackupAndRestore(backup, save_freq), Break(at))
        again = model_of(dtype)
        history = run(again, C.BackupAndRestore(backup, save_freq))
        assert same(again, whole), at
        assert again.optimizer.iterations == whole.optimizer.iterations
        assert history.epoch[-1] == 3 and not backup.exists()


def test_a_damaged_backup_gives_way_to_the_one_before(tmp_path: Any) -> None:
    backup = C.BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False)
    whole = model_of()
    whole.fit(X, Y, epochs=4, verbose=0)
    model_of().fit(X, Y, epochs=3, verbose=0, callbacks=[backup])
    files = sorted(p.name for p in tmp_path.glob("*.h5"))
    assert files == ["2-0.weights.h5", "3-0.weights.h5"]
    (tmp_path / files[1]).write_bytes((tmp_path / files[1]).read_bytes()[:900])
    again = model_of()
    with pytest.warns(RuntimeWarning, match="3-0.weights.h5"):
        history = again.fit(X, Y, epochs=4, verbose=0, callbacks=[backup])
    assert history.epoch == [2, 3] and same(again, whole)
    for path in tmp_path.glob("*.h5"):
        path.write_bytes(b"")
    with (
        pytest.warns(RuntimeWarning, match=r"4-0.weights.h5"),
        pytest.raises(ValueError, match=r"3-0.weights.h5"),
    ):
        model_of().fit(X, Y, epochs=5, verbose=0, callbacks=[C.BackupAndRestore(tmp_path)])
    for text in ("[]3", '[{"file": "../x"}]', "{}"):
        (tmp_path / "training_metadata.json").write_text(text)
        with pytest.raises(ValueError):
            model_of().fit(X, Y, verbose=0, callbacks=[C.BackupAndRestore(tmp_path)])


def test_batches_from_an_iterable_go_on(tmp_path: Any) -> None:
    class Batches:
        def __len__(self) -> int:
            return 5

        def __getitem__(self, i: int) -> Any:
            return X[10 * i : 10 * i + 10], Y[10 * i : 10 * i + 10]

    batches = Batches()
    whole = model_of()
    whole.fit(batches, epochs=3, shuffle=False, verbose=0)
    with pytest.raises(InterruptedError):
        model_of().fit(
            batches,
            epochs=3,
            shuffle=False,
            verbose=0,
            callbacks=[C.BackupAndRestore(tmp_path, 1), Break(8)],
        )
    again = model_of()
    again.fit(
        batches, epochs=3, shuffle=False, verbose=0, callbacks=[C.BackupAndRestore(tmp_path, 1)]
    )
    assert same(again, whole)


CHILD = """
import sys, numpy as np
sys.path.insert(0, {root!r})
from tests.callbacks.test_checkpoints import C, X, Y, model_of
print("ready", flush=True)
model = model_of()
backup = C.BackupAndRestore({backup!r}, save_freq=2, delete_checkpoint=False)
saver = C.ModelCheckpoint({file!r}, save_freq=3)
model.fit(X, Y, 5, epochs=40, verbose=0, callbacks=[backup, saver])
np.savez({done!r}, *model.get_weights())
"""


@pytest.mark.parametrize("part", range(2))
def test_killed_at_random_moments(part: int, tmp_path: Any) -> None:
    """25 kills each: never a broken file, and the end is that of an unbroken run."""
    whole = model_of()
    whole.fit(X, Y, 5, epochs=40, verbose=0)
    paths = {n: str(tmp_path / n) for n in ("backup", "model.keras", "done.npz")}
    root = str(pathlib.Path(__file__).parents[2])
    code = CHILD.format(
        root=root, backup=paths["backup"], file=paths["model.keras"], done=paths["done.npz"]
    )
    rng, kills, runs = np.random.default_rng(part), 0, 0
    while kills < 25:
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 0.35))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        kills += child.returncode == -signal.SIGKILL
        runs += 1
        if os.path.exists(paths["model.keras"]):
            ranvier.saving.load_model(paths["model.keras"])
        if os.path.exists(paths["done.npz"]):
            _check_and_begin_anew(paths, whole)
        assert runs < 60
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    _check_and_begin_anew(paths, whole)


def _check_and_begin_anew(paths: dict[str, str], whole: Any) -> None:
    with np.load(paths["done.npz"]) as file:
        assert all(np.array_equal(file[f"arr_{i}"], w) for i, w in enumerate(whole.get_weights()))
    os.unlink(paths["done.npz"])
    for path in pathlib.Path(paths["backup"]).iterdir():
        path.unlink()
