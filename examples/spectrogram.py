"""Spoken words, or nearly: eight words of three sounds each, told apart by their spectrograms.

Six words are the same three sounds in another order. A mean spectrum hears which sounds there are,
never which came first; a convolution over time and frequency hears that, whoever speaks, when and
how fast.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.signal import spectrogram
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ranvier
from ranvier.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from ranvier.models import Sequential

RATE = 8000  # samples a second
# Two resonances of a throat each, at the beginning and the end of a sound, in Hz.
SOUNDS = {
    "a": ((800, 1200), (750, 1250)),
    "i": ((300, 2300), (280, 2400)),
    "u": ((350, 800), (320, 700)),
    "w": ((300, 700), (800, 1300)),  # glides
    "y": ((280, 2300), (700, 1300)),
}
WORDS = ["aiu", "aui", "iau", "iua", "uai", "uia", "way", "yaw"]


def word(sounds: str, rng: np.random.Generator) -> np.ndarray:
    """One second with the word somewhere in it: another voice, pace and noise each time."""
    pitch = rng.uniform(90, 220)
    throat = rng.uniform(0.88, 1.12)
    pieces = [sound(SOUNDS[s], pitch, throat, int(rng.uniform(0.1, 0.2) * RATE)) for s in sounds]
    spoken = np.concatenate(pieces)
    spoken /= spoken.std()
    result = rng.normal(0, rng.uniform(0.1, 0.5), RATE)
    start = rng.integers(0, RATE - len(spoken))
    result[start : start + len(spoken)] += spoken
    return result


def sound(resonances: tuple, pitch: float, throat: float, n: int) -> np.ndarray:
    """Harmonics of the voice, the louder the nearer a resonance is."""
    at = np.linspace(0, 1, n)[:, None]
    begin, end = (throat * np.array(r) for r in resonances)
    centres = begin + (end - begin) * at
    harmonics = pitch * np.arange(1, int(3600 / pitch))
    loud = sum(np.exp(-(((harmonics - centres[:, [k]]) / 120) ** 2)) for k in range(2))
    waves = np.sin(2 * np.pi * harmonics * np.arange(n)[:, None] / RATE)
    return (loud * waves).sum(axis=1) * np.sin(np.pi * at[:, 0]) ** 0.5


def data(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Spectrograms in decibels, (n, time, frequency, 1), and the words' numbers."""
    y = rng.integers(0, len(WORDS), n)
    waves = np.array([word(WORDS[k], rng) for k in y])
    _, _, power = spectrogram(waves, RATE, nperseg=128, noverlap=0)
    decibels = 10 * np.log10(np.swapaxes(power, 1, 2) + 1e-9)
    return decibels.astype("float32")[..., None], y


def network(shape: tuple[int, ...]) -> Sequential:
    model = Sequential()
    model.add(ranvier.Input(shape))
    model.add(ranvier.layers.Normalization())
    for filters in (8, 16, 32):
        model.add(Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(MaxPooling2D())
    model.add(Flatten())
    model.add(Dropout(0.3))
    model.add(Dense(64, activation="relu"))
    model.add(Dropout(0.3))
    model.add(Dense(len(WORDS), activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> tuple[float, float]:
    rng = np.random.default_rng(0)
    x_train, y_train = data(1200, rng)
    x_test, y_test = data(400, rng)
    print(
        f"{len(x_train)} spectrograms of {x_train.shape[1]} times, {x_train.shape[2]} frequencies"
    )
    baseline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    baseline.fit(x_train.mean(axis=(1, 3)), y_train)
    mean_spectrum = float(baseline.score(x_test.mean(axis=(1, 3)), y_test))

    ranvier.utils.set_random_seed(0)
    begin = time.perf_counter()
    model = network(x_train.shape[1:])
    model.layers[0].adapt(x_train)
    model.fit(x_train, y_train, epochs=10, batch_size=32, verbose=0)
    seconds = time.perf_counter() - begin
    accuracy = float(model.evaluate(x_test, y_test, verbose=0)[1])
    print(f"logistic regression on the mean spectrum: {mean_spectrum:.3f} of {len(y_test)} words")
    print(f"convolutions on the spectrogram: {accuracy:.3f}, trained in {seconds:.1f} s")
    assert accuracy > 0.9
    assert accuracy > mean_spectrum + 0.2
    return mean_spectrum, accuracy


if __name__ == "__main__":
    main()
