"""`model.export`: arguments, names, refusals, atomicity, layers of the user's own."""

from __future__ import annotations

import importlib.util
import inspect
import os
import pathlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

import ranvier
from ranvier import layers as L
from ranvier._extras import MissingExtra

from .checks import agree, exported, operators, run


def small(**kwargs: Any) -> Any:
    return ranvier.Sequential(
        [ranvier.Input((4,), name="table", **kwargs), L.Dense(3, "relu", name="hidden"),
         L.Dense(2, "softmax", name="classes")]
    )  # fmt: skip


X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def test_the_arguments_are_those_of_keras() -> None:
    keras = pytest.importorskip("keras")
    ours = inspect.signature(ranvier.Sequential.export).parameters
    theirs = inspect.signature(keras.Sequential.export).parameters
    assert list(ours) == list(theirs)
    assert [p.kind for p in ours.values()] == [p.kind for p in theirs.values()]
    changed = {n for n in ours if ours[n].default != theirs[n].default}
    assert changed == {"format"}, "ranvier's default is what it has"


def test_names(tmp_path: pathlib.Path) -> None:
    graph = exported(small(), tmp_path).graph
    assert [v.name for v in graph.input] == ["table"]
    assert [v.name for v in graph.output] == ["classes"]
    assert {t.name for t in graph.initializer} == {
        "hidden/kernel", "hidden/bias", "classes/kernel", "classes/bias",
    }  # fmt: skip
    assert [n.name for n in graph.node] == [
        "hidden/Gemm", "hidden/Relu", "classes/Gemm", "classes/Softmax",
    ]  # fmt: skip
    assert [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [
        "batch", 4,
    ]  # fmt: skip


def test_an_input_of_the_name_of_the_output(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.Input((4,), name="x"), L.Dense(2, name="x_")])
    model.layers[0].name = "x"
    assert agree(model, X, tmp_path).graph.output[0].name == "x_output"


def test_models_without_an_input_layer(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([L.Dense(3), L.ReLU()])
    with pytest.raises(ValueError, match="weights do not exist yet"):
        model.export(tmp_path / "m.onnx")
    model.build((None, 4))
    assert agree(model, X, tmp_path).graph.input[0].name == "input"


def test_nothing_but_an_input(tmp_path: pathlib.Path) -> None:
    agree(ranvier.Sequential([ranvier.Input((4,))]), X, tmp_path)
    agree(ranvier.Sequential([ranvier.Input((4,)), L.Dropout(0.5)]), X, tmp_path)


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
def test_operator_sets(opset: int, tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    model = ranvier.Sequential([
        ranvier.Input((10, 10, 2)), L.ZeroPadding2D(1), L.Conv2D(3, 3, padding="same"),
        L.AveragePooling2D(2, padding="same"), L.UpSampling2D(2), L.Resizing(6, 6),
        L.GroupNormalization(3), L.LayerNormalization(), L.Reshape((36, 3)), L.Masking(),
        L.GRU(4, return_sequences=True), L.Activation("sparsemax"), L.Bidirectional(L.LSTM(3)),
        L.Dense(4, "gelu"), L.Activation("glu"),
    ])  # fmt: skip
    x = rng.normal(size=(3, 10, 10, 2)).astype("float32")
    proto = agree(model, x, tmp_path, opset_version=opset)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", opset)]
    assert proto.ir_version <= 10


def test_training_goes_on_and_the_file_stays(tmp_path: pathlib.Path) -> None:
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy")
    before, proto = model.predict(X, verbose=0), exported(model, tmp_path)
    model.fit(X, np.arange(5) % 2, verbose=0)
    np.testing.assert_allclose(run(proto, X), before, rtol=1e-5)
    agree(model, X, tmp_path)


def test_what_is_printed(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.onnx"
    small().export(str(path), verbose=False)
    assert capsys.readouterr().out == ""
    small().export(path)
    assert capsys.readouterr().out == f"Saved artifact at '{path}'.\n"


# -- the input ------------------------------------------------------------------------------


def test_inputs_of_integers(tmp_path: pathlib.Path) -> None:
    ids = np.array([[1, 0, 6], [5, 5, 2]])
    layers = [L.Embedding(7, 2, mask_zero=True), L.LSTM(3)]
    model = ranvier.Sequential([ranvier.Input((None,), dtype="int32"), *layers])
    proto = agree(model, ids, tmp_path)
    assert proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT32
    signature = ranvier.Input((3,), batch_size=2, dtype="int64", name="ids")
    proto = exported(model, tmp_path, input_signature=[signature])
    given = proto.graph.input[0]
    assert given.name == "ids"
    assert given.type.tensor_type.elem_type == onnx.TensorProto.INT64
    assert [d.dim_value for d in given.type.tensor_type.shape.dim] == [2, 3]
    np.testing.assert_allclose(run(proto, ids), model.predict(ids, verbose=0), rtol=1e-5)


def test_signatures_of_other_kinds(tmp_path: pathlib.Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 5, 6, 1)).astype("uint8")
    model = ranvier.Sequential(
        [ranvier.Input((None, None, 1)), L.Rescaling(1 / 255), L.Resizing(3, 3, "bicubic")]
    )
    with pytest.raises(ValueError, match=r"Resizing 'resizing.*input_signature"):
        model.export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
    spec = SimpleNamespace(shape=(None, 5, 6, 1), dtype="uint8", name=None)
    for signature in (spec, [spec], pixels):
        proto = exported(model, tmp_path, input_signature=signature)
        np.testing.assert_allclose(
            run(proto, pixels), model.predict(pixels, verbose=0), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        (ranvier.Input((5,)), ValueError),
        (ranvier.Input((4, 1)), ValueError),
        ([ranvier.Input((4,))] * 2, TypeError),
        (3, TypeError),
        ([], TypeError),
        (SimpleNamespace(shape=(None, 4), dtype="string"), TypeError),
        (SimpleNamespace(shape=(None, 4), dtype="bool"), ValueError),
        (SimpleNamespace(shape=(None, "four"), dtype="float32"), TypeError),
    ],
)
def test_signatures_that_do_not_fit(signature: Any, error: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(error, match=r"Sequential '.*input_signature"):
        small().export(tmp_path / "m.onnx", input_signature=signature)
    assert not list(tmp_path.iterdir())


# -- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["tf_saved_model", "openvino", "litert", "torch"])
def test_other_formats(format: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=f"ranvier writes ONNX.*got '{format}'"):
        small().export(tmp_path / "m", format)


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        ({"format": "pickle"}, ValueError, "`format` must be 'onnx'; got 'pickle'"),
        ({"opset_version": 17}, ValueError, r"`opset_version` must lie in 18\.\.21; got 17"),
        ({"opset_version": True}, ValueError, "opset_version"),
        ({"opset_version": "18"}, ValueError, "opset_version"),
        ({"is_static": True}, TypeError, "no argument `is_static`"),
        ({"filepath": 3}, TypeError, "`filepath` must be a path"),
    ],
)
def test_bad_arguments(kwargs: Any, error: Any, text: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(error, match=text):
        small().export(**{"filepath": tmp_path / "m.onnx", **kwargs})
    assert not list(tmp_path.iterdir())


def test_other_things_than_models() -> None:
    with pytest.raises(TypeError, match="must be a Sequential"):
        ranvier.export.export_model(L.Dense(2), "m.onnx")


def test_without_the_package(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"ranvier\[onnx\]"):
        small().export(tmp_path / "m.onnx")


class Cosine(L.Layer):
    "cos(w x)"

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), initializer="ones", name="w")

    def forward(self, x: Any, training: bool = False) -> Any:
        return np.cos(self.w.value * x), x


class Own(L.Dense):
    "Another pass than Dense's."

    def forward(self, x: Any, training: bool = False) -> Any:
        return x @ self.kernel.value, x


@ranvier.saving.register_serializable("tests")
class Cell(L.SimpleRNNCell):
    "Another step."

    def forward(self, x: Any, states: Any, training: bool = False, stream: int = 0) -> Any:
        return super().forward(x, states, training, stream)


class Alien(L.Layer):
    "A node that there is not in ONNX."

    def lower(self, builder: Any, x: int) -> int:
        return builder.graph.quantum_leap(x)


@pytest.mark.parametrize(
    ("make", "shape", "label"),
    [
        (lambda: Cosine(name="own"), (4,), "Cosine 'own'"),
        (lambda: ranvier.Sequential([Cosine(name="own"), L.Dense(2)]), (4,), "Cosine 'own'"),
        (lambda: L.TimeDistributed(Cosine(name="own")), (3, 4), "Cosine 'own'"),
        (lambda: Own(3, name="own"), (4,), "Own 'own'"),
        (lambda: L.RNN(Cell(3), name="own"), (3, 4), "RNN 'own'"),
        (lambda: L.Bidirectional(L.RNN(Cell(3), name="own")), (3, 4), "RNN 'forward_own'"),
        (lambda: L.Lambda(np.cos, name="own"), (4,), "Lambda 'own'.*to_onnx"),
        (lambda: L.STFTSpectrogram(frame_length=4, name="own"), (9, None),
         "STFTSpectrogram 'own'.*channels"),
        (lambda: L.IntegerLookup(vocabulary=[3, 4], num_oov_indices=0, name="own"), (4,),
         "IntegerLookup 'own'"),
    ],
)  # fmt: skip
def test_layers_that_are_refused_by_name(
    make: Any, shape: Any, label: str, tmp_path: pathlib.Path
) -> None:
    model = ranvier.Sequential([ranvier.Input(batch_shape=(2, *shape)), make()])
    path = tmp_path / "m.onnx"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match=f"{label}.*"):
        model.export(path)
    assert path.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


def test_nodes_of_the_engine_that_are_unknown(tmp_path: pathlib.Path) -> None:
    from ranvier.export import OnnxBuilder

    builder = OnnxBuilder((None, 4), "float32", "x")
    with pytest.raises(ValueError, match=r"Alien 'far': cannot be exported.*quantum_leap"):
        builder.add(Alien(name="far"), builder.x)
    with pytest.raises(ValueError, match="'teleport'"):
        builder.graph.sequence("teleport", [builder.x], [], [])


# -- layers of the user's own -----------------------------------------------------------------


class Told(Cosine):
    "Says how."

    supports_masking = True

    def to_onnx(self, graph: Any, x: str) -> Any:
        return graph.node("Cos", graph.node("Mul", x, self.w.value))


class Shifting(Told):
    "Changes the mask."

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None if previous_mask is None else np.roll(previous_mask, 1, axis=1)


class Silent(Told):
    "Says nothing."

    def to_onnx(self, graph: Any, x: str) -> Any:
        return None


def test_a_layer_that_says_how(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    model = ranvier.Sequential([ranvier.Input((4,)), Told(), L.Dense(3), Told(name="again")])
    assert operators(agree(model, X, tmp_path)) == ["Mul", "Cos", "Gemm", "Mul", "Cos"]
    x = rng.normal(size=(3, 5, 4)).astype("float32")
    x[:, 2] = 0
    agree(ranvier.Sequential([ranvier.Input((5, 4)), L.Masking(), Told(), L.GRU(2)]), x, tmp_path)


def test_a_lambda_that_is_told_how(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    def made(mask: Any = None) -> Any:
        layer = L.Lambda(lambda x: np.log1p(np.abs(x)), mask=mask)
        layer.to_onnx = lambda graph, x: graph.node(
            "Log", graph.node("Add", graph.node("Abs", x), 1.0)
        )
        return layer

    model = ranvier.Sequential([ranvier.Input((4,)), made(), L.Dense(2)])
    assert operators(agree(model, X, tmp_path)) == ["Abs", "Add", "Log", "Gemm"]
    steps = rng.normal(size=(3, 5, 4)).astype("float32")
    steps[:, 1] = 0
    with pytest.warns(UserWarning, match="mask"):  # which ends here
        agree(
            ranvier.Sequential([ranvier.Input((5, 4)), L.Masking(), made(), L.GRU(2)]),
            steps,
            tmp_path,
        )
    model = ranvier.Sequential([ranvier.Input((5, 4)), L.Masking(), made(lambda x, m: m)])
    with pytest.raises(ValueError, match="mask"):
        model.export(tmp_path / "m.onnx")


def test_layers_that_do_not_say_it_right(tmp_path: pathlib.Path) -> None:
    model = ranvier.Sequential([ranvier.Input((5, 4)), L.Masking(), Shifting(name="own")])
    with pytest.raises(ValueError, match=r"Shifting 'own'.*mask"):
        model.export(tmp_path / "m.onnx")
    model = ranvier.Sequential([ranvier.Input((4,)), Silent(name="own")])
    with pytest.raises(TypeError, match="Silent 'own': to_onnx"):
        model.export(tmp_path / "m.onnx")


# -- lookups ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (3, 1)])
@pytest.mark.parametrize("mask", [None, 2])
@pytest.mark.parametrize("buckets", [1, 3])
def test_integer_lookup(
    mode: str, shape: Any, mask: int | None, buckets: int, tmp_path: pathlib.Path
) -> None:
    more = {"idf_weights": [0.5, 1.5, 2.0]} if mode == "tf_idf" else {}
    layer = L.IntegerLookup(
        vocabulary=[3, -5, 7], output_mode=mode, mask_token=mask, num_oov_indices=buckets, **more
    )
    model = ranvier.Sequential([ranvier.Input(shape), layer])
    x = np.random.default_rng(1).integers(-6, 9, (6, *shape))
    agree(model, x.astype("float32"), tmp_path)


# -- doubles, and files -----------------------------------------------------------------------


def test_doubles(tmp_path: pathlib.Path, rng: np.random.Generator) -> None:
    kind: Any = {"dtype": "float64"}
    model = ranvier.Sequential([
        ranvier.Input((6, 6, 2), **kind), L.MaxPooling2D(2, **kind), L.Reshape((3, 6), **kind),
        L.LayerNormalization(**kind), L.LSTM(4, return_sequences=True, **kind),
        L.GroupNormalization(2, **kind), L.Flatten(**kind), L.Dense(4, "selu", **kind),
        L.LeakyReLU(0.1, **kind), L.Dense(3, "softmax", **kind),
    ])  # fmt: skip
    agree(model, rng.normal(size=(4, 6, 6, 2)), tmp_path, 1e-12, 1e-14)


def test_convolutions_of_doubles_by_the_standard(
    tmp_path: pathlib.Path, rng: np.random.Generator
) -> None:
    """ONNX has them, ONNX Runtime has not: ONNX' own evaluator computes them."""
    from onnx.reference import ReferenceEvaluator

    model = ranvier.Sequential(
        [ranvier.Input((6, 6, 2), dtype="float64"), L.Conv2D(3, 3, dtype="float64")]
    )
    x = rng.normal(size=(2, 6, 6, 2))
    evaluator = ReferenceEvaluator(exported(model, tmp_path))
    (y,) = evaluator.run(None, {evaluator.input_names[0]: x})
    np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-12)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.onnx"
    small().export(path, verbose=False)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no room"):
        small().export(path, verbose=False)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
