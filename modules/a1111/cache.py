"""A1111's `modules.cache`: dictionaries that are kept between starts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, MutableMapping
from functools import cache as _once
from pathlib import Path
from typing import Any

from modules.studio.declared import is_json
from modules.studio.files import write_atomically

from .bridge.host import host


class Kept(MutableMapping[str, Any]):
    """A dictionary in a file of its own; what JSON cannot say stays in memory. A damaged file is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.RLock()
        try:
            values = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            values = {}
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        with self._lock:
            self._values[key] = value
            self._write()

    def __delitem__(self, key: str) -> None:
        with self._lock:
            del self._values[key]
            self._write()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _write(self) -> None:
        kept = {key: value for key, value in self._values.items() if is_json(value)}
        write_atomically(self._path, json.dumps(kept).encode())


@_once
def _kept(path: Path) -> Kept:
    return Kept(path)


def cache(subsection: str) -> Kept:
    """The dictionary of that name."""
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in subsection) or "_"
    return _kept(host.app.folders.state / "cache" / f"{safe}.json")


def dump_cache() -> None:
    """What is put in is written at once."""


def cached_data_for_file(subsection: str, title: str, filename: str, func: Callable[[], Any]) -> Any:
    """What `func` found out about a file, asked again when the file has changed."""
    try:
        changed = Path(filename).stat().st_mtime
    except OSError:
        return None
    known = cache(subsection).get(title)
    if isinstance(known, dict) and known.get("mtime") == changed and "value" in known:
        return known["value"]
    value = func()
    if value is not None:
        cache(subsection)[title] = {"mtime": changed, "value": value}
    return value
