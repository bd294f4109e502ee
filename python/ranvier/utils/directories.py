"""Data sets of files in directories: one file a sample, read when its batch comes."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.ops.images import RESIZE_INTERPOLATIONS, resize_images
from ranvier.utils.images import (
    MODES,
    channels_first,
    check_one_of,
    check_size,
    img_to_array,
    load_img,
)
from ranvier.utils.py_dataset import PyDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class FilesDataset(PyDataset):
    """Files in batches (x, y), or x where there are no labels.

    Made by `image_dataset_from_directory` and `text_dataset_from_directory`. Going through it gives
    the files in the order of `file_paths`; `fit` with `shuffle` takes them in a new one each epoch.
    `dataset.workers = 4` reads ahead by so many threads.

    Attributes:
        class_names: of the classes, in the order of their numbers; None without labels.
        file_paths: of the files, in order.
    """

    def __init__(
        self,
        paths: list[str],
        labels: Any,
        targets: Any,
        class_names: list[str] | None,
        batch_size: int | None,
        shuffle: bool,
        read: Callable[[str], Any],
        collect: Callable[[list[Any]], Any],
    ) -> None:
        super().__init__()
        self.file_paths, self.class_names, self.batch_size = paths, class_names, batch_size
        self._labels, self._targets = labels, targets
        self._shuffle, self._read, self._collect = shuffle, read, collect
        self._maps: tuple[Callable[..., Any], ...] = ()

    def __len__(self) -> int:
        return -(-len(self.file_paths) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"FilesDataset: batch {index} of {n}")
        at = index % n
        if self.batch_size is None:
            part: Any = at
            x = self._read(self.file_paths[at])
        else:
            part = slice(at * self.batch_size, (at + 1) * self.batch_size)
            x = self._collect([self._read(path) for path in self.file_paths[part]])
        batch = x
        if self._labels is not None:
            y = self._labels[part]
            if self._targets is not None:
                y = (y[..., None] == self._targets).astype("float32")
            batch = x, y
        for function in self._maps:
            batch = function(*batch) if isinstance(batch, tuple) else function(batch)
        return batch

    def map(self, function: Callable[..., Any]) -> FilesDataset:
        """The batches that `function(x, y)`, or `function(x)` without labels, makes of these."""
        made = copy.copy(self)
        made._maps = (*self._maps, function)
        return made

    def take(self, count: int) -> FilesDataset:
        """The first `count` batches."""
        return self.part(range(len(self.file_paths))[: count * (self.batch_size or 1)])

    def _in_new_order(self, rng: np.random.Generator) -> FilesDataset:
        n = len(self.file_paths)
        return self.part(rng.permutation(n)) if self._shuffle else self

    def part(self, order: Any) -> FilesDataset:
        """The files of these numbers as a data set."""
        made = copy.copy(self)
        made.file_paths = [self.file_paths[i] for i in order]
        made._labels = None if self._labels is None else self._labels[np.asarray(order, int)]
        return made


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of the images in a directory, float32 in [0, 255], by default with labels.

    Args:
        directory: its subdirectories are the classes; or, with other `labels`, whatever is in it.
        labels: "inferred" (default): the number of the subdirectory; None: none; or a list of
            integers, one a file in the order of `os.walk`, sorted.
        label_mode: "int" (default): int32 (batch,); "binary": 0.0 or 1.0 (batch, 1);
            "categorical": one-hot (batch, classes); None: no labels.
        class_names: subdirectories to take, in this order. None: all, sorted.
        color_mode: "rgb" (default), "rgba", "grayscale".
        batch_size: default 32; None: single images.
        image_size: (height, width), default (256, 256), or one integer.
        shuffle: default True: shuffled by `seed`, and `fit` again for each epoch.
        seed: None: from NumPy's global generator.
        validation_split: share in (0, 1) of files, the last ones, that is for validation.
        subset: with it: "training", "validation", or "both": the pair of both.
        interpolation: of `ops.resize_images`. Default "bilinear".
        follow_links: whether to go through links to directories.
        crop_to_aspect_ratio: resize the greatest part in the middle that has the ratio.
        pad_to_aspect_ratio: widen images to the ratio by black.
        data_format: "channels_last" or "channels_first". None: the default of `ranvier.config`.
        format: of Keras ("tf", "grain"); without effect.
        verbose: whether to print how many files were found.

    Returns:
        A `FilesDataset` (two for "both") with `class_names` and `file_paths`: files and splits are
        those of Keras for the same seed.

    Raises:
        MissingExtra: Pillow is not installed.
        OSError: no such directory; when batches are made, a file that is no image.
        ValueError: bad arguments, no files.
    """
    owner = "image_dataset_from_directory"
    check_one_of(owner, "color_mode", color_mode, MODES)
    if isinstance(image_size, int):
        image_size = (image_size, image_size)
    size = check_size(owner, "image_size", image_size)
    interpolation = str(interpolation).lower()
    check_one_of(owner, "interpolation", interpolation, RESIZE_INTERPOLATIONS)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            f"{owner}: only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True"
        )
    where = "channels_first" if channels_first(owner, data_format) else "channels_last"
    read = _Image(color_mode, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, where)
    return _make(
        owner, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, format, verbose, _IMAGES, read, np.stack,
    )  # fmt: skip


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of the texts (`.txt`, UTF-8) in a directory, arrays of `str`.

    Args:
        max_length: characters of a text to keep. None: all.
        directory, labels and others: as of `image_dataset_from_directory`.

    Returns:
        A `FilesDataset`, or two. A model wants numbers: with `vectors` a `TextVectorization` layer,
        `dataset.map(lambda x, y: (vectors(x), y))`.

    Raises:
        OSError: no such directory.
        ValueError: bad arguments, no files; when batches are made, a file that is not UTF-8.
    """
    owner = "text_dataset_from_directory"
    if max_length is not None and (not isinstance(max_length, int) or max_length < 1):
        raise ValueError(
            f"{owner}: `max_length` must be a positive integer or None; got {max_length!r}"
        )
    return _make(
        owner, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, format, verbose, (".txt",), _Text(max_length),
        _strings,
    )  # fmt: skip


class _Image:
    """Reads an image; a class, so that worker processes can be given it."""

    def __init__(self, mode: str, size: Any, interpolation: str, *rest: Any) -> None:
        self.mode, self.size, self.interpolation = mode, size, interpolation
        self.crop, self.pad, self.where = rest

    def __call__(self, path: str) -> Any:
        return resize_images(
            img_to_array(load_img(path, self.mode), self.where, "float32"),
            self.size,
            self.interpolation,
            crop_to_aspect_ratio=self.crop,
            pad_to_aspect_ratio=self.pad,
            data_format=self.where,
        )


class _Text:
    def __init__(self, length: int | None) -> None:
        self.length = length

    def __call__(self, path: str) -> str:
        with open(path, encoding="utf-8") as file:
            try:
                return file.read(-1 if self.length is None else self.length)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"text_dataset_from_directory: {path} is not UTF-8: {error}"
                ) from None


def _strings(texts: list[str]) -> Any:
    return np.array(texts, object)


def _make(
    owner: str, directory: Any, labels: Any, label_mode: str | None, class_names: Any,
    batch_size: int | None, shuffle: bool, seed: int | None, validation_split: float | None,
    subset: str | None, follow_links: bool, format: str, verbose: bool, ends: tuple[str, ...],
    read: Any, collect: Any,
) -> Any:  # fmt: skip
    check_one_of(owner, "label_mode", label_mode, ("int", "categorical", "binary", None))
    check_one_of(owner, "subset", subset, ("training", "validation", "both", None))
    check_one_of(owner, "format", format, ("tf", "grain"))
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(
            f"{owner}: `batch_size` must be a positive integer or None; got {batch_size!r}"
        )
    if bool(validation_split) != bool(subset):
        raise ValueError(
            f"{owner}: `validation_split` and `subset` must be given together; got "
            f"{validation_split!r} and {subset!r}"
        )
    share = validation_split or 0.0
    if share and not 0 < share < 1:
        raise ValueError(f"{owner}: `validation_split` must lie in (0, 1); got {share!r}")
    if share and shuffle and seed is None:
        raise ValueError(
            f"{owner}: with `validation_split` and `shuffle`, give a `seed`: otherwise the files "
            "for training and for validation would overlap"
        )
    if labels is None or label_mode is None:
        labels = label_mode = None
    paths, y, names = _index(owner, directory, labels, class_names, follow_links, ends)
    n = len(paths)
    if verbose:
        print(f"Found {n} files" + (f" belonging to {len(names)} classes." if names else "."))
    targets = _targets(owner, y, label_mode, names)
    # As Keras draws and shuffles: paths and labels by the same generator.
    if shuffle:
        order = np.arange(n)
        np.random.RandomState(np.random.randint(10**6) if seed is None else seed).shuffle(order)
        paths, y = [paths[i] for i in order], None if y is None else y[order]
    whole = FilesDataset(paths, y, targets, names, batch_size, shuffle, read, collect)
    if not subset:
        if not n:
            raise ValueError(f"{owner}: no {', '.join(ends)} files in {directory}")
        return whole
    cut = n - int(share * n)
    made = []
    for kind, part in (("training", range(cut)), ("validation", range(cut, n))):
        if subset in (kind, "both"):
            if not part:
                raise ValueError(
                    f"{owner}: no files for {kind}: {directory} has {n} of {', '.join(ends)}, and "
                    f"`validation_split` is {share}"
                )
            if verbose:
                print(f"Using {len(part)} files for {kind}.")
            made.append(whole.part(part))
    if subset != "both":
        return made[0]
    made[1]._shuffle = False
    return made


def _index(
    owner: str, directory: Any, labels: Any, class_names: Any, follow_links: bool, ends: Any
) -> tuple[list[str], Any, list[str] | None]:
    """Paths, labels and classes of the files in a directory, in Keras' order."""
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"{owner}: `directory` must be a path; got {directory!r}")
    if not os.path.isdir(directory):
        raise NotADirectoryError(f"{owner}: there is no directory {os.fspath(directory)!r}")

    def files(folder: str) -> Iterator[str]:
        for root, _, found in sorted(os.walk(folder, followlinks=follow_links)):
            for name in sorted(found):
                if name.lower().endswith(ends):
                    yield os.path.join(root, name)

    if not isinstance(labels, str):
        if class_names is not None:
            raise ValueError(f"{owner}: `class_names` is only for labels='inferred'")
        paths = list(files(os.fspath(directory)))
        if labels is None:
            return paths, None, None
        if not isinstance(labels, (list, tuple, np.ndarray)) or not all(
            isinstance(label, (int, np.integer)) for label in labels
        ):
            raise ValueError(
                f"{owner}: `labels` must be 'inferred', None or a list of integers; got {labels!r}"
            )
        if len(labels) != len(paths):
            raise ValueError(
                f"{owner}: `labels` has {len(labels)} for {len(paths)} files in {directory}"
            )
        return paths, np.array(labels, "int32"), [str(label) for label in sorted(set(labels))]
    check_one_of(owner, "labels", labels, ("inferred",))
    folders = [
        name
        for name in sorted(os.listdir(directory))
        if name[0] != "." and os.path.isdir(os.path.join(directory, name))
    ]
    names = folders if class_names is None else list(class_names)
    if not set(names) <= set(folders):
        raise ValueError(
            f"{owner}: `class_names` {names} are not subdirectories of {directory}, which are "
            f"{folders}"
        )
    paths = []
    numbers: list[int] = []
    for i, name in enumerate(names):
        paths += files(os.path.join(directory, name))
        numbers += [i] * (len(paths) - len(numbers))
    return paths, np.array(numbers, "int32"), names


def _targets(owner: str, y: Any, mode: str | None, names: list[str] | None) -> Any:
    """The class of each of a label's columns; None: it is the class number."""
    if y is None or names is None or mode == "int":
        return None
    n = len(names)
    if mode == "binary" and n != 2:
        raise ValueError(f"{owner}: label_mode='binary' wants two classes; got {n}: {names}")
    if y.size and not 0 <= y.min() <= y.max() < n:
        raise ValueError(
            f"{owner}: label_mode={mode!r} wants labels in [0, {n}); got {y.min()} to {y.max()}"
        )
    return np.arange(mode == "binary", n)
