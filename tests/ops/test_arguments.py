"""What ops take, and what they refuse: dtypes, layouts, shapes, `out=`."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import ops

A = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
B = np.arange(20, dtype=np.float32).reshape(4, 5) / 9


def misaligned(x: np.ndarray) -> np.ndarray:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "fortran": np.asfortranarray,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "every_other": lambda x: np.repeat(x, 2, 0)[::2],
    "sliced_columns": lambda x: np.concatenate([x, x], 1)[:, : x.shape[1]],
    "transposed": lambda x: x.T.copy().T,
    "big_endian": lambda x: x.astype(">f4"),
    "little_endian": lambda x: x.astype("<f4"),
    "misaligned": misaligned,
    "read_only": read_only,
    "list": lambda x: x.tolist(),
    "subclass": lambda x: x.view(np.matrix),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout_of_input_gives_the_same_result(layout) -> None:
    a, b = layout(A), layout(B)
    before = np.array(a)
    np.testing.assert_allclose(ops.matmul(a, b), A @ B, rtol=1e-6)
    np.testing.assert_array_equal(ops.activation("tanh", a), ops.activation("tanh", A))
    np.testing.assert_array_equal(
        ops.activation_backward("tanh", a, a), ops.activation_backward("tanh", A, A)
    )
    np.testing.assert_array_equal(ops.softmax(a, axis=0), ops.softmax(A, axis=0))
    np.testing.assert_array_equal(
        ops.loss("mean_squared_error", a, a[::-1])[0], ops.loss("mean_squared_error", A, A[::-1])[0]
    )
    np.testing.assert_array_equal(ops.permute(a, (1, 0)), A.T)
    np.testing.assert_array_equal(ops.column_sums(a), ops.column_sums(A))
    np.testing.assert_array_equal(ops.gather_rows(a, [2, 0]), A[[2, 0]])
    np.testing.assert_array_equal(np.array(a), before)


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "int32", "int64", "uint64", "bool"])
def test_other_dtypes_become_float32(dtype: str) -> None:
    x = np.array([[0, 1, 3], [1, 0, 2]]).astype(dtype)
    y = ops.activation("linear", x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x.astype(np.float32))
    assert ops.matmul(x, x.T).dtype == np.float32
    assert ops.gather_rows(x).dtype == np.float32


def test_float64_wins_over_float32_and_lists_follow() -> None:
    assert ops.matmul(A, B.astype(np.float64)).dtype == np.float64
    assert ops.matmul(A, B.tolist()).dtype == np.float32
    assert ops.activation("relu", [1.0]).dtype == np.float32
    assert ops.loss("mean_squared_error", A.astype(np.float64), A)[0].dtype == np.float32


@pytest.mark.parametrize(
    "x",
    [
        np.array([object()]),
        np.array(["a"]),
        np.array([1j]),
        np.array([None]),
        np.array(["2020-01-01"], "datetime64[D]"),
        np.zeros(2, [("a", "f4")]),
        np.zeros(2, np.longdouble),
    ],
    ids=["object", "string", "complex", "none", "date", "record", "longdouble"],
)
def test_not_numeric_is_a_type_error_that_names_op_and_argument(x: np.ndarray) -> None:
    with pytest.raises(TypeError, match=r"activation: `x` must hold .* got dtype"):
        ops.activation("relu", x)
    with pytest.raises(TypeError, match="matmul: `b` must hold"):
        ops.matmul(A, x)
    with pytest.raises(TypeError, match="loss: `y_true` must hold"):
        ops.loss("mean_squared_error", x, A)
    with pytest.raises(TypeError, match="gather_rows: `x` must hold"):
        ops.gather_rows(x)
    with pytest.raises(TypeError, match="exp: `x` must hold"):
        ops.exp(x)


def test_ragged_lists_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="activation: `x` is not an array of numbers"):
        ops.activation("relu", [[1.0], [1.0, 2.0]])


class TestOut:
    def test_out_is_returned(self) -> None:
        out = np.full((3, 5), np.nan, np.float32)
        assert ops.matmul(A, B, out=out) is out
        np.testing.assert_allclose(out, A @ B, rtol=1e-6)

    @pytest.mark.parametrize(
        ("out", "error", "message"),
        [
            (np.zeros((3, 4), np.float64), TypeError, "`out` must have dtype float32; got float64"),
            (np.zeros((3, 4), ">f4"), TypeError, "`out` must be in native byte order"),
            (np.zeros((4, 3), "f4").T, ValueError, "`out` must be C-contiguous"),
            (np.zeros((6, 4), "f4")[::2], ValueError, "`out` must be C-contiguous"),
            (np.zeros((3, 4), "f4")[::-1], ValueError, "`out` must be C-contiguous"),
            (np.zeros((3, 3), "f4"), ValueError, r"`out` must have the shape of `x`, \(3, 4\)"),
            (np.zeros(12, "f4"), ValueError, r"`out` must have the shape of `x`.* got \(12,\)"),
            (read_only(A), ValueError, "`out` is written to, but it is read-only"),
            (misaligned(A), ValueError, "`out` is not aligned"),
            (A.tolist(), TypeError, "`out` must be a numpy.ndarray; got list"),
        ],
    )
    def test_out_that_does_not_fit_is_refused(self, out, error, message: str) -> None:
        with pytest.raises(error, match="activation: " + message):
            ops.activation("relu", A, out=out)

    def test_out_may_be_the_input_of_elementwise_ops(self) -> None:
        for op in (
            lambda x, out=None: ops.activation("gelu", x, out),
            lambda x, out=None: ops.activation_derivative("gelu", x, out),
            lambda x, out=None: ops.softmax(x, out=out),
            lambda x, out=None: ops.softmax(x, 0, out),
            lambda x, out=None: ops.log_softmax(x, out=out),
            lambda x, out=None: ops.exp(x, out),
            lambda x, out=None: ops.dropout(x, 0.5, 3, out=out),
            lambda x, out=None: ops.scale_shift(x, 2.0, 1.0, out),
            lambda x, out=None: ops.scale_shift(x, [1, 2, 3, 4], 1.0, out),
            lambda x, out=None: ops.prelu(x, np.ones(4, "f4"), out),
            lambda dy, out=None: ops.activation_backward("gelu", A, dy, out),
            lambda dy, out=None: ops.softmax_backward(A, dy, out=out),
            lambda dy, out=None: ops.log_softmax_backward(A, dy, out=out),
            lambda dy, out=None: ops.bias_activation_backward("gelu", A, dy, out)[0],
            lambda dy, out=None: ops.prelu_backward(A, np.ones(4, "f4"), dy, out)[0],
        ):
            want = op(A)
            x = A.copy()
            assert op(x, x) is x
            np.testing.assert_array_equal(x, want)

    def test_partly_overlapping_out_is_refused(self) -> None:
        memory = np.zeros(20, np.float32)
        with pytest.raises(ValueError, match="`out` and `x` must not share memory, unless"):
            ops.activation("relu", memory[:10], out=memory[5:15])

    def test_out_that_overlaps_an_input_of_matmul_is_refused(self) -> None:
        square = np.eye(4, dtype=np.float32)
        for a, b in ((square, square.copy()), (square.copy(), square)):
            with pytest.raises(ValueError, match="must not share memory"):
                ops.matmul(a, b, out=square)
        out = np.zeros((4, 4), np.float32)
        with pytest.raises(ValueError, match="`out` and `bias` must not share memory"):
            ops.matmul(square, square, out[0], out=out)
        with pytest.raises(ValueError, match="`pre` and `out` must not share memory"):
            ops.matmul(square, square, out=out, pre=out)

    def test_gather_into_its_own_source_is_refused(self) -> None:
        x = np.zeros((4, 2), np.float32)
        with pytest.raises(ValueError, match="must not share memory"):
            ops.gather_rows(x, [0, 1], out=x[2:])


class TestShapes:
    def test_matmul_names_what_differs(self) -> None:
        with pytest.raises(ValueError, match=r"K, over which is summed, differs; got a \(3, 4\)"):
            ops.matmul(A, A)
        with pytest.raises(ValueError, match=r"`b` must have two axes \(K, N\)"):
            ops.matmul(A, B[0])
        with pytest.raises(ValueError, match=r"`bias` must have shape \(N=5,\); got \(4,\)"):
            ops.matmul(A, B, np.zeros(4, "f4"))
        with pytest.raises(ValueError, match=r"`out` must have shape \(3, 5\); got \(5, 3\)"):
            ops.matmul(A, B, out=np.zeros((5, 3), "f4"))
        with pytest.raises(ValueError, match=r"`a` must have axes"):
            ops.matmul(np.float32(1), B)
        with pytest.raises(ValueError, match="`beta` is not 0"):
            ops.matmul(A, B, beta=1.0)

    def test_pairs_must_have_the_same_shape(self) -> None:
        for call in (
            lambda: ops.activation_backward("tanh", A, A[:2]),
            lambda: ops.softmax_backward(A, A[:, :2]),
            lambda: ops.loss("mean_squared_error", A, A[:2]),
            lambda: ops.count("accuracy", A, A[:2]),
            lambda: ops.prelu_backward(A, A[0], A[:2]),
        ):
            with pytest.raises(ValueError, match="must have the shape of"):
                call()

    def test_axis_out_of_range(self) -> None:
        for axis in (2, -3):
            with pytest.raises(
                ValueError, match=rf"softmax: `axis` must be in \[-2, 2\); got {axis}"
            ):
                ops.softmax(A, axis)
        with pytest.raises(ValueError, match="axis"):
            ops.softmax(np.float32(1))

    def test_sparse_labels(self) -> None:
        kind = "sparse_categorical_crossentropy_logits"
        with pytest.raises(ValueError, match=r"one class number for each row of `y_pred` \(3, 4\)"):
            ops.loss(kind, np.zeros(2), A)
        with pytest.raises(ValueError, match=r"class numbers in \[0, 4\); got 4 in row 1"):
            ops.loss(kind, [0, 4, 1], A)
        with pytest.raises(ValueError, match=r"class numbers in \[0, 4\); got -1 in row 0"):
            ops.loss(kind, [-1, 0, 1], A)
        with pytest.raises(ValueError, match=r"class numbers in \[0, 4\); got nan in row 2"):
            ops.loss(kind, [1, 0, np.nan], A)
        column = ops.loss(kind, [[0], [1], [2]], A)[0]
        np.testing.assert_array_equal(column, ops.loss(kind, [0, 1, 2], A)[0])
        ignored, dy = ops.loss(kind, [-1, 0, 1], A, ignore_class=-1, gradient=True)
        assert ignored[0] == 0 and (dy[0] == 0).all() and (dy[1] != 0).all()

    def test_weights_are_one_a_row(self) -> None:
        with pytest.raises(ValueError, match="`sample_weight` must have one weight for each of 3"):
            ops.loss("mean_squared_error", A, A, [1.0, 2.0])

    def test_prelu_alpha(self) -> None:
        with pytest.raises(ValueError, match="`alpha` must have the shape of the last axes of `x`"):
            ops.prelu(A, np.zeros(3, "f4"))

    def test_permutation(self) -> None:
        for perm in ((0,), (0, 0), (0, 2), (0, 1, 2)):
            with pytest.raises(ValueError, match="`perm` must name each of the 2 axes once"):
                ops.permute(A, perm)
        np.testing.assert_array_equal(ops.permute(A, (-1, 0)), A.T)

    def test_row_numbers(self) -> None:
        for rows in ([3], [-1]):
            with pytest.raises(IndexError, match="out of range for 3 rows"):
                ops.gather_rows(A, rows)
        with pytest.raises(IndexError, match="out of range"):
            ops.gather_rows(A, start=2, n=2)
        with pytest.raises(TypeError, match="`rows` must be integers"):
            ops.gather_rows(A, [0.5])
        assert ops.gather_rows(A, []).shape == (0, 4)


class TestNames:
    def test_unknown_names_list_the_known(self) -> None:
        with pytest.raises(ValueError, match=r"activation: `act` must be one of .*; got 'rleu'"):
            ops.activation("rleu", A)
        with pytest.raises(TypeError, match="must be a name or a tuple"):
            ops.activation(3, A)
        with pytest.raises(ValueError, match=r"loss: `kind` must be one of .*; got 'mse'"):
            ops.loss("mse", A, A)
        with pytest.raises(ValueError, match=r"count: `kind` must be one of"):
            ops.count("acc", A, A)

    def test_optimizer_parameters(self) -> None:
        w = np.zeros(2, "f4")
        variables = [(w, 0, 2, True, 0.0, 0.0)]
        with pytest.raises(ValueError, match="unknown parameter 'lr'"):
            ops.optimizer_step({"kind": "sgd", "lr": 1.0}, 0, variables, w.copy(), [])
        with pytest.raises(ValueError, match="`slots` must have 2 arrays; got 0"):
            ops.optimizer_step({"kind": "adam"}, 0, variables, w.copy(), [])
        with pytest.raises(ValueError, match="does not fit a gradient of 1"):
            ops.optimizer_step({"kind": "sgd"}, 0, variables, np.zeros(1, "f4"), [])
        with pytest.raises(TypeError, match="must have dtype float64"):
            ops.optimizer_step({"kind": "sgd"}, 0, variables, np.zeros(2), [])
        with pytest.raises(ValueError, match="must not share memory"):
            ops.optimizer_step({"kind": "sgd"}, 0, variables, w, [])

    def test_rates_and_keys(self) -> None:
        for rate in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match=r"dropout: `rate` must be in \[0, 1\]"):
                ops.dropout(A, rate, 1)
        with pytest.raises(ValueError, match="`seed` must be in"):
            ops.dropout(A, 0.5, -1)
        with pytest.raises(ValueError, match="`stddev` must be >= 0"):
            ops.random_normal(3, stddev=-1.0)
        with pytest.raises(ValueError, match="`shape` must not be negative"):
            ops.random_uniform((-1,), 1)
        with pytest.raises(ValueError, match="dtype"):
            ops.random_uniform(3, 1, dtype="float16")


def test_empty_arrays() -> None:
    empty = np.zeros((0, 4), np.float32)
    assert ops.activation("relu", empty).shape == (0, 4)
    assert ops.softmax(empty).shape == (0, 4)
    assert ops.softmax(empty, axis=0).shape == (0, 4)
    assert ops.matmul(empty, B).shape == (0, 5)
    np.testing.assert_array_equal(ops.matmul(A[:, :0], B[:0]), np.zeros((3, 5)))
    np.testing.assert_array_equal(
        ops.matmul(A[:, :0], B[:0], [1, 2, 3, 4, -5], "relu"), [[1, 2, 3, 4, 0]] * 3
    )
    assert ops.matmul(A, B[:, :0]).shape == (3, 0)
    np.testing.assert_array_equal(ops.column_sums(empty), np.zeros(4))
    dx, db = ops.bias_activation_backward("relu", empty, empty)
    assert dx.shape == (0, 4)
    np.testing.assert_array_equal(db, np.zeros(4))
    np.testing.assert_array_equal(ops.prelu_backward(empty, A[0], empty)[1], np.zeros(4))
    row_loss, dy = ops.loss("mean_squared_error", empty, empty, gradient=True)
    assert row_loss.shape == (0,) and dy.shape == (0, 4)
    assert ops.count("accuracy", empty, empty).shape == (0,)
    assert ops.reduce_sum(empty) == 0.0
    assert ops.all_finite(empty) is True
    assert ops.random_uniform(0, 1).shape == (0,)
    assert ops.permute(empty, (1, 0)).shape == (4, 0)
    assert ops.gather_rows(empty).shape == (0, 4)
    assert ops.optimizer_step({"kind": "sgd"}, 0, [], np.zeros(0, "f4"), []) == 0.0


def test_scalars_keep_their_shape() -> None:
    assert ops.activation("relu", np.float32(-1)).shape == ()
    assert float(ops.exp(0.0)) == 1.0


def test_matmul_stacks() -> None:
    a = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_allclose(ops.matmul(a, B), a @ B, rtol=1e-6)
    np.testing.assert_allclose(ops.matmul(a[0, 0], B), a[0, 0] @ B, rtol=1e-6)
    stack = np.swapaxes(a, 1, 2).copy()
    pre = np.zeros((2, 3, 5), np.float32)
    c = ops.matmul(stack, B, np.float32([-300] * 5), "relu", transpose_a=True, pre=pre)
    np.testing.assert_allclose(pre, a @ B - 300, rtol=1e-5)
    np.testing.assert_array_equal(c, np.maximum(pre, 0))


def test_matmul_does_not_read_out_when_beta_is_zero() -> None:
    out = np.full((3, 5), np.nan, np.float32)
    np.testing.assert_allclose(ops.matmul(A, B, out=out, alpha=0.0), np.zeros((3, 5)))
    out[...] = 1
    np.testing.assert_allclose(
        ops.matmul(A, B, alpha=2.0, beta=0.5, out=out), 2 * (A @ B) + 0.5, rtol=1e-6
    )


def test_nan_goes_through() -> None:
    x = A.copy()
    x[1, 2] = np.nan
    for act in ops.activations.SPECS:
        y = ops.activation(act, x)
        assert np.isnan(y[1, 2]), act
        assert np.isfinite(np.delete(y.ravel(), 6)).all(), act
    c = ops.matmul(x, B)
    assert np.isnan(c[1]).all() and np.isfinite(c[[0, 2]]).all()
    assert np.isnan(ops.softmax(x)[1]).all()
    assert not ops.all_finite(x)
