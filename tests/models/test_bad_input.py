"""Errors say what was wanted and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L


def model_of(*layers: Any, loss: str = "sparse_categorical_crossentropy") -> ranvier.Sequential:
    model = ranvier.Sequential([ranvier.Input((4,)), *layers])
    model.compile("sgd", loss)
    return model


X = np.zeros((6, 4), "float32")
Y = np.array([0, 1, 2, 0, 1, 2])


def soft() -> ranvier.Sequential:
    return model_of(L.Dense(3, activation="softmax", name="top"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: soft().fit(X[:, :3], Y), ValueError, r"expected input of shape \(None, 4\); got \(6, 3\)"),
        (lambda: soft().fit(X[0], Y), ValueError, r"expected input of shape"),
        (lambda: soft().fit(X, Y[:5]), ValueError, "same number of rows; x has 6, y has 5"),
        (lambda: soft().fit(X[:0], Y[:0]), ValueError, "empty"),
        (lambda: soft().fit(X, Y + 1), ValueError, r"class numbers in 0\.\.2"),
        (lambda: soft().fit(X, Y - 1), ValueError, r"class numbers in 0\.\.2"),
        (
            lambda: soft().train_on_batch(X, Y + 1.5),
            ValueError,
            r"Sequential '.*': `y` must hold class numbers in 0\.\.2, .* got 1\.5",
        ),
        (
            lambda: soft().fit(X, Y, validation_data=(X, Y + 9)),
            ValueError,
            r"class numbers in 0\.\.2, .* got 9 in row 0 \(in `validation_data`\)",
        ),
        (lambda: L.RepeatVector(2**60)(X), MemoryError, "not enough memory"),
        (
            lambda: L.Dropout(0.5, noise_shape=(7, 9), name="d")(X, training=True),
            ValueError,
            r"Dropout 'd': noise_shape \(7, 9\) does not fit",
        ),
        (lambda: soft().fit(X, np.array([np.nan] * 6)), ValueError, "class numbers"),
        (lambda: soft().fit(X, Y + 0.5), ValueError, r"class numbers in 0\.\.2.*got 0\.5 in row"),
        (lambda: soft().fit(X, np.eye(3)[Y]), ValueError, "categorical_crossentropy"),
        (lambda: soft().fit(np.array([["a", 1.0, None, 2]] * 6, object), Y), TypeError, "must hold numbers"),
        (lambda: soft().fit(np.array([["a"] * 4] * 6), Y), TypeError, "must hold numbers"),
        (lambda: soft().fit(X.astype(complex), Y), TypeError, "complex"),
        (lambda: soft().fit(X), ValueError, "`y`"),
        (lambda: soft().fit(X, Y, batch_size=0), ValueError, "batch_size"),
        (lambda: soft().fit(X, Y, batch_size=2.5), TypeError, "batch_size"),
        (lambda: soft().fit(X, Y, epochs=-1), ValueError, "epochs"),
        (lambda: soft().fit(X, Y, validation_split=1.0), ValueError, "validation_split"),
        (lambda: soft().fit(X, Y, sample_weight=np.ones(5)), ValueError, "sample_weight has 5"),
        (lambda: soft().fit(X, Y, class_weight={"a": 1}), ValueError, "integer keys"),
        (lambda: soft().fit(X, Y, steps_per_epoch=0), ValueError, "steps_per_epoch"),
        (lambda: soft().fit(3, Y), (TypeError, ValueError), "x"),
        (lambda: soft().predict("abc"), (TypeError, ValueError), "x"),
        (lambda: soft()(X[:, :2]), ValueError, r"got \(6, 2\)"),
        (lambda: ranvier.Sequential([L.Dense(3)]).fit(X, Y), ValueError, "compile"),
        (lambda: ranvier.Sequential([L.Dense(3)]).evaluate(X, Y), ValueError, "compile"),
        (lambda: ranvier.Sequential().predict(X), ValueError, "without layers"),
        (lambda: ranvier.Sequential([L.Dense(3)]).set_weights([]), ValueError, "weights do not exist"),
        (lambda: ranvier.Sequential([L.Dense(3)]).count_params(), ValueError, "build"),
        (lambda: ranvier.Sequential([L.Dense]), ValueError, "not the class"),
        (lambda: ranvier.Sequential([3]), ValueError, "wants a layer"),
        (lambda: soft().add(ranvier.Input((3,))), ValueError, "Input must come first"),
        (lambda: soft().compile("adamm", "mse"), ValueError, "adam"),
        (lambda: soft().compile("adam", "mean_square_error"), ValueError, "mean_squared_error"),
        (lambda: L.Dense(0), ValueError, r"Dense 'dense\w*': `units` must be a positive integer; got 0"),
        (lambda: L.Dense(-3), ValueError, "got -3"),
        (lambda: L.Dense(2.5), ValueError, "got 2.5"),
        (lambda: L.Dense(True), ValueError, "got True"),
        (lambda: L.Dense(3, activation="rellu"), ValueError, "relu"),
        (lambda: L.Dense(3, kernel_initializer="glorot"), ValueError, "glorot_uniform"),
        (lambda: L.Dense(3, activatoin="relu"), TypeError, "activation"),
        (lambda: L.Dense(3, dtype="float16"), ValueError, "float16"),
        (lambda: L.Dropout(1.5), ValueError, r"\[0, 1\]"),
        (lambda: L.Dropout(-0.1), ValueError, r"\[0, 1\]"),
        (lambda: L.GaussianNoise(-1), ValueError, ">= 0"),
        (lambda: L.RepeatVector(0), ValueError, "positive"),
        (lambda: L.Permute((1, 3)), ValueError, "permutation"),
        (lambda: L.Reshape((-1, -1)), ValueError, "at most one"),
        (lambda: model_of(L.Reshape((3, 2))), ValueError, "cannot reshape"),
        (lambda: model_of(L.Permute((2, 1))), ValueError, "wants samples of 2 axes"),
        (lambda: model_of(L.RepeatVector(2), L.RepeatVector(2)), ValueError, r"\(N, C\)"),
        (lambda: L.LeakyReLU(-0.1), ValueError, "negative_slope"),
        (lambda: L.ReLU(max_value=-1), ValueError, "max_value"),
        (lambda: L.Normalization(mean=1.0), ValueError, "both"),
        (lambda: L.Normalization()(X), ValueError, "adapt"),
        (lambda: model_of(L.Softmax(axis=3))(X), ValueError, "axis 3"),
        (lambda: ranvier.Input(), ValueError, "shape"),
        (lambda: ranvier.Input((-2,)), ValueError, ">= 0"),
        (lambda: (lambda model: model.add(model))(soft()), ValueError, "of itself"),
        (lambda: soft().get_layer("nope"), ValueError, "top"),
        (lambda: soft().set_weights([np.zeros((4, 3))]), ValueError, "expected 2 weight arrays; got 1"),
        (lambda: soft().set_weights([np.zeros((3, 4)), np.zeros(3)]), ValueError, r"\(4, 3\)"),
        (lambda: soft().build((None, 9)), ValueError, "already built"),
        (lambda: soft().fit("abc", Y), TypeError, "`x` must be an array of numbers; got 'abc'"),
        (lambda: soft().fit(None, Y), TypeError, "`x` must be an array of numbers; got None"),
        (lambda: soft()(None), TypeError, "`x` must be an array of numbers; got None"),
        (lambda: soft().predict({"a": X, "b": X}), TypeError, "a dict"),
        (lambda: soft().fit(np.array([[None] * 4] * 6), Y), TypeError, "with None among its elements"),
        (lambda: soft().predict(np.array([["1"] * 4], object)), TypeError, "with '1' among its elements"),
        (lambda: soft().fit(np.ma.masked_array(X, X == 0), Y), TypeError, "masked"),
        (lambda: soft().fit(iter([(X, Y)]), Y), ValueError, "`y` must be None"),
        (lambda: soft().evaluate(iter([(X, Y)]), Y), ValueError, "`y` must be None"),
        (lambda: soft().fit(iter([])), ValueError, "empty"),
        (lambda: soft().fit(X, Y, epochs=2.5), TypeError, "`epochs` must be an integer; got 2.5"),
        (lambda: soft().fit(X, Y, steps_per_epoch=2.5), TypeError, "`steps_per_epoch` must be an integer"),
        (lambda: soft().fit(X, Y, validation_data=(X, Y), validation_steps=0), ValueError, "`validation_steps`"),
        (lambda: soft().fit(X, Y, validation_data=(X, Y), validation_freq=0), ValueError, "`validation_freq`"),
        (lambda: soft().fit(X, Y, validation_data=(X, Y), validation_batch_size=0), ValueError, "`validation_batch_size`"),
        (lambda: soft().evaluate(X, Y, steps=0), ValueError, "`steps` must be >= 1; got 0"),
        (lambda: soft().predict(X, steps=-1, verbose=0), ValueError, "`steps` must be >= 1; got -1"),
        (lambda: soft().predict(X, batch_size=0, verbose=0), ValueError, "`batch_size` must be >= 1; got 0"),
        (lambda: soft().fit(X, Y, class_weight={0: "a"}), ValueError, r"`class_weight\[0\]` must be a finite number"),
        (lambda: soft().fit(X, Y, class_weight={0: None}), ValueError, "got None"),
        (lambda: soft().fit(X, Y, class_weight={0: 1.0, "a": 2}), ValueError, "integer keys"),
        (lambda: soft().fit(X, Y, validation_data=X), ValueError, r"`y` is missing.*\(in `validation_data`\)"),
        (lambda: soft().fit(X, Y, validation_data=3), ValueError, r"\(in `validation_data`\)"),
        (lambda: soft().fit(X, Y, callbacks=3), TypeError, "`callbacks` must be .*; got 3"),
        (lambda: soft().compile("adam", "mse", metrics=["acuracy"]), ValueError, "'accuracy'"),
        (lambda: soft().compile("adam", "mse", metrics=[3]), ValueError, "got 3"),
        (lambda: soft().compile("adam", "mse", loss_weights=2.0), ValueError, "`loss_weights`"),
        (lambda: soft().set_weights(3), TypeError, "expected a list of 2 weight arrays; got 3"),
        (lambda: L.Dense(3, kernel_initializer=lambda s, dtype: np.ones((2, 2)))(X), ValueError, r"\(4, 3\); got \(2, 2\)"),
        (lambda: L.Dense(3)(ranvier.Input((4,))), TypeError, "functional API"),
        (lambda: L.Dense(3, activation=L.PReLU())(X), ValueError, "has weights"),
        (lambda: L.Dropout(0.5, noise_shape=3), ValueError, "noise_shape"),
        (lambda: L.Reshape(None), ValueError, "target_shape"),
        (lambda: L.Permute("ab"), ValueError, "dims"),
        (lambda: L.PReLU(shared_axes="a"), ValueError, "shared_axes"),
        (lambda: L.Rescaling("a"), TypeError, "`scale`"),
        (lambda: L.Normalization(mean=[1, 2], variance=1.0)(X), ValueError, r"`mean` .* \(4,\); got shape \(2,\)"),
        (lambda: L.Normalization(mean=0.0, variance=-1.0)(X), ValueError, "`variance` must be >= 0"),
        (lambda: L.Normalization().adapt(3), ValueError, "`data` must have a batch axis"),
        (lambda: ranvier.Input((4,), batch_size=-3), ValueError, "batch_size"),
        (lambda: ranvier.Input((4,), sparse=True), ValueError, "`sparse` is not in ranvier"),
        (lambda: ranvier.Sequential(L.Dense(3)), TypeError, "must be a list of layers"),
        (lambda: ranvier.Sequential([L.Dense(3)]).build((None, 2.5)), ValueError, r"got \(None, 2.5\)"),
        (lambda: ranvier.Sequential.from_config({}), ValueError, "'layers'"),
        (lambda: ranvier.utils.to_categorical([0.5]), ValueError, "integers"),
        (lambda: ranvier.utils.to_categorical([0], 0), ValueError, "`num_classes`"),
        (lambda: ranvier.callbacks.EarlyStopping(patience="a"), ValueError, "`patience`"),
        (lambda: ranvier.callbacks.LambdaCallback(on_epoch_end=3), TypeError, "must be a function; got 3"),
        (lambda: ranvier.optimizers.SGD(lr=0.1), TypeError, "no argument `lr`. Did you mean 'learning_rate'"),
        (lambda: ranvier.optimizers.schedules.CosineDecay("a", 3), ValueError, "`initial_learning_rate`"),
    ],
)  # fmt: skip
def test_message(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_weights_are_untouched_after_a_refused_label() -> None:
    model = soft()
    before = model.get_weights()
    with pytest.raises(ValueError, match="class numbers"):
        model.fit(X, Y + 5, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("bad", [["a"] * 3, np.array([1j] * 3), np.array(["1"] * 3, object), None])
def test_refused_weights_change_none(bad: Any) -> None:
    """The first array would have been fine."""
    model = soft()
    before = model.get_weights()
    with pytest.raises(TypeError, match=r"Sequential 'sequential\w*': `weights\[1\]` must"):
        model.set_weights([np.ones((4, 3)), bad])
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    with pytest.raises(TypeError, match="must hold numbers"):
        model.weights[1].assign(np.array([1j] * 3))


def test_validation_data_are_refused_before_the_first_step() -> None:
    model = soft()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"got \(6, 2\) \(in `validation_data`\)"):
        model.fit(X + 1, Y, validation_data=(X[:, :2], Y), verbose=0)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["mse"])
    with pytest.raises(ValueError, match="the metric 'mse'"):
        model.fit(X + 1, Y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("units", [10**9, 2**31, 2**62])
def test_sizes_that_cannot_be_allocated_are_a_memory_error(units: int) -> None:
    with pytest.raises(MemoryError, match="cannot allocate a weight"):
        ranvier.Sequential([ranvier.Input((10**9,)), L.Dense(units)])


def test_a_layer_without_forward_says_so() -> None:
    class Later(L.Layer):
        def call(self, x: Any) -> Any:
            return x

    class Halves(L.Layer):
        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def forward(self, x: Any, training: bool = False) -> Any:
            return x[:, :2], None

    with pytest.raises(NotImplementedError, match=r"Later .* must write forward.*call\(\)"):
        ranvier.Sequential([ranvier.Input((4,)), Later()])(X)
    with pytest.raises(ValueError, match=r"Halves .* of shape \(6, 2\); compute_output_shape"):
        ranvier.Sequential([ranvier.Input((4,)), Halves()])(X)


def test_labels_that_are_no_probabilities_warn() -> None:
    model = model_of(L.Dense(1, activation="sigmoid"), loss="binary_crossentropy")
    with pytest.warns(RuntimeWarning, match=r"labels in \[0, 1\]; `y` goes from -1 to 1"):
        model.fit(X, np.array([-1, 1] * 3), verbose=0)


def test_crossentropy_over_one_output_warns() -> None:
    model = model_of(L.Dense(1, activation="softmax"))
    with pytest.warns(RuntimeWarning, match="binary_crossentropy"):
        model.fit(X, np.zeros(6), verbose=0)


def test_names_must_be_unique() -> None:
    with pytest.raises(ValueError, match="unique"):
        ranvier.Sequential([L.Dense(2, name="a"), L.Dense(2, name="a")])
