"""Convolution on shapes that Hypothesis thinks of; Winograd's error; the same bits for any threads."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import _core, ops
from ranvier import layers as L

jax = pytest.importorskip("jax")

CHANNELS = (1, 3, 7, 16, 17, 64)


class Conv(NamedTuple):
    """One convolution: shapes and the arguments of `ops.conv`."""

    dtype: str
    x: tuple[int, ...]
    kernel: tuple[int, ...]
    arguments: dict[str, Any]
    seed: int


@st.composite
def convolutions(draw: st.DrawFn) -> Conv:
    axes = draw(st.sampled_from([1, 2, 2, 2, 3]))

    def per_axis(values: Any) -> tuple[int, ...]:
        return tuple(draw(st.lists(values, min_size=axes, max_size=axes)))

    kernel = draw(st.one_of(st.just((3,) * axes), st.just(per_axis(st.integers(1, 5)))))
    strides, dilation = draw(
        st.sampled_from(
            [((1,) * axes,) * 2, (per_axis(st.integers(1, 3)), (1,) * axes),
             ((1,) * axes, per_axis(st.integers(1, 3)))]
        )
    )  # fmt: skip
    padding = draw(st.sampled_from(["valid", "same", "causal"]))
    some = st.sampled_from(CHANNELS[: 3 if axes == 3 else None])
    if draw(st.integers(0, 3)) == 0:  # depthwise
        groups = draw(some)
        of_group, filters = 1, groups * draw(st.integers(1, 3))
    else:
        groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
        of_group, filters = draw(some), groups * draw(some)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    most = 7 if axes == 3 else 21
    extents = [draw(st.integers(r if padding == "valid" else 1, max(r, most))) for r in reach]
    arguments = {
        "strides": strides, "padding": padding, "dilation_rate": dilation, "groups": groups,
    }  # fmt: skip
    return Conv(
        draw(st.sampled_from(["float32", "float64"])),
        (draw(st.integers(1, 4)), *extents, of_group * groups),
        (*kernel, of_group, filters),
        arguments,
        draw(st.integers(0, 2**32 - 1)),
    )


def by_jax(conv: Conv, x: Any, kernel: Any) -> Any:
    space = "DHW"[5 - len(conv.x) :]
    padding: Any = conv.arguments["padding"].upper()
    if padding == "CAUSAL":
        taps = zip(conv.kernel, conv.arguments["dilation_rate"], strict=False)
        padding = [((k - 1) * d, 0) for k, d in taps]
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        conv.arguments["strides"],
        padding,
        rhs_dilation=conv.arguments["dilation_rate"],
        feature_group_count=conv.arguments["groups"],
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
    )


@pytest.fixture(scope="module", autouse=True)
def float64_in_jax() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@settings(deadline=None, max_examples=120)
@given(convolutions())
def test_agrees_with_jax(conv: Conv) -> None:
    rng = np.random.default_rng(conv.seed)
    x, kernel = (rng.normal(size=s).astype(conv.dtype) for s in (conv.x, conv.kernel))
    bias = rng.normal(size=conv.kernel[-1]).astype(conv.dtype)
    expected, pull_back = jax.vjp(
        lambda *args: by_jax(conv, *args), x.astype(np.float64), kernel.astype(np.float64)
    )
    dy = rng.normal(size=expected.shape).astype(conv.dtype)
    dx, dw = pull_back(dy.astype(np.float64))
    got = (
        ops.conv(x, kernel, bias, "relu", **conv.arguments),
        ops.conv_backward_input(dy, kernel, x.shape, **conv.arguments),
        ops.conv_backward_kernel(x, dy, kernel.shape, **conv.arguments),
    )
    for a, b in zip(got, (np.maximum(np.asarray(expected) + bias, 0), dx, dw), strict=True):
        assert a.shape == b.shape and a.dtype == conv.dtype
        error = np.abs(a - np.asarray(b)).max(initial=0)
        bound = 3e-5 if conv.dtype == "float32" else 1e-13
        assert error <= bound * max(1.0, np.abs(np.asarray(b)).max(initial=0))


@settings(deadline=None, max_examples=40)
@given(convolutions())
def test_the_gradients_are_transposes(conv: Conv) -> None:
    """<conv(x, w), dy> = <x, dx> = <w, dw>, whatever the shapes."""
    rng = np.random.default_rng(conv.seed)
    x, kernel = (rng.normal(size=s) for s in (conv.x, conv.kernel))
    y = ops.conv(x, kernel, **conv.arguments)
    dy = rng.normal(size=y.shape)
    dx = ops.conv_backward_input(dy, kernel, x.shape, **conv.arguments)
    dw = ops.conv_backward_kernel(x, dy, kernel.shape, **conv.arguments)
    scale = 1e-12 * np.linalg.norm(y) * np.linalg.norm(dy) + 1e-12
    assert abs((y * dy).sum() - (x * dx).sum()) <= scale
    assert abs((y * dy).sum() - (kernel * dw).sum()) <= scale


# -- Winograd -----------------------------------------------------------------------------------


@pytest.fixture
def winograd() -> Iterator[Any]:
    if _core.isa() == "baseline":
        pytest.skip("the baseline has no kernels for it")
    before = ranvier.config.get_winograd()
    yield ranvier.config.set_winograd
    ranvier.config.set_winograd(before)


# (kernel, channels, arguments): what Winograd's algorithms are for, where there are channels enough
WINOGRADS: list[tuple[int, int, dict[str, Any]]] = [
    (2, 33, {}), (3, 33, {}), (3, 64, {}), (5, 33, {}), (5, 64, {}),
    (3, 33, {"dilation_rate": 2}), (3, 64, {"dilation_rate": 2}),
    (3, 40, {"groups": 2}), (5, 60, {"groups": 3}),
    (3, 96, {"strides": 2}), (4, 64, {"strides": 2}), (5, 33, {"strides": 2}),
    (4, 64, {"strides": 2, "padding": "valid"}),
]  # fmt: skip


def three_products(
    rng: np.random.Generator, size: int, channels: int, options: dict[str, Any], dtype: str
) -> Any:
    """Operands for y, dx and dw, and a function that computes the three."""
    arguments = {"padding": "same", **options}
    groups = arguments.get("groups", 1)
    pictures = 4 if options.get("strides", 1) == 1 else 16  # few tiles with a stride do not pay
    x = rng.normal(size=(pictures, 30, 29, channels)).astype(dtype)
    kernel = rng.normal(size=(size, size, channels // groups, channels)).astype(dtype)
    dy = rng.normal(size=ops.conv(x, kernel, **arguments).shape).astype(dtype)

    def run(x: Any, kernel: Any, dy: Any) -> list[np.ndarray]:
        return [
            ops.conv(x, kernel, **arguments),
            ops.conv_backward_input(dy, kernel, x.shape, **arguments),
            ops.conv_backward_kernel(x, dy, kernel.shape, **arguments),
        ]

    return (x, kernel, dy), run


def small_l2() -> bool:
    size = subprocess.run(
        ["getconf", "LEVEL2_CACHE_SIZE"], capture_output=True, text=True, check=True
    )
    return int(size.stdout or 0) < 1024 * 1024


@pytest.mark.parametrize(("size", "channels", "options"), WINOGRADS)
def test_winograds_error_in_float32_is_bounded(
    size: int, channels: int, options: dict[str, Any], rng: np.random.Generator, winograd: Any
) -> None:
    operands, run = three_products(rng, size, channels, options, "float32")
    winograd(False)
    exact = run(*(a.astype(np.float64) for a in operands))
    direct = run(*operands)
    winograd(True)
    assert ranvier.config.get_winograd()
    fast = run(*operands)
    strides = options.get("strides", 1)
    for what, e, d, f in zip(("y", "dx", "dw"), exact, direct, fast, strict=True):
        largest = np.abs(e).max()
        # F(5x5, 2x2) takes higher powers of its points
        of_two_taps = -(-size // strides) == 2
        assert np.abs(f - e).max() < (1e-5 if of_two_taps else 5e-6) * largest
        assert np.abs(d - e).max() < 2e-6 * largest
        # the direct sum is quicker there: with AVX-512 for dx on some processors, with AVX2 and a
        # small L2 always
        three_by_two, isa = (size, strides) == (3, 2), _core.isa()
        if three_by_two and isa == "avx2":
            assert np.array_equal(f, d) == small_l2()
        elif not three_by_two or isa != "avx512" or what != "dx":
            assert not np.array_equal(f, d)  # or it was not Winograd's algorithm at all


@pytest.mark.parametrize(("size", "channels", "options"), WINOGRADS)
def test_float64_does_not_depend_on_the_switch(
    size: int, channels: int, options: dict[str, Any], rng: np.random.Generator, winograd: Any
) -> None:
    operands, run = three_products(rng, size, channels, options, "float64")
    before = run(*operands)
    winograd(False)
    for a, b in zip(before, run(*operands), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [((3, 3, 8, 32), {}), ((3, 3, 32, 8), {}), ((7, 7, 16, 16), {}), ((3, 5, 16, 16), {}),
     ((5, 5, 64, 64), {"strides": 3}), ((5, 5, 64, 64), {"strides": (2, 1)}), ((1, 1, 32, 32), {}),
     ((3, 3, 8, 32), {"groups": 4}), ((5, 5, 32, 64), {"groups": 2, "strides": 2})],
)  # fmt: skip
def test_other_kernels_do_not_depend_on_the_switch(
    kernel: Any, arguments: Any, rng: np.random.Generator, winograd: Any
) -> None:
    w = rng.normal(size=kernel).astype("float32")
    x = rng.normal(size=(2, 21, 20, kernel[2] * arguments.get("groups", 1))).astype("float32")
    winograd(True)
    fast = ops.conv(x, w, **arguments)
    winograd(False)
    np.testing.assert_array_equal(fast, ops.conv(x, w, **arguments))


def test_the_switch_reaches_layers(rng: np.random.Generator, winograd: Any) -> None:
    layer = L.Conv2D(32, 3, padding="same")
    x = rng.normal(size=(2, 32, 32, 32)).astype("float32")
    fast = layer(x)
    winograd(False)
    direct = layer(x)
    assert not np.array_equal(fast, direct)
    np.testing.assert_allclose(fast, direct, rtol=0, atol=5e-6 * np.abs(direct).max())


# -- threads ------------------------------------------------------------------------------------

LARGE = [
    ((1, 64, 63, 32), (3, 3, 32, 48), {"padding": "same"}),
    ((5, 33, 31, 32), (3, 3, 32, 48), {}),
    ((3, 57, 55, 3), (3, 3, 3, 32), {"padding": "same"}),
    ((1, 61, 67, 40), (1, 1, 40, 72), {}),
    ((1, 61, 67, 24), (5, 5, 24, 20), {"strides": 2, "padding": "same"}),
    ((7, 31, 30, 17), (3, 3, 17, 33), {"dilation_rate": 2}),
    ((1, 61, 59, 24), (3, 3, 24, 40), {"dilation_rate": (2, 3), "padding": "same"}),
    ((1, 61, 59, 24), (5, 5, 24, 40), {"padding": "same"}),
    ((1, 61, 59, 24), (3, 4, 24, 40), {"padding": "same"}),
    ((3, 61, 59, 40), (3, 3, 20, 60), {"groups": 2}),
    ((2, 61, 59, 64), (3, 3, 1, 64), {"groups": 64, "padding": "same"}),
    ((2, 61, 59, 20), (3, 3, 1, 60), {"groups": 20, "strides": 2}),
    ((3, 41, 39, 24), (3, 3, 8, 36), {"groups": 3}),
    ((9, 4001, 16), (5, 16, 24), {"padding": "causal", "dilation_rate": 2}),
    ((1, 4001, 16), (1, 16, 24), {}),
    ((2, 17, 18, 19, 12), (3, 3, 3, 12, 16), {"padding": "same"}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("x_shape", "kernel_shape", "arguments"), LARGE, ids=str)
def test_any_number_of_threads_gives_the_same_bits(
    x_shape: Any, kernel_shape: Any, arguments: Any, dtype: str, rng: np.random.Generator,
    threads: Any,
) -> None:  # fmt: skip
    x, kernel = (rng.normal(size=s).astype(dtype) for s in (x_shape, kernel_shape))
    dy = rng.normal(size=ops.conv(x, kernel, **arguments).shape).astype(dtype)

    def run() -> list[np.ndarray]:
        return [
            ops.conv(x, kernel, None, "relu", **arguments),
            ops.conv_backward_input(dy, kernel, x_shape, **arguments),
            ops.conv_backward_kernel(x, dy, kernel_shape, **arguments),
        ]

    threads(1)
    one = run()
    for n in (2, 3, 4):
        threads(n)
        for a, b in zip(one, run(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_trained_network_has_the_same_bits_for_any_number_of_threads(
    rng: np.random.Generator, threads: Any
) -> None:
    x = rng.normal(size=(40, 33, 31, 3)).astype("float32")
    y = rng.integers(0, 4, 40)

    def train(n: int) -> list[np.ndarray]:
        threads(n)
        ranvier.utils.set_random_seed(5)
        model = ranvier.Sequential(
            [
                L.Input(x.shape[1:]),
                L.Conv2D(32, 3, activation="relu"),
                L.MaxPooling2D(2, 1),
                L.Conv2D(32, 3, activation="gelu", padding="same"),
                L.DepthwiseConv2D(3, 2, activation="relu"),
                L.SeparableConv2D(24, 3, depth_multiplier=2),
                L.Conv2DTranspose(8, 3, 2, activation="relu"),
                L.Flatten(),
                L.Dense(4, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=20, epochs=3, verbose=0)
        return [*model.get_weights(), model.predict(x[:7], verbose=0), model(x[:1])]

    one = train(1)
    for n in (2, 3, 4):
        for a, b in zip(one, train(n), strict=True):
            np.testing.assert_array_equal(a, b)
