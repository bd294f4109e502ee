"""Files from the network, kept."""

from __future__ import annotations

import os
import re
from typing import Any


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Downloads a file, by pooch, if it is not in the cache, and unpacks it if asked to.

    Args:
        fname: its name, or of the directory to unpack into. None: that in `origin`.
        origin: the URL.
        untar, md5_hash: older spellings of `extract` and `file_hash`.
        file_hash: that it must have; a file in the cache that has not is replaced.
        cache_subdir: directory in the cache, or an absolute one.
        hash_algorithm: "auto" (by the length), "md5", "sha256".
        extract: whether to unpack.
        archive_format: "auto", "tar", "zip" or a list.
        cache_dir: None: environment variable `RANVIER_HOME`, or `~/.ranvier`.
        force_download: also what is in the cache.

    Returns:
        Path of the file, or of the directory.

    Raises:
        MissingExtra: no pooch.
        ConnectionError: it cannot be downloaded.
        ValueError: bad arguments, another hash, an archive that would write elsewhere.
    """
    if not isinstance(origin, str) or not origin:
        raise ValueError(f"get_file: `origin` must be a URL; got {origin!r}")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    if hash_algorithm not in ("auto", "md5", "sha256"):
        raise ValueError(
            f"get_file: `hash_algorithm` must be 'auto', 'md5' or 'sha256'; got {hash_algorithm!r}"
        )
    name = os.fspath(fname or "")
    if not name:
        path = re.sub(r"^\w+://[^/]*|[?#].*", "", origin)
        name = path.rpartition("/")[2]
    if name in ("", ".", "..") or re.search(r"[/\\\0]", name):
        raise ValueError(f"get_file: `fname` must be a name without directories; got {name!r}")

    from ranvier.datasets import _fetch

    home = _fetch.home() if cache_dir is None else os.path.expanduser(os.fspath(cache_dir))
    folder = os.path.join(home, cache_subdir)
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, name)
    into = target
    unpack = extract or untar
    if unpack and fname and "." in name:
        into = os.path.join(folder, name[: name.find(".")] + "_extracted")
    elif unpack:
        target += "_archive"
    digest = file_hash
    if file_hash is not None:
        short = hash_algorithm == "md5" or (hash_algorithm == "auto" and len(file_hash) != 64)
        digest = f"md5:{file_hash}" if short else file_hash
    there = os.path.isfile(target) and not force_download
    if not there or (digest is not None and not _fetch.matches(target, digest)):
        _fetch.download(origin, digest, target)
    if not unpack:
        return target
    _unpack(target, into, "tar" if untar else archive_format)
    return into


def _unpack(path: str, into: str, formats: Any) -> None:
    """Unpacks an archive none of whose members may leave the directory."""
    import tarfile
    import zipfile

    kinds = ("tar", "zip") if formats == "auto" else formats or ()
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if not set(kinds) <= {"tar", "zip"}:
        raise ValueError(
            f"get_file: `archive_format` must be 'auto', 'tar', 'zip' or a list; got {formats!r}"
        )
    try:
        if not hasattr(tarfile, "data_filter"):
            raise ValueError("this needs Python 3.11.4")
        if "tar" in kinds and tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                for member in tar:
                    tarfile.data_filter(member, into)
                tar.extractall(into, filter="data")
        elif "zip" in kinds and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if re.match(r"[/\\]|\w:", name) or ".." in re.split(r"[/\\]", name):
                        raise ValueError(f"{name!r} would be outside of the directory")
                archive.extractall(into)
        else:
            raise ValueError(f"it is no archive of archive_format={formats!r}")
    except (ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ValueError(f"get_file: {path} is not unpacked: {error}") from error
