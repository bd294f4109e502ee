"""Recurrent ops: gradients by central differences, what they take and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier import ops, reference

Array = np.ndarray
N, T, F, U = 3, 4, 2, 3
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3}
MASK = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0]], bool)

CASES: list[tuple[str, dict[str, Any]]] = [
    ("simple_rnn", {}),
    ("simple_rnn", {"mask": MASK, "zero_output_for_mask": True}),
    ("simple_rnn", {"activation": "gelu", "return_sequences": False, "go_backwards": True}),
    ("lstm", {}),
    ("lstm", {"mask": MASK, "return_sequences": False}),
    ("lstm", {"activation": "softsign", "recurrent_activation": "silu", "time_major": True}),
    ("lstm", {"mask": MASK, "go_backwards": True, "time_major": True}),
    ("gru", {}),
    ("gru", {"mask": MASK, "go_backwards": True, "recurrent_activation": "softsign"}),
    ("gru", {"reset_after": False}),
    ("gru", {"reset_after": False, "mask": MASK, "activation": ("elu", 0.5, 0.0, 0.0)}),
    ("gru", {"reset_after": False, "return_sequences": False, "zero_output_for_mask": True,
             "mask": MASK}),
]  # fmt: skip


def data(name: str, given: dict[str, Any], dtype: str = "float64", seed: int = 3) -> dict[str, Any]:
    """All array arguments of the backward op."""
    rng = np.random.default_rng(seed)
    columns = GATES[name] * U
    y = (N, T, U) if given.get("return_sequences", True) else (N, U)
    shapes = {
        "x": (N, T, F),
        "kernel": (F, columns),
        "recurrent_kernel": (U, columns),
        "dy": y,
        "bias": (2, columns) if name == "gru" and given.get("reset_after", True) else (columns,),
        "dh": (N, U),
        "dc": (N, U),
    }
    if given.get("time_major"):
        shapes["x"] = (T, N, F)
        shapes["dy"] = (T, N, U) if len(y) == 3 else y
    arrays = {k: rng.standard_normal(v).astype(dtype) for k, v in shapes.items()}
    states = tuple(rng.standard_normal((N, U)).astype(dtype) for _ in range(2))
    arrays["initial_state"] = states if name == "lstm" else states[0]
    if name != "lstm":
        del arrays["dc"]
    return arrays


def forward_part(arrays: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in arrays.items() if k not in ("dy", "dh", "dc")}


@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
@pytest.mark.parametrize("room", [ops, reference], ids=["ops", "reference"])
def test_gradients(room: Any, name: str, given: dict[str, Any]) -> None:
    arrays = data(name, given)

    def value() -> float:
        results = getattr(room, name)(**forward_part(arrays), **given)
        weights = [arrays["dy"], arrays["dh"], arrays.get("dc")]
        return float(sum(np.sum(r * w) for r, w in zip(results, weights, strict=False)))

    gradients = getattr(room, f"{name}_backward")(**arrays, **given)
    states = arrays["initial_state"]
    inputs = [arrays[k] for k in ("x", "kernel", "recurrent_kernel", "bias")]
    inputs += list(states) if isinstance(states, tuple) else [states]
    assert len(gradients) == len(inputs)
    for array, gradient in zip(inputs, gradients, strict=True):
        assert gradient.shape == array.shape
        wanted = np.empty_like(array)
        for i in np.ndindex(array.shape):
            keep = array[i]
            array[i] = keep + 1e-6
            up = value()
            array[i] = keep - 1e-6
            wanted[i] = (up - value()) / 2e-6
            array[i] = keep
        np.testing.assert_allclose(gradient, wanted, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
def test_against_the_twin(name: str, given: dict[str, Any]) -> None:
    arrays = data(name, given)
    for suffix, some in (("", forward_part(arrays)), ("_backward", arrays)):
        got = getattr(ops, name + suffix)(**some, **given)
        wanted = getattr(reference, name + suffix)(**some, **given)
        for g, w in zip(got, wanted, strict=True):
            np.testing.assert_allclose(g, w, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", GATES)
def test_without_bias_states_and_gradients_of_states(name: str) -> None:
    arrays = data(name, {})
    some = {k: arrays[k] for k in ("x", "kernel", "recurrent_kernel")}
    zeros = {
        "bias": np.zeros_like(arrays["bias"]),
        "initial_state": tuple(map(np.zeros_like, arrays["initial_state"]))
        if name == "lstm"
        else np.zeros((N, U)),
    }
    for room in (ops, reference):
        for a, b in zip(getattr(room, name)(**some),
                        getattr(room, name)(**some, **zeros), strict=True):  # fmt: skip
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)
        back = getattr(room, f"{name}_backward")
        without, full = back(**some, dy=arrays["dy"]), back(**some, dy=arrays["dy"], **zeros)
        assert without[3] is None
        for a, b in zip(without, full, strict=True):
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", GATES)
def test_time_major_and_backwards_are_transpositions(name: str) -> None:
    arrays = forward_part(data(name, {}))
    op = getattr(ops, name)
    y, *states = op(**arrays, mask=MASK)
    turned = {**arrays, "x": arrays["x"].swapaxes(0, 1)}
    y2, *states2 = op(**turned, mask=MASK, time_major=True)
    np.testing.assert_array_equal(y2, y.swapaxes(0, 1))
    reversed_ = {**arrays, "x": arrays["x"][:, ::-1]}
    y3, *states3 = op(**reversed_, mask=MASK[:, ::-1], go_backwards=True)
    np.testing.assert_array_equal(y3, y)
    for a, b, c in zip(states, states2, states3, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("name", GATES)
def test_any_dtype_and_layout(name: str) -> None:
    arrays = forward_part(data(name, {}, "float32"))
    op = getattr(ops, name)
    want = op(**arrays, mask=MASK.astype(np.float32))
    changes: list[dict[str, Any]] = [
        {"x": arrays["x"].tolist()},
        {"x": np.asfortranarray(arrays["x"])},
        {"kernel": arrays["kernel"].astype(">f4")},
        {"recurrent_kernel": arrays["recurrent_kernel"].tolist()},
        {"bias": arrays["bias"].tolist()},
        {},
    ]
    masks: list[Any] = [MASK, MASK.tolist(), MASK * 5, MASK * 1e-300, np.asfortranarray(MASK)]
    for change in changes:
        for mask in masks:
            got = op(**{**arrays, **change}, mask=mask)
            for g, w in zip(got, want, strict=True):
                assert g.dtype == np.float32
                np.testing.assert_array_equal(g, w)
    assert op(**{**arrays, "x": arrays["x"].astype(np.float64)})[0].dtype == np.float64
    again = op(**arrays, mask=MASK.astype(np.float32))
    for g, w in zip(again, want, strict=True):
        np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize("name", GATES)
def test_no_rows(name: str) -> None:
    arrays = data(name, {})
    states = arrays["initial_state"]
    arrays["initial_state"] = tuple(a[:0] for a in states) if name == "lstm" else states[:0]
    for key in ("x", "dy", "dh", "dc"):
        if key in arrays:
            arrays[key] = arrays[key][:0]
    y, h = getattr(ops, name)(**forward_part(arrays))[:2]
    assert y.shape == (0, T, U) and h.shape == (0, U)
    dx, dkernel, drecurrent, dbias = getattr(ops, f"{name}_backward")(**arrays)[:4]
    assert dx.shape == (0, T, F)
    for gradient in (dkernel, drecurrent, dbias):
        assert not gradient.any()


class TestRefused:
    @pytest.mark.parametrize("name", GATES)
    @pytest.mark.parametrize(
        ("argument", "shape", "message"),
        [
            ("x", (T, F), r"`x` must have shape \(batch, steps, features=2\); got \(4, 2\)"),
            ("x", (N, T, 5), r"`x` must have shape .*; got \(3, 4, 5\)"),
            ("x", (N, 0, F), "`x` has no steps"),
            ("kernel", (F,), "`kernel` must have two axes"),
            ("kernel", (0, 9), "`kernel` must have two axes, not empty"),
            ("kernel", (F, 5), "`kernel` must have shape"),
            ("recurrent_kernel", (U, 5), "`recurrent_kernel` must have shape"),
            ("recurrent_kernel", (U, U, 1), "`recurrent_kernel` must have two axes"),
            ("bias", (7,), "`bias` must have shape"),
            ("mask", (T, N), r"`mask` must have shape \(batch=3, steps=4\); got \(4, 3\)"),
        ],
    )  # fmt: skip
    def test_shapes(self, name: str, argument: str, shape: Any, message: str) -> None:
        arrays = data(name, {})
        arrays[argument] = np.ones(shape)
        with pytest.raises(ValueError, match=f"^{name}: {message}"):
            getattr(ops, name)(**forward_part(arrays))
        with pytest.raises(ValueError, match=f"^{name}(_backward)?: {message}"):
            getattr(ops, f"{name}_backward")(**arrays)

    @pytest.mark.parametrize("name", GATES)
    def test_states_and_gradients(self, name: str) -> None:
        arrays = data(name, {})
        wrong = np.ones((N, U + 1))
        states = (arrays["initial_state"][0], wrong) if name == "lstm" else wrong
        with pytest.raises(ValueError, match=f"{name}: `initial_state` must have shape"):
            getattr(ops, name)(**{**forward_part(arrays), "initial_state": states})
        back = getattr(ops, f"{name}_backward")
        with pytest.raises(ValueError, match=f"{name}_backward: `dy` must have the shape of `y`"):
            back(**{**arrays, "dy": wrong})
        with pytest.raises(ValueError, match=f"{name}_backward: `dh` must have shape"):
            back(**{**arrays, "dh": wrong})

    def test_lstm_takes_two_states(self) -> None:
        arrays = forward_part(data("lstm", {}))
        for states in (np.ones((N, U)), [np.ones((N, U))], 0.0):
            with pytest.raises(ValueError, match=r"lstm: `initial_state` must be a pair \(h, c\)"):
                ops.lstm(**{**arrays, "initial_state": states})

    @pytest.mark.parametrize("value", [np.array(["a"]), None, np.array([1j])], ids=str)
    @pytest.mark.parametrize("argument", ["x", "kernel", "recurrent_kernel", "dy"])
    def test_not_numeric(self, argument: str, value: Any) -> None:
        arrays = data("gru", {})
        arrays[argument] = value
        with pytest.raises(TypeError, match=f"gru_backward: `{argument}` must hold"):
            ops.gru_backward(**arrays)

    def test_activations(self) -> None:
        arrays = forward_part(data("lstm", {}))
        with pytest.raises(ValueError, match=r"lstm: `activation` must be one of .*got 'softmax'"):
            ops.lstm(**arrays, activation="softmax")
        with pytest.raises(ValueError, match="lstm: `recurrent_activation` must be one of"):
            ops.lstm(**arrays, recurrent_activation="no")
        with pytest.raises(TypeError, match="lstm: `activation` must be a name or a tuple"):
            ops.lstm(**arrays, activation=np.tanh)
        with pytest.raises(TypeError, match="lstm: `activation` must be a name or a tuple"):
            ops.lstm(**arrays, activation=[])
