"""Files that are whole at every moment, and errors that name them."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def path_of(filepath: Any) -> str:
    """A path as a string, or a TypeError."""
    try:
        return os.fsdecode(filepath)
    except TypeError:
        raise TypeError(
            f"`filepath` must be a path, a string or os.PathLike; got {filepath!r}"
        ) from None


def refuse_existing(path: str, overwrite: bool) -> None:
    """Keras would ask on the terminal."""
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path}: the file exists, and `overwrite` is False")


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when it is complete and on the disk.

    Killed before that, the old file is as it was; a temporary one may then lie beside it.
    """
    path = os.path.realpath(path)  # what a link points to is replaced, not the link
    temporary = f"{path}.{os.getpid():x}-{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            if os.path.exists(path):
                os.chmod(temporary, os.stat(path).st_mode & 0o7777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # some file systems have no directories to flush
        directory = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Whatever goes wrong with what is in the file becomes a ValueError that names it."""
    try:
        yield
    except PermissionError:
        raise
    # what h5py, zipfile and the constructors of layers raise for nonsense has no common class
    except Exception as error:
        text = str(error) or type(error).__name__
        if isinstance(error, KeyError):
            text = f"{text} is missing"
        raise ValueError(text if text.startswith(path) else f"{path}: {text}") from error
