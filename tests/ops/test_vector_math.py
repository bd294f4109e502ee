"""Vector maths against mpmath, in units in the last place."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from ranvier import _core, ops

LIMIT = {"float32": 2.0, "float64": 4.0}

TRUTH = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
}

# Where f is neither constant to the last bit nor infinite.
RANGE = {
    "float32": {
        "exp": (-104, 89),
        "expm1": (-18, 89),
        "softplus": (-104, 200),
        "sigmoid": (-89, 20),
    },
    "float64": {
        "exp": (-746, 710),
        "expm1": (-38, 710),
        "softplus": (-745, 1000),
        "sigmoid": (-709, 40),
    },
}


def samples(name: str, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    kind = np.dtype(dtype).type
    info = np.finfo(dtype)
    if name in ("log", "log1p"):
        exponents = rng.uniform(np.log2(float(info.tiny)) - 5, info.maxexp - 1, 400)
        x = np.concatenate([2.0**exponents, rng.uniform(0.5, 2, 400)])
        if name == "log1p":
            x = np.concatenate([x, -rng.uniform(0, 1, 300), -(2.0 ** -rng.uniform(1, 60, 300))])
    else:
        low, high = RANGE[dtype].get(name, (-10, 10))
        tiny = 2.0 ** rng.uniform(-60, 0, 300) * rng.choice([-1, 1], 300)
        x = np.concatenate([rng.uniform(low, high, 700), rng.uniform(-2, 2, 300), tiny])
    return x.astype(kind)


def ulps(got: np.ndarray, x: np.ndarray, truth) -> np.ndarray:
    """|got - truth| in units of the spacing at the truth (denormals: the smallest spacing)."""
    info = np.finfo(got.dtype)
    errors = []
    with mpmath.workprec(300):
        for g, v in zip(got.tolist(), x.tolist(), strict=True):
            t = truth(mpmath.mpf(v))
            if mpmath.isinf(g):
                errors.append(0.0 if t >= float(info.max) * (1 - info.epsneg / 2) else np.inf)
                continue
            exponent = max(
                int(mpmath.floor(mpmath.log(abs(t), 2))) if t else info.minexp, info.minexp
            )
            errors.append(float(abs(mpmath.mpf(g) - t) / mpmath.mpf(2) ** (exponent - info.nmant)))
    return np.array(errors)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRUTH)
def test_accuracy_over_the_range(name: str, dtype: str) -> None:
    x = samples(name, dtype)
    error = ulps(getattr(ops, name)(x), x, TRUTH[name])
    worst = int(error.argmax())
    assert error[worst] <= LIMIT[dtype], f"{error[worst]:.2f} ULP at x = {x[worst]!r}"


@pytest.mark.skipif(_core.isa() == "baseline", reason="no fused multiply-add: 70 ULP")
def test_gelu_keeps_its_accuracy_in_the_left_tail() -> None:
    x = -np.linspace(0.1, 13, 3001, dtype="float32")  # below, results are denormal
    error = ulps(ops.activation("gelu", x), x, lambda v: v * mpmath.ncdf(v))
    worst = int(error.argmax())
    assert error[worst] <= 16, f"{error[worst]:.2f} ULP at x = {x[worst]!r}"


INF, NAN = np.inf, np.nan
# (x, f(x)); a list, because 0.0 and -0.0 are one key of a dict
SPECIAL = {
    "exp": [(-INF, 0), (INF, INF), (0.0, 1), (-0.0, 1), (-1e4, 0), (1e4, INF)],
    "expm1": [(-INF, -1), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (-1e4, -1), (1e4, INF)],
    "log": [(0.0, -INF), (-0.0, -INF), (INF, INF), (1.0, 0.0), (-1.0, NAN), (-INF, NAN)],
    "log1p": [(-1.0, -INF), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (-2.0, NAN), (-INF, NAN)],
    "tanh": [(-INF, -1), (INF, 1), (0.0, 0.0), (-0.0, -0.0), (1e4, 1), (-1e4, -1)],
    "sigmoid": [(-INF, 0), (INF, 1), (0.0, 0.5), (-0.0, 0.5), (1e4, 1), (-1e4, 0)],
    "softplus": [(-INF, 0), (INF, INF), (1e4, 1e4), (-1e4, 0)],
    "erf": [(-INF, -1), (INF, 1), (0.0, 0.0), (-0.0, -0.0), (1e4, 1), (-1e4, -1)],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, dtype: str) -> None:
    x, want = np.array([*SPECIAL[name], (NAN, NAN)], dtype).T
    # in every lane of a vector, and alone in a tail
    for repeats in (1, 3, 17):
        got = getattr(ops, name)(np.repeat(x, repeats))
        np.testing.assert_array_equal(got, np.repeat(want, repeats))
        zero = want == 0
        same_sign = np.signbit(got.reshape(-1, repeats)[zero]) == np.signbit(want[zero])[:, None]
        assert same_sign.all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf"])
def test_denormals(name: str, dtype: str) -> None:
    info = np.finfo(dtype)
    x = np.array([1, 2, 3, 1000], dtype) * info.smallest_subnormal
    x = np.concatenate([x, -x, [info.tiny, info.tiny / 2]]).astype(dtype)
    assert ulps(getattr(ops, name)(x), x, TRUTH[name]).max() <= LIMIT[dtype]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRUTH)
def test_place_in_the_array_does_not_matter(name: str, dtype: str) -> None:
    x = samples(name, dtype)[:101]
    whole = getattr(ops, name)(x)
    for start in (1, 2, 5, 94, 100):
        np.testing.assert_array_equal(getattr(ops, name)(x[start:]), whole[start:])
    out = x.copy()
    assert getattr(ops, name)(out, out=out) is out
    np.testing.assert_array_equal(out, whole)
