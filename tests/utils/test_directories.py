"""Data sets of files: files, splits and images beside Keras' own functions."""

from __future__ import annotations

import pickle
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.utils import image_dataset_from_directory, text_dataset_from_directory

from ..parity.keras_reference import keras

pytest.importorskip("PIL")
from keras.src.utils import dataset_utils, image_dataset_utils
from PIL import Image

CLASSES = ("cats", "dogs", "eels")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for c, name in enumerate(CLASSES):
        (tmp_path / "p" / name / "deep").mkdir(parents=True)
        for i in range(5 + c):
            x = rng.integers(0, 256, (rng.integers(4, 12), rng.integers(4, 12), 3), np.uint8)
            folder = tmp_path / "p" / name / ("deep" if i == 2 else "")
            Image.fromarray(x).save(folder / f"{i * 7 % 10}.{['png', 'bmp', 'PNG'][i % 3]}")
        (tmp_path / "p" / name / "notes.md").write_text("not an image")
    (tmp_path / "p" / ".hidden").mkdir()
    return tmp_path / "p"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    for c, name in enumerate(("neg", "pos")):
        (tmp_path / "t" / name).mkdir(parents=True)
        for i in range(8):
            words = ["bad", "good"][c]
            (tmp_path / "t" / name / f"{i}.txt").write_text(f"{words} film é {i}", "utf-8")
    return tmp_path / "t"


def expected(
    directory: Path,
    ends: Any,
    labels: Any,
    shuffle: bool,
    seed: int,
    split: Any,
    subset: Any,
    **kwargs: Any,
) -> Any:
    """Keras' paths, labels and classes."""
    paths, y, names = dataset_utils.index_directory(
        str(directory), labels, ends, shuffle=shuffle, seed=seed, verbose=False, **kwargs
    )
    return (*dataset_utils.get_training_or_validation_split(paths, y, split, subset), names)


def labels_of(dataset: Any) -> Any:
    return np.concatenate([y for _, y in dataset])


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("split", "subset"), [(None, None), (0.3, "training"), (0.3, "validation")]
)
@pytest.mark.parametrize("names", [None, ["eels", "cats"]])
def test_files_and_labels_are_those_of_keras(
    shuffle: bool, split: Any, subset: Any, names: Any, pictures: Path
) -> None:
    wanted = expected(
        pictures,
        image_dataset_utils.ALLOWLIST_FORMATS,
        "inferred",
        shuffle,
        9,
        split,
        subset,
        class_names=names,
    )
    ours = image_dataset_from_directory(
        pictures, class_names=names, shuffle=shuffle, seed=9, validation_split=split, subset=subset,
        image_size=4, batch_size=4, verbose=False,
    )  # fmt: skip
    assert ours.file_paths == wanted[0] and ours.class_names == wanted[2]
    assert labels_of(ours).dtype == np.int32
    np.testing.assert_array_equal(labels_of(ours), wanted[1])
    assert len(ours) == ours.num_batches == -(-len(wanted[0]) // 4)


def test_labels_that_are_given(pictures: Path) -> None:
    given = [int(i) for i in np.random.default_rng(1).integers(0, 2, 18)]
    before = list(given)
    wanted = expected(
        pictures, image_dataset_utils.ALLOWLIST_FORMATS, list(given), True, 3, None, None
    )
    ours = image_dataset_from_directory(pictures, given, seed=3, image_size=(2, 2), verbose=False)
    assert ours.file_paths == wanted[0] and ours.class_names == wanted[2] and given == before
    np.testing.assert_array_equal(labels_of(ours), wanted[1])
    one = image_dataset_from_directory(
        pictures, given, "binary", seed=3, image_size=2, verbose=False
    )
    np.testing.assert_array_equal(labels_of(one), np.array(wanted[1], "float32")[:, None])


def test_without_seed_numpy_s_generator_counts(pictures: Path) -> None:
    orders = []
    for _ in range(2):
        np.random.seed(4)
        orders.append(
            image_dataset_from_directory(pictures, image_size=2, verbose=False).file_paths
        )
    np.random.seed(4)
    wanted = expected(
        pictures,
        image_dataset_utils.ALLOWLIST_FORMATS,
        "inferred",
        True,
        np.random.randint(1e6),
        None,
        None,
    )
    assert orders == [wanted[0]] * 2


KINDS = [
    ("rgb", i, a, "channels_last")
    for i in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    for a in ("", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
]
KINDS += [
    (mode, "bilinear", "", f)
    for mode in ("rgba", "grayscale", "rgb")
    for f in ("channels_last", "channels_first")
]


@pytest.mark.parametrize(("mode", "interpolation", "aspect", "data_format"), KINDS)
def test_images(
    mode: str, interpolation: str, aspect: str, data_format: str, pictures: Path
) -> None:
    kwargs: Any = {aspect: True} if aspect else {}
    ours = image_dataset_from_directory(
        pictures, None, color_mode=mode, image_size=(6, 5), interpolation=interpolation,
        data_format=data_format, shuffle=False, verbose=False, batch_size=None, **kwargs,
    )  # fmt: skip
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[mode]
    for i in (0, 11):
        x = ours[i]
        wanted = image_dataset_utils._load_image_grain(
            ours.file_paths[i], (6, 5), channels, interpolation, data_format, **kwargs
        )
        assert x.dtype == np.float32 and x.shape == wanted.shape
        np.testing.assert_allclose(x, wanted, atol=2e-3)


def test_label_modes(pictures: Path) -> None:
    def make(mode: Any, names: Any = None) -> Any:
        return image_dataset_from_directory(
            pictures,
            label_mode=mode,
            class_names=names,
            image_size=3,
            shuffle=False,
            batch_size=5,
            verbose=False,
        )

    numbers = labels_of(make("int"))
    rows = labels_of(make("categorical"))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, keras.utils.to_categorical(numbers, 3))
    two = labels_of(make("binary", ["dogs", "cats"]))
    assert two.dtype == np.float32
    np.testing.assert_array_equal(two[:, 0], [0] * 6 + [1] * 5)
    plain = make(None)
    assert plain.class_names is None and [x.shape for x in plain] == [(5, 3, 3, 3)] * 3 + [
        (3, 3, 3, 3)
    ]


def test_both_and_what_is_printed(pictures: Path, capsys: Any) -> None:
    train, val = image_dataset_from_directory(
        pictures, validation_split=0.25, subset="both", seed=1, image_size=4
    )
    assert capsys.readouterr().out.splitlines() == [
        "Found 18 files belonging to 3 classes.", "Using 14 files for training.", "Using 4 files for validation.",
    ]  # fmt: skip
    whole = image_dataset_from_directory(pictures, seed=1, image_size=4, verbose=False)
    assert train.file_paths + val.file_paths == whole.file_paths
    assert train.class_names == val.class_names == list(CLASSES)
    assert capsys.readouterr().out == ""


def test_links(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    Image.new("RGB", (3, 3)).save(tmp_path / "far" / "far.png")
    (pictures / "cats" / "link").symlink_to(tmp_path / "far")
    for follow in (False, True):
        wanted = expected(
            pictures,
            image_dataset_utils.ALLOWLIST_FORMATS,
            "inferred",
            True,
            2,
            None,
            None,
            follow_links=follow,
        )
        ours = image_dataset_from_directory(
            pictures, seed=2, follow_links=follow, image_size=3, verbose=False
        )
        assert ours.file_paths == wanted[0] and len(ours.file_paths) == 18 + follow


class Watch(layers.Layer):
    """Notes the first pixel of the images that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[float]] = []

    def forward(self, x: Any, training: bool = False) -> Any:
        self.seen.append(x[:, 0, 0, 0].tolist())
        return x, None

    def backward(self, cache: Any, dy: Any) -> Any:
        return dy, []


@pytest.mark.parametrize("shuffle", [True, False])
def test_training(shuffle: bool, pictures: Path) -> None:
    train, val = image_dataset_from_directory(
        pictures, validation_split=0.3, subset="both", seed=1, image_size=(6, 6), batch_size=4,
        shuffle=shuffle, verbose=False,
    )  # fmt: skip
    watch = Watch()
    model = ranvier.Sequential(
        [ranvier.Input((6, 6, 3)), watch, layers.Flatten(), layers.Dense(3, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, epochs=2, verbose=0)
    fixed = [x[:, 0, 0, 0].tolist() for x, _ in train]
    seen = [b for b in watch.seen if b][-2 * len(fixed) :]
    epochs = [seen[: len(fixed)], seen[len(fixed) :]]
    if shuffle:  # samples, not only batches, in a new order
        assert epochs[0] != epochs[1] and {tuple(b) for b in epochs[0]}.isdisjoint(
            map(tuple, fixed)
        )
        assert all(sorted(chain(*e)) == sorted(chain(*fixed)) for e in epochs)
    else:
        assert epochs == [fixed, fixed]
    x, y = (np.concatenate(part) for part in zip(*val, strict=True))
    assert model.evaluate(val, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))
    np.testing.assert_allclose(
        model.predict(val, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )


def test_map_and_take(pictures: Path) -> None:
    whole = image_dataset_from_directory(
        pictures, seed=1, image_size=4, batch_size=5, verbose=False
    )
    some = whole.map(lambda x, y: (x / 255, y)).take(2).map(lambda x, y: x)
    assert len(some) == 2 and some.class_names == list(CLASSES)
    for x, (wanted, _) in zip(some, whole.take(2), strict=True):
        np.testing.assert_array_equal(x, wanted / 255)
    plain = image_dataset_from_directory(pictures, None, image_size=4, verbose=False).map(np.shape)
    assert list(plain) == [(18, 4, 4, 3)]


def test_worker_processes(pictures: Path) -> None:
    train = image_dataset_from_directory(
        pictures, seed=1, image_size=4, batch_size=5, verbose=False
    )
    again = pickle.loads(pickle.dumps(train))
    np.testing.assert_array_equal(again[1][0], train[1][0])


def test_texts(texts: Path) -> None:
    ours = text_dataset_from_directory(
        texts, seed=5, batch_size=6, validation_split=0.25, subset="training", verbose=False
    )
    wanted = expected(texts, (".txt",), "inferred", True, 5, 0.25, "training")
    assert ours.file_paths == wanted[0] and ours.class_names == ["neg", "pos"]
    np.testing.assert_array_equal(labels_of(ours), wanted[1])
    x, _ = ours[0]
    assert x.dtype == object and x.tolist() == [Path(p).read_text("utf-8") for p in wanted[0][:6]]
    short = text_dataset_from_directory(
        texts, None, max_length=5, shuffle=False, batch_size=None, verbose=False
    )
    assert short[0] == "bad f" and len(list(short)) == 16


def test_texts_are_learned(texts: Path) -> None:
    train = text_dataset_from_directory(
        texts, label_mode="binary", seed=5, batch_size=4, verbose=False
    )
    vectors = layers.TextVectorization(output_mode="multi_hot")
    vectors.adapt(np.concatenate([x for x, _ in train]))
    numbers = train.map(lambda x, y: (vectors(x), y))
    model = ranvier.Sequential([layers.Dense(1, activation="sigmoid")])
    model.compile(ranvier.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(numbers, epochs=20, verbose=0)
    assert model.evaluate(numbers, verbose=0)[1] == 1.0


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"directory": "/none/such"}, OSError, "no directory '/none/such'"),
        ({"directory": 3}, TypeError, "`directory`"),
        ({"labels": "guess"}, ValueError, "`labels`.*'guess'"),
        ({"labels": [0, 1]}, ValueError, "`labels` has 2 for 18 files in .*p"),
        ({"labels": [0.5] * 18}, ValueError, "`labels` must be"),
        ({"labels": [7] * 18, "label_mode": "categorical"}, ValueError, r"labels in \[0, 1\)"),
        ({"labels": None, "class_names": ["cats"]}, ValueError, "`class_names`"),
        ({"label_mode": "onehot"}, ValueError, "`label_mode`.*'onehot'"),
        ({"label_mode": "binary"}, ValueError, "two classes; got 3"),
        ({"class_names": ["cows"]}, ValueError, "cows.*subdirectories"),
        ({"color_mode": "bgr"}, ValueError, "`color_mode`.*'bgr'"),
        ({"batch_size": 0}, ValueError, "`batch_size`"),
        ({"image_size": (3,)}, ValueError, "`image_size`"),
        ({"interpolation": "area"}, ValueError, "`interpolation`.*'area'"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, ValueError, "not both"),
        ({"data_format": "NCHW"}, ValueError, "`data_format`"),
        ({"format": "torch"}, ValueError, "`format`"),
        ({"validation_split": 0.2}, ValueError, "`validation_split` in .* and `subset`"),
        ({"subset": "both"}, ValueError, "`validation_split` in .* and `subset`"),
        ({"validation_split": 2, "subset": "both", "seed": 1}, ValueError, r"\(0, 1\)"),
        ({"validation_split": 0.2, "subset": "test"}, ValueError, "`subset`"),
        ({"validation_split": 0.2, "subset": "both"}, ValueError, "a `seed`"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 1}, ValueError, "no files for validation"),
    ],
)  # fmt: skip
def test_bad_input(kwargs: Any, error: Any, words: str, pictures: Path) -> None:
    with pytest.raises(error, match=f"image_dataset_from_directory: .*{words}"):
        image_dataset_from_directory(**{"directory": pictures, "verbose": False, **kwargs})


def test_bad_files(pictures: Path, texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no files in .*p, which has 0 of .txt"):
        text_dataset_from_directory(pictures, verbose=False)
    with pytest.raises(ValueError, match="`max_length`"):
        text_dataset_from_directory(texts, max_length=0)
    (pictures / "cats" / "bad.png").write_text("no image")
    with pytest.raises(OSError, match=r"cannot read .*bad\.png"):
        list(image_dataset_from_directory(pictures, verbose=False, image_size=2))
    (texts / "neg" / "bad.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"bad\.txt is not UTF-8"):
        list(text_dataset_from_directory(texts, verbose=False))
    with pytest.raises(IndexError, match="batch 9 of 1"):
        text_dataset_from_directory(texts, verbose=False)[9]
