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
    for folder in folders:
        for place, _, names in walk(folder):
            yield from (place / name for name in names if Path(name).suffix.lower() in suffixes)
