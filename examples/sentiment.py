"""Praise or blame, where the order of the words decides: "good, not bad" against "bad, not good".

The sentences are made from templates, with negations and with "but", after which comes what counts.
A logistic regression on the counts of words sees which words there are; an LSTM reads them in
order. Sentences are of different lengths: `Embedding(mask_zero=True)` makes it skip what pads them.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

import ranvier
from ranvier.layers import LSTM, Dense, Embedding, TextVectorization
from ranvier.models import Sequential
from ranvier.optimizers import Adam

THINGS = ["the film", "the book", "the play", "this song", "her story", "the second part", "it all"]
GOOD = ["good", "great", "funny", "clever", "touching", "brilliant"]
BAD = ["bad", "boring", "dull", "stupid", "clumsy", "awful"]
STRENGTHS = ["", "very ", "really ", "rather "]


def clause(good: bool, rng: np.random.Generator) -> str:
    """`the film was not really boring` is praise, as `the film was funny` is."""
    negated = rng.random() < 0.5
    words = GOOD if good != negated else BAD
    return (
        f"{rng.choice(THINGS)} was {rng.choice(['not ', 'never ']) if negated else ''}"
        f"{rng.choice(STRENGTHS)}{rng.choice(words)}"
    )


def sentence(good: bool, rng: np.random.Generator) -> str:
    first, second = (GOOD, BAD) if good else (BAD, GOOD)
    kind = rng.integers(3)
    if kind == 0:
        return f"{rng.choice(THINGS)} was {rng.choice(first)}, not {rng.choice(second)}."
    if kind == 1:
        return f"{clause(not good, rng)}, but {clause(good, rng)}."
    return f"{clause(good, rng)}."


def data(n: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """n different sentences, in capitals at the beginning, and 1 for praise."""
    labels: dict[str, bool] = {}
    while len(labels) < n:
        good = bool(rng.integers(2))
        labels.setdefault(sentence(good, rng).capitalize(), good)
    return list(labels), np.array(list(labels.values()), "float32")


def network(words: int) -> Sequential:
    model = Sequential([
        ranvier.Input((None,)),  # of any length
        Embedding(words, 16, mask_zero=True),
        LSTM(32),
        Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
    return model


def main() -> tuple[float, float]:
    """The accuracy on new sentences of a regression on counts of words, and of the LSTM."""
    texts, y = data(2000, np.random.default_rng(0))
    train, test = slice(1500), slice(1500, None)

    count = TextVectorization(output_mode="count")
    count.adapt(texts[train])
    regression = LogisticRegression(max_iter=1000).fit(count(texts[train]), y[train])
    by_counts = float(regression.score(count(texts[test]), y[test]))

    vectorize = TextVectorization()
    vectorize.adapt(texts[train])
    ranvier.utils.set_random_seed(0)
    model = network(vectorize.vocabulary_size())
    model.fit(vectorize(texts[train]), y[train], epochs=15, batch_size=32, verbose=0)
    in_order = float(model.evaluate(vectorize(texts[test]), y[test], verbose=0)[1])

    print(f"counts of words: {by_counts:.1%} of {len(y[test])} new sentences told rightly")
    print(f"read in order: {in_order:.1%}")
    own = ["The film was clever, not dull.", "The film was dull, not clever."]
    for text, p in zip(own, model.predict(vectorize(own), verbose=0)[:, 0], strict=True):
        print(f"  {text} {'praise' if p > 0.5 else 'blame'} ({p:.3f})")
    return by_counts, in_order


if __name__ == "__main__":
    main()
