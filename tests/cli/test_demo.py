"""`ranvier demo` trains, says what it reached, and draws."""

from __future__ import annotations

import functools
import importlib.util
import re
from typing import Any

import pytest

from ranvier.cli import demo as module
from ranvier.cli import main

pytest.importorskip("mlxtend")
pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def _one_thread(threads: Any) -> None:
    """pytest-xdist fills the machine already; the numbers are the same for any number."""
    threads(1)


def demo(capsys: Any, path: Any, *arguments: str) -> tuple[float, str]:
    """The test accuracy that the command prints, and all that it prints."""
    assert main(["demo", "--output", str(path), *arguments]) == 0
    said = capsys.readouterr().out
    found = re.search(r"test accuracy (0\.\d+) after \d+ epochs in \d+\.\d+ s", said)
    assert found, said
    return float(found[1]), said


def is_picture(path: Any) -> bool:
    return path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 10_000


def test_two_epochs_of_the_perceptron_network(capsys: Any, tmp_path: Any) -> None:
    accuracy, said = demo(capsys, tmp_path / "a.png", "--epochs", "2")
    assert accuracy > 0.88
    assert "4000 training and 1000 test images" in said
    assert is_picture(tmp_path / "a.png") and len(list(tmp_path.iterdir())) == 1


def test_one_epoch_of_the_convolutional_network(capsys: Any, tmp_path: Any) -> None:
    accuracy, said = demo(capsys, tmp_path / "b.png", "--model", "cnn", "--epochs", "1")
    assert accuracy > 0.75
    assert is_picture(tmp_path / "b.png") and is_picture(tmp_path / "b-filters.png")
    assert str(tmp_path / "b-filters.png") in said and "125/125" in said


@pytest.mark.slow
def test_the_convolutional_network_reads_98_of_100_digits(capsys: Any, tmp_path: Any) -> None:
    """4,000 digits of MNIST learned, 1,000 others read."""
    accuracy, _ = demo(capsys, tmp_path / "c.png", "--model", "cnn")
    assert accuracy >= 0.98


def test_the_same_seed_gives_the_same_network(capsys: Any, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "load_digits", functools.cache(module.load_digits))
    runs = [demo(capsys, tmp_path / "d.png", "--epochs", "1", "--seed", seed)[1] for seed in "336"]
    losses = [re.findall(r"loss: (\S+)", said)[-1] for said in runs]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("package", ["mlxtend", "matplotlib"])
def test_a_missing_package_is_named_with_its_extra(
    capsys: Any, tmp_path: Any, monkeypatch: Any, package: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == package else find(n, *a)
    )
    assert main(["demo", "--epochs", "1", "--output", str(tmp_path / "e.png")]) == 1
    said = capsys.readouterr().err
    assert f"the package {package}" in said and "pip install 'ranvier[demo]'" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--epochs", "0"], ["--epochs", "x"], ["--model", "rnn"]])
def test_bad_arguments_are_refused_before_training(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", *arguments])
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err
