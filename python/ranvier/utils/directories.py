"""Data sets of files in directories: one file a sample, read when its batch comes."""

from __future__ import annotations

import copy
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._extras import need
from ranvier._messages import say
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
    """Files in batches (x, y), or x without labels, in the order of `file_paths`.

    `fit` with `shuffle` takes them in a new order each epoch. `dataset.workers = 4` reads ahead by
    threads. `class_names` are in the order of the labels.
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
        batch: Any = x
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
    """Batches of the images in a directory, float32 in [0, 255], and their labels.

    Args:
        directory: its subdirectories are the classes; with other `labels` all in it counts.
        labels: "inferred", None, or a list of integers in the order of sorted `os.walk`.
        label_mode: "int": int32 (batch,); "binary": float32 (batch, 1); "categorical": one-hot;
            None: no labels.
        class_names: subdirectories to take, in order. None: all, sorted.
        color_mode: "rgb", "rgba", "grayscale".
        batch_size: None: single images.
        image_size: (height, width), or one integer.
        shuffle, seed: shuffle as Keras; None: a seed of NumPy's global generator.
        validation_split: share of the files, the last ones, for validation.
        subset: with it: "training", "validation", "both".
        interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio: of `ops.resize_images`.
        follow_links: to directories.
        data_format: None: the default of `ranvier.config`.
        format: of Keras; without effect.
        verbose: whether to print how many files there are.

    Returns:
        A `FilesDataset`, or two.

    Raises:
        MissingExtra: no Pillow.
        OSError: no such directory; in batches, a file that is no image.
        ValueError: bad arguments, no files.
    """
    given = locals()
    owner = "image_dataset_from_directory"
    check_one_of(owner, "color_mode", color_mode, MODES)
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    size = check_size(owner, "image_size", size)
    kind = str(interpolation).lower()
    check_one_of(owner, "interpolation", kind, RESIZE_INTERPOLATIONS)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"{owner}: crop to the aspect ratio or pad to it, not both")
    where = "channels_first" if channels_first(owner, data_format) else "channels_last"
    how = (color_mode, where, size, kind, crop_to_aspect_ratio, pad_to_aspect_ratio)
    return _make(owner, partial(_image, how=how), np.stack, _IMAGES, given)


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
    """Batches of the texts (`.txt`, UTF-8) in a directory, as `image_dataset_from_directory`.

    Args:
        max_length: characters of a text to keep. None: all.

    Returns:
        A `FilesDataset` of `str`, or two. For a model, with `vectors` a `TextVectorization` layer:
        `dataset.map(lambda x, y: (vectors(x), y))`.
    """
    given = locals()
    owner = "text_dataset_from_directory"
    if max_length is not None and (not isinstance(max_length, int) or max_length < 1):
        raise ValueError(f"{owner}: `max_length` must be an integer >= 1; got {max_length!r}")
    return _make(owner, partial(_text, length=max_length), _strings, (".txt",), given)


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of the sounds (`.wav`, PCM) in a directory, as `image_dataset_from_directory`.

    Args:
        sampling_rate: samples a second; files of another rate are resampled by SciPy. None: as they
            are.
        output_sequence_length: samples to cut sounds to, or to fill them up with zeros. None: the
            longest of the batch.
        ragged: must be False.

    Returns:
        A `FilesDataset` of float32 (batch, samples, channels) in [-1, 1), or two.

    Raises:
        MissingExtra: no SciPy, for another rate.
        ValueError: bad arguments; in batches, a file that is not of PCM.
    """
    given = locals()
    owner = "audio_dataset_from_directory"
    if ragged:
        raise ValueError(f"{owner}: `ragged=True` is not in ranvier, whose arrays are dense")
    for name in ("sampling_rate", "output_sequence_length"):
        value = given[name]
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ValueError(f"{owner}: `{name}` must be an integer >= 1; got {value!r}")
    read = partial(_sound, rate=sampling_rate, length=output_sequence_length)
    return _make(owner, read, _padded, (".wav",), given)


def _sound(path: str, rate: int | None, length: int | None) -> Any:
    import wave

    try:
        with wave.open(path) as file:
            width, channels, own = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), "u1")
    except (wave.Error, EOFError) as error:
        raise ValueError(f"audio_dataset_from_directory: {path}: {error}") from None
    # the upper bytes of 32 bits; a single one has no sign
    samples = np.zeros((raw.size // width, 4), "u1")
    samples[:, 4 - width :] = raw.reshape(-1, width) ^ (128 if width == 1 else 0)
    x = (samples.view("<i4").reshape(-1, channels) / 2**31).astype("float32")
    if rate is not None and rate != own:
        need("scipy", "audio", "sounds of another `sampling_rate` need")
        from scipy.signal import resample_poly

        x = resample_poly(x, rate, own)
    return _padded([x[:length]], length)[0]


def _padded(sounds: list[Any], length: int | None = None) -> Any:
    n = length or max(map(len, sounds))
    return np.stack([np.pad(x, ((0, n - len(x)), (0, 0))) for x in sounds])


def _image(path: str, how: Any) -> Any:
    mode, where, size, interpolation, crop, pad = how
    x = img_to_array(load_img(path, mode), where, "float32")
    return resize_images(x, size, interpolation, False, crop, pad, data_format=where)


def _text(path: str, length: int | None) -> str:
    with open(path, encoding="utf-8") as file:
        try:
            return file.read(length or -1)
        except UnicodeDecodeError as error:
            raise ValueError(f"text_dataset_from_directory: {path} is not UTF-8: {error}") from None


def _strings(texts: list[str]) -> Any:
    return np.array(texts, object)


def _make(owner: str, read: Any, collect: Any, ends: tuple[str, ...], given: Any) -> Any:
    """The data set, or two, that the arguments `given` ask for."""
    mode, subset, seed, shuffle = (given[k] for k in ("label_mode", "subset", "seed", "shuffle"))
    size, share, verbose = (given[k] for k in ("batch_size", "validation_split", "verbose"))
    check_one_of(owner, "label_mode", mode, ("int", "categorical", "binary", None))
    check_one_of(owner, "subset", subset, ("training", "validation", "both", None))
    check_one_of(owner, "format", given.get("format", "tf"), ("tf", "grain"))
    if size is not None and (not isinstance(size, (int, np.integer)) or size < 1):
        raise ValueError(f"{owner}: `batch_size` must be an integer >= 1 or None; got {size!r}")
    share = share or 0
    if not 0 <= share < 1 or bool(share) != bool(subset):
        raise ValueError(
            f"{owner}: `validation_split` in (0, 1) and `subset` go together; got {share!r} and "
            f"{subset!r}"
        )
    if share and shuffle and seed is None:
        raise ValueError(f"{owner}: give a `seed`, or files for training and validation overlap")
    labels = None if mode is None else given["labels"]
    paths, y, names = _index(
        owner, given["directory"], labels, given["class_names"], given["follow_links"], ends
    )
    n = len(paths)
    if verbose:
        say(f"Found {n} files" + (f" belonging to {len(names)} classes." if names else "."))
    whole = FilesDataset(
        paths,
        y,
        _targets(owner, y, mode, names),
        names,
        given["batch_size"],
        shuffle,
        read,
        collect,
    )
    if shuffle:
        order = np.arange(n)
        np.random.RandomState(np.random.randint(10**6) if seed is None else seed).shuffle(order)
        whole = whole.part(order)
    cut = n - int(share * n)
    made: list[Any] = []
    for kind, part in (("training", range(cut)), ("validation", range(cut, n))):
        if subset in (kind, "both") or not (subset or made):
            if not part:
                use = f" for {kind}" if subset else ""
                raise ValueError(
                    f"{owner}: no files{use} in {given['directory']}, which has {n} of "
                    f"{', '.join(ends)}"
                )
            if verbose and subset:
                say(f"Using {len(part)} files for {kind}.")
            made.append(whole.part(part))
    if subset != "both":
        return made[0]
    made[1]._shuffle = False
    return made


def _index(
    owner: str, directory: Any, labels: Any, class_names: Any, follow: bool, ends: Any
) -> tuple[list[str], Any, list[str] | None]:
    """Paths, labels and classes of the files in a directory, in Keras' order."""
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"{owner}: `directory` must be a path; got {directory!r}")
    if not os.path.isdir(directory):
        raise NotADirectoryError(f"{owner}: there is no directory {os.fspath(directory)!r}")

    def files(folder: str) -> Iterator[str]:
        for root, _, found in sorted(os.walk(folder, followlinks=follow)):
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
            f"{owner}: `class_names` {names} must be subdirectories of {directory}: {folders}"
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
