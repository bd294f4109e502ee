"""SequentialClassifier and SequentialRegressor: targets, models, training, prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import check_estimator

from ranvier.sklearn import SequentialClassifier, SequentialRegressor


@pytest.fixture(autouse=True)
def _one_thread(threads: Any) -> None:
    threads(1)


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), y


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    x, y = load_digits(return_X_y=True)
    return x[:600] / 16, y[:600]


# -- scikit-learn's own checks ------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(SequentialClassifier, MLPClassifier), (SequentialRegressor, MLPRegressor)],
)
def test_scikit_learns_checks(ours: Any, theirs: Any) -> None:
    def by_status(estimator: Any, status: str) -> set[str]:
        return {r["check_name"] for r in results[estimator] if r["status"] == status}

    results = {e: check_estimator(e(), on_skip=None, on_fail=None) for e in (ours, theirs)}
    failed = [r for r in results[ours] if r["status"] not in ("passed", "skipped")]
    assert not failed, failed
    assert by_status(ours, "skipped") <= by_status(theirs, "skipped")
    assert len(by_status(ours, "passed")) > 45


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_of_a_template() -> None:
    model = [L.Dense(24, activation="tanh", name="a"), L.Dropout(0.0), L.Dense(16, "relu")]
    # results in float32 and within mini-batches agree to less than the checks of weights want
    known = {
        "check_sample_weight_equivalence_on_dense_data": "float32",
        "check_regressor_multioutput": "float32",
    }
    for make in (SequentialClassifier, SequentialRegressor):
        check_estimator(make(model, a__units=32), on_skip=None, expected_failed_checks=known)


# -- the same numbers as the model itself -------------------------------------------------------


def seeded(meta: Any) -> ranvier.Sequential:
    start = ranvier.initializers.GlorotUniform(seed=3)
    outputs = meta["n_classes_"] or meta["n_outputs_"]
    last = "softmax" if meta["n_classes_"] else None
    return ranvier.Sequential(
        [
            L.Dense(12, "tanh", kernel_initializer=start),
            L.Dense(outputs, last, kernel_initializer=start),
        ]
    )


def test_fit_is_that_of_the_model(iris: Any) -> None:
    x, y = iris
    model = seeded({"n_classes_": 3})
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0)
    clf = SequentialClassifier(
        seeded, optimizer="sgd", epochs=4, batch_size=16, shuffle=False, metrics=["accuracy"]
    ).fit(x, y)
    assert clf.history_ == history.history
    assert clf.loss_curve_ == history.history["loss"] and clf.n_iter_ == 4
    np.testing.assert_array_equal(clf.predict_proba(x), model.predict(x, verbose=0))
    np.testing.assert_array_equal(clf.predict(x), model.predict(x, verbose=0).argmax(1))
    assert clf.score(x, y) == np.mean(clf.predict(x) == y)
    np.testing.assert_array_equal(clf.predict_log_proba(x), np.log(clf.predict_proba(x)))


def test_regression_of_several_outputs_is_that_of_the_model(iris: Any) -> None:
    x, y = iris[0][:, :2], iris[0][:, 2:]
    model = seeded({"n_classes_": None, "n_outputs_": 2})
    model.compile("adam", "mse")
    model.fit(x, y, epochs=3, shuffle=False, verbose=0)
    reg = SequentialRegressor(seeded, epochs=3, shuffle=False).fit(x, y)
    np.testing.assert_array_equal(reg.predict(x), model.predict(x, verbose=0))
    one = SequentialRegressor(seeded, epochs=3, shuffle=False).fit(x, y[:, 0])
    assert one.predict(x).shape == (150,)


def test_class_weights_are_weights_of_samples(iris: Any) -> None:
    x, y = iris[0][:120], np.array(["one", "three", "two"])[iris[1][:120]]
    make = {"model": seeded, "epochs": 3, "shuffle": False}
    counts = {name: np.sum(y == name) for name in ("one", "three", "two")}
    weights = np.array([120 / (3 * counts[name]) for name in y])
    balanced = SequentialClassifier(**make, class_weight="balanced").fit(x, y)
    by_hand = SequentialClassifier(**make).fit(x, y, weights)
    plain = SequentialClassifier(**make).fit(x, y)
    np.testing.assert_allclose(balanced.predict_proba(x), by_hand.predict_proba(x), rtol=1e-5)
    assert not np.allclose(plain.predict_proba(x), by_hand.predict_proba(x), rtol=1e-3)
    named = SequentialClassifier(**make, class_weight={n: 120 / (3 * c) for n, c in counts.items()})
    np.testing.assert_allclose(
        named.fit(x, y).predict_proba(x), by_hand.predict_proba(x), rtol=1e-5
    )


def test_weights_are_relative_and_zero_leaves_out(iris: Any) -> None:
    x, y = iris
    weights = np.random.default_rng(0).integers(0, 3, len(x))

    def outputs(x: Any, y: Any, w: Any) -> Any:
        model = SequentialClassifier(seeded, optimizer="sgd", epochs=3, shuffle=False)
        return model.fit(x, y, sample_weight=w).predict_proba(iris[0])

    first = outputs(x, y, weights)
    np.testing.assert_allclose(outputs(x, y, 1000 * weights), first, rtol=1e-5)
    some = weights > 0
    np.testing.assert_array_equal(outputs(x[some], y[some], weights[some]), first)


# -- kinds of targets ---------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["added", "sigmoid", "softmax", "linear", "two logits"])
def test_two_classes(iris: Any, last: str) -> None:
    x, y = iris[0][50:], np.array(["no", "yes"])[iris[1][50:] - 1]
    tops = {
        "added": [],
        "sigmoid": [L.Dense(1, "sigmoid")],
        "softmax": [L.Dense(2, "softmax")],
        "linear": [L.Dense(1)],
        "two logits": [L.Dense(2)],
    }
    model = [L.Dense(16, "relu"), *tops[last]]
    clf = SequentialClassifier(
        model, random_state=0, epochs=80, optimizer__learning_rate=0.01, metrics=["accuracy"]
    ).fit(x, y)
    p = clf.predict_proba(x)
    assert p.shape == (100, 2) and list(clf.classes_) == ["no", "yes"]
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    assert clf.score(x, y) > 0.95 and log_loss(y, p) < 0.2
    np.testing.assert_array_equal(clf.predict(x), clf.classes_[p.argmax(1)])
    # what the loop has measured is what scikit-learn measures
    assert clf.history_["accuracy"][-1] == pytest.approx(clf.score(x, y), abs=0.03)
    assert clf.loss_curve_[-1] == pytest.approx(log_loss(y, p), abs=0.03)
    units = 2 if last in ("softmax", "two logits") else 1
    assert clf.n_outputs_ == units == clf.model_.output_shape[-1]


@pytest.mark.parametrize("loss", ["auto", "mse", "categorical_crossentropy", "one against others"])
def test_several_classes_by_any_loss(digits: Any, loss: str) -> None:
    x, y = digits
    last = "sigmoid" if loss == "one against others" else "softmax"
    clf = SequentialClassifier(
        [L.Dense(32, "relu"), L.Dense(10, last)],
        loss="auto" if loss == "one against others" else loss,
        epochs=30,
        optimizer__learning_rate=0.005,
        random_state=0,
    ).fit(x, y)
    assert clf.score(x, y) > 0.95
    np.testing.assert_allclose(clf.predict_proba(x).sum(1), 1, atol=1e-5)


def test_logits_are_told_from_probabilities(iris: Any) -> None:
    x, y = iris
    logits = [L.Dense(3)]
    clf = SequentialClassifier(logits, epochs=2).fit(x, y)
    z = clf.model_.predict(x, verbose=0).astype(float)
    softmax = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    np.testing.assert_allclose(clf.predict_proba(x), softmax, rtol=1e-5)
    for model, loss in [
        (logits, "sparse_categorical_crossentropy"),
        ([L.Dense(3, "softmax")], ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)),
    ]:
        with pytest.raises(ValueError, match=r"SequentialClassifier: `loss`.*from_logits"):
            SequentialClassifier(model, loss=loss).fit(x, y)


def test_several_labels(rng: Any) -> None:
    x = rng.normal(size=(200, 5))
    y = (x[:, :3] > 0).astype(int)
    clf = SequentialClassifier(
        epochs=60, random_state=0, optimizer__learning_rate=0.01, metrics=["accuracy"]
    ).fit(x, y)
    assert clf.predict_proba(x).shape == (200, 3) and clf.target_type_ == "multilabel-indicator"
    assert np.mean(clf.predict(x) == y) > 0.97
    assert clf.history_["accuracy"][-1] == pytest.approx(np.mean(clf.predict(x) == y), abs=0.03)
    with pytest.raises(ValueError, match="3 with sigmoid/linear"):
        SequentialClassifier([L.Dense(3, "softmax")]).fit(x, y)
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        SequentialClassifier().fit(x, y + np.arange(200)[:, None] % 3)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ([L.Dense(5, "softmax", name="top")], "'top', 5 outputs.*softmax; `y` needs 3"),
        ([L.Dense(1, "sigmoid")], "1 outputs with activation sigmoid"),
        ([L.Dense(64)], "64 outputs with activation linear"),
        ([], "no layers"),
        (3, "`model` must be"),
        ([L.Conv2D(2, 3)], "expected input"),
        (lambda width: [L.Dense(width)], "`model__width`"),
        (
            [ranvier.Input((5,)), L.Dense(3)],
            r"X of shape .150, 4. does not fit the model's input .None, 5.",
        ),
        ([ranvier.Input((5, 2)), L.Dense(3)], "does not fit the model's input"),
    ],
)
def test_models_that_do_not_fit(iris: Any, model: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^SequentialClassifier: .*{message}"):
        SequentialClassifier(model).fit(*iris)


def test_an_output_layer_is_added_where_there_is_none(iris: Any) -> None:
    x, y = iris

    def kinds(make: Any, model: Any, target: Any, **more: Any) -> list[Any]:
        fitted = make(model, epochs=1, **more).fit(x, target)
        return [(type(k).__name__, getattr(k, "units", 0)) for k in fitted.model_.layers][-2:]

    relu, linear = L.Dense(3, "relu"), L.Dense(3)
    assert kinds(SequentialClassifier, [relu], y) == [("Dense", 3), ("Dense", 3)]
    assert kinds(SequentialClassifier, [linear], y) == [("Dense", 3)]
    assert kinds(SequentialClassifier, [linear, L.Dropout(0.1)], y)[-1] == ("Dense", 3)
    assert kinds(SequentialClassifier, [linear], y, add_output=True)[-1] == ("Dense", 3)
    assert len(kinds(SequentialClassifier, [linear], y, add_output=True)) == 2
    assert kinds(SequentialRegressor, [relu], x[:, :1].ravel())[-1] == ("Dense", 1)
    assert kinds(SequentialRegressor, [L.Dense(1, "relu")], x[:, 0]) == [("Dense", 1)]
    with pytest.raises(ValueError, match=r"^SequentialRegressor: .*needs 1 with any"):
        SequentialRegressor([linear]).fit(x, x[:, 0])
    with pytest.raises(ValueError, match="needs 3 with softmax"):
        SequentialClassifier([relu], add_output=False).fit(x, y)
    with pytest.raises(ValueError, match="`add_output` must be"):
        SequentialClassifier([relu], add_output="no").fit(x, y)


# -- data of more axes --------------------------------------------------------------------------


def test_images_flat_or_not(digits: Any) -> None:
    x, y = digits
    images = x.reshape(-1, 8, 8, 1)
    cnn = ranvier.Sequential(
        [ranvier.Input((8, 8, 1)), L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(), L.Flatten()]
    )
    flat = SequentialClassifier(cnn, epochs=8, random_state=0).fit(x, y)
    shaped = SequentialClassifier(cnn, epochs=8, random_state=0).fit(images, y)
    assert flat.score(x, y) > 0.75
    np.testing.assert_array_equal(flat.predict_proba(x), shaped.predict_proba(images))
    assert shaped.X_shape_ == images.shape and flat.n_features_in_ == 64
    with pytest.raises(ValueError, match=r"X must have shape \(n_samples, 8, 8, 1\)"):
        shaped.predict(images[:, :, :5])
    assert SequentialClassifier(epochs=1).fit(images, y).predict(images).shape == (600,)
    bytes_ = SequentialClassifier(cnn, epochs=1).fit((images * 255).astype(np.uint8), y)
    assert bytes_.predict((images * 255).astype(np.uint8)).shape == (600,)


def test_series(rng: Any) -> None:
    x = rng.normal(size=(200, 10, 2))
    y = x[:, -3:, 0].sum(1)
    reg = SequentialRegressor(
        [L.LSTM(12)], epochs=40, random_state=0, optimizer__learning_rate=0.01
    )
    assert reg.fit(x, y).score(x, y) > 0.9
    one = ranvier.Sequential([ranvier.Input((None, 1)), L.SimpleRNN(6)])
    flat = SequentialRegressor(one, epochs=2).fit(x[:, :, 0], y)
    assert flat.model_.input_shape == (None, None, 1) and flat.predict(x[:, :, 0]).shape == (200,)
    steps = [L.GRU(4, return_sequences=True), L.TimeDistributed(L.Dense(1))]
    every = SequentialRegressor(steps, epochs=2, add_output=False).fit(x, x[:, :, 1])
    assert every.predict(x).shape == (200, 10) and every.model_.output_shape == (None, 10, 1)


# -- templates ----------------------------------------------------------------------------------


def test_a_template_stays_as_it_is(iris: Any) -> None:
    template = ranvier.Sequential([ranvier.Input((4,)), L.Dense(3, "softmax")])
    before = [w.copy() for w in template.get_weights()]
    first = SequentialClassifier(template, epochs=3, random_state=0).fit(*iris)
    second = SequentialClassifier(template, epochs=3, random_state=0).fit(*iris)
    other = SequentialClassifier(template, epochs=3, random_state=1).fit(*iris)
    for a, b in zip(before, template.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not template.compiled and first.model_ is not template
    np.testing.assert_array_equal(first.predict_proba(iris[0]), second.predict_proba(iris[0]))
    assert not np.allclose(first.predict_proba(iris[0]), other.predict_proba(iris[0]))


def test_what_a_template_was_compiled_with(iris: Any) -> None:
    template = ranvier.Sequential([L.Dense(3, "softmax")])
    template.compile(ranvier.optimizers.SGD(0.5, momentum=0.5), "mse", metrics=["accuracy"])
    clf = SequentialClassifier(template, epochs=1).fit(*iris)
    assert type(clf.model_.optimizer).__name__ == "SGD" and "accuracy" in clf.history_
    assert clf.get_params()["optimizer__momentum"] == 0.5
    assert type(clf.model_._loss).__name__ == "MeanSquaredError"
    assert clf.model_.optimizer is not template.optimizer
    own = SequentialClassifier(template, epochs=1, optimizer="adam", loss="auto", metrics=["mae"])
    assert type(own.fit(*iris).model_.optimizer).__name__ == "Adam" and "mae" in own.history_


def test_frozen_layers_and_statistics_stay(iris: Any) -> None:
    x, y = iris
    template = ranvier.Sequential(
        [
            ranvier.Input((4,)),
            L.Normalization(name="scale"),
            L.Dense(7, "relu", name="frozen"),
            L.Dense(3, "softmax"),
        ]
    )
    template.get_layer("scale").adapt(x + 5)
    template.get_layer("frozen").trainable = False
    clf = SequentialClassifier(template, epochs=2).fit(x, y)
    for name in ("scale", "frozen"):
        for a, b in zip(
            template.get_layer(name).get_weights(),
            clf.model_.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    # one without statistics takes those of the data
    fresh = SequentialClassifier([L.Normalization(), L.Dense(8, "relu")], epochs=1).fit(
        3 * x + 9, y
    )
    scaled = fresh.model_.layers[0](np.asarray(3 * x + 9, "float32"))
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-5)


# -- going on -----------------------------------------------------------------------------------


def test_partial_fit_and_warm_start_go_on(iris: Any) -> None:
    x, y = iris
    make = {"model": seeded, "shuffle": False, "optimizer": "adam"}
    whole = SequentialClassifier(**make, epochs=4).fit(x, y)
    warm = SequentialClassifier(**make, epochs=2, warm_start=True).fit(x, y).fit(x, y)
    parts = SequentialClassifier(**make)
    for _ in range(4):
        parts.partial_fit(x, y, classes=[0, 1, 2])
    for other in (warm, parts):
        np.testing.assert_array_equal(other.predict_proba(x), whole.predict_proba(x))
        assert other.loss_curve_ == whole.loss_curve_ and other.n_iter_ == 4
    again = warm.set_params(optimizer__learning_rate=0.5).fit(x, y)
    assert float(again.model_.optimizer.learning_rate) == 0.5 and again.n_iter_ == 6
    assert SequentialClassifier(**make, epochs=2).fit(x, y).fit(x, y).n_iter_ == 2


def test_partial_fit_with_classes_that_come_later(iris: Any) -> None:
    x, y = iris
    clf = SequentialClassifier().partial_fit(x[:50], y[:50], classes=[0, 1, 2])
    assert clf.partial_fit(x[50:], y[50:]).predict_proba(x).shape == (150, 3)
    with pytest.raises(ValueError, match=r"classes \[.*5.*\] that are not in `classes_`"):
        clf.partial_fit(x[:2], [0, 5])
    with pytest.raises(ValueError, match="not those of the first call"):
        clf.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="only 1 class"):
        SequentialClassifier().fit(x[:50], y[:50])
    reg = SequentialRegressor().partial_fit(x, x[:, :2])
    with pytest.raises(ValueError, match="must have 2 columns"):
        reg.partial_fit(x, x[:, 0])


def test_validation_is_drawn_class_by_class(iris: Any) -> None:
    x, y = iris  # sorted: the last fifth is of one class
    stop = ranvier.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    clf = SequentialClassifier(
        validation_split=0.2,
        epochs=300,
        callbacks=[stop],
        random_state=0,
        metrics=["accuracy"],
        optimizer__learning_rate=0.02,
    ).fit(x, y)
    assert clf.n_iter_ < 300 and len(clf.history_["val_loss"]) == clf.n_iter_
    assert max(clf.history_["val_accuracy"]) > 0.85
    assert stop.best is None and clf.callbacks_[0].best is not None  # a copy was used
    given = SequentialClassifier(epochs=2).fit(x, y, validation_data=(x[::7], y[::7]), epochs=3)
    assert len(given.history_["val_loss"]) == 3
    with pytest.raises(TypeError, match=r"SequentialClassifier: fit.*`epoch`.*'epochs'"):
        clf.fit(x, y, epoch=3)


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "`epochs` must be >= 1"),
        ({"epochs": "a"}, "`epochs` must be an integer"),
        ({"batch_size": 1.5}, "`batch_size` must be an integer"),
        ({"validation_split": 1.0}, "`validation_split` must be < 1"),
        ({"validation_split": -0.1}, "`validation_split`"),
        ({"class_weight": "even"}, "`class_weight` must be"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"loss": "msee"}, "Did you mean 'mse'"),
        ({"loss": None}, "`loss` must be"),
        ({"metrics": ["acuracy"]}, "Did you mean 'accuracy'"),
        ({"callbacks": [3]}, "`callbacks` must be"),
        ({"optimizer__lr": 1}, "no argument `lr`"),
        ({"hiden__units": 1}, "no layer is named 'hiden'.*'hidden'"),
        ({"hidden__units": 0}, "'hidden': `units` must be a positive integer"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named_by_fit(iris: Any, given: dict[str, Any], message: str) -> None:
    clf = SequentialClassifier(**given)
    with pytest.raises((TypeError, ValueError), match=f"^SequentialClassifier: .*{message}"):
        clf.fit(*iris)
    with pytest.raises(NotFittedError):
        clf.predict(iris[0])


def test_bad_data(iris: Any) -> None:
    x, y = iris
    clf = SequentialClassifier(epochs=1).fit(x, y)
    for value in (np.nan, np.inf, -np.inf):
        row = x[:1].copy()
        row[0, 2] = value
        for bad in (row, row.astype("float32")):
            with pytest.raises(ValueError, match="contains"):
                clf.predict(bad)
    with pytest.raises(ValueError, match="X has 3 features"):
        clf.predict(x[:, :3])
    with pytest.raises(ValueError, match="zero"):
        clf.fit(x, y, sample_weight=np.zeros(150))
    with pytest.raises(ValueError, match="expected"):
        clf.fit(x, y, sample_weight=np.ones(149))
    with pytest.warns(DataConversionWarning):
        clf.fit(x, y[:, None])


def test_one_row_at_a_time(iris: Any) -> None:
    for dtype in ("float32", "float64"):
        x = iris[0].astype(dtype)
        clf = SequentialClassifier([L.Dense(9, "relu")], epochs=2).fit(*iris)
        many = clf.predict_proba(x)
        # the fast way in, and the one through validation
        rows = np.concatenate([clf.predict_proba(x[i : i + 1]) for i in range(150)])
        lists = np.concatenate([clf.predict_proba(x[i : i + 1].tolist()) for i in range(150)])
        np.testing.assert_allclose(rows, many, rtol=1e-5)
        np.testing.assert_array_equal(lists, rows)
        np.testing.assert_array_equal(clf.predict_proba(x[::-2]), many[::-2])
    assert clf.predict_proba(np.arange(4)[None]).shape == (1, 3)
