"""A1111's `modules.extensions`: the extensions that are there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from . import paths
from .bridge.host import host


def __getattr__(name: str) -> Any:
    if name in ("extensions_dir", "extensions_builtin_dir"):
        return getattr(paths, name)
    if name == "extensions":
        return all_extensions()
    if name in ("extension_paths", "loaded_extensions"):
        found = {each.path: each for each in all_extensions()}
        return found if name == "extension_paths" else {each.name: each for each in found.values()}
    raise AttributeError(f"modules.extensions has no {name}")


class Extension:
    """One extension."""

    def __init__(
        self, name: str, path: str, enabled: bool = True, is_builtin: bool = False, metadata: Any = None
    ) -> None:
        self.name, self.path, self.enabled, self.is_builtin = name, path, enabled, is_builtin
        self.canonical_name = name.lower()
        self.metadata, self.status, self.can_update = metadata, "", False
        self.commit_hash = self.commit_date = self.version = self.branch = self.remote = ""
        self.have_info_from_repo = True

    def read_info_from_repo(self) -> None:
        """Versions are told on the Extensions tab."""

    def list_files(self, subdir: str, extension: str) -> list[Any]:
        """The files of one of its folders, as scripts."""
        scripts: Any = importlib.import_module("modules.scripts")
        folder = Path(self.path, subdir)
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return [scripts.ScriptFile(self.path, each.name, str(each)) for each in files if each.suffix == extension]

    def check_updates(self) -> None:
        """Updates are looked for on the Extensions tab."""

    def fetch_and_reset_hard(self, commit: str = "origin") -> None:
        """Updates are made on the Extensions tab, where they can be taken back."""


def all_extensions() -> list[Extension]:
    """Those that run, and those that are turned off."""
    finder: Any = importlib.import_module("modules.bridge.found")
    found = finder.find_extensions(host.app)
    return [Extension(each.name, str(each.path), each.enabled, each.builtin, each.metadata) for each in found]


def active() -> list[Extension]:
    """Those that run."""
    return [each for each in all_extensions() if each.enabled]


def list_extensions() -> None:
    """They are looked for when they are asked for."""


def find_extension(filename: str) -> Extension | None:
    """That whose folder a file lies in."""
    path = Path(filename).resolve()
    return next((each for each in all_extensions() if path.is_relative_to(Path(each.path).resolve())), None)
