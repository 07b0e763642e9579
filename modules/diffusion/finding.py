"""Files that people have put below some folders."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As os.walk, through links, but each folder once: links may go in circles."""
    visited = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = Path(place).resolve()
        if real in visited:
            folders.clear()
        else:
            visited.add(real)
            yield Path(place), folders, files


def files_below(folders: Iterable[Path], suffixes: Collection[str]) -> Iterator[Path]:
    """Those whose names end in one of `suffixes` (lower case, with the point), folder by folder. Nothing is opened."""
    yield from (Path(place, name) for place, name in names_below(folders, suffixes))


def names_below(folders: Iterable[Path], suffixes: Collection[str]) -> Iterator[tuple[str, str]]:
    """The same as text, a folder and a name: ten thousand Paths take a second."""
    for folder in folders:
        for place, _, names in walk(folder):
            text = str(place)
            yield from ((text, name) for name in names if ending(name).lower() in suffixes)


def ending(name: str) -> str:
    """What follows a file's name, with the point: pathlib's suffix, in a tenth of the time."""
    point = name.rfind(".")
    return name[point:] if 0 < point < len(name) - 1 else ""
