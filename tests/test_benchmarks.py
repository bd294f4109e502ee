"""The benchmarks' cases, on a few rows: ranvier's answers, and that wrong ones are not timed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks import callbacks, kernel_cases, layer_cases, networks, peer
from benchmarks.peers import ranvier_kernels, ranvier_layers, ranvier_peer

DENSE, CONV = networks.TRAIN[0], networks.CONV_TRAIN[1]


@pytest.mark.parametrize("name", networks.CASES)
def test_networks(name: str) -> None:
    case = networks.CASES[name]._replace(rows=3, batch=3)
    peer.check(networks, case, ranvier_peer.make(case)[0])


@pytest.mark.parametrize("case", [*networks.TRAIN, *networks.CONV_TRAIN], ids=lambda c: c.name)
def test_training(case: networks.Case) -> None:
    peer.check_training(ranvier_peer, networks, case, 3)


@pytest.mark.parametrize("name", [n for n in layer_cases.CASES if not n.startswith("more")])
def test_layers(name: str) -> None:
    case = layer_cases.CASES[name]
    case = case._replace(shape=(2, *case.shape[1:]))
    answer, run = ranvier_layers.make(case)
    run(1)
    peer.check(layer_cases, case, answer)


@pytest.mark.parametrize("name", [n for n in kernel_cases.CASES if n.endswith((" 1000", "64x64"))])
def test_kernels(name: str) -> None:
    case = kernel_cases.CASES[name]
    peer.check(kernel_cases, case, ranvier_kernels.make(case)[0])


def test_wrong_answers_are_not_timed() -> None:
    answer, run = ranvier_peer.make(DENSE)
    wrong = SimpleNamespace(make=lambda case: (lambda: answer() + 1e-2, run), SAME_STEPS=0)
    with pytest.raises(AssertionError):
        peer.prepare(wrong, networks, DENSE)


@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize("case", [DENSE, CONV], ids=lambda c: c.name)
def test_wrong_training_is_not_timed(case: networks.Case, steps: int) -> None:
    def make(small: networks.Case):
        answer, run = ranvier_peer.make(small)
        return answer, lambda n: run(steps)

    with pytest.raises(AssertionError):
        peer.check_training(SimpleNamespace(make=make), networks, case, 3)


def test_the_reference_network_has_the_gradients_of_its_loss(rng: np.random.Generator) -> None:
    """By central differences, in float64."""
    from benchmarks import numpy_network

    from ranvier import reference

    layers = (("conv", 3), ("pool", 2), ("conv", 4), ("flatten", 0), ("dense", 5), ("dense", 3))
    case = CONV._replace(shape=(7, 8, 2), layers=layers, rows=4, batch=4, padding="same")
    x, labels = networks.data(case)
    w = [rng.normal(size=a.shape) for a in networks.weights(case)]
    x = x.astype("float64")

    def loss() -> float:
        p = reference.softmax(numpy_network.forward(case, w, x)[0])
        return float(-np.log(p[range(len(p)), labels]).mean())

    for a, gradient in zip(w, numpy_network.gradients(case, w, x, labels), strict=True):
        at = tuple(rng.integers(0, a.shape))
        kept, differences = a[at], []
        for step in (1e-6, -1e-6):
            a[at] = kept + step
            differences.append(loss())
        a[at] = kept
        assert gradient[at] == pytest.approx((differences[0] - differences[1]) / 2e-6, abs=1e-6)


def test_callbacks(capsys: pytest.CaptureFixture[str]) -> None:
    for case in ("verbose", "CSVLogger", "train_step"):
        result = callbacks.measure(rows=8, steps=2, epochs=2, rounds=1, only=case)
        assert result["step_seconds"] > 0 and result["added"]
