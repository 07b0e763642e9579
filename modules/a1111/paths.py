"""A1111's `modules.paths`: where programs, models and pictures lie."""

from __future__ import annotations

from typing import Any

from . import paths_internal
from .paths_internal import (
    cwd,
    default_sd_model_file,
    extensions_builtin_dir,
    modules_path,
    script_path,
    sd_configs_path,
    sd_default_config,
    sd_model_file,
)

__all__ = [
    "Prioritize",
    "cwd",
    "default_sd_model_file",
    "extensions_builtin_dir",
    "modules_path",
    "mute_sdxl_imports",
    "paths",
    "script_path",
    "sd_configs_path",
    "sd_default_config",
    "sd_model_file",
    "sd_path",
]

sd_path = script_path
paths: dict[str, str] = {}
"""A1111's checked out repositories; there are none."""


class Prioritize:
    """A1111 puts a repository first on sys.path with it; there are none, so it does nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def mute_sdxl_imports() -> None:
    """Nothing to silence: Stability's packages are not used."""


def __getattr__(name: str) -> Any:
    try:
        return getattr(paths_internal, name)
    except AttributeError:
        raise AttributeError(f"modules.paths has no {name}") from None
