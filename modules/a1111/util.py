"""A1111's `modules.util`: files in folders, in a person's order."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from .paths_internal import cwd, script_path


def natural_sort_key(s: str, regex: re.Pattern[str] | None = None) -> list[int | str]:
    """So that "a10" comes after "a9"."""
    parts = (regex or re.compile(r"([0-9]+)")).split(s)
    return [int(part) if part.isdigit() else part.lower() for part in parts]


def listfiles(dirname: str) -> list[str]:
    """The files of a folder that are not hidden."""
    names = sorted(os.listdir(dirname), key=natural_sort_key)
    paths = [os.path.join(dirname, name) for name in names if not name.startswith(".")]
    return [path for path in paths if os.path.isfile(path)]


def walk_files(path: str, allowed_extensions: Collection[str] | None = None) -> Iterator[str]:
    """The files below a folder, without those that are hidden."""
    if not os.path.exists(path):
        return
    wanted = {ending.lower() for ending in allowed_extensions} if allowed_extensions is not None else None
    for root, _, files in sorted(os.walk(path, followlinks=True), key=lambda row: natural_sort_key(row[0])):
        hidden = any(part.startswith(".") for part in Path(root).relative_to(path).parts)
        for name in sorted(files, key=natural_sort_key) if not hidden else ():
            if wanted is None or Path(name).suffix.lower() in wanted:
                yield os.path.join(root, name)


def html_path(filename: str) -> str:
    """Where A1111 keeps a piece of its page."""
    return os.path.join(script_path, "html", filename)


def html(filename: str) -> str:
    """A piece of A1111's page: there are none, so it is empty."""
    path = Path(html_path(filename))
    return path.read_text("utf-8") if path.is_file() else ""


def ldm_print(*args: object) -> None:
    """Said no more."""


def truncate_path(target_path: str, base_path: str = cwd) -> str:
    """A path below `base_path` as one relative to it; another as it is."""
    absolute, base = os.path.abspath(target_path), os.path.abspath(base_path)
    try:
        if os.path.commonpath([absolute, base]) == base:
            return os.path.relpath(absolute, base)
    except ValueError:
        pass
    return absolute


class MassFileLister:
    """Files of folders and when they changed."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, float]] = {}

    def find(self, path: str) -> tuple[str, float] | None:
        """The file's name and time of change, or None."""
        folder, name = os.path.split(path)
        if folder not in self._seen:
            try:
                self._seen[folder] = {entry.name: entry.stat().st_mtime for entry in os.scandir(folder)}
            except OSError:
                self._seen[folder] = {}
        return (name, self._seen[folder][name]) if name in self._seen[folder] else None

    def exists(self, path: str) -> bool:
        """Whether it is there."""
        return self.find(path) is not None

    def mctime(self, path: str) -> tuple[float, float]:
        """(changed, created); zeros when it is not there."""
        found = self.find(path)
        return (found[1], found[1]) if found else (0.0, 0.0)

    def reset(self) -> None:
        """Looks at the disk again."""
        self._seen.clear()

    def update_file_entry(self, path: str) -> None:
        """Looks at the folder of that file again."""
        self._seen.pop(os.path.dirname(path), None)


def topological_sort(dependencies: dict[str, list[str]]) -> list[str]:
    """Names in an order in which each comes after what it depends on, as far as that goes."""
    result: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for other in dependencies.get(name, ()):
            if other in dependencies:
                visit(other)
        result.append(name)

    for name in dependencies:
        visit(name)
    return result


def open_folder(path: str | Path) -> None:
    """Not from a browser: a server opens no windows."""


def load_file_from_url(url: str, **kwargs: object) -> str:
    """See `modelloader.load_file_from_url`."""
    from .modelloader import load_file_from_url as load

    return load(url, **kwargs)  # type: ignore[arg-type]
