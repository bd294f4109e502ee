"""scikit-learn's own tests of its perceptrons, on ranvier's."""

from __future__ import annotations

import importlib.util
import types

import pytest
import sklearn.neural_network.tests.test_mlp as original

# scikit-learn's tests are not held to this project's rule that warnings are errors.
pytestmark = pytest.mark.filterwarnings("default")

# They reach into private methods:
LEFT_OUT = {
    "test_gradient": "calls _loss_grad_lbfgs with lists of activations and deltas to fill; "
    "test_the_full_batch_gradient_by_central_differences checks the same here",
}


def _theirs() -> types.ModuleType:
    spec = importlib.util.find_spec(original.__name__)
    assert spec is not None and spec.origin is not None
    with open(spec.origin) as file:
        source = file.read()
    line = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
    assert line in source
    module = types.ModuleType("theirs")
    source = source.replace(line, "from ranvier.sklearn import MLPClassifier, MLPRegressor")
    exec(compile(source, spec.origin, "exec"), module.__dict__)
    return module


@pytest.fixture(params=[0, 42])
def global_random_seed(request: pytest.FixtureRequest) -> int:
    return request.param


_ALL = {k: v for k, v in vars(_theirs()).items() if k.startswith("test_")}
globals().update({k: v for k, v in _ALL.items() if k not in LEFT_OUT})


def test_what_is_left_out_exists() -> None:
    assert set(LEFT_OUT) < set(_ALL) and len(_ALL) >= 35, len(_ALL)
    assert all(LEFT_OUT.values())
