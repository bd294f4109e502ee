"""The metrics of decisions, curves, overlap, correlation and further losses against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier

from .keras_reference import keras

# (class, constructor arguments, kind of labels and predictions)
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("TruePositives", {}, "probabilities"),
    ("FalsePositives", {"thresholds": [0.2, 0.9, 0.4]}, "probabilities"),
    ("TrueNegatives", {"thresholds": 0.7}, "one output"),
    ("FalseNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "flat"),
    ("Precision", {}, "one output"),
    ("Precision", {"top_k": 2, "class_id": 1}, "distributions"),
    ("Precision", {"thresholds": [0.1, 0.3], "class_id": 0}, "distributions"),
    ("Recall", {}, "flat"),
    ("Recall", {"top_k": 2}, "distributions"),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, "one output"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 1}, "flat"),
    ("PrecisionAtRecall", {"recall": 0.3, "num_thresholds": 20}, "probabilities"),
    ("RecallAtPrecision", {"precision": 0.5, "class_id": 2}, "distributions"),
    ("AUC", {}, "one output"),
    ("AUC", {"curve": "PR"}, "flat"),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 7}, "flat"),
    ("AUC", {"curve": "PRGAIN", "summation_method": "majoring"}, "flat"),
    ("AUC", {"thresholds": [0.3, 0.1, 0.8]}, "probabilities"),
    ("AUC", {"from_logits": True, "num_thresholds": 2}, "logits"),
    ("AUC", {"multi_label": True, "num_labels": 4}, "probabilities"),
    (
        "AUC",
        {"multi_label": True, "num_labels": 4, "label_weights": [0.1, 0.5, 2.0, 1.0]},
        "probabilities",
    ),
    ("AUC", {"multi_label": True, "curve": "PR", "thresholds": [0.2, 0.6]}, "probabilities"),
    ("AUC", {"label_weights": [0.1, 0.5, 2.0, 1.0]}, "probabilities"),
    ("F1Score", {}, "distributions"),
    ("F1Score", {"average": "micro", "threshold": 0.4}, "probabilities"),
    ("FBetaScore", {"beta": 2.0, "average": "macro"}, "distributions"),
    ("FBetaScore", {"beta": 0.5, "average": "weighted", "threshold": 0.5}, "probabilities"),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "dtype": "float32"}, "classes"),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1, "dtype": "float32"}, "classes"),
    ("BinaryIoU", {"threshold": 0.3, "dtype": "float32"}, "flat"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1], "dtype": "float32"}, "distributions"),
    ("OneHotMeanIoU", {"num_classes": 4, "dtype": "float32"}, "distributions"),
    ("Hinge", {}, "logits"),
    ("SquaredHinge", {}, "logits"),
    ("CategoricalHinge", {}, "distributions"),
    ("KLDivergence", {}, "distributions"),
    ("Poisson", {}, "probabilities"),
    ("LogCoshError", {}, "values"),
    ("MeanAbsolutePercentageError", {}, "values"),
    ("MeanSquaredLogarithmicError", {}, "probabilities"),
    ("CosineSimilarity", {}, "values"),
    ("PearsonCorrelation", {}, "values"),
    ("ConcordanceCorrelation", {}, "values"),
]
IDS = [f"{name}-{arguments}" for name, arguments, _ in CASES]


def batches(kind: str, rng: np.random.Generator) -> list[Any]:
    result = []
    for n in (17, 6):
        logits = rng.normal(size=(n, 4))
        e = np.exp(logits)
        classes = rng.integers(0, 4, n)
        ones = rng.integers(0, 2, (n, 4))
        y_true, y_pred = {
            "probabilities": (ones, 1 / (1 + 1 / e)),
            "one output": (ones[:, :1], 1 / (1 + 1 / e[:, :1])),
            "flat": (ones[:, 0], 1 / (1 + 1 / e[:, 0])),
            "logits": (ones, logits),
            "distributions": (np.eye(4)[classes], e / e.sum(axis=1, keepdims=True)),
            "classes": (classes, rng.integers(-1, 5, n)),
            "values": (rng.normal(size=(n, 4)), logits),
        }[kind]
        weights = rng.uniform(0.1, 2, n).astype("float32")
        result.append((y_true.astype("float32"), y_pred.astype("float32"), weights))
    return result


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_running_value(case: Any, rng: np.random.Generator) -> None:
    name, arguments, kind = case
    theirs = getattr(keras.metrics, name)(**arguments)
    ours = getattr(ranvier.metrics, name)(**arguments)
    for weighted in (True, False):
        for y_true, y_pred, w in batches(kind, rng):
            theirs.update_state(y_true, y_pred, w if weighted else None)
            ours.update_state(y_true, y_pred, w if weighted else None)
            np.testing.assert_allclose(ours.result(), theirs.result(), rtol=2e-5, atol=1e-6)
        theirs.reset_state()
        ours.reset_state()
    np.testing.assert_allclose(ours.result(), theirs.result(), atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case: Any) -> None:
    name, arguments, _ = case
    ours = getattr(ranvier.metrics, name)(**arguments, name="mine")
    config = ranvier.metrics.serialize(ours)
    again = ranvier.metrics.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert again.name == "mine"
    theirs = getattr(keras.metrics, name).from_config(config["config"])
    for argument, value in arguments.items():
        if argument not in ("thresholds", "from_logits", "label_weights"):
            kept = getattr(theirs, argument)
            assert getattr(kept, "value", kept) == value  # of an Enum
    assert keras.metrics.serialize(theirs)["config"].keys() <= config["config"].keys()


def test_default_names_are_keras() -> None:
    for name, arguments, _ in CASES:
        theirs = getattr(keras.metrics, name)(**arguments).name
        theirs = theirs.rsplit("_", 1)[0] if theirs[-1].isdigit() else theirs
        assert getattr(ranvier.metrics, name)(**arguments).name == theirs


def test_predictions_on_a_threshold_and_nan() -> None:
    """Where the same division must round alike, a prediction equals a threshold."""
    grid = np.arange(21, dtype="float32") / np.float32(20)
    labels = (np.arange(21) % 3 == 0).astype("float32")
    for n in (21, 11, 41):
        theirs, ours = keras.metrics.AUC(n), ranvier.metrics.AUC(n)
        theirs.update_state(labels, grid)
        assert ours(labels, grid) == pytest.approx(float(theirs.result()), rel=1e-6)
        theirs = keras.metrics.PrecisionAtRecall(0.4, n)
        theirs.update_state(labels, grid)
        ours = ranvier.metrics.PrecisionAtRecall(0.4, n)
        assert ours(labels, grid) == pytest.approx(float(theirs.result()), rel=1e-6)
    assert ranvier.metrics.TruePositives()([1, 1], [np.nan, 0.9]) == 1


def test_areas_are_scikit_learns(rng: np.random.Generator) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, scores = rng.integers(0, 2, 300), (rng.permutation(300) + 0.5) / 300
    got = ranvier.metrics.AUC(num_thresholds=301)(labels, scores)  # each score between two
    assert got == pytest.approx(sklearn.roc_auc_score(labels, scores), abs=1e-6)
    got = ranvier.metrics.F1Score("macro")(np.eye(2)[labels], np.eye(2)[(scores > 0.5).astype(int)])
    assert got == pytest.approx(sklearn.f1_score(labels, scores > 0.5, average="macro"), abs=1e-6)


def test_sums_of_matrices_are_keras(rng: np.random.Generator) -> None:
    values, weights = rng.normal(size=(4, 3)).astype("float32"), rng.uniform(size=4)
    for w in (None, weights, weights[:, None], rng.uniform(size=(4, 3))):
        theirs = keras.metrics.Sum()
        theirs.update_state(values, w)
        assert ranvier.metrics.Sum()(values, w) == pytest.approx(float(theirs.result()), rel=1e-5)


def test_top_k_of_sorted_ids(rng: np.random.Generator) -> None:
    ids = np.array([rng.permutation(5) for _ in range(8)]).astype("float32")
    labels, weights = rng.integers(0, 5, 8), rng.uniform(size=8)
    theirs = keras.metrics.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True)
    theirs.update_state(labels, ids, weights)
    ours = ranvier.metrics.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True)
    assert ours(labels, ids, weights) == pytest.approx(float(theirs.result()), rel=1e-6)
    assert ours.native is None
    np.testing.assert_array_equal(
        ranvier.metrics.sparse_top_k_categorical_accuracy(labels, ids, 2, from_sorted_ids=True),
        keras.metrics.sparse_top_k_categorical_accuracy(labels, ids, 2, from_sorted_ids=True),
    )


def test_names_in_compile(rng: np.random.Generator) -> None:
    names = [
        "auc", "AUC", "precision", "Recall", "true_positives", "hinge", "huber", "cosine_similarity",
        "poisson", "mape", "log_cosh", "binary_focal_crossentropy", "kl_divergence",
    ]  # fmt: skip
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.integers(0, 2, (40, 1))
    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=names, weighted_metrics=["recall"])
    logs = model.fit(x, y, epochs=1, batch_size=16, verbose=0, sample_weight=np.ones(40)).history
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    assert {*names, "weighted_recall"} <= logs.keys() | values.keys() | {"weighted_recall"}
    p = model.predict(x, verbose=0)
    for name, function in [
        ("auc", keras.metrics.AUC()),
        ("precision", keras.metrics.Precision()),
        ("huber", keras.metrics.MeanMetricWrapper(keras.losses.huber)),
        ("cosine_similarity", keras.metrics.CosineSimilarity()),
    ]:
        function.update_state(y, p)
        assert values[name] == pytest.approx(float(function.result()), rel=1e-4)


def test_function_forms(rng: np.random.Generator) -> None:
    t, p = rng.normal(size=(2, 5, 4)).astype("float32")
    for name in ("pearson_correlation", "concordance_correlation"):
        for axis in (0, 1):
            theirs = getattr(keras.metrics, name)(t, p, axis)
            ours = getattr(ranvier.metrics, name)(t, p, axis)
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.Precision(thresholds=1.5), "thresholds"),
        (lambda m: m.Recall(thresholds=[]), "thresholds"),
        (lambda m: m.Precision(top_k=0), "top_k"),
        (lambda m: m.Precision(class_id=7)([[0, 1]], [[0.1, 0.9]]), "class_id"),
        (lambda m: m.Precision(class_id=0)([1], [0.9]), "class_id"),
        (lambda m: m.AUC(num_thresholds=1), "num_thresholds"),
        (lambda m: m.AUC(curve="RIC"), "curve"),
        (lambda m: m.AUC(summation_method="x"), "summation_method"),
        (lambda m: m.AUC(num_labels=3), "num_labels"),
        (lambda m: m.AUC(multi_label=True)([1], [0.2]), "multi_label"),
        (lambda m: m.AUC(label_weights=[1.0])([[1, 0]], [[0.2, 0.3]]), "label_weights"),
        (lambda m: m.AUC()([1, 0], [0.2, 0.3, 0.4]), "y_true"),
        (lambda m: m.AUC()([1, 0], [0.2, 0.3], [1, 2, 3]), "sample_weight"),
        (lambda m: m.RecallAtPrecision(1.5), "precision"),
        (lambda m: m.SensitivityAtSpecificity(0.5, num_thresholds=0), "num_thresholds"),
        (lambda m: m.F1Score(average="mean"), "average"),
        (lambda m: m.FBetaScore(beta=0.0), "beta"),
        (lambda m: m.F1Score(threshold=1.5), "threshold"),
        (lambda m: m.F1Score()([1, 0], [0.5, 0.2]), "classes"),
        (lambda m: m.IoU(2, [2]), "target_class_ids"),
        (lambda m: m.MeanIoU(0), "num_classes"),
        (lambda m: m.MeanIoU(2)([0, 1], [1]), "equally many"),
        (lambda m: m.PearsonCorrelation(axis=3)([[1.0, 2.0]], [[1.0, 2.0]]), "axis 3"),
        (lambda m: m.Hinge()([[1.0, 2.0]], [[1.0]]), "y_true"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(ranvier.metrics)
