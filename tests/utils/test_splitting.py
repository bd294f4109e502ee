"""split_dataset beside the parts of Keras' that need no TensorFlow."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.utils import split_dataset

from ..parity.keras_reference import keras  # noqa: F401 - chooses the backend

from keras.src.utils import dataset_utils  # isort: skip

SIZES = [(0.8, None), (None, 0.3), (0.5, 0.2), (3, None), (None, 4), (2, 5), (0.25, 6), (0.01, None), (6, 6), (0.5, 0.6),
         (11, None), (0.0, None), (1.0, None), (None, None), (-1, None), (0, 0)]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SIZES)
@pytest.mark.parametrize("n", [11, 40])
@pytest.mark.parametrize("shuffle", [False, True])
def test_beside_keras(left: Any, right: Any, n: int, shuffle: bool) -> None:
    x, y = np.random.default_rng(0).normal(size=(n, 2)), np.arange(n)
    rows = dataset_utils._convert_dataset_to_list((x, y), tuple)
    if shuffle:
        random.seed(5)
        random.shuffle(rows)
    try:
        if left is right is None:
            raise ValueError
        a, b = dataset_utils._rescale_dataset_split_sizes(left, right, n)
    except ValueError:
        with pytest.raises(ValueError, match="split_dataset"):
            split_dataset((x, y), left, right, shuffle, 5)
        return
    parts = split_dataset([x, y], left, right, shuffle, 5)
    for ours, wanted in zip(parts, (rows[:a], rows[-b:]), strict=True):
        wanted = dataset_utils._restore_dataset_from_list(wanted, tuple, (x, y))
        assert isinstance(ours, tuple)
        for o, w in zip(ours, wanted, strict=True):
            np.testing.assert_array_equal(o, w)
    alone = split_dataset(x, left, right, shuffle, 5)
    np.testing.assert_array_equal(alone[0], parts[0][0])


def test_without_seed() -> None:
    parts = []
    for _ in range(2):
        ranvier.utils.set_random_seed(3)
        state = random.getstate()
        parts.append(split_dataset(np.arange(50), 0.5, shuffle=True)[0].tolist())
        assert random.getstate() != state
    assert parts[0] == parts[1] != sorted(parts[0])


class Numbers(ranvier.utils.PyDataset):
    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        return np.full((3, 1), float(index)), np.full((3, 1), 2.0 * index)


def test_data_sets(tmp_path: Path) -> None:
    left, right = split_dataset(Numbers(workers=2), 0.6)
    assert [int(x[0, 0]) for x, _ in left] == [0, 1, 2] and [int(x[0, 0]) for x, _ in right] == [
        3,
        4,
    ]
    assert left.workers == 2
    model = ranvier.Sequential([ranvier.Input((1,)), ranvier.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(left, validation_data=right, verbose=0)
    (tmp_path / "a").mkdir()
    for i in range(10):
        (tmp_path / "a" / f"{i}.txt").write_text(str(i))
    files = ranvier.utils.text_dataset_from_directory(
        tmp_path, shuffle=False, batch_size=4, verbose=False
    )
    left, right = split_dataset(files, right_size=3)
    assert [x.tolist() for x, _ in left] == [["0", "1", "2", "3"], ["4", "5", "6"]]
    assert [x.tolist() for x, _ in right] == [["7", "8", "9"]]


def test_bad_input() -> None:
    for data in ([], [1, 2], "text", {"a": np.zeros(3)}, np.float32(3), (np.zeros(3), [1, 2, 3])):
        with pytest.raises(TypeError, match="split_dataset: `dataset`"):
            split_dataset(data, 0.5)
    with pytest.raises(ValueError, match=r"one length; got .3, 4"):
        split_dataset([np.zeros(3), np.zeros(4)], 0.5)
    for size in ("half", True):
        with pytest.raises(TypeError, match="split_dataset: sizes"):
            split_dataset(np.zeros(9), right_size=size)  # type: ignore[arg-type]
