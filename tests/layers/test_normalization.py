"""What normalization layers keep: moving statistics, bits, shapes; and how exact they are."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L
from ranvier import ops, reference


def small_model(**arguments: Any) -> ranvier.Sequential:
    model = ranvier.Sequential(
        [
            ranvier.Input((6,)),
            L.Dense(5),
            L.BatchNormalization(momentum=0.8, **arguments),
            L.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def data(rng: np.random.Generator) -> Any:
    return rng.normal(2.0, 3.0, (64, 6)).astype("float32"), rng.integers(0, 3, 64)


def test_order_and_count_of_weights() -> None:
    layer = L.BatchNormalization()
    layer.build((None, 4))
    assert [v.name for v in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [v.path for v in layer.non_trainable_weights] == [
        f"{layer.name}/moving_mean",
        f"{layer.name}/moving_variance",
    ]
    lines: list[str] = []
    small_model().summary(print_fn=lines.append)
    assert "Trainable params: 63 " in lines[0] and "Non-trainable params: 10 " in lines[0]


def test_fit_moves_what_get_weights_shows_and_inference_uses(data: Any) -> None:
    x, y = data
    model = small_model()
    batch = model.layers[1]
    kernel, bias = (w.copy() for w in model.layers[0].get_weights())
    model.fit(x, y, batch_size=64, epochs=1, verbose=0)  # one step
    h = x @ kernel + bias
    mean, variance = batch.get_weights()[2:]
    np.testing.assert_allclose(mean, 0.2 * h.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, 0.8 + 0.2 * h.var(0), rtol=1e-4)

    before = model.get_weights()
    predicted = model.predict(x, verbose=0)
    model.evaluate(x, y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other = small_model()
    other.set_weights(before)
    np.testing.assert_array_equal(other.predict(x, verbose=0), predicted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(x, verbose=0), predicted)  # fmt: skip


def test_freezing_takes_effect_at_the_next_fit(data: Any) -> None:
    x, y = data
    model = small_model()
    model.fit(x, y, epochs=1, verbose=0)
    model.layers[1].trainable = False
    kept = [w.copy() for w in model.layers[1].get_weights()]
    model.fit(x, y, epochs=2, verbose=0)
    for a, b in zip(kept, model.layers[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.layers[1].trainable = True
    model.fit(x, y, epochs=1, verbose=0)
    assert all((a != b).any() for a, b in zip(kept, model.layers[1].get_weights(), strict=True))


def test_frozen_layer_after_a_layer_in_place(data: Any) -> None:
    """Frozen, it writes over its input, which backward passes before it may need."""
    x, y = data

    def fitted(between: list[Any]) -> list[np.ndarray]:
        ranvier.utils.set_random_seed(3)
        model = ranvier.Sequential(
            [ranvier.Input((6,)), L.Dense(5, activation="tanh"), *between,
             L.BatchNormalization(trainable=False), L.Dense(3, activation="softmax")]
        )  # fmt: skip
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    for a, b in zip(fitted([]), fitted([L.Reshape((5,)), L.Activation("linear")]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: L.BatchNormalization(), (60, 60, 8)),
        (lambda: L.BatchNormalization(axis=1), (3, 100, 90)),
        (lambda: L.GroupNormalization(4), (60, 60, 8)),
        (lambda: L.LayerNormalization(), (60, 60, 8)),
        (lambda: L.LayerNormalization(axis=[1, 2, 3]), (60, 60, 8)),
        (lambda: L.RMSNormalization(), (3600, 8)),
        (lambda: L.UnitNormalization(), (3600, 8)),
        (lambda: L.SpatialDropout2D(0.3, seed=4), (60, 60, 8)),
    ],
)
def test_any_number_of_threads_gives_the_same_bits(
    make: Any, shape: Any, threads: Any, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(16, *shape)).astype("float32")
    r = rng.normal(size=x.shape).astype("float32")

    def run() -> list[np.ndarray]:
        model = ranvier.Sequential([ranvier.Input(shape), make()])
        net = model.network()
        y, tape = net.forward(x, 3, want_input_gradient=True)
        dx = net.backward(tape, r.copy())
        return [y, dx, net.gradient.copy(), *model.get_weights(), model(x)]

    threads(1)
    one = run()
    for n in (2, 3):
        threads(n)
        for a, b in zip(one, run(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("threads_used", [2, 3])
def test_training_has_the_same_bits(threads_used: int, threads: Any, data: Any) -> None:
    x, y = np.repeat(data[0], 64, 0), np.repeat(data[1], 64)

    def fitted() -> list[np.ndarray]:
        ranvier.utils.set_random_seed(3)
        model = ranvier.Sequential(
            [ranvier.Input((6,)), L.Dense(400), L.BatchNormalization(), L.ReLU(),
             L.LayerNormalization(), L.Dense(3, activation="softmax")]
        )  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=2048, epochs=2, verbose=0)
        return model.get_weights()

    threads(1)
    one = fitted()
    threads(threads_used)
    for a, b in zip(one, fitted(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("channels", [1, 3, 64])
def test_a_mean_far_from_zero_costs_no_digits(channels: int, rng: np.random.Generator) -> None:
    """float32 beside the twin in float64, on the same float32 numbers."""
    x = (1e4 + rng.normal(size=(5000, channels))).astype("float32")
    x[0] += 300  # the number that others are compared with in the first block
    y, mean, variance = ops.batch_norm(x)
    want, want_mean, want_variance = reference.batch_norm(x.astype("float64"))
    np.testing.assert_allclose(mean, want_mean, rtol=1e-7)
    np.testing.assert_allclose(variance, want_variance, rtol=1e-4)
    np.testing.assert_allclose(y, want, atol=2e-3)  # x itself is known to 5e-4
    rows = np.ascontiguousarray(x.T)
    y, mean, inverse = ops.layer_norm(rows)
    np.testing.assert_allclose(mean, want_mean, rtol=1e-7)
    np.testing.assert_allclose(inverse**-2 - 1e-3, want_variance, rtol=1e-4)


def test_constant_columns_and_rows() -> None:
    x = np.full((700, 3), 1234.567, "float32")
    x[:, 1] = -3e7
    y, mean, variance = ops.batch_norm(x)
    np.testing.assert_array_equal(mean, x[0])
    np.testing.assert_array_equal(variance, np.zeros(3))
    np.testing.assert_array_equal(y, np.zeros_like(x))
    dx, dgamma, _ = ops.batch_norm_backward(x, mean, variance, np.ones_like(x))
    np.testing.assert_array_equal(dx, np.zeros_like(x))
    np.testing.assert_array_equal(dgamma, np.zeros(3))
    row = np.full((1, 1000), 1234.567, "float32")
    np.testing.assert_array_equal(ops.layer_norm(row)[0], np.zeros_like(row))
    np.testing.assert_array_equal(ops.group_norm(row, 4)[0], np.zeros_like(row))
    np.testing.assert_array_equal(ops.unit_norm(0 * row)[0], np.zeros_like(row))


def test_nan_stays_in_its_column_or_row() -> None:
    x = np.random.default_rng(1).normal(size=(300, 5)).astype("float32")
    x[7, 2] = np.nan
    y, mean, variance = ops.batch_norm(x)
    assert np.isnan(y[:, 2]).all() and np.isfinite(np.delete(y, 2, 1)).all()
    assert np.isnan([mean[2], variance[2]]).all()
    for y in (ops.layer_norm(x)[0], ops.rms_norm(x)[0], ops.unit_norm(x)[0]):
        assert np.isnan(y[7]).all() and np.isfinite(np.delete(y, 7, 0)).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.BatchNormalization(),
        lambda: L.GroupNormalization(3),
        lambda: L.LayerNormalization(),
        lambda: L.RMSNormalization(),
        lambda: L.UnitNormalization(axis=[1, 2]),
        lambda: L.UnitNormalization(axis=1),
        lambda: L.SpatialDropout2D(0.5),
    ],
)
def test_unknown_height_and_width(make: Any, rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.Input((None, None, 3)), make()])
    assert model.output_shape == (None, None, None, 3)
    assert make().compute_output_shape((None, 5, None, 3)) == (None, 5, None, 3)
    for shape in ((2, 4, 5, 3), (3, 1, 7, 3), (2, 4, 5, 3)):
        x = rng.normal(size=shape).astype("float32")
        known = ranvier.Sequential([ranvier.Input(shape[1:]), make()])
        known.set_weights(model.get_weights())
        np.testing.assert_array_equal(model(x), known(x))
        assert model(x, training=True).shape == shape


def test_no_rows() -> None:
    for layer in (L.BatchNormalization(), L.GroupNormalization(3), L.LayerNormalization()):
        model = ranvier.Sequential([ranvier.Input((None, 3)), layer])
        before = model.get_weights()
        assert model(np.zeros((0, 4, 3), "float32"), training=True).size == 0
        assert model(np.zeros((2, 0, 3), "float32")).shape == (2, 0, 3)
        assert model(np.zeros((2, 0, 3), "float32"), training=True).shape == (2, 0, 3)
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("arguments", [{}, {"center": False}, {"scale": False, "epsilon": 0.1}])
def test_inference_as_scale_and_offset(arguments: Any, data: Any) -> None:
    x, y = data
    model = small_model(**arguments)
    model.fit(x, y, epochs=3, verbose=0)
    layer = model.layers[1]
    scale, offset = layer.inference_scale_offset()
    assert scale.dtype == offset.dtype == np.float64 and scale.shape == offset.shape == (5,)
    h = ranvier.Sequential([model.layers[0]])(x)
    np.testing.assert_allclose(h * scale + offset, layer(h), rtol=1e-5, atol=1e-5)


class TestOps:
    X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) ** 1.5
    G = np.array([1, 2, 3, 4], np.float32)

    def test_out_may_be_the_input(self) -> None:
        mean, variance = self.G * 3, self.G
        _, m, k = ops.layer_norm(self.X)
        _, gm, gk = ops.group_norm(self.X, 2)
        dy = np.cos(self.X)
        for op, given in (
            (lambda x, out=None: ops.batch_norm(x, self.G, self.G, out=out)[0], self.X),
            (lambda x, out=None: ops.batch_norm_inference(x, mean, variance, out=out), self.X),
            (lambda x, out=None: ops.group_norm(x, 2, out=out)[0], self.X),
            (lambda x, out=None: ops.layer_norm(x, self.G, out=out)[0], self.X),
            (lambda x, out=None: ops.rms_norm(x, out=out)[0], self.X),
            (lambda x, out=None: ops.unit_norm(x, out=out)[0], self.X),
            (lambda d, out=None: ops.batch_norm_backward(self.X, mean, variance, d, out=out)[0], dy),
            (lambda d, out=None: ops.group_norm_backward(self.X, gm, gk, d, 2, out=out)[0], dy),
            (lambda d, out=None: ops.layer_norm_backward(self.X, m, k, d, out=out)[0], dy),
            (lambda d, out=None: ops.rms_norm_backward(self.X, k, d, out=out)[0], dy),
            (lambda d, out=None: ops.unit_norm_backward(self.X, k, d, out=out), dy),
        ):  # fmt: skip
            want = op(given)
            x = given.copy()
            assert op(x, x) is x
            np.testing.assert_array_equal(x, want)

    @pytest.mark.parametrize(
        "layout",
        [np.asfortranarray, lambda x: x.tolist(), lambda x: x.astype(">f4"), lambda x: x[::-1].copy()[::-1]],
    )  # fmt: skip
    def test_any_layout(self, layout: Any) -> None:
        x = layout(self.X)
        np.testing.assert_array_equal(ops.batch_norm(x)[0], ops.batch_norm(self.X)[0])
        np.testing.assert_array_equal(ops.layer_norm(x)[0], ops.layer_norm(self.X)[0])
        np.testing.assert_array_equal(ops.group_norm(x, 2)[0], ops.group_norm(self.X, 2)[0])

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda x, g: ops.batch_norm(x, g[:3]), r"batch_norm: `gamma` must have shape \(channels=4,\); got \(3,\)"),
            (lambda x, g: ops.batch_norm(x[:0]), "`x` has no rows"),
            (lambda x, g: ops.batch_norm(x, epsilon=-1.0), "`epsilon` must be >= 0"),
            (lambda x, g: ops.batch_norm(x, epsilon=float("nan")), "`epsilon` must be >= 0"),
            (lambda x, g: ops.batch_norm(np.float32(1)), r"`x` must have shape \(rows, channels\); got \(\)"),
            (lambda x, g: ops.batch_norm_inference(x, g, g[:2]), "`variance` must have shape"),
            (lambda x, g: ops.batch_norm_backward(x, g, g, x[:1]), "`dy` must have the shape of `x`"),
            (lambda x, g: ops.batch_norm(x, out=x[:1]), "`out` must have the shape of `x`"),
            (lambda x, g: ops.batch_norm_backward(x, g, g, x.copy(), out=x), "must not share memory"),
            (lambda x, g: ops.batch_norm(x, x[0, 0], out=x), "must not share memory"),
            (lambda x, g: ops.group_norm(x, 3), r"`groups` must divide the 4 channels; got 3"),
            (lambda x, g: ops.group_norm(x, 0), "`groups` must divide"),
            (lambda x, g: ops.group_norm(g, 1), r"`x` must have shape \(samples, channels\)"),
            (lambda x, g: ops.group_norm(x[:, :0], 2), "has no rows"),
            (lambda x, g: ops.group_norm_backward(x, g, g, x, 2), "`mean` must have"),
            (lambda x, g: ops.layer_norm(x[..., :0]), "the last axis of `x` is empty"),
            (lambda x, g: ops.layer_norm_backward(x, g, g, x), "layer_norm_backward: `mean` must have x's shape"),
            (lambda x, g: ops.unit_norm(x, -1e-3), "`epsilon` must be >= 0"),
        ],
    )  # fmt: skip
    def test_refused(self, call: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            call(self.X.copy(), self.G)
