"""What is known of each installed extension: where it came from, and what its programs were when they were approved."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

from modules.studio.files import write_atomically

log = logging.getLogger(__name__)

Source = Literal["folder", "archive", "git"]
PROGRAMS = frozenset(
    {
        ".py",
        ".pyw",
        ".pyd",
        ".so",
        ".dll",
        ".dylib",
        ".exe",
        ".sh",
        ".bat",
        ".js",
        ".mjs",
        ".html",
        ".htm",
        ".svg",
        ".pth",
    }
)
"""Files that can act. Extensions write others by themselves: caches, lists, their settings."""
SKIPPED = frozenset({".git", "__pycache__", "node_modules"})


@dataclass
class Record:
    """One installed extension."""

    source: Source
    origin: str
    """The address, or the name of the file or folder."""
    commit: str = ""
    branch: str = ""
    date: int = 0
    """Of the commit, seconds since 1970."""
    programs: dict[str, str] = field(default_factory=dict)
    """SHA-256 by path, of what was approved."""
    approved: float = 0.0
    before: list[str] = field(default_factory=list)
    """The commits that it was at before, the last one last."""
    by_hand: bool = False
    """Its owner put it there: what they change in it is their own doing and not compared."""
    packages: dict[str, str] = field(default_factory=dict)
    """What lies in its overlay, with versions."""


class Records:
    """All records, in one JSON file."""

    def __init__(self, file: Path) -> None:
        """A damaged file is told and begun anew: its extensions then count as put there by hand."""
        self._file = file
        self._lock = threading.RLock()
        self._rows: dict[str, Record] = {}
        self._known: dict[tuple[str, int, int, int], str] = {}
        try:
            known = {row.name for row in fields(Record)}
            for name, row in json.loads(file.read_text("utf-8")).items():
                self._rows[name] = Record(**{key: value for key, value in row.items() if key in known})
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read: extensions count as put there by hand (%s)", file.name, error)

    def get(self, name: str) -> Record | None:
        """None for what lies there without our doing."""
        with self._lock:
            return self._rows.get(name)

    def names(self) -> list[str]:
        with self._lock:
            return list(self._rows)

    def keep(self, name: str, record: Record) -> None:
        """Raises: AquatintError when it cannot be written."""
        with self._lock:
            self._rows[name] = record
            self._write()

    def approve(self, name: str, folder: Path) -> None:
        """What its programs are now is what they may be. Raises: AquatintError."""
        with self._lock:
            record = self._rows.get(name)
            if record is not None:
                record.programs, record.approved = self.hashes(folder), time.time()
                self._write()

    def forget(self, name: str) -> Record | None:
        """Takes a record out and returns it. Raises: AquatintError."""
        with self._lock:
            record = self._rows.pop(name, None)
            self._write()
            return record

    def changes(self, name: str, folder: Path) -> list[str]:
        """The programs that are not what was approved, by path. None where nothing was: its owner put it there."""
        record = self.get(name)
        if record is None or record.by_hand:
            return []
        try:
            now = self.hashes(folder)
        except OSError as error:
            return [str(error.filename or folder.name)]
        return sorted(
            path for path in now.keys() | record.programs.keys() if now.get(path) != record.programs.get(path)
        )

    def hashes(self, folder: Path) -> dict[str, str]:
        """SHA-256 of every program below a folder; of a file that has not been touched, the one that is known.

        Raises: OSError.
        """
        found: dict[str, str] = {}
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.suffix.lower() in PROGRAMS and not SKIPPED.intersection(inside.parts) and path.is_file():
                facts = path.stat()
                key = (str(path), facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size)
                if key not in self._known:
                    self._known[key] = hashlib.sha256(path.read_bytes()).hexdigest()
                found[inside.as_posix()] = self._known[key]
        return found

    def _write(self) -> None:
        rows = {name: asdict(row) for name, row in self._rows.items()}
        write_atomically(self._file, json.dumps(rows, indent=1).encode())


def records_in(state: Path) -> Records:
    """The records of a data folder."""
    return Records(state / "extension-records.json")
