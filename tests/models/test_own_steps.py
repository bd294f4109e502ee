"""train_step and its like, overridden: beside the engine's own steps, and beside Keras'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.utils import pack_x_y_sample_weight, unpack_x_y_sample_weight

from ..parity.keras_reference import copy_weights, jax, keras

RNG = np.random.default_rng(3)
X = RNG.normal(size=(48, 5)).astype("float32")
Y = RNG.integers(0, 3, 48)
W = RNG.uniform(0.5, 2, 48)


class Default(ranvier.Sequential):
    """Does in its own step what the engine does."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        return super().test_step(data)

    def predict_step(self, data: Any) -> Any:
        return super().predict_step(data)


class ByHand(ranvier.Sequential):
    """Keras' own example, with `compute_gradients` in the place of the tape."""

    def train_step(self, data: Any) -> Any:
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        step = self.compute_gradients(x, y, sample_weight)
        self.optimizer.apply(step.gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(step.loss, sample_weight=len(x))
            else:
                metric.update_state(y, step.y_pred)
        return {m.name: m.result() for m in self.metrics}


def build(kind: Any, more: Any = ()) -> Any:
    made = kind(
        [
            ranvier.Input((5,)),
            layers.Dense(
                8,
                "tanh",
                kernel_regularizer=ranvier.regularizers.L2(0.01),
                activity_regularizer=ranvier.regularizers.L1(0.02),
                kernel_constraint=ranvier.constraints.MaxNorm(1.5),
            ),
            *more,
            layers.Dense(3, "softmax"),
        ]
    )
    made.compile(
        ranvier.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return made


def run(made: Any, start: Any, **more: Any) -> Any:
    made.set_weights(start)
    ranvier.utils.set_random_seed(11)
    kw: Any = {"epochs": 3, "batch_size": 16, "verbose": 0, "validation_data": (X, Y), **more}
    history = made.fit(X, Y, **kw).history
    return history, made.get_weights(), made.evaluate(X, Y, verbose=0, return_dict=True)


@pytest.mark.parametrize("kind", [Default, ByHand])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_of_ones_own_equals_the_engines(kind: Any, weighted: bool) -> None:
    if weighted and kind is ByHand:
        pytest.skip("its metrics take no weights, as in Keras' example")
    plain = build(ranvier.Sequential)
    start = plain.get_weights()
    more = {"sample_weight": W, "class_weight": {0: 2.0}} if weighted else {}
    want, weights, results = run(plain, start, **more)
    got, own_weights, own_results = run(build(kind), start, **more)
    for a, b in zip(own_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
    for name in want:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-4, err_msg=name)
    assert own_results == pytest.approx(results, rel=1e-4)


def test_dropout_and_batch_normalization_in_a_step_of_ones_own() -> None:
    more = (layers.BatchNormalization(), layers.Dropout(0.3))
    plain = build(ranvier.Sequential, more)
    start = plain.get_weights()
    first = run(plain, start, shuffle=False)
    again = build(Default, (layers.BatchNormalization(), layers.Dropout(0.3, seed=None)))
    second = run(again, start, shuffle=False)
    # other patterns of dropout, but both learn, and statistics move
    assert second[0]["loss"][-1] < second[0]["loss"][0] and first[0]["loss"][-1] < 5
    moving = again.layers[1].moving_variance.value
    assert not np.allclose(moving, 1)


def test_gradients_are_those_of_keras() -> None:
    ours = ranvier.Sequential(
        [ranvier.Input((5,)), layers.Dense(4, "tanh"), layers.Dense(3, "softmax")]
    )
    theirs = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(3, "softmax")]
    )
    copy_weights(ours, theirs)
    ours.compile("sgd", "sparse_categorical_crossentropy")
    step = ours.compute_gradients(X, Y, W, input_gradient=True)

    def loss(weights: Any, x: Any) -> Any:
        pred, _ = theirs.stateless_call(weights, [], x)
        return keras.losses.SparseCategoricalCrossentropy()(Y, pred, W)

    weights = [v.value for v in theirs.trainable_variables]
    value, (dw, dx) = jax.value_and_grad(loss, argnums=(0, 1))(weights, X)
    assert step.loss == pytest.approx(float(value), rel=1e-5)
    for a, b in zip(step.gradients, dw, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(step.input_gradient, dx, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(step.y_pred, theirs(X), rtol=1e-5)
    assert ours.compute_gradients(X, Y).input_gradient is None
    frozen = step.gradients[0].copy()
    ours.compute_gradients(X[:3], Y[:3])
    np.testing.assert_array_equal(frozen, step.gradients[0])  # no view of a buffer


def test_gradients_by_central_differences_with_penalties() -> None:
    made = ranvier.Sequential(
        [
            ranvier.Input((5,), dtype="float64"),
            layers.Dense(
                4,
                "tanh",
                dtype="float64",
                kernel_regularizer=ranvier.regularizers.L1L2(0.1, 0.2),
                activity_regularizer=ranvier.regularizers.L2(0.3),
            ),
            layers.Dense(2, dtype="float64"),
        ]
    )
    made.compile("sgd", "mse")
    y = RNG.normal(size=(48, 2))
    step = made.compute_gradients(X, y)
    for variable, gradient in zip(made.trainable_variables, step.gradients, strict=True):
        w = variable.numpy().copy()
        for at in [(0,) * w.ndim, (-1,) * w.ndim]:
            values = []
            for h in (1e-6, -1e-6):
                moved = w.copy()
                moved[at] += h
                variable.assign(moved)
                values.append(made.compute_gradients(X, y).loss)
            variable.assign(w)
            assert gradient[at] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-8)
    # the same by parts, as Keras' users write it
    y_pred = made(X, training=True)
    assert made.compute_loss(X, y, y_pred) == pytest.approx(step.loss, rel=1e-12)
    assert made.evaluate(X, y, batch_size=48, verbose=0) == pytest.approx(step.loss, rel=1e-9)


def test_frozen_layers_have_no_gradients() -> None:
    made = build(ByHand)
    made.layers[0].trainable = False
    before = made.get_weights()
    made.fit(X, Y, verbose=0)
    after = made.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])
    assert len(made.compute_gradients(X, Y).gradients) == 2


class Autoencoder(ranvier.Sequential):
    """No labels, no compiled loss; metrics of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error = ranvier.metrics.Mean(name="error")

    def _gradient(self, x: Any) -> Any:
        y, cache = self.forward(x, training=True)
        _, gradients = self.backward(cache, 2 * (y - x) / y.size)
        return y, gradients

    def train_step(self, data: Any) -> Any:
        y, gradients = self._gradient(data)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.error.update_state(np.mean((y - data) ** 2), len(data))
        return {"error": self.error.result()}

    def test_step(self, data: Any) -> Any:
        self.error.update_state(np.mean((self(data) - data) ** 2), len(data))
        return {"error": np.float32(self.error.result())}


def test_without_labels_and_without_a_loss() -> None:
    made = Autoencoder([ranvier.Input((5,)), layers.Dense(5)])
    made.compile(ranvier.optimizers.SGD(0.5))
    start = made.get_weights()
    history = made.fit(X, epochs=4, batch_size=16, shuffle=False, verbose=2, validation_data=(X,))
    other = ranvier.Sequential([ranvier.Input((5,)), layers.Dense(5)])
    other.set_weights(start)
    other.compile(ranvier.optimizers.SGD(0.5), "mse")
    want = other.fit(
        X, X, epochs=4, batch_size=16, shuffle=False, verbose=0, validation_data=(X, X)
    ).history
    np.testing.assert_allclose(history.history["error"], want["loss"], rtol=1e-5)
    np.testing.assert_allclose(history.history["val_error"], want["val_loss"], rtol=1e-5)
    assert made.evaluate(X, verbose=0) == pytest.approx(want["val_loss"][-1], rel=1e-5)
    assert isinstance(made.evaluate(X, verbose=0), float)
    assert isinstance(made.train_on_batch(X), float)
    made.test_on_batch(X)
    assert [m.name for m in made.metrics] == ["loss", "error"]
    # of batches
    made.fit(iter([X[:8], X[8:16]]), verbose=0)


def test_compute_loss_and_its_gradient() -> None:
    class Twice(ranvier.Sequential):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
            training: bool = True,
        ) -> Any:  # fmt: skip
            return 2 * super().compute_loss(x, y, y_pred, sample_weight, training)

        def compute_loss_gradient(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
        ) -> Any:
            return 2 * super().compute_loss_gradient(x, y, y_pred, sample_weight)

    def plain(kind: Any, rate: float) -> Any:
        made = kind([ranvier.Input((5,)), layers.Dense(3, "softmax")])
        made.compile(
            ranvier.optimizers.SGD(rate), "sparse_categorical_crossentropy", ["accuracy"][:0]
        )
        return made

    one = plain(ranvier.Sequential, 0.2)
    start = one.get_weights()
    want = run(one, start)
    got = run(plain(Twice, 0.1), start)
    np.testing.assert_allclose(got[0]["loss"], 2 * np.array(want[0]["loss"]), rtol=1e-5)
    np.testing.assert_allclose(got[0]["val_loss"], 2 * np.array(want[0]["val_loss"]), rtol=1e-5)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_compute_metrics() -> None:
    class Measured(ranvier.Sequential):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return {
                **super().compute_metrics(x, y, y_pred, sample_weight),
                "top": float(y_pred.max()),
            }

    history = run(build(Measured), build(ranvier.Sequential).get_weights())[0]
    assert set(history) == {
        "loss", "accuracy", "top", "val_loss", "val_accuracy", "val_top",
    }  # fmt: skip


def test_predict_step() -> None:
    class Classes(ranvier.Sequential):
        def predict_step(self, data: Any) -> Any:
            x, _, _ = unpack_x_y_sample_weight(data)
            assert len(x) <= 10
            return self(x).argmax(axis=1)

    made = build(Classes)
    want = made(X).argmax(axis=1)
    for verbose in (0, 2):
        np.testing.assert_array_equal(made.predict(X, batch_size=10, verbose=verbose), want)
    np.testing.assert_array_equal(made.predict_on_batch(X[:4]), want[:4])


def test_metrics_begin_anew_each_epoch_and_validation_has_its_own() -> None:
    seen: list[float] = []

    class Watch(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(logs["loss"])

    made = build(Default)
    history = made.fit(
        X, Y, batch_size=16, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[Watch()]
    )
    assert history.history["loss"] == [seen[2], seen[5]]
    values = made.get_metrics_result()
    assert values["loss"] == pytest.approx(history.history["val_loss"][-1])
    made.reset_metrics()
    assert made.get_metrics_result() == {"loss": 0.0, "accuracy": 0.0}


def test_metrics_of_a_model_that_the_engine_trains() -> None:
    made = build(ranvier.Sequential)
    assert made.metrics_names == ["loss"]
    made.fit(X, Y, verbose=0)
    assert made.metrics_names == ["loss", "accuracy"]
    want = made.evaluate(X, Y, verbose=0, return_dict=True)
    assert made.get_metrics_result() == want
    made.reset_metrics()
    assert made.get_metrics_result() == {"loss": 0.0, "accuracy": 0.0}
    assert [m.name for m in made.metrics] == ["loss", "accuracy"]


# -- what is refused ------------------------------------------------------------------------


def test_a_loss_without_its_gradient_is_refused() -> None:
    class Half(ranvier.Sequential):
        def compute_loss(self, *args: Any, **kwargs: Any) -> float:
            return 0.0

    with pytest.raises(TypeError, match="compute_loss_gradient"):
        build(Half).fit(X, Y, verbose=0)


def test_bad_returns() -> None:
    class Nothing(ranvier.Sequential):
        def train_step(self, data: Any) -> Any:
            return None

    class Narrow(ranvier.Sequential):
        def compute_loss_gradient(self, *args: Any, **kwargs: Any) -> Any:
            return np.zeros((1, 2))

    with pytest.raises(TypeError, match=r"train_step\(\) must return a dictionary"):
        build(Nothing).fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="shape of y_pred"):
        build(Narrow).fit(X, Y, verbose=0)


def test_what_needs_a_loss_or_labels_says_so() -> None:
    class Step(ranvier.Sequential):
        def train_step(self, data: Any) -> Any:
            return {"loss": 0.0}

    made = Step([ranvier.Input((5,)), layers.Dense(3)])
    made.compile("sgd")
    made.fit(X, verbose=0)
    with pytest.raises(ValueError, match="loss"):
        made.evaluate(X, Y, verbose=0)
    with pytest.raises(ValueError, match="test_step"):
        made.fit(X, verbose=0, validation_data=(X, Y))
    with pytest.raises(ValueError, match="no loss to derive"):
        made.compute_gradients(X, Y)
    made.compile("sgd", "mse", metrics=["mae"])
    with pytest.raises(ValueError, match="metrics need labels"):
        made.fit(X, verbose=0)
    plain = ranvier.Sequential([ranvier.Input((5,)), layers.Dense(3)])
    plain.compile("sgd", "mse")
    with pytest.raises(ValueError, match="`y` is missing"):
        plain.fit(X, verbose=0)


def test_packing_is_keras() -> None:
    for given in [(1,), (1, 2), (1, 2, 3), ([1, 2],)]:
        want = keras.utils.pack_x_y_sample_weight(*given)
        assert pack_x_y_sample_weight(*given) == want
        assert unpack_x_y_sample_weight(want) == keras.utils.unpack_x_y_sample_weight(want)
    assert pack_x_y_sample_weight(1, None, 3) == (1, None, 3)  # Keras drops the weights
    with pytest.raises(ValueError, match="4 items"):
        unpack_x_y_sample_weight((1, 2, 3, 4))
