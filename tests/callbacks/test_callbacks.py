"""What callbacks see, when, and what they may do; Keras is asked for the order."""

from __future__ import annotations

import time

import numpy as np
import pytest

import ranvier
from ranvier import callbacks as C

HOOKS = [name for name in vars(C.Callback) if name.startswith("on_")]


def recorder(kit, with_batches=True):
    seen = []

    class Recorder(kit.callbacks.Callback):
        pass

    def hook(name):
        def call(self, *arguments, logs=None):
            last = arguments[-1] if arguments and not isinstance(arguments[-1], int) else logs
            number = arguments[0] if arguments and isinstance(arguments[0], int) else None
            seen.append((name, number, tuple(sorted(last or {}))))

        return call

    for name in HOOKS:
        if with_batches or "batch" not in name:
            setattr(Recorder, name, hook(name))
    return Recorder(), seen


def model_of(kit):
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


X = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(10, 2)).astype("float32")


@pytest.mark.parametrize("batches", [True, False])
def test_hooks_come_in_keras_order_with_keras_logs(batches):
    keras = pytest.importorskip("keras")

    def run(kit):
        callback, seen = recorder(kit, batches)
        model = model_of(kit)
        model.fit(
            X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[callback], validation_split=0.3
        )
        model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[callback])
        model.predict(X, batch_size=4, verbose=0, callbacks=[callback])
        return seen

    ours, theirs = run(ranvier), run(keras)
    # older spellings that Keras itself calls through on_train_batch_*
    theirs = [e for e in theirs if e[0] not in ("on_batch_begin", "on_batch_end")]
    ours = [e for e in ours if e[0] not in ("on_batch_begin", "on_batch_end")]
    assert [e[:2] for e in ours] == [e[:2] for e in theirs]
    for mine, keras_event in zip(ours, theirs, strict=True):
        if mine[0].endswith("_end"):
            assert mine == keras_event


def test_params_and_model_are_given():
    class Look(C.Callback):
        def on_train_begin(self, logs=None):
            self.seen = dict(self.params), self.model

    look, model = Look(), model_of(ranvier)
    model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[look])
    assert look.seen[0]["epochs"] == 3 and look.seen[0]["steps"] == 3
    assert look.seen[1] is model


def test_a_callback_may_change_the_learning_rate_and_stop_training():
    class Slow(C.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.1

        def on_epoch_end(self, epoch, logs=None):
            self.weights = [*getattr(self, "weights", []), self.model.get_weights()[0]]
            self.model.stop_training = epoch == 2

    slow, model = Slow(), model_of(ranvier)
    before = model.get_weights()[0]
    history = model.fit(X, Y, epochs=10, verbose=0, callbacks=[slow])
    assert history.epoch == [0, 1, 2]
    assert not np.array_equal(slow.weights[0], before)
    np.testing.assert_array_equal(slow.weights[1], slow.weights[0])


def test_stopping_within_an_epoch():
    class Stop(C.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            self.model.stop_training = batch == 1

    stop = Stop()
    model_of(ranvier).fit(X, Y, batch_size=2, epochs=5, verbose=0, callbacks=[stop])
    assert stop.batches == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"patience": 2},
        {"patience": 1, "min_delta": 0.15},
        {"patience": 1, "start_from_epoch": 3},
        {"patience": 2, "baseline": 0.75},
        {"patience": 3, "restore_best_weights": True},
        {"patience": 2, "mode": "max"},
    ],
    ids=str,
)
def test_early_stopping_stops_where_keras_stops(arguments):
    keras = pytest.importorskip("keras")
    values = [1.0, 0.9, 0.8, 0.85, float("nan"), 0.79, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]

    def run(kit):
        class Play(kit.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["val_loss"] = values[epoch]
                kept.append(self.model.get_weights()[0])

        kept = []
        model = model_of(kit)
        stopping = kit.callbacks.EarlyStopping("val_loss", **arguments)
        history = model.fit(X, Y, epochs=12, verbose=0, callbacks=[Play(), stopping])
        final = model.get_weights()[0]
        which = [i for i, w in enumerate(kept) if np.array_equal(w, final)]
        return history.epoch, stopping.best_epoch, which

    assert run(ranvier) == run(keras)


def test_early_stopping_knows_the_direction_of_a_metric():
    model = ranvier.Sequential([ranvier.layers.Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stopping = C.EarlyStopping("accuracy", patience=1)
    model.fit(X, np.arange(10) % 2, verbose=0, epochs=3, callbacks=[stopping])
    assert stopping.best >= 0.2
    score = C.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=1.0))
    with pytest.raises(ValueError, match="mode='max'"):
        model.fit(X, np.arange(10) % 2, verbose=0, callbacks=[score, C.EarlyStopping("score")])


def test_early_stopping_warns_of_what_is_not_in_the_logs():
    with pytest.warns(RuntimeWarning, match="no 'val_loss' in the logs, only loss, mae"):
        model_of(ranvier).fit(X, Y, verbose=0, callbacks=[C.EarlyStopping()])


def test_terminate_on_nan():
    bad = X.copy()
    bad[7] = np.nan
    model = model_of(ranvier)
    with pytest.warns(RuntimeWarning, match="NaN"):
        history = model.fit(
            bad, Y, batch_size=2, epochs=4, shuffle=False, verbose=0, callbacks=[C.TerminateOnNaN()]
        )
    assert len(history.epoch) == 1
    with pytest.raises(RuntimeError, match="batch 3"):
        model_of(ranvier).fit(
            bad, Y, batch_size=2, shuffle=False, verbose=0, callbacks=[C.TerminateOnNaN(True)]
        )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_terminate_on_nan_stops_at_the_step(value):
    """Though the engine is not left at each step, what it does ends where it would have."""
    bad = X.copy()
    bad[7] = value
    seen = []

    class Each(C.TerminateOnNaN):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            super().on_train_batch_end(batch, logs)

    models = [model_of(ranvier), model_of(ranvier)]
    models[1].set_weights(models[0].get_weights())
    for model, callback in zip(models, (C.TerminateOnNaN(), Each()), strict=True):
        with pytest.warns(RuntimeWarning):
            model.fit(bad, Y, batch_size=2, shuffle=False, verbose=0, callbacks=[callback])
    assert seen == [0, 1, 2, 3]
    assert [model.optimizer.iterations for model in models] == [4, 4]


def test_terminate_on_nan_looks_at_training_alone():
    bad = np.full_like(X, np.nan)
    history = model_of(ranvier).fit(
        X, Y, batch_size=2, epochs=2, verbose=0, validation_data=(bad, Y),
        callbacks=[C.TerminateOnNaN()],
    )  # fmt: skip
    assert len(history.epoch) == 2


def test_lambda_callback():
    seen = []
    model_of(ranvier).fit(
        X, Y, batch_size=5, verbose=0,
        callbacks=[C.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)),
            on_train_batch_end=lambda batch, logs: seen.append(batch),
        )],
    )  # fmt: skip
    assert seen == [0, 1, ["loss", "mae"]]
    with pytest.raises(TypeError, match=r"`on_epoch_ends`.*on_epoch_end"):
        C.LambdaCallback(on_epoch_ends=print)


def test_what_is_no_callback_is_refused():
    with pytest.raises((TypeError, ValueError), match="allback"):
        model_of(ranvier).fit(X, Y, verbose=0, callbacks=[3])


@pytest.mark.parametrize(
    ("verbose", "lines"), [(0, 0), (1, 4), (2, 4), ("auto", 4)], ids=["0", "1", "2", "auto"]
)
def test_lines_when_there_is_no_terminal(verbose, lines, capsys):
    model = model_of(ranvier)
    slow = C.LambdaCallback(on_epoch_begin=lambda epoch, logs: time.sleep(0.06))
    model.fit(X, Y, epochs=4, verbose=verbose, callbacks=[slow])
    out = capsys.readouterr().out
    assert len(out.splitlines()) == lines
    if lines:
        assert "Epoch 4/4" in out and "loss: " in out and "mae: " in out


def test_a_live_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("ranvier.callbacks.progbar.is_live", lambda: True)
    monkeypatch.setattr("ranvier.callbacks.progbar._DRAW", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    model = model_of(ranvier)
    watch = C.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    model.fit(X, Y, batch_size=1, epochs=2, verbose=1, callbacks=[watch])
    out = capsys.readouterr().out
    assert "Epoch 1/2" in out and "10/10" in out and "\x1b[" in out


def test_an_error_in_a_callback_leaves_a_usable_model():
    def fail(epoch, logs):
        raise RuntimeError("mine")

    model = model_of(ranvier)
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[C.LambdaCallback(on_epoch_end=fail)])
    assert np.isfinite(model.predict(X, verbose=0)).all()
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2


def test_ctrl_c_in_fit_leaves_a_usable_model():
    def interrupt(batch, logs):
        if batch == 1:
            raise KeyboardInterrupt

    model = model_of(ranvier)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            X, Y, batch_size=2, epochs=3, verbose=0,
            callbacks=[C.LambdaCallback(on_train_batch_end=interrupt)],
        )  # fmt: skip
    assert model.optimizer.iterations == 2
    assert np.isfinite(model.predict(X, verbose=0)).all()
