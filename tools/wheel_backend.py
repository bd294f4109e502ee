"""The build backend: scikit-build-core's, whose wheel is packed again (tools/wheel_zip.py)."""

from __future__ import annotations

import pathlib
from typing import Any

from scikit_build_core import build as _inner
from scikit_build_core.build import *  # noqa: F403


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return [*_inner.get_requires_for_build_wheel(config_settings), "zopfli>=0.2"]


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    from wheel_zip import repack

    name = _inner.build_wheel(wheel_directory, config_settings, metadata_directory)
    repack(pathlib.Path(wheel_directory) / name)
    return name
