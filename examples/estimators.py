"""Networks beside scikit-learn's simpler models, under the same cross-validation, and with them.

A support vector machine, a random forest, distances to K-means' centres, a perceptron and a CNN
learn the same digits; then they vote. At last K-means, which sees no labels, groups the digits:
their pixels, and the codes of an autoencoder. As the digits are, centred and upright, one is as
good as the other; turned and shifted a little, only codes that have learned to undo it find them.
"""

from __future__ import annotations

from typing import Any

from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from ranvier import Input, Sequential
from ranvier.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    RandomRotation,
    RandomTranslation,
    Reshape,
)
from ranvier.models import up_to
from ranvier.sklearn import MLPClassifier, SequentialClassifier, SequentialRegressor


def estimators() -> dict[str, Any]:
    # images of 8 x 8 pixels: the rows of 64 numbers are brought to this shape
    cnn = [
        Input((8, 8, 1)),
        Conv2D(16, 3, padding="same", activation="relu"),
        MaxPooling2D(),
        Conv2D(32, 3, padding="same", activation="relu"),
        Flatten(),
        Dropout(0.3),
        Dense(64, activation="relu"),
    ]
    return {
        "support vector machine": SVC(C=10),
        "random forest": RandomForestClassifier(random_state=0),
        "distances to 50 K-means": make_pipeline(
            KMeans(50, n_init=1, random_state=0), LogisticRegression(max_iter=1000)
        ),
        "MLPClassifier": MLPClassifier(tol=1e-3, random_state=0),
        "SequentialClassifier, a CNN": SequentialClassifier(cnn, epochs=25, random_state=0),
    }


def compare(x: Any, y: Any) -> dict[str, float]:
    """Accuracies by cross-validation; seconds of fitting and predicting beside them."""
    candidates = estimators()
    candidates["all of them, by vote"] = VotingClassifier(list(candidates.items()))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    accuracies = {}
    print(f"{'':29}accuracy   fit [s]   predict [s]")
    for name, estimator in candidates.items():
        found = cross_validate(estimator, x, y, cv=folds)
        accuracies[name] = float(found["test_score"].mean())
        fit, predict = found["fit_time"].mean(), found["score_time"].mean()
        print(f"{name:29}{accuracies[name]:8.4f}{fit:10.3f}{predict:14.4f}")
    return accuracies


def displace(seed: int | None = None) -> list[Any]:
    """Layers that turn and shift 8 x 8 pixels a little, each image otherwise."""
    return [
        Reshape((8, 8, 1)),
        RandomRotation(0.08, fill_mode="constant", seed=seed),
        RandomTranslation(0.15, 0.15, fill_mode="constant", seed=seed),
        Flatten(),
    ]


def encoder(x: Any) -> Sequential:
    """Digits as 20 numbers, by an autoencoder that learns to put displaced digits straight."""
    layers = [
        *displace(),
        Dense(256, activation="relu"),
        Dense(128, activation="relu"),
        Dense(20, name="code"),
        Dense(128, activation="relu"),
        Dense(64, activation="sigmoid"),
    ]
    autoencoder = SequentialRegressor(layers, epochs=60, random_state=0).fit(x, x)
    return up_to(autoencoder.model_, "code")


def group(x: Any, y: Any) -> dict[str, float]:
    """How well K-means' groups agree with the digits: 1 is alike, 0 is chance."""

    def agreement(rows: Any) -> float:
        groups = KMeans(10, n_init=5, random_state=0).fit_predict(rows)
        return float(adjusted_rand_score(y, groups))

    displaced = Sequential(displace(seed=1))(x, training=True)
    encode = encoder(x)
    found = {
        "pixels": agreement(x),
        "codes": agreement(encode.predict(x, verbose=0)),
        "pixels of displaced digits": agreement(displaced),
        "codes of displaced digits": agreement(encode.predict(displaced, verbose=0)),
    }
    for name, index in found.items():
        print(f"adjusted Rand index of K-means on {name}: {index:.3f}")
    return found


def main() -> tuple[dict[str, float], dict[str, float]]:
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    return compare(x, y), group(x, y)


if __name__ == "__main__":
    main()
