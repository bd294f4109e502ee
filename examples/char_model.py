"""A model of letters that learns to spell from fables, and writes some itself.

The text is cut into streams that are read side by side, 50 letters at a time. The LSTM is stateful:
it goes on where it was, while the error goes back 50 letters and no further (truncated
backpropagation through time). To write, a second model of the same weights reads and gives one
letter at a time.
"""

from __future__ import annotations

import math
import pathlib
import re
from collections.abc import Iterator

import numpy as np

import ranvier
from ranvier.layers import LSTM, Dense, StringLookup
from ranvier.models import Sequential
from ranvier.optimizers import Adam

FABLES = pathlib.Path(__file__).with_name("data") / "fables.txt"
STREAMS, STEPS = 16, 50


def network(letters: int, rows: int, steps: int) -> Sequential:
    model = Sequential([
        ranvier.Input(batch_shape=(rows, steps, letters)),
        LSTM(128, return_sequences=True, stateful=True),
        Dense(letters, activation="softmax"),
    ])  # fmt: skip
    model.compile(Adam(0.01, clipnorm=1.0), "sparse_categorical_crossentropy")
    return model


class Pieces:
    """One-hot letters (STREAMS, STEPS, letters) and the letters after them, stream by stream."""

    def __init__(self, ids: np.ndarray, letters: int) -> None:
        length = (len(ids) - 1) // (STREAMS * STEPS) * STEPS
        self.x, self.y = (
            ids[shift : shift + STREAMS * length].reshape(STREAMS, length) for shift in (0, 1)
        )
        self.one_hot = np.eye(letters, dtype="float32")

    def __len__(self) -> int:
        return self.x.shape[1] // STEPS

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for at in range(0, self.x.shape[1], STEPS):
            yield self.one_hot[self.x[:, at : at + STEPS]], self.y[:, at : at + STEPS]


def bits(model: Sequential, pieces: Pieces) -> float:
    """What a letter costs, in bits: the cross-entropy to the base 2."""
    model.reset_states()
    return float(model.evaluate(pieces, verbose=0)) / math.log(2)


def write(model: Sequential, names: list[str], begin: str, length: int, temperature: float) -> str:
    """Goes on from `begin`; the lower the temperature, the more likely the letters."""
    writer = network(len(names), 1, 1)
    writer.set_weights(model.get_weights())
    one_hot = np.eye(len(names), dtype="float32")
    rng = np.random.default_rng(0)
    written = [names.index(letter) for letter in begin]
    for at in range(len(begin) + length - 1):
        p = writer.predict(one_hot[written[at]][None, None], verbose=0)[0, 0].astype("float64")
        if at >= len(begin) - 1:
            p **= 1 / temperature
            written.append(int(rng.choice(len(names), p=p / p.sum())))
    return "".join(names[i] for i in written)


def main(epochs: int = 25) -> tuple[float, float, float]:
    """Bits a letter before and after training, and the share of written words that are words."""
    text = FABLES.read_text("ascii")
    names = sorted(set(text))
    ids = StringLookup(num_oov_indices=0, vocabulary=names)(list(text))
    pieces = Pieces(ids, len(names))
    ranvier.utils.set_random_seed(0)
    model = network(len(names), STREAMS, STEPS)
    before = bits(model, pieces)
    for _ in range(epochs):
        model.reset_states()  # an epoch begins where the streams do
        model.fit(pieces, epochs=1, verbose=0)
    after = bits(model, pieces)
    written = write(model, names, "Once there was a ", 600, temperature=0.5)
    known = set(re.findall("[a-z]+", text.lower()))
    words = re.findall("[a-z]+", written.lower())[4:-1]  # without the beginning, and a cut word
    share = sum(word in known for word in words) / len(words)
    print(f"{before:.2f} bits a letter before training, {after:.2f} after {epochs} epochs")
    print(f"{share:.0%} of the {len(words)} words below are words of the fables:\n\n{written}")
    return before, after, share


if __name__ == "__main__":
    main()
