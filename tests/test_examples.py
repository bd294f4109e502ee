"""The examples run, and come to what the lecture says."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import Any

import pytest

import ranvier

pytest.importorskip("sklearn")

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture(autouse=True)
def _one_thread(threads: Any) -> None:
    """pytest-xdist fills the machine already; the numbers are the same for any number."""
    threads(1)


def run(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main()


def test_perceptron() -> None:
    assert run("perceptron") == pytest.approx(2.0611536e-9, rel=1e-6)  # 1 / (1 + e^20)


def test_logistic_regression_is_one_neuron() -> None:
    ours, theirs = run("logistic_regression")
    assert theirs > 0.95
    assert ours == pytest.approx(theirs, abs=0.008)  # one test row of 143


def test_multi_output_perceptron() -> None:
    assert run("multi_output_perceptron") > 0.94


def test_why_nonlinearity() -> None:
    linear, relu = run("why_nonlinearity")
    assert linear < 0.7
    assert relu > 0.97


def test_multilayer() -> None:
    results = run("multilayer")
    assert results["binary classification, accuracy"] > 0.93
    assert results["ten digits, validation accuracy"] > 0.9
    assert results["regression, R2"] > 0.98
    assert results["deeper, with dropout, R2"] > 0.5


def test_lecture_cnn() -> None:
    assert run("lecture_cnn") > 0.95


@pytest.mark.filterwarnings("ignore:.*loss is NaN:RuntimeWarning")
def test_learning_rates() -> None:
    losses = run("learning_rates")
    assert losses[0.3] < 0.15 < losses[0.01] < losses[0.0001]
    assert not losses[30.0] < 1.0


def test_autoencoder() -> None:
    mean, linear, ours = run("autoencoder").values()
    assert ours < 0.8 * linear < linear < mean


def test_spectrogram() -> None:
    pytest.importorskip("scipy")
    mean_spectrum, convolutional = run("spectrogram")
    assert mean_spectrum < 0.5
    assert convolutional > 0.9


def test_lecture_rnn() -> None:
    for explained, beyond in run("lecture_rnn").values():
        assert explained > 0.97
        assert beyond < 0.02  # of means whose variance is 1/3


def test_remember_first() -> None:
    results = run("remember_first")
    assert min(results["LSTM"]) > 0.95
    assert len(results["SimpleRNN"]) == 3
    assert sum(results["SimpleRNN"]) < sum(results["LSTM"]) + 0.01


def test_forecast() -> None:
    pytest.importorskip("statsmodels")
    naive, arima, lstm = run("forecast").values()
    assert lstm < 0.7 * naive
    assert 10 < arima < naive  # the data are the right ones, and the model is fitted


def test_char_model() -> None:
    before, after, share = run("char_model")
    assert before > 5.5  # of 57 letters, which are 5.8 bits
    assert after < 1.7
    assert share > 0.7


def test_sentiment() -> None:
    if not hasattr(ranvier.layers, "Embedding"):
        pytest.skip("no Embedding yet")
    by_counts, in_order = run("sentiment")
    assert by_counts < 0.7
    assert in_order > 0.9


def test_estimators() -> None:
    pytest.importorskip("scipy")
    accuracies, agreement = run("estimators")
    means, *_, vote = list(accuracies.values())[2:]
    assert min(accuracies.values()) > 0.93
    assert min(accuracies["MLPClassifier"], accuracies["SequentialClassifier, a CNN"]) > means
    assert vote > 0.97
    pixels, codes, displaced_pixels, displaced_codes = agreement.values()
    assert min(pixels, codes) > 0.5
    assert displaced_codes > displaced_pixels + 0.2


def test_every_example_is_tested() -> None:
    import inspect
    import sys

    source = inspect.getsource(sys.modules[__name__])
    for path in FOLDER.glob("*.py"):
        assert f'run("{path.stem}")' in source
