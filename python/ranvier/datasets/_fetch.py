"""Files of data sets: from the cache, from where the user put them, or from the network."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from ranvier._extras import need

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"

# Where each file is, and its hash (SHA-256 unless it says otherwise): those of Keras 3.15; it has
# none of Fashion-MNIST, whose authors publish these.
FILES = {
    "boston_housing.npz": (
        _KERAS,
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing.npz": (
        _KERAS,
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "cifar-10-python.tar.gz": (
        _TORONTO,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar-100-python.tar.gz": (
        _TORONTO,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    "imdb.npz": (_KERAS, "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
    "imdb_word_index.json": (_KERAS, "md5:bfafd718b763782e994055a2d397834f"),
    "mnist.npz": (_KERAS, "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
    "reuters.npz": (_KERAS, "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
    "reuters_word_index.json": (_KERAS, "md5:4d44cc38712099c9e383dc6e5f11a921"),
    "t10k-images-idx3-ubyte.gz": (_KERAS, "md5:bef4ecab320f06d8554ea6380940ec79"),
    "t10k-labels-idx1-ubyte.gz": (_KERAS, "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    "train-images-idx3-ubyte.gz": (_KERAS, "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    "train-labels-idx1-ubyte.gz": (_KERAS, "md5:25c81989df183df01b3e8a0aad5dffbe"),
}


def home() -> str:
    """The cache."""
    return os.path.expanduser(os.environ.get("RANVIER_HOME") or os.path.join("~", ".ranvier"))


def folder() -> str:
    """Where files are kept."""
    return os.path.join(home(), "datasets")


def fetch(name: str, path: Any) -> str:
    """The path of a file of `FILES`, downloaded if it is not there.

    A `path` with a directory in it is the user's own: a file there is taken as it is. Files in the
    cache are checked, and replaced if they are damaged.

    Raises:
        MissingExtra: it must be downloaded, and pooch is not installed.
        ConnectionError: it cannot be downloaded.
        ValueError: what came is not what it should be.
    """
    base, digest = FILES[name]
    path = os.path.expanduser(os.fspath(path))
    if os.path.dirname(path) and os.path.isfile(path):
        return path
    target = os.path.abspath(os.path.join(folder(), path))
    there = os.path.isfile(target)
    if there and matches(target, digest):
        return target
    state = " The file there is damaged." if there else ""
    hand = f"put it at {target} by hand, or give load_data a `path` to a file of your own"
    need("pooch", "datasets", f"to download {name} needs (or {hand})")
    import pooch

    url = f"{(os.environ.get('RANVIER_DATASETS_URL') or base).rstrip('/')}/{name}"
    try:
        where, file = os.path.split(target)
        return str(pooch.retrieve(url, digest, file, where))
    except ValueError as error:  # pooch keeps nothing that has another hash
        raise ValueError(
            f"ranvier.datasets: what {url} gave is not {name}: its checksum differs from {digest}. "
            f"Nothing was kept.{state} Try again, or {hand}. ({error})"
        ) from None
    except OSError as error:  # what requests raises is one too
        raise ConnectionError(
            f"ranvier.datasets: cannot download {name} from {url}.{state} Without a network, "
            f"{hand}. ({type(error).__name__}: {error})"
        ) from None


def download(url: str, digest: str | None, target: str) -> None:
    """Puts a file into place, whole and of the hash wanted, or raises; of `utils.get_file`."""
    need("pooch", "datasets", f"get_file: to download {url} needs (or put it at {target} by hand)")
    import tempfile

    import pooch

    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as where:
        try:
            os.replace(pooch.retrieve(url, digest, "file", where), target)
        except ValueError as error:  # another hash or protocol
            raise ValueError(f"get_file: nothing of {url} was kept: {error}") from None
        except OSError as error:
            raise ConnectionError(
                f"get_file: cannot download {url}: {type(error).__name__}: {error}"
            ) from None


def matches(path: str, digest: str) -> bool:
    """Whether a file has a hash, "md5:..." or that of SHA-256."""
    kind, _, value = digest.rpartition(":")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind or "sha256").hexdigest() == value
